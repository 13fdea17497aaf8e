#### in a list
#< list: tag:friends otto@school.test ben@school.test
require "extlists";
if address :list "From" "tag:friends" { discard; }
#### not in a list
#< list: tag:friends ben@school.test
require "extlists";
if address :list "From" "tag:friends" { discard; }
#> keep implicit
#### no such list
require "extlists";
if address :list "From" "tag:friends" { discard; }
#? no list "tag:friends"
#### whether there is one
#< list: tag:friends ben@school.test
require "extlists";
if allof (valid_ext_list "tag:friends", not valid_ext_list ["tag:friends", "tag:enemies"]) { discard; }
#### redirect to a list
#< list: tag:friends ben@school.test otto@school.test
require ["extlists", "copy"];
redirect :list :copy "tag:friends";
#> redirect ben@school.test copy
#> redirect otto@school.test copy
#> keep implicit
#### redirect to a list that is too long
#< list: tag:all a@x.test b@x.test c@x.test d@x.test e@x.test f@x.test
require "extlists";
redirect :list "tag:all";
#? more than 5 redirects
