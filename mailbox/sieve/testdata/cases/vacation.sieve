#### a reason
require "vacation";
vacation "I am away.";
#> vacation 168h0m0s: I am away.
#> keep implicit
#### all of it
require "vacation";
vacation :days 3 :subject "Away
now" :from "Anna <anna@school.test>" :addresses ["info@school.test", "a@b.test"] :handle "summer" text:
Dear all,
..dot
.
;
#> vacation 72h0m0s subject=Away now from=Anna <anna@school.test> addresses=info@school.test a@b.test handle=summer: Dear all,\n.dot\n
#> keep implicit
#### with discard
require "vacation";
vacation "away"; discard;
#> vacation 168h0m0s: away
#### no days is one
require "vacation";
vacation :days 0 "away";
#> vacation 24h0m0s: away
#> keep implicit
#### too many days
require "vacation";
vacation :days 99999999 "away";
#> vacation 8760h0m0s: away
#> keep implicit
#### twice
require "vacation";
vacation "a"; vacation "b";
#? only once
#### a sender that is none
require "vacation";
vacation :from "nobody" "away";
#! no mail address
#### MIME
require "vacation";
vacation :mime "Content-Type: text/html

<b>away</b>";
#> vacation 168h0m0s mime: Content-Type: text/html\n\n<b>away</b>
#> keep implicit
#### MIME without fields
require "vacation";
vacation :mime "away";
#! begins with MIME header fields
#### seconds must be required
require "vacation";
vacation :seconds 10 "away";
#! needs: require "vacation-seconds"
#### it must be required
vacation "away";
#! needs: require "vacation"
