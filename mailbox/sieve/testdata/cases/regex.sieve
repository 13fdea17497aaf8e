#### an expression
require "regex";
if header :regex "subject" "fahrt.*[0-9]b" { discard; }
#### in any case
require "regex";
if header :regex "subject" "^klassen" { discard; }
#### case counts for octets
require "regex";
if header :regex :comparator "i;octet" "subject" "^klassen" { discard; }
#> keep implicit
#### groups become match variables
require ["regex", "variables", "fileinto"];
if header :regex "subject" "die ([0-9])([a-z]) .draft ([0-9]+)" { fileinto "${1}-${2}-${3}"; }
#> fileinto 7-b-12
#### the longest counts
require ["regex", "variables", "fileinto"];
if header :regex "subject" "(Klasse|Klassenfahrt)" { fileinto "${1}"; }
#> fileinto Klassenfahrt
#### classes
require "regex";
if header :regex "X-Count" "^[[:digit:]]{2} [[:alpha:]]+$" { discard; }
#### a broken expression
require "regex";
if header :regex "subject" "(a" { discard; }
#! no regular expression
#### back references are not there
require "regex";
if header :regex "subject" "(a)\\1" { discard; }
#! no regular expression
#### repetitions of repetitions
require "regex";
if header :regex "subject" "((((a{99}){99}){99}){99})" { discard; }
#! no regular expression
#### quoteregex
require ["regex", "variables"];
set :quoteregex "a" "[draft 12]";
if header :regex "subject" "${a}$" { discard; }
#### a broken expression from a variable
require ["regex", "variables"];
set "a" "(";
if header :regex "subject" "${a}" { discard; }
#? no regular expression
#### it must be required
if header :regex "subject" "a" { discard; }
#! needs: require "regex"
