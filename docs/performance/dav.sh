#!/bin/bash
# Measures calendars, contacts and files beside other servers with an independent load harness: dav.sh [ROUND...], by default rounds 1 2 3.
# As compare.sh: each step of each round starts on data made anew on all sides; in even rounds ours goes first. BENCH, PEERS, OUT, BIN, DATA mean
# what they mean there. STEPS: which ones, by default all. Radicale takes minutes to be filled with 5,000 events: that is done once, and each round
# gets a copy (FILLED: folder for it). The figures of dd are of the file system of DATA.
set -u
BENCH=${BENCH:?the harness binary}; PEERS=${PEERS:?folder with radicale.sh, cyrus.sh, nginx.sh, apache.sh}
OUT=${OUT:-/tmp/compare}; STEPS=${STEPS:-caldav carddav small many large used folder poll}
BIN=${BIN:-bin/schulhof}; DATA=${DATA:-/tmp/schulhof-bench}; N=20000; HERE=$(dirname "$0")
FILLED=${FILLED:-$OUT}
mkdir -p "$OUT" "$FILLED"
PID=

serve() {
	"$BIN" serve --config "$DATA/schulhof.toml" >"$OUT/serve.log" 2>&1 &
	PID=$!
	for _ in $(seq 100); do grep -q ready "$OUT/serve.log" && return; sleep 0.1; done
	echo "the server does not start" >&2
	exit 1
}
stop_all() {
	[ -n "$PID" ] && kill "$PID" && wait "$PID"
	PID=
	for p in radicale cyrus nginx apache; do bash "$PEERS/$p.sh" stop; done
	[ -s /tmp/peers/cyrus/pid ] && kill -9 "$(tr -dc 0-9 </tmp/peers/cyrus/pid)" && rm /tmp/peers/cyrus/pid # it does not always end when asked
}
trap 'stop_all >/dev/null 2>&1; rm -f "$DATA.fill"' EXIT

# empty PEER: its data are made anew, its installation stays.
empty() {
	case $1 in
	radicale) rm -rf /tmp/peers/radicale/data ;;
	cyrus) rm -rf /tmp/peers/cyrus/conf /tmp/peers/cyrus/spool ;;
	*) rm -rf "/tmp/peers/$1/dav" ;;
	esac
}

# fresh PEER...: everything stopped, ours and the named peers on new data; Radicale's is what fill_radicale put aside for the step.
fresh() {
	stop_all >/dev/null 2>&1
	rm -rf "$DATA"
	cp -a "$DATA.new" "$DATA"
	serve
	for p in "$@"; do
		empty "$p"
		[ "$p" = radicale ] && mkdir -p /tmp/peers/radicale && cp -a "$FILLED/radicale.$s" /tmp/peers/radicale/data
		bash "$PEERS/$p.sh" start
		# Cyrus makes this folder at its first write; four first writes at once can get in each other's way.
		[ "$p" = cyrus ] && install -d -o cyrus -g mail -m 700 /tmp/peers/cyrus/spool/stage.
	done
	warm 32
	sync
	sleep 2
} >/dev/null

# warm N: the first N people are let in once, so that no measured request waits for a password's hash.
warm() {
	local i
	for i in $(seq -f 'user%04g' 1 "$1"); do
		curl -s -o /dev/null -u "$i:secret-test-1" -X PROPFIND -H 'Depth: 0' "http://127.0.0.1:$((N + 80))/webdav/Files/"
	done
}

# fill_radicale: its collection of thousands is filled and put aside, if it is not yet.
fill_radicale() {
	[ -d "$FILLED/radicale.$s" ] && return
	stop_all >/dev/null 2>&1
	empty radicale
	bash "$PEERS/radicale.sh" start
	timeout 1200 "$BENCH" "$s" -home /user%04d/ -steps fill -addr 127.0.0.1:15232 -label radicale || { echo "Radicale could not be filled" >&2; exit 1; }
	bash "$PEERS/radicale.sh" stop
	cp -a /tmp/peers/radicale/data "$FILLED/radicale.$s.part" && mv "$FILLED/radicale.$s.part" "$FILLED/radicale.$s"
} >/dev/null

# note FILE: the JSON lines of the input, with the round.
note() { sed -n "s/^{/{\"round\":$r,/p" >>"$OUT/$1.jsonl"; }
ours() { timeout 200 "$BENCH" "$@" -addr "127.0.0.1:$((N + 80))" -label ours -pids "$PID" | note "$s"; }
radicale() { timeout 300 "$BENCH" "$@" -addr 127.0.0.1:15232 -label radicale -procs radicale | note "$s"; }
cyrus() { timeout 200 "$BENCH" "$@" -addr 127.0.0.1:14008 -label cyrus -procs cyrus/root | note "$s"; }
nginx() { timeout 200 "$BENCH" "$@" -addr 127.0.0.1:18080 -label nginx -procs nginx | note "$s"; }
apache() { timeout 200 "$BENCH" "$@" -addr 127.0.0.1:18081 -label apache -procs apache2 | note "$s"; }
# turns PEER'S... OURS: all commands, in even rounds ours first.
turns() {
	local last=${*: -1} c
	[ $((r % 2)) = 0 ] && eval "$last"
	for c in "${@:1:$#-1}"; do eval "$c"; done
	[ $((r % 2)) = 1 ] && eval "$last"
	true
}

# objects KIND HOME CYRUS-HOME ARGUMENTS: the steps of calendars or contacts against Radicale, Cyrus and ours.
objects() {
	local kind=$1 home=$2 cyrus=$3
	shift 3
	turns "radicale $kind -home /user%04d/ $* -runs 1" "cyrus $kind -home $cyrus $* -runs 3" "ours $kind -home $home $* -runs 3"
}

step() {
	case $s in
	caldav)
		fill_radicale
		fresh radicale cyrus
		objects caldav /dav/calendars/user%04d/ /dav/calendars/user/user%04d/ -secs 3 ;;
	carddav)
		fill_radicale
		fresh radicale cyrus
		objects carddav /dav/contacts/user%04d/ /dav/addressbooks/user/user%04d/ -secs 3 ;;
	small)
		fresh nginx apache
		local small='webdav -small-only -runs 3'
		turns "nginx $small" "apache $small" "ours $small -base /webdav/Files/" ;;
	many)
		fresh nginx apache
		local many='webdav -small-only -runs 3 -conns 32 -files 100'
		turns "nginx $many" "apache $many" "ours $many -base /webdav/Files/" ;;
	large | used) # 1 GiB, with the memory as it is, each after a rest of its own; and with all of it in use
		fresh nginx apache
		local large='webdav -conns 1 -files 1 -entries 1 -runs 1 -big-mb 1074' rest='sleep 5'
		[ $s = used ] && use_memory && rest=:
		turns "$rest; nginx $large" "$rest; apache $large" "$rest; plain_write; $rest; peak $s; ours $large -base /webdav/Files/; peak $s"
		rm -f "$DATA.fill" ;;
	folder) # of 10,000
		fresh nginx apache
		local folder='webdav -conns 1 -files 1 -entries 10000 -runs 1 -big-mb 1'
		turns "nginx $folder" "apache $folder" "ours $folder -base /webdav/Files/"
		python3 "$HERE/davload.py" folder 127.0.0.1:$((N + 80)) "$PID" | note folder ;;
	poll)
		fresh
		warm 200
		python3 "$HERE/davload.py" poll 127.0.0.1:$((N + 443)) "$PID" | note poll ;;
	*) echo "unknown step $s" >&2; exit 2 ;;
	esac
}

# use_memory fills what is free with a file's pages, as on a machine that has been running for a while. A virtual machine may have to get each
# page that it has never used, or has given back, from its host, which can take longer than writing it to the disk.
use_memory() {
	local mib=$(($(awk '/MemFree/ {print $2}' /proc/meminfo) / 1024 - 512)) room=$(($(df -m --output=avail "$DATA" | tail -n 1) - 8192))
	[ $mib -gt $room ] && mib=$room # the servers need the rest of the disk
	[ $mib -gt 0 ] && dd if=/dev/zero of="$DATA.fill" bs=1M count=$mib 2>/dev/null
	sync
}

# plain_write notes what dd reaches right before our turn.
plain_write() {
	dd if=/dev/zero of="$DATA/dd" bs=1M count=1024 conv=fsync 2>&1 |
		awk '/copied/ {print "{\"bench\":\"webdav\",\"label\":\"dd\",\"conns\":1,\"up_mb_s\":" 1073.741824 / $(NF-3) "}"}' | note "$s"
	rm "$DATA/dd"
}

# peak FILE: the first call starts a measurement of our peak memory, the second notes how much it rose.
peak() {
	local now
	if [ -z "${PEAK:-}" ]; then
		echo 5 >"/proc/$PID/clear_refs"
		PEAK=$(awk '/VmHWM/ {print $2}' "/proc/$PID/status")
		return
	fi
	now=$(awk '/VmHWM/ {print $2}' "/proc/$PID/status")
	echo "{\"bench\":\"memory\",\"label\":\"ours\",\"rise_kib\":$((now - PEAK))}" | note "$1"
	PEAK=
}

if [ ! -e "$DATA.new" ]; then
	echo "run compare.sh first: it makes $DATA.new" >&2
	exit 2
fi
[ $# -gt 0 ] || set -- 1 2 3
for r in "$@"; do
	for s in $STEPS; do
		echo "== round $r $s $(date -u +%T)" >&2
		step
	done
done
