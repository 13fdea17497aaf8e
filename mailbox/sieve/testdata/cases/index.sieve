#### the first
require "index";
if header :index 1 "X-Count" "3 apples" { discard; }
#### the second
require "index";
if header :index 2 "X-Count" "3 apples" { discard; }
#> keep implicit
#### the last
require "index";
if header :index 1 :last "X-Count" "12 pears" { discard; }
#### beyond
require "index";
if header :index 3 :matches "X-Count" "*" { discard; }
#> keep implicit
#### last alone
require "index";
if header :last "X-Count" "x" { discard; }
#! stands beside :index only
#### zero
require "index";
if header :index 0 "X-Count" "x" { discard; }
#! counts from 1
#### of addresses
require "index";
if address :index 1 :localpart "To" "ben" { discard; }
#### it must be required
if header :index 1 "X-Count" "x" { discard; }
#! needs: require "index"
