#### a copy of the answer
require ["vacation", "fcc"];
vacation :fcc "Sent" "away";
#> vacation 168h0m0s fcc=[fileinto Sent]: away
#> keep implicit
#### with all that belongs to it
require ["vacation", "fcc", "mailbox", "imap4flags", "special-use"];
vacation :fcc "Answers" :create :specialuse "\\Sent" :flags ["\\Seen", "auto"] "away";
#> vacation 168h0m0s fcc=[fileinto Answers use=\Sent create flags=\Seen auto]: away
#> keep implicit
#### create without a copy
require ["vacation", "mailbox"];
vacation :create "away";
#! stands beside :fcc only
#### it must be required
require "vacation";
vacation :fcc "Sent" "away";
#! needs: require "fcc"
