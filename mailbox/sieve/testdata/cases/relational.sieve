#### count of fields
require ["relational", "comparator-i;ascii-numeric"];
if header :count "eq" :comparator "i;ascii-numeric" "X-Count" "2" { discard; }
#### count of fields with several names
require ["relational", "comparator-i;ascii-numeric"];
if header :count "ge" :comparator "i;ascii-numeric" ["To", "Cc", "Bcc"] ["9", "2"] { discard; }
#### count of addresses
require ["relational", "comparator-i;ascii-numeric"];
if address :count "gt" :comparator "i;ascii-numeric" ["To", "Cc"] "2" { discard; }
#### value of a text
require "relational";
if header :value "lt" "X-Count" "4" { discard; }
#### not equal is true if one is not
require "relational";
if header :value "ne" "X-Count" "3 apples" { discard; }
#### a relation that is none
require "relational";
if header :value "xx" "X-Count" "3" { discard; }
#! is followed by "gt"
#### a relation is missing
require "relational";
if header :value "X-Count" "3" { discard; }
#! lacks an argument
#### count in an envelope
require ["relational", "envelope"];
if envelope :count "eq" "from" "1" { discard; }
#### the null sender does not count
#< from: <>
require ["relational", "envelope"];
if envelope :count "eq" "from" "0" { discard; }
#### it must be required
if header :count "eq" "X-Count" "2" { discard; }
#! needs: require "relational"
