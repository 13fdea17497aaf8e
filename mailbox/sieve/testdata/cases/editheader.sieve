#### add at the top
require "editheader";
addheader "X-Seen" "by me";
#> keep implicit
#= X-Seen: by me
#### add at the end
require "editheader";
addheader :last "X-Seen" "by me";
#> keep implicit
#= X-Seen: by me
#### what is added can be tested
require "editheader";
addheader "X-Seen" "by me";
if header "x-seen" "by me" { discard; }
#### delete all
require "editheader";
deleteheader "X-Count";
#> keep implicit
#- X-Count
#### delete one
require "editheader";
deleteheader :index 1 "X-Count";
#> keep implicit
#= X-Count: 12 pears
#### delete the last
require "editheader";
deleteheader :index 1 :last "X-Count";
#> keep implicit
#= X-Count: 3 apples
#### delete what matches
require "editheader";
deleteheader :contains "X-Count" ["pears", "nuts"];
#> keep implicit
#= X-Count: 3 apples
#### the index counts before the pattern
require "editheader";
deleteheader :index 1 :contains "X-Count" "pears";
#> keep implicit
#### nothing to delete
require "editheader";
deleteheader "X-None";
#> keep implicit
#### protected fields stay
require "editheader";
deleteheader "Received"; deleteheader "Return-Path"; addheader "X-A" "b";
#> keep implicit
#= Return-Path: <otto@school.test>
#### a line end begins no field
require ["editheader", "encoded-character"];
addheader "X-A" "b${hex:0d 0a}Bcc: c@example.com";
#> keep implicit
#= X-A: b  Bcc: c@example.com
#- Bcc
#### other letters are encoded
require "editheader";
addheader "Subject" "Grüße";
#> keep implicit
#= Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
#### long values are folded
require "editheader";
addheader "X-Long" "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
#> keep implicit
#= X-Long: one two three four five six seven eight nine ten eleven twelve\n thirteen fourteen
#### an action before the change has the old header
require ["editheader", "fileinto"];
fileinto "A"; addheader "X-A" "b"; fileinto "A";
#> fileinto A
#> fileinto A
#= X-A: b
#### a bad name
require "editheader";
addheader "X A" "b";
#! no name of a header field
#### a pattern is missing
require "editheader";
deleteheader :contains "X-Count";
#! needs patterns
#### too large
require ["editheader", "variables"];
set "a" "0123456789012345678901234567890123456789012345678901234567890123456789"; set "a" "${a}${a}${a}${a}${a}${a}${a}${a}";
set "a" "${a}${a}${a}${a}${a}${a}${a}${a}"; addheader "X" "${a}";
#? longer than 4096 bytes
#### it must be required
addheader "X" "b";
#! needs: require "editheader"
