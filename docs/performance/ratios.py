#!/usr/bin/env python3
"""Reads the JSON lines of compare.sh and dav.sh (files as arguments) and prints, per step and figure, the medians of all, and for each peer the
median of the ratios within the rounds (above 1: ours is better; times are turned round) with their range, and the number of rounds that both
finished."""
import json
import statistics as st
import sys

SKIP = {"round", "conns", "mailbox_msgs", "run"}


def better_if_low(name):
    if name.endswith(("per_s", "_mb_s")):
        return False
    return name.endswith(("_ms", "_ms_per_op", "_s")) or "kib" in name or "_mb" in name


def read(files):
    """The results of the files: {file and what was measured: {label: {round: result}}}."""
    groups = {}
    for file in files:
        for line in open(file):
            if not line.startswith("{"):
                continue
            r = json.loads(line)
            key = " ".join([file.split("/")[-1].removesuffix(".jsonl")] + [str(r[x]) for x in ("bench", "step", "mode", "conns") if x in r])
            label = r["label"] + (" tls" if r.get("tls") == "implicit" else "")
            groups.setdefault(key, {}).setdefault(label, {})[r["round"]] = r
    return groups


def pairs(group, peer, name):
    """Ours and the peer's of the rounds in which both have the figure."""
    ours, theirs = group.get("ours", {}), group.get(peer, {})
    both = [(ours[i].get(name), theirs[i].get(name)) for i in ours if i in theirs]
    return [(o, p) for o, p in both if o and p]


def ratios(name, both):
    return [p / o if better_if_low(name) else o / p for o, p in both]


def main(files):
    for key, g in read(files).items():
        print("##", key)
        peers = [label for label in g if not label.startswith("ours")]
        first = next(iter(g.get("ours", next(iter(g.values()))).values()))
        for n in [n for n, v in first.items() if isinstance(v, (int, float)) and n not in SKIP]:
            values = {label: [r[n] for r in rounds.values() if n in r] for label, rounds in g.items()}
            out = "  %-26s" % n + "  ".join("%s %.5g" % (label, st.median(v)) for label, v in values.items() if v)
            for peer in peers:
                found = ratios(n, pairs(g, peer, n))
                if found:
                    out += "   %s %.2f (%.2f to %.2f, %d rounds)" % (peer, st.median(found), min(found), max(found), len(found))
            print(out)


if __name__ == "__main__":
    main(sys.argv[1:])
