#!/usr/bin/env python3
"""Reads the JSON lines of compare.sh (files as arguments) and prints, per step and figure, the medians and the median of the ratios."""
import json, sys, statistics as st
for f in sys.argv[1:]:
    groups = {}
    for line in open(f):
        if line.startswith("{"):
            r = json.loads(line)
            k = " ".join(str(r.get(x, "")) for x in ("bench", "mode", "mix", "conns") if x in r)
            tls = " tls" if r.get("tls") == "implicit" else ""
            groups.setdefault(k, {}).setdefault(r["label"] + tls, []).append(r)
    for k, g in groups.items():
        print("##", f.split("/")[-1], k)
        peer = next((l for l in g if not l.startswith("ours")), None)
        names = [n for n in g[next(iter(g))][0] if isinstance(g[next(iter(g))][0][n], (int, float))]
        for n in names:
            row = {l: [x[n] for x in rs if n in x] for l, rs in g.items()}
            out = "  %-28s" % n + "  ".join("%s %.4g" % (l, st.median(v)) for l, v in row.items() if v)
            if peer and row.get("ours") and row.get(peer):
                rr = [a / b for a, b in zip(row["ours"], row[peer]) if b]
                if rr: out += "   ours/peer %.2f" % st.median(rr)
            print(out)
