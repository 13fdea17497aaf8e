#### a reason
require "ereject";
ereject "Not today.";
#> ereject Not today.
#### twice
require "ereject";
ereject "a"; ereject "b";
#? that was rejected
#### it must be required
require "reject";
ereject "No";
#! needs: require "ereject"
