#### a star at both ends
if header :matches "subject" "*für*" { discard; }
#### a star takes nothing
if header :matches "X-Empty" "*" { discard; }
#### a pattern is all of the text
if header :matches "subject" "Klassenfahrt" { discard; }
#> keep implicit
#### a question mark is one character
if header :matches "subject" "Klassenfahrt f?r*" { discard; }
#### a question mark is not nothing
if header :matches "X-Empty" "?" { discard; }
#> keep implicit
#### a backslash before a wildcard
if header :matches "subject" "*\\*" { discard; }
#> keep implicit
#### brackets are text
if header :matches "subject" "*[draft ??]" { discard; }
#### stars go back
if header :matches "subject" "*a*a*[d*2]" { discard; }
#### stars go back in vain
if header :matches "subject" "*a*a*a*a*a*[d*3]" { discard; }
#> keep implicit
#### match in any case
if header :matches "subject" "KLASSEN*" { discard; }
#### no such comparator
if header :comparator "i;elbonia" "a" "b" { discard; }
#! no comparator "i;elbonia"
