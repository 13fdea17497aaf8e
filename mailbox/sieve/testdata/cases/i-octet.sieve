#### case counts
require "comparator-i;octet";
if header :comparator "i;octet" :contains "subject" "klassen" { discard; }
#> keep implicit
#### the same bytes
if header :comparator "i;octet" :contains "subject" "Klassen" { discard; }
#### with wildcards
if header :comparator "i;octet" :matches "subject" "K*" { discard; }
#### with wildcards in another case
if header :comparator "i;octet" :matches "subject" "k*" { discard; }
#> keep implicit
