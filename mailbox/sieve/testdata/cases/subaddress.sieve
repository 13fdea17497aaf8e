#### user
require ["envelope", "subaddress"];
if envelope :user "to" "anna" { discard; }
#### detail
require ["envelope", "subaddress"];
if envelope :detail "to" "math" { discard; }
#### detail of a header
require "subaddress";
if address :detail "To" "MATH" { discard; }
#### no detail matches nothing
require "subaddress";
if address :detail :matches "From" "*" { discard; }
#> keep implicit
#### user without detail is all of it
require "subaddress";
if address :user "From" "otto" { discard; }
#### an empty detail
#< to: anna+@school.test
require ["envelope", "subaddress"];
if envelope :detail "to" "" { discard; }
#### the first plus counts
#< to: anna+a+b@school.test
require ["envelope", "subaddress"];
if envelope :detail "to" "a+b" { discard; }
#### it must be required
if address :user "From" "otto" { discard; }
#! needs: require "subaddress"
