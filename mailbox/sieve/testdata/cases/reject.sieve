#### a reason
require "reject";
reject "Not today.";
#> reject Not today.
#### with fileinto
require ["reject", "fileinto"];
fileinto "A"; reject "No";
#? cannot be rejected as well
#### and then keep
require "reject";
reject "No"; keep;
#? that was rejected
#### and then vacation
require ["reject", "vacation"];
reject "No"; vacation "away";
#? that was rejected
#### and discard
require "reject";
discard; reject "No";
#> reject No
#### it must be required
reject "No";
#! needs: require "reject"
