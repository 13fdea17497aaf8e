#### one that exists
#< mailbox: A
require "mailbox";
if mailboxexists "A" { discard; }
#### one of two exists
#< mailbox: A
require "mailbox";
if mailboxexists ["A", "B"] { discard; }
#> keep implicit
#### create
require ["mailbox", "fileinto"];
fileinto :create "New";
#> fileinto New create
#### it must be required
require "fileinto";
fileinto :create "New";
#! needs: require "mailbox"
