#### nothing keeps
#> keep implicit
#### comments alone keep
# one
/* two
 lines */
#> keep implicit
#### keep
keep;
#> keep
#### discard
discard;
#### discard and keep
discard; keep;
#> keep
#### stop ends the script
stop; discard;
#> keep implicit
#~ never reached
#### stop in a block ends all
if true { stop; } discard;
#> keep implicit
#### if, elsif, else take the first that holds
if false { keep; } elsif true { discard; } elsif true { keep; } else { keep; }
#### else
if false { discard; } elsif false { discard; } else { redirect "a@example.com"; }
#> redirect a@example.com
#### blocks nest
if true { if not false { if anyof(false, true) { discard; } } }
#### elsif without if
elsif true { keep; }
#! elsif without an if
#### else after else
if true { keep; } else { keep; } else { keep; }
#! else without an if
#### a command between if and else
if true { keep; } keep; else { keep; }
#! else without an if
#### if needs one test
if { keep; }
#! if takes one test
#### if takes no list
if (true, false) { keep; }
#! if takes one test
#### if needs a block
if true;
#! if is followed by a block
#### keep takes no block
keep { stop; }
#! keep ends with ";"
#### an unknown command
fly;
#! no command "fly"
#### a test for a command
true;
#! it is a test
#### a command for a test
if keep { stop; }
#! it is a command
#### case of words does not count
IF Not FALSE { DISCARD; }
#### allof
if allof(true, true) { discard; }
#### allof with one false
if allof(true, false, true) { discard; }
#> keep implicit
#### anyof
if anyof(false, true) { discard; }
#### anyof without any
if anyof(false, false) { discard; }
#> keep implicit
#### allof without tests
if allof() { discard; }
#! found ")" where a test belongs
#### not
if not true { discard; }
#> keep implicit
#### require later
keep; require "fileinto";
#! at the beginning
#### require something unknown
require ["fileinto", "vnd.example"];
#! line 1, column 22: this server does not support "vnd.example"
#### what was not required
fileinto "A";
#! fileinto needs: require "fileinto"
#### all faults at once
fileinto "A";
fly;
#! line 1, column 1
#! line 2, column 1
#### exists
if exists ["From", "x-count"] { discard; }
#### exists with one missing
if exists ["From", "X-Nothing"] { discard; }
#> keep implicit
#### exists an empty field
if exists "X-Empty" { discard; }
#### a bad field name
if exists "From:" { discard; }
#! no name of a header field
#### size over
if size :over 100K { discard; }
#> keep implicit
#### size under
if size :under 100K { discard; }
#### size without a tag
if size 100 { discard; }
#! size needs :over or :under
#### size with both
if size :over :under 100 { discard; }
#! exclude each other
#### a number too large
if size :over 99999999999G { discard; }
#! too large
#### a number with a wrong unit
if size :over 1X { discard; }
#! a number ends with
#### header is
if header "subject" "Klassenfahrt für die 7b [draft 12]" { discard; }
#### header is compares all of it
if header :is "subject" "Klassenfahrt" { discard; }
#> keep implicit
#### header contains in any case
if header :contains "Subject" "KLASSENFAHRT" { discard; }
#### header contains the empty string if it is there
if header :contains "X-Empty" "" { discard; }
#### header without the field
if header :contains "X-Nothing" "" { discard; }
#> keep implicit
#### several headers, several keys
if header :contains ["X-No", "To"] ["nobody", "ben@"] { discard; }
#### header takes lists
if header :contains "To" { discard; }
#! header lacks an argument
#### header with too many arguments
if header "a" "b" "c" { discard; }
#! too many arguments
#### header with a number
if header "a" 1 { discard; }
#! takes a list of strings here, not a number
#### a tag that is not there
if header :over "a" "b" { discard; }
#! header has no tag ":over"
#### two match types
if header :is :contains "a" "b" { discard; }
#! exclude each other
#### the same tag twice
if header :is :is "a" "b" { discard; }
#! stands twice
#### address all
if address :is "From" "otto@school.test" { discard; }
#### address with the local part
if address :localpart "To" "ben" { discard; }
#### address with the domain
if address :domain :is "Cc" "OTHER.example" { discard; }
#### address does not look at names
if address :contains "From" "Meier" { discard; }
#> keep implicit
#### address only of fields with addresses
if address "Subject" "x" { discard; }
#! has no addresses
#### redirect
redirect "ben@school.test";
#> redirect ben@school.test
#### redirect twice to the same is one
redirect "ben@school.test"; redirect "BEN@school.test";
#> redirect ben@school.test
#### redirect with a name
redirect "Ben <ben@school.test>";
#> redirect ben@school.test
#### redirect to no address
redirect "ben";
#! no mail address
#### redirect to two
redirect "ben@school.test, anna@school.test";
#! no mail address
#### redirect with a line end
redirect "ben@school.test
bcc: x@y.example";
#! no mail address
#### five redirects
redirect "a@x.test"; redirect "b@x.test"; redirect "c@x.test"; redirect "d@x.test"; redirect "e@x.test";
#> redirect a@x.test
#> redirect b@x.test
#> redirect c@x.test
#> redirect d@x.test
#> redirect e@x.test
#### six redirects are too many
redirect "a@x.test"; redirect "b@x.test"; redirect "c@x.test"; redirect "d@x.test"; redirect "e@x.test"; redirect "f@x.test";
#? more than 5 redirects
#### multi-line text
if header :is "subject" text: # with a comment
Klassenfahrt
..
.
{ discard; }
#> keep implicit
#### a multi-line text without end
redirect text:
a
#! does not end with a line
#### a string without end
redirect "a
#! the string does not end
#### a comment without end
keep; /* a
#! the comment does not end
#### a backslash before any character
if header :is "subject" "\K\l\assenfahrt für die 7b [draft 12]" { discard; }
#### a missing semicolon
keep
#! found the end of the script where ";" or "{" belongs
#### a missing brace
if true { keep;
#! found the end of the script
#### a brace too many
keep; }
#! found "}" where a command belongs
#### an empty list
if header [] "a" { keep; }
#! found "]" where a string belongs
#### a comma at the end of a list
if header ["a",] "a" { keep; }
#! found "]" where a string belongs
#### a tag without a name
keep : ;
#! a tag needs a name
#### a character that has no meaning
keep; %
#! unexpected character "%"
