#### an item
require "environment";
if environment :is "name" "schulhof" { discard; }
#### a part of an item
require "environment";
if environment :contains "domain" "school" { discard; }
#### an unknown item matches nothing
require "environment";
if environment :matches "vnd.x" "*" { discard; }
#> keep implicit
#### an unknown item does not count
require ["environment", "relational"];
if environment :count "eq" "remote-ip" "0" { discard; }
#### it must be required
if environment "name" "x" { discard; }
#! needs: require "environment"
