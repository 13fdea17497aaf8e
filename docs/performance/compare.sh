#!/bin/bash
# Measures Schulhof beside its peers with an independent load harness: in turn, several rounds, JSON lines.
# BENCH: the harness binary; PEERS: its folder of peer scripts; OUT: folder for results; ROUNDS: default 3; STEPS: default all.
set -eu
BENCH=${BENCH:?the harness binary}; PEERS=${PEERS:?folder with dovecot.sh and postfix.sh}; OUT=${OUT:-/tmp/compare}; ROUNDS=${ROUNDS:-3}
STEPS=${STEPS:-append16 append open search mixed login lmtp smtp store8 idle}
BIN=${BIN:-bin/schulhof}; DATA=${DATA:-/tmp/schulhof-bench}; N=20000
mkdir -p "$OUT"
start_ours() {
	rm -rf "$DATA"
	"$BIN" init --data "$DATA" --domain bench.test --port-base $N --listen 127.0.0.1 --set security.allow_plaintext_auth=loopback >/dev/null
	for i in $(seq -f 'user%04g' 1 200); do echo "$i@bench.test;teacher;User;$i;secret-test-1"; done |
		"$BIN" user add --stdin --config "$DATA/schulhof.toml" >/dev/null
	"$BIN" serve --config "$DATA/schulhof.toml" >"$OUT/serve.log" 2>&1 &
	PID=$!
	for _ in $(seq 100); do grep -q ready "$OUT/serve.log" && break; sleep 0.1; done
	trap 'kill $PID 2>/dev/null' EXIT
}
ours() { timeout 120 "$BENCH" "$@" -label ours -pids $PID; }
sdbox() { "$BENCH" "$@" -label sdbox -procs dovecot; }
mdbox() { "$BENCH" "$@" -label mdbox -procs dovecot; }
step() {
	local r=$1 s=$2 f="$OUT/$s.jsonl"
	echo "== round $r $s" >&2
	case $s in
	append) for m in sync plus multi; do
		sdbox imap-append -addr 127.0.0.1:12143 -conns 4 -msgs 400 -mode $m -mailbox A$r >>"$f"
		ours imap-append -addr 127.0.0.1:$((N+143)) -conns 4 -msgs 400 -mode $m -mailbox A$r >>"$f"; done ;;
	append16) sdbox imap-append -addr 127.0.0.1:12143 -conns 16 -msgs 200 -mode sync -mailbox A$r >>"$f"
		ours imap-append -addr 127.0.0.1:$((N+143)) -conns 16 -msgs 200 -mode sync -mailbox A$r >>"$f" ;;
	open) [ $r = 1 ] && [ -z "${NOFILL:-}" ] && { sdbox imap-fill -addr 127.0.0.1:12143 >>"$OUT/fill.jsonl"; ours imap-fill -addr 127.0.0.1:$((N+143)) >>"$OUT/fill.jsonl"; sleep 5; }
		sdbox imap-open -addr 127.0.0.1:12143 -runs 2 >>"$f"; ours imap-open -addr 127.0.0.1:$((N+143)) -runs 2 >>"$f" ;;
	search) sdbox imap-search -addr 127.0.0.1:12143 -warm 2 >>"$f"; ours imap-search -addr 127.0.0.1:$((N+143)) -warm 5 >>"$f" ;;
	mixed) sdbox imap-mixed -addr 127.0.0.1:12143 -secs 8 >>"$f"; ours imap-mixed -addr 127.0.0.1:$((N+143)) -secs 8 >>"$f" ;;
	login) sdbox imap-login -addr 127.0.0.1:12143 >>"$f"; ours imap-login -addr 127.0.0.1:$((N+143)) >>"$f" ;;
	idle) sdbox imap-idle -addr 127.0.0.1:12143 -lmtp -smtp 127.0.0.1:12024 >>"$f"; ours imap-idle -addr 127.0.0.1:$((N+143)) -lmtp -smtp 127.0.0.1:$((N+24)) >>"$f"
		ours imap-idle -addr 127.0.0.1:$((N+993)) -tls implicit -lmtp -smtp 127.0.0.1:$((N+24)) >>"$f" ;;
	store8) for l in sdbox:12143 ours:$((N+143)); do echo "$(${STORELOAD:?the storeload program} -addr 127.0.0.1:${l#*:} -seconds 4 | sed "s/^{/{\"label\":\"${l%:*}\",/")" >>"$f"; done ;;
	lmtp) mdbox smtp-ingest -lmtp -addr 127.0.0.1:13024 -imap 127.0.0.1:13143 -seed $r >>"$f"
		ours smtp-ingest -lmtp -addr 127.0.0.1:$((N+24)) -imap 127.0.0.1:$((N+143)) -seed $r >>"$f" ;;
	smtp) mdbox smtp-ingest -addr 127.0.0.1:10025 -imap 127.0.0.1:13143 -rcpt user%04d@mdbox.bench.test -seed $r >>"$f"
		ours smtp-ingest -addr 127.0.0.1:$((N+25)) -imap 127.0.0.1:$((N+143)) -seed $r >>"$f" ;;
	esac
}
bash "$PEERS/dovecot.sh" start sdbox; bash "$PEERS/dovecot.sh" start mdbox; bash "$PEERS/postfix.sh" start || true
start_ours </dev/null
for r in $(seq "$ROUNDS"); do for s in $STEPS; do step $r $s; done; done
