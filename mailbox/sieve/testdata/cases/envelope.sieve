#### from
require "envelope";
if envelope "from" "otto@school.test" { discard; }
#### to
require "envelope";
if envelope :domain "to" "school.test" { discard; }
#### the null sender is empty
#< from: <>
require "envelope";
if envelope :all :is "from" "" { discard; }
#### a part that is none
require "envelope";
if envelope "auth" "x" { discard; }
#! no "auth"
#### it must be required
if envelope "from" "x" { discard; }
#! needs: require "envelope"
