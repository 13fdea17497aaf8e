#### case of letters does not count
require "comparator-i;ascii-casemap";
if header :comparator "i;ascii-casemap" :contains "subject" "KLASSEN" { discard; }
#### other letters keep their case
if header :contains "subject" "FÜR" { discard; }
#> keep implicit
