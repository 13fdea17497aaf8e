#### fileinto keeps as well
require ["fileinto", "copy"];
fileinto :copy "A";
#> fileinto A
#> keep implicit
#### redirect keeps as well
require "copy";
redirect :copy "ben@school.test";
#> redirect ben@school.test copy
#> keep implicit
#### it must be required
redirect :copy "ben@school.test";
#! needs: require "copy"
