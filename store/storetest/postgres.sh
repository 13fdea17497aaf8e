#!/bin/sh
# A throw-away PostgreSQL cluster for the tests: postgres.sh start prints its URL (and starts it if it does not run),
# postgres.sh stop ends and removes it. It listens on 127.0.0.1 only and does not fsync.
set -eu
dir=${SCHULHOF_TEST_POSTGRES_DIR:-/tmp/schulhof-postgres}
port=${SCHULHOF_TEST_POSTGRES_PORT:-54329}
url="postgres://schulhof@127.0.0.1:$port/postgres?sslmode=disable"
bin=${PGBIN:-}
for candidate in /usr/lib/postgresql/*/bin /usr/local/bin /usr/bin; do
	if [ -z "$bin" ] && [ -x "$candidate/initdb" ]; then bin=$candidate; fi
done

# initdb refuses root.
as_owner() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid="$(id -u postgres)" --regid="$(id -g postgres)" --clear-groups "$@"
	else
		"$@"
	fi
}

start() {
	if [ -z "$bin" ]; then
		echo "no PostgreSQL on this machine (initdb not found; PGBIN names its folder)" >&2
		exit 1
	fi
	if [ -d "$dir/data" ] && (cd / && as_owner "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1); then
		echo "$url"
		return
	fi
	rm -rf "$dir"
	mkdir -p "$dir"
	chmod 700 "$dir"
	if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; fi
	cd /
	as_owner "$bin/initdb" -D "$dir/data" -U schulhof -A trust -E UTF8 --no-locale >"$dir.log" 2>&1
	as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/postgres.log" -w -o "-p $port -c listen_addresses=127.0.0.1 \
		-c unix_socket_directories= -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=300 -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=256MB -c autovacuum=off -c jit=off -c checkpoint_timeout=1h" start >>"$dir.log" 2>&1
	echo "$url"
}

stop() {
	if [ -d "$dir/data" ]; then
		cd /
		as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
		rm -rf "$dir" "$dir.log"
	fi
}

case "${1:-}" in
start) start ;;
stop) stop ;;
*)
	echo "usage: $0 start|stop" >&2
	exit 2
	;;
esac
