#### octets
require "encoded-character";
if header :contains "subject" "${hex:4b 6c}assen" { discard; }
#### characters
require ["encoded-character", "fileinto"];
fileinto "${unicode:C4}pfel ${UniCode: 0020ac 41}";
#> fileinto Äpfel €A
#### what has not the form stays
require ["encoded-character", "fileinto"];
fileinto "${hex:400} ${unicode:} ${hex:4g} ${hex ${hex:41}";
#> fileinto ${hex:400} ${unicode:} ${hex:4g} ${hex A
#### without require nothing happens
require "fileinto";
fileinto "${hex:41}";
#> fileinto ${hex:41}
#### no character
require "encoded-character";
redirect "${unicode:d800}@example.com";
#! no Unicode character
#### before variables
require ["encoded-character", "variables", "fileinto"];
set "name" "Ethel";
fileinto "dear${hex:20 24 7b 4e}ame}";
#> fileinto dear Ethel
