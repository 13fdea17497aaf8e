#!/bin/bash
# Measures mail from and to other servers, all on loopback addresses: internet.sh [ROUND...], by default rounds 1 2 3. Outgoing mail beside
# Debian's Postfix, in turn, to one server and to fifty; incoming mail of a domain with SPF, DKIM (twice) and DMARC, judged with a DNS server beside.
# MAILLOAD: the built docs/performance/mailload; OUT: folder for results (JSON lines); BIN, DATA: as in compare.sh, whose accounts it uses.
set -u
MAILLOAD=${MAILLOAD:?the mailload program}; OUT=${OUT:-/tmp/compare}; BIN=${BIN:-bin/schulhof}; DATA=${DATA:-/tmp/schulhof-bench}; N=20000
P=${POSTFIX:-/tmp/peers/postfix-out}; MESSAGES=${MESSAGES:-2000}
mkdir -p "$OUT"
PID=

stop_all() {
	[ -n "$PID" ] && kill "$PID" && wait "$PID"
	PID=
	[ -d "$P/etc" ] && postfix -c "$P/etc" stop
}
trap 'stop_all >/dev/null 2>&1' EXIT

# settings of a Postfix that sends each domain to its sink, with the limits of connections that ours has; it signs nothing.
start_postfix() {
	rm -rf "$P"
	mkdir -p "$P/etc" "$P/spool" "$P/data"
	chown postfix "$P/data"
	touch "$P/etc/dynamicmaps.cf"
	for i in $(seq 50); do echo "d$i.load.test smtp:[127.0.1.$i]:2525"; done >"$P/etc/transport"
	cat >"$P/etc/main.cf" <<-C
		compatibility_level = 3.6
		queue_directory = $P/spool
		data_directory = $P/data
		command_directory = /usr/sbin
		daemon_directory = /usr/lib/postfix/sbin
		myhostname = mx.bench.test
		mydestination =
		mynetworks = 127.0.0.0/8
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		maillog_file = $P/log
		maillog_file_prefixes = /tmp
		transport_maps = texthash:$P/etc/transport
		smtpd_recipient_restrictions = permit_mynetworks reject
		disable_dns_lookups = yes
		alias_maps =
		alias_database =
	C
	cat >"$P/etc/master.cf" <<-C
		127.0.0.1:10125 inet n - n - - smtpd
		pickup unix n - n 60 1 pickup
		cleanup unix n - n - 0 cleanup
		qmgr unix n - n 300 1 qmgr
		tlsmgr unix - - n 1000? 1 tlsmgr
		rewrite unix - - n - - trivial-rewrite
		bounce unix - - n - 0 bounce
		defer unix - - n - 0 bounce
		trace unix - - n - 0 bounce
		proxymap unix - - n - - proxymap
		smtp unix - - n - - smtp
		retry unix - - n - - error
		error unix - - n - - error
		anvil unix - - n - 1 anvil
		scache unix - - n - 1 scache
		postlog unix-dgram n - n - 1 postlogd
	C
	postfix -c "$P/etc" start
}

# fresh SETTINGS...: everything made anew and started; ours with the routes to the sinks and without limits for the one who sends.
fresh() {
	stop_all
	rm -rf "$DATA"
	cp -a "$DATA.new" "$DATA"
	local c="--config $DATA/schulhof.toml" sets=()
	for s in "$@"; do sets+=(--set "$s"); done
	for i in $(seq 50); do "$BIN" route add "d$i.load.test" "127.0.1.$i:2525" --tls off $c; done
	"$BIN" policy set user0001 anyone --no-decision --limit 1000000 $c
	"$BIN" serve $c "${sets[@]}" >"$OUT/serve.log" 2>&1 &
	PID=$!
	for _ in $(seq 100); do grep -q ready "$OUT/serve.log" && break; sleep 0.1; done
	start_postfix
	sync
	sleep 2
} >/dev/null 2>&1

note() { sed -n "s/^{/{\"round\":$r,\"label\":\"$1\",/p" >>"$OUT/internet.jsonl"; }
ours() { "$MAILLOAD" "$@" | note ours; }
peer() { "$MAILLOAD" "$@" | note postfix; }

sends() { ours out -n "$MESSAGES" -sinks "$sinks" -to "127.0.0.1:$((N + 587))" -user user0001@bench.test; }

for r in ${*:-1 2 3}; do
	for sinks in 1 50; do
		fresh 'outgoing.networks=["127.0.0.0/8"]'
		[ $((r % 2)) = 0 ] && sends
		peer out -n "$MESSAGES" -sinks "$sinks" -to 127.0.0.1:10125
		[ $((r % 2)) = 1 ] && sends
	done
	fresh 'origin.loopback=check' "dns.servers=127.0.0.1:$((N + 53))"
	ours in -n "$MESSAGES" -to "127.0.0.1:$((N + 25))" -dns "127.0.0.1:$((N + 53))"
done
