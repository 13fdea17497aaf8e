#### numbers are equal whatever follows them
require ["comparator-i;ascii-numeric", "relational"];
if header :comparator "i;ascii-numeric" :is "X-Count" "0012" { discard; }
#### twelve is more than three
require ["comparator-i;ascii-numeric", "relational"];
if not header :comparator "i;ascii-numeric" :value "gt" "X-Count" "12" { discard; }
#### what is no number is infinite
require ["comparator-i;ascii-numeric", "relational"];
if header :comparator "i;ascii-numeric" :value "gt" "subject" "99999999999999999999999" { discard; }
#### infinity is infinity
require ["comparator-i;ascii-numeric", "relational"];
if header :comparator "i;ascii-numeric" :value "eq" "subject" "many" { discard; }
#### it has no parts
require "comparator-i;ascii-numeric";
if header :comparator "i;ascii-numeric" :contains "X-Count" "1" { discard; }
#! cannot look for parts
#### it must be required
if header :comparator "i;ascii-numeric" :is "X-Count" "1" { discard; }
#! needs: require
