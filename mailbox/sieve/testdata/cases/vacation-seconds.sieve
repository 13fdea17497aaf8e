#### seconds
require ["vacation", "vacation-seconds"];
vacation :seconds 1800 "away";
#> vacation 30m0s: away
#> keep implicit
#### always
require ["vacation", "vacation-seconds"];
vacation :seconds 0 "away";
#> vacation 0s: away
#> keep implicit
#### days and seconds
require ["vacation", "vacation-seconds"];
vacation :days 1 :seconds 0 "away";
#! exclude each other
