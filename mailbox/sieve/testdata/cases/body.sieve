#### text is decoded
require "body";
if body :text :contains "Grüße aus" { discard; }
#### text is the default
require "body";
if body :contains "Second line" { discard; }
#### text of HTML is without tags
require "body";
if body :text :contains "come soon" { discard; }
#### text is not what is attached
require "body";
if body :text :contains "PDF content" { discard; }
#> keep implicit
#### raw is not decoded
require "body";
if body :raw :contains ["Gr=FC=DFe", "nothing"] { discard; }
#### raw has no header
require "body";
if body :raw :contains "Klassenfahrt" { discard; }
#> keep implicit
#### content of a type
require "body";
if body :content "application/pdf" :contains "PDF content" { discard; }
#### content of a kind
require "body";
if body :content "text" :contains "class=\"blue\"" { discard; }
#### content of everything
require "body";
if body :content "" :contains "Subject: Inside" { discard; }
#### content of a multipart is what is around its parts
require "body";
if body :content "multipart" :contains "word after the parts" { discard; }
#### content of an embedded message is its header
require "body";
if body :content "message/rfc822" :contains "Inner text" { discard; }
#> keep implicit
#### text within an embedded message is text
require "body";
if body :content "text" :contains "Inner text" { discard; }
#### a type that is none
require "body";
if body :content ["/pdf", "text/", "a/b/c"] :contains "" { discard; }
#> keep implicit
#### lines end with CRLF
require ["body", "encoded-character"];
if body :contains "Schule${hex:0d 0a}Second" { discard; }
#### match variables stay
require ["body", "variables", "fileinto"];
if header :matches "X-Count" "? apples" { if body :matches "*Second*" { fileinto "A${1}"; } }
#> fileinto A3
#### how many texts there are
require ["body", "relational"];
if body :count "eq" "3" { discard; }
#### two transforms
require "body";
if body :raw :text "a" { discard; }
#! exclude each other
#### it must be required
if body "a" { discard; }
#! needs: require "body"
