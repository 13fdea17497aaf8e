#!/bin/bash
# Measures Schulhof beside its peers with an independent load harness: compare.sh [ROUND...], by default rounds 1 2 3.
# Each step of each round starts on data made anew on both sides, with servers started anew; in even rounds ours goes first.
# BENCH: the harness binary; PEERS: its folder of peer scripts; STORELOAD: the built docs/performance/storeload; OUT: folder for results
# (JSON lines, one file a step; a line tells its round); STEPS: which ones (a round of all takes about five minutes), by default all; BIN, DATA: our program and a folder for its data
# (DATA.new beside it keeps the accounts, and must be from the same program).
set -u
BENCH=${BENCH:?the harness binary}; PEERS=${PEERS:?folder with dovecot.sh and postfix.sh}; STORELOAD=${STORELOAD:?the storeload program}
OUT=${OUT:-/tmp/compare}; STEPS=${STEPS:-append append16 box busy ingest idle}
BIN=${BIN:-bin/schulhof}; DATA=${DATA:-/tmp/schulhof-bench}; N=20000
mkdir -p "$OUT"
PID=

serve() {
	"$BIN" serve --config "$DATA/schulhof.toml" >"$OUT/serve.log" 2>&1 &
	PID=$!
	for _ in $(seq 100); do grep -q ready "$OUT/serve.log" && return; sleep 0.1; done
	echo "the server does not start" >&2
	exit 1
}
stop_ours() {
	[ -n "$PID" ] && kill "$PID" && wait "$PID"
	PID=
}
stop_all() {
	stop_ours
	bash "$PEERS/postfix.sh" stop
	for d in sdbox mdbox; do bash "$PEERS/dovecot.sh" stop $d; done
}
trap 'stop_all >/dev/null 2>&1' EXIT

# fresh PEER...: everything stopped, everybody's data made anew, ours and the named peers started.
fresh() {
	stop_all >/dev/null 2>&1
	for d in sdbox mdbox; do bash "$PEERS/dovecot.sh" wipe $d; done
	bash "$PEERS/postfix.sh" wipe
	rm -rf "$DATA"
	cp -a "$DATA.new" "$DATA"
	serve
	for p in "$@"; do case $p in postfix) bash "$PEERS/postfix.sh" start ;; *) bash "$PEERS/dovecot.sh" start "$p" ;; esac; done
	sync
	sleep 1
} >/dev/null

# again: ours and sdbox started anew on the data that they have.
again() {
	stop_ours
	bash "$PEERS/dovecot.sh" stop sdbox
	bash "$PEERS/dovecot.sh" start sdbox
	serve
	sleep 1
} >/dev/null

# note FILE: the JSON lines of the input, with the round.
note() { sed -n "s/^{/{\"round\":$r,/p" >>"$OUT/$1.jsonl"; }
ours() { timeout 120 "$BENCH" "$@" -label ours -pids "$PID" | note "$s"; }
sdbox() { timeout 120 "$BENCH" "$@" -label sdbox -procs dovecot | note "$s"; }
mdbox() { timeout 120 "$BENCH" "$@" -label mdbox -procs dovecot | note "$s"; }
store8() { timeout 120 "$STORELOAD" -addr "127.0.0.1:$2" -seconds 4 | sed "s/^{/{\"label\":\"$1\",/" | note "$s"; }
# turns PEER'S OURS: both commands, in even rounds ours first.
turns() { if [ $((r % 2)) = 0 ]; then eval "$2"; eval "$1"; else eval "$1"; eval "$2"; fi; }
# imap COMMAND ARGUMENTS: the same harness command against sdbox and ours.
imap() {
	local c=$1
	shift
	turns "sdbox $c -addr 127.0.0.1:12143 $*" "ours $c -addr 127.0.0.1:$((N + 143)) $*"
}

# warm PEER'S-PORT N: the first N people log in once on both sides, unrecorded, so that a measured login finds its credentials verified.
warm() {
	python3 - "$1" $((N + 143)) "$2" <<-'P'
		import imaplib, sys
		for port in sys.argv[1:3]:
		    for i in range(int(sys.argv[3])):
		        c = imaplib.IMAP4("127.0.0.1", int(port))
		        c.login("user%04d" % (i + 1), "secret-test-1")
		        c.logout()
	P
}

step() {
	case $s in
	append)
		fresh sdbox
		for m in sync plus multi; do imap imap-append -conns 4 -msgs 400 -mode $m; done ;;
	append16)
		fresh sdbox
		imap imap-append -conns 16 -msgs 200 -mode sync ;;
	box)
		fresh sdbox
		s=fill
		imap imap-fill
		sleep 8 # our index catches up
		again
		warm 12143 1
		s=search
		imap imap-search -warm 3
		again
		warm 12143 1
		s=open
		imap imap-open -runs 1
		s=box ;;
	busy)
		fresh sdbox
		warm 12143 200
		imap imap-login
		imap imap-mixed -secs 8
		turns "store8 sdbox 12143" "store8 ours $((N + 143))" ;;
	ingest)
		fresh mdbox postfix
		turns "mdbox smtp-ingest -lmtp -addr 127.0.0.1:13024 -imap 127.0.0.1:13143 -seed $r" \
			"ours smtp-ingest -lmtp -addr 127.0.0.1:$((N + 24)) -imap 127.0.0.1:$((N + 143)) -seed $r"
		turns "mdbox smtp-ingest -addr 127.0.0.1:10025 -imap 127.0.0.1:13143 -rcpt user%04d@mdbox.bench.test -seed $r" \
			"ours smtp-ingest -addr 127.0.0.1:$((N + 25)) -imap 127.0.0.1:$((N + 143)) -seed $r" ;;
	idle)
		fresh sdbox
		sleep 3 # what the start took is given back
		turns "sdbox imap-idle -addr 127.0.0.1:12143 -lmtp -smtp 127.0.0.1:12024" \
			"ours imap-idle -addr 127.0.0.1:$((N + 143)) -lmtp -smtp 127.0.0.1:$((N + 24))"
		fresh
		sleep 3
		ours imap-idle -addr 127.0.0.1:$((N + 993)) -tls implicit -lmtp -smtp 127.0.0.1:$((N + 24)) ;;
	*) echo "unknown step $s" >&2; exit 2 ;;
	esac
}

# Hashing the passwords of 200 accounts takes a while; each step starts on a copy of the same new folder.
if [ ! -e "$DATA.new" ]; then
	rm -rf "$DATA"
	"$BIN" init --data "$DATA" --domain bench.test --port-base $N --listen 127.0.0.1 --set security.allow_plaintext_auth=loopback >/dev/null
	for i in $(seq -f 'user%04g' 1 200); do echo "$i@bench.test;teacher;User;$i;secret-test-1"; done |
		"$BIN" user add --stdin --config "$DATA/schulhof.toml" >/dev/null
	mv "$DATA" "$DATA.new"
fi
[ $# -gt 0 ] || set -- 1 2 3
for r in "$@"; do
	for s in $STEPS; do
		echo "== round $r $s $(date -u +%T)" >&2
		step
	done
done
