#### the year of a field
require "date";
if date "date" "year" "2027" { discard; }
#### the zone of the server counts
require "date";
if date "date" "hour" "10" { discard; }
#### a zone
require "date";
if date :zone "-0800" "date" "time" "01:30:00" { discard; }
#### the original zone
require "date";
if date :originalzone "date" "zone" "-0800" { discard; }
#### Received has its date at the end
require ["date", "index"];
if date :index 1 :zone "+0100" "received" "iso8601" "2027-03-01T08:12:00+01:00" { discard; }
#### all parts
require "date";
if allof (date :zone "+0000" "date" "month" "03", date "date" "day" "01", date "date" "date" "2027-03-01", date "date" "julian" "61465",
	date "date" "minute" "30", date "date" "second" "00", date "date" "weekday" "1", date :zone "+0000" "date" "std11" "Mon, 1 Mar 2027 09:30:00 +0000") { discard; }
#### julian of the zone's day
require "date";
if date :zone "-1200" "date" "julian" "61464" { discard; }
#### no date
require "date";
if date :matches "subject" "year" "*" { discard; }
#> keep implicit
#### a part that is none
require "date";
if date "date" "century" "21" { discard; }
#! a date has no part
#### a zone that is none
require "date";
if date :zone "MEZ" "date" "year" "2027" { discard; }
#! a zone is written like
#### between two dates
require ["date", "relational"];
if allof (currentdate :value "ge" "date" "2027-02-20", currentdate :value "le" "date" "2027-03-05") { discard; }
#### the hour now
require "date";
if currentdate "hour" "08" { discard; }
#### the hour now elsewhere
require "date";
if currentdate :zone "+0000" "hour" "07" { discard; }
#### a Monday
require "date";
if currentdate "weekday" "1" { discard; }
#### a date becomes a match variable
require ["date", "variables", "fileinto"];
if currentdate :matches "year" "*" { fileinto "Archive/${1}"; }
#> fileinto Archive/2027
#### how many
require ["date", "relational"];
if date :count "eq" "received" "year" "2" { discard; }
#### it must be required
if currentdate "year" "2027" { discard; }
#! needs: require "date"
