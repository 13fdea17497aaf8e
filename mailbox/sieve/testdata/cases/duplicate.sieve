#### new
require "duplicate";
if duplicate { discard; }
#> keep implicit
#> mark |<m1@school.test> 168h0m0s
#### seen
#< marked: |<m1@school.test>
require "duplicate";
if duplicate { discard; }
#### seen under another handle
#< marked: other|<m1@school.test>
require "duplicate";
if duplicate :handle "mine" { discard; }
#> keep implicit
#> mark mine|<m1@school.test> 168h0m0s
#### another field
#< marked: |3 apples
require "duplicate";
if duplicate :header "X-Count" { discard; }
#### a field that is missing
require "duplicate";
if duplicate :header "X-None" { discard; }
#> keep implicit
#### an id of the script
require ["duplicate", "variables"];
if header :matches "X-Count" "* pears" { if duplicate :seconds 1800 :uniqueid "fruit ${1}" { discard; } }
#> keep implicit
#> mark |fruit 12 30m0s
#### the time begins anew
#< marked: |<m1@school.test>
require "duplicate";
if duplicate :last { keep; }
#> keep
#> mark |<m1@school.test> 168h0m0s
#### twice in one script is new twice
require "duplicate";
if duplicate { discard; } if duplicate { discard; }
#> keep implicit
#> mark |<m1@school.test> 168h0m0s
#### two ids
require "duplicate";
if duplicate :header "a" :uniqueid "b" { discard; }
#! exclude each other
#### it must be required
if duplicate { discard; }
#! needs: require "duplicate"
