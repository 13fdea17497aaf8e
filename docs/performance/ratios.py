#!/usr/bin/env python3
"""Reads the JSON lines of compare.sh and dav.sh (files as arguments) and prints, per step and figure, the medians of all, and for each peer the
median of the ratios within the rounds (above 1: ours is better; times are turned round) with their range, and the number of rounds that both
finished."""
import json
import statistics as st
import sys

SKIP = {"round", "conns", "mailbox_msgs", "run"}


def better_if_low(name):
    return name.endswith("_ms") or name.endswith("_ms_per_op") or name.endswith("_s") and not name.endswith("per_s") or "kib" in name or "_mb" in name


groups = {}
for file in sys.argv[1:]:
    for line in open(file):
        if not line.startswith("{"):
            continue
        r = json.loads(line)
        key = " ".join([file.split("/")[-1].removesuffix(".jsonl")] + [str(r[x]) for x in ("bench", "step", "mode", "conns") if x in r])
        label = r["label"] + (" tls" if r.get("tls") == "implicit" else "")
        groups.setdefault(key, {}).setdefault(label, {})[r["round"]] = r
for key, g in groups.items():
    print("##", key)
    peers = [label for label in g if not label.startswith("ours")]
    first = next(iter(g.get("ours", next(iter(g.values()))).values()))
    for n in [n for n, v in first.items() if isinstance(v, (int, float)) and n not in SKIP]:
        values = {label: [r[n] for r in rounds.values() if n in r] for label, rounds in g.items()}
        out = "  %-26s" % n + "  ".join("%s %.5g" % (label, st.median(v)) for label, v in values.items() if v)
        for peer in peers if "ours" in g else []:
            pairs = [(g["ours"][i][n], g[peer][i][n]) for i in g["ours"] if i in g[peer] and n in g["ours"][i] and n in g[peer][i]]
            ratios = [(p / o if better_if_low(n) else o / p) for o, p in pairs if o and p]
            if ratios:
                out += "   %s %.2f (%.2f to %.2f, %d rounds)" % (peer, st.median(ratios), min(ratios), max(ratios), len(ratios))
        print(out)
