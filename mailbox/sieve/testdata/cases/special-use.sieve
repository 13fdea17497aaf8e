#### any mailbox
#< use: \Junk Spam
require "special-use";
if specialuse_exists "\\Junk" { discard; }
#### a mailbox
#< use: \Junk Spam
require "special-use";
if specialuse_exists "Trash" "\\Junk" { discard; }
#> keep implicit
#### all of them
#< use: \Junk Spam
require "special-use";
if specialuse_exists ["\\Junk", "\\Archive"] { discard; }
#> keep implicit
#### fileinto
require ["special-use", "fileinto"];
fileinto :specialuse "\\Junk" "Spam";
#> fileinto Spam use=\Junk
#### no use
require ["special-use", "fileinto"];
fileinto :specialuse "Junk" "Spam";
#! no special use
#### it must be required
require "fileinto";
fileinto :specialuse "\\Junk" "Spam";
#! needs: require "special-use"
