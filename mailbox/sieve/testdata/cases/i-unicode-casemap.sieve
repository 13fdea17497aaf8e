#### other letters in any case
require "comparator-i;unicode-casemap";
if header :comparator "i;unicode-casemap" :contains "subject" "FÜR" { discard; }
#### it must be required
if header :comparator "i;unicode-casemap" :contains "subject" "FÜR" { discard; }
#! needs: require "comparator-i;unicode-casemap"
#### wildcards keep the text as it was
require ["comparator-i;unicode-casemap", "variables", "fileinto"];
if header :comparator "i;unicode-casemap" :matches "subject" "KLASSENFAHRT * DIE*" { fileinto "${1}"; }
#> fileinto für
#### composed and decomposed letters are the same
require ["comparator-i;unicode-casemap", "encoded-character"];
if header :comparator "i;unicode-casemap" :contains "subject" "fu${unicode:308}r" { discard; }
