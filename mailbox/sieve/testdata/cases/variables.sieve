#### set and use
require ["variables", "fileinto"];
set "where" "Klasse";
fileinto "${where}/${WHERE}x";
#> fileinto Klasse/Klassex
#### never set is empty
require ["variables", "fileinto"];
fileinto "A${b}";
#> fileinto A
#### what is no variable stays
require ["variables", "fileinto"];
set "a" "x";
fileinto "${a-b} ${} $ {a} ${1a ${a} $${a}";
#> fileinto ${a-b} ${} $ {a} ${1a x $x
#### values are not expanded again
require ["variables", "fileinto"];
set "a" "{b}"; set "b" "no"; set "c" "$${a}";
fileinto "${c}";
#> fileinto ${b}
#### match variables, shortest first
require ["variables", "fileinto"];
if header :matches "subject" "*a*a*[draft ??]" { fileinto "${1}|${2}|${3}|${4}${5}|${0}"; }
#> fileinto Kl|ssenf|hrt für die 7b |12|Klassenfahrt für die 7b [draft 12]
#### match variables stay when nothing matches
require ["variables", "fileinto"];
if header :matches "X-Count" "? apples" { }
if header :matches "X-Count" "? nuts" { }
fileinto "${1}";
#> fileinto 3
#### a test that is not reached changes nothing
require ["variables", "fileinto"];
if anyof (header :matches "X-Count" "? apples", header :matches "X-Count" "?? pears") { fileinto "${1}"; }
#> fileinto 3
#### a match variable too many
require ["variables", "fileinto"];
fileinto "${99}";
#! no match variables above
#### lower and upper
require ["variables", "fileinto"];
set :lower "a" "ÄBC"; set :upper "b" "äbc"; set :lowerfirst "c" "ÄBC"; set :upperfirst "d" "äbc";
fileinto "${a}${b}${c}${d}";
#> fileinto äbcÄBCäBCÄbc
#### upperfirst after lower whatever the order
require ["variables", "fileinto"];
set :upperfirst :lower "a" "jUMP";
fileinto "${a}";
#> fileinto Jump
#### length counts characters, last
require ["variables", "fileinto"];
set :length :upper "a" "für";
fileinto "${a}";
#> fileinto 3
#### quotewildcard
require ["variables", "fileinto"];
set :quotewildcard "a" "[d*?t\\";
fileinto "${a}";
#> fileinto [d\*\?t\\
#### two modifiers of one kind
require "variables";
set :lower :upper "a" "x";
#! exclude each other
#### a bad name
require "variables";
set "a-b" "x";
#! no name of a variable
#### a number is no name
require "variables";
set "1" "x";
#! no name of a variable
#### an unknown name space
require ["variables", "fileinto"];
fileinto "${foo.bar}";
#! no name space
#### string is
require "variables";
set "a" "Rock";
if string :is "${a}" "rock" { discard; }
#### string counts what is not empty
require ["variables", "relational"];
set "a" "x";
if string :count "eq" ["${a}", "${b}", "c"] "2" { discard; }
#### keys with variables
require "variables";
set "who" "Otto";
if header :contains "from" "${who}" { discard; }
#### patterns with variables
require "variables";
set "who" "*Otto";
if header :matches "from" "${who}*" { discard; }
#### names of fields with variables
require "variables";
set "f" "Subject";
if header :contains "${f}" "7b" { discard; }
#### it must be required
set "a" "b";
#! needs: require "variables"
