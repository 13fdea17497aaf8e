#### another script
require "include";
include "other";
#@ other
discard;
#@
#### return ends only that one
require "include";
include "other"; discard;
#@ other
require "include";
return; keep;
#@
#### return at the top ends the script
require "include";
return; discard;
#> keep implicit
#### stop ends all
require "include";
include "other"; discard;
#@ other
stop;
#@
#> keep implicit
#### a global script
require "include";
include :global "other";
#@ global other
discard;
#@
#### a personal one has its own name
require "include";
include :personal "other";
#@ global other
discard;
#@
#? no script "other"
#### a missing one may be optional
require "include";
include :optional "other"; discard;
#### once
require ["include", "fileinto", "variables"];
include "other"; include :once "other"; fileinto "${global.n}";
#@ other
require ["include", "variables"];
set "global.n" "${global.n}x";
#@
#> fileinto x
#### one that includes itself
require "include";
include "a";
#@ a
require "include";
include "a";
#@
#? more than 10 scripts include each other
#### a faulty one
require "include";
include "a";
#@ a
fly;
#@
#? is faulty: line 1
#### a fault in an included one names it
require "include";
include "a";
#@ a
require ["fileinto", "variables"];
fileinto "${a}";
#@
#? line 2, column 1: script a: the name
#### variables are its own
require ["include", "variables", "fileinto"];
set "a" "1"; include "b"; fileinto "${a}";
#@ b
require ["variables"];
set "a" "2";
#@
#> fileinto 1
#### global variables are shared
require ["include", "variables", "fileinto"];
global "a"; set "a" "1"; include "b"; fileinto "${a}";
#@ b
require ["include", "variables"];
global ["a", "c"]; set "a" "${a}2";
#@
#> fileinto 12
#### the name space global
require ["include", "variables", "fileinto"];
set "global.a" "1"; include "b";
#@ b
require ["include", "variables", "fileinto"];
global "a"; fileinto "${a}${global.a}";
#@
#> fileinto 11
#### the implicit keep is one
require ["include", "fileinto"];
include "b";
#@ b
require ["fileinto"];
fileinto "A";
#@
#> fileinto A
#### no variable in a name
require ["include", "variables"];
include "${a}";
#! without variables
#### global needs variables
require "include";
global "a";
#! needs: require "variables"
#### it must be required
include "a";
#! needs: require "include"
