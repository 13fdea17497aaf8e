#### keep with flags
require "imap4flags";
keep :flags ["\\Flagged", "$Trip"];
#> keep flags=\Flagged $Trip
#### the internal variable
require "imap4flags";
setflag "\\Seen"; addflag ["\\Answered $A", "\\seen"]; removeflag "$a"; keep;
#> keep flags=\Seen \Answered
#### the implicit keep has flags too
require "imap4flags";
addflag "\\Seen";
#> keep implicit flags=\Seen
#### fileinto has them as they are then
require ["imap4flags", "fileinto"];
addflag "a"; fileinto "A"; addflag "b"; fileinto "B"; fileinto :flags "" "C";
#> fileinto A flags=a
#> fileinto B flags=a b
#> fileinto C
#### variables
require ["imap4flags", "variables", "fileinto"];
setflag "f" ["a", "b"]; addflag "f" "c"; removeflag "f" "a"; fileinto :flags "${f}" "A";
#> fileinto A flags=b c
#### hasflag
require "imap4flags";
addflag ["\\Seen", "$Work"];
if allof (hasflag "$work", hasflag :contains "ork", not hasflag "x") { discard; }
#### hasflag of a variable
require ["imap4flags", "variables"];
set "f" "a b";
if hasflag :is "f" "B" { discard; }
#### hasflag counts
require ["imap4flags", "relational", "variables"];
addflag "f" ["a", "b"]; addflag "f" "A";
if hasflag :count "eq" "f" "2" { discard; }
#### what is no flag is left out
require "imap4flags";
keep :flags ["a(b", "\\Recent", "\\", "ok"];
#> keep flags=ok
#### a variable needs variables
require "imap4flags";
addflag "a" "b";
#! needs: require "variables"
#### it must be required
keep :flags "a";
#! needs: require "imap4flags"
