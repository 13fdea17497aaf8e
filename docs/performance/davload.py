#!/usr/bin/env python3
"""What the load harness has no command for: davload.py folder|poll HOST:PORT PID prints one JSON line a figure.

folder: fills folders of 1,000 and of 10,000 files over HTTP, lists each with PROPFIND, and tells how long that took and how much the peak of
the memory of process PID rose. poll: 500 clients over TLS, each asking its calendar home and one calendar for changes once a minute, for a
minute; tells what share of a core process PID used. Both take people user0001 to user0200 with the password secret-test-1.
"""
import base64
import http.client
import json
import os
import ssl
import sys
import threading
import time

PROPS = b'<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><D:getcontentlength/><D:getlastmodified/><D:resourcetype/></D:prop></D:propfind>'
HOME = b'<?xml version="1.0"?><D:propfind xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/"><D:prop><CS:getctag/><D:sync-token/><D:displayname/><D:resourcetype/></D:prop></D:propfind>'
SYNC = b'<?xml version="1.0"?><D:sync-collection xmlns:D="DAV:"><D:sync-token>%s</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>'


def status(pid, what):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(what):
            return int(line.split()[1])


def cpu(pid):
    f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


class Client:
    def __init__(self, addr, user, tls):
        context = ssl._create_unverified_context() if tls else None
        self.c = http.client.HTTPSConnection(addr, context=context) if tls else http.client.HTTPConnection(addr)
        self.auth = "Basic " + base64.b64encode(f"user{user:04d}:secret-test-1".encode()).decode()

    def ask(self, method, path, body=None, want=(207,), **header):
        self.c.request(method, path, body, {"Authorization": self.auth, **header})
        r = self.c.getresponse()
        answer = r.read()
        if r.status not in want:
            raise SystemExit(f"{method} {path}: {r.status} {answer[:200]}")
        return answer


def folder(addr, pid):
    for n in 1000, 10000:
        path = f"/webdav/Files/list{n}/"
        Client(addr, 1, False).ask("MKCOL", path, want=(201,))

        def fill(worker):
            c = Client(addr, 1, False)
            for i in range(worker, n, 8):
                c.ask("PUT", f"{path}f{i}.txt", b"x" * 100, want=(201,))

        workers = [threading.Thread(target=fill, args=(w,)) for w in range(8)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        time.sleep(3)
        open(f"/proc/{pid}/clear_refs", "w").write("5")
        before, start = status(pid, "VmHWM"), time.time()
        answer = Client(addr, 1, False).ask("PROPFIND", path, PROPS, Depth="1")
        took = time.time() - start
        found = answer.count(b".txt")
        if found < n:
            raise SystemExit(f"{found} of {n} files listed")
        print(json.dumps({"bench": "list", "label": "ours", "mode": str(n), "list_ms": took * 1000, "answer_mb": len(answer) / 1e6, "rise_kib": status(pid, "VmHWM") - before}))


def poll(addr, pid):
    clients, polls = 500, 0
    tokens = {}
    people = [Client(addr, i % 200 + 1, True) for i in range(clients)]
    for i, c in enumerate(people):  # connect, and learn the token
        home = f"/dav/calendars/user{i % 200 + 1:04d}/"
        answer = c.ask("PROPFIND", home, HOME, Depth="1")
        at = answer.split(b"sync-token>")
        href = next(h.split(b"<")[0].decode() for part in at[:1] for h in [part.split(b"href>")[-2]])
        tokens[i] = (home, href, at[1].split(b"<")[0])
    time.sleep(5)
    used, start = cpu(pid), time.time()
    for i, c in enumerate(people):
        time.sleep(max(0, start + i * 60 / clients - time.time()))
        home, calendar, token = tokens[i]
        c.ask("PROPFIND", home, HOME, Depth="1")
        c.ask("REPORT", calendar, SYNC % token, Depth="1")
        polls += 1
    time.sleep(max(0, start + 60 - time.time()))
    took = time.time() - start
    used = cpu(pid) - used
    print(json.dumps({"bench": "poll", "label": "ours", "clients": clients, "polls": polls, "core_percent": used / took * 100, "rss_mb": status(pid, "VmRSS") / 1024}))


if __name__ == "__main__":
    {"folder": folder, "poll": poll}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
