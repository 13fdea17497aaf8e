#!/bin/bash
# Measures the memory of an idle server with 5,000 accounts, and how much one message of 50 MiB raises it: memory.sh
# BIN: our program; DATA: a folder for its data, made when it is not there (the passwords of 5,000 accounts take minutes).
set -eu
BIN=${BIN:-bin/schulhof}; DATA=${DATA:-/tmp/schulhof-memory}; N=22000
LOG=$(mktemp)
if [ ! -e "$DATA/schulhof.toml" ]; then
	"$BIN" init --data "$DATA" --domain bench.test --port-base $N --listen 127.0.0.1 --set security.allow_plaintext_auth=loopback >/dev/null
	for i in $(seq -f 'user%04g' 1 5000); do echo "$i@bench.test;student;User;$i;secret-test-1"; done |
		"$BIN" user add --stdin --config "$DATA/schulhof.toml" >/dev/null
fi
"$BIN" serve --config "$DATA/schulhof.toml" >"$LOG" 2>&1 &
PID=$!
trap 'kill $PID; wait $PID' EXIT
for _ in $(seq 100); do grep -q ready "$LOG" && break; sleep 0.1; done
sleep 5
kib() { awk "/$1/ {print \$2}" /proc/$PID/status; }
idle=$(kib VmRSS)
echo 5 >/proc/$PID/clear_refs # the peak counts from here
before=$(kib VmHWM)
python3 - $((N + 24)) <<'P'
import smtplib, sys
size = 50 << 20
head = b"From: a@example.org\r\nTo: user0001@bench.test\r\nSubject: large\r\n\r\n"
line = b"x" * 76 + b"\r\n"
body = head + line * ((size - len(head) - 4096) // len(line))
with smtplib.LMTP("127.0.0.1", int(sys.argv[1])) as s:
    s.sendmail("a@example.org", ["user0001@bench.test"], body)
P
echo "{\"accounts\":5000,\"idle_rss_mib\":$((idle / 1024)),\"peak_before_kib\":$before,\"peak_after_kib\":$(kib VmHWM),\"rise_kib\":$(($(kib VmHWM) - before))}"
