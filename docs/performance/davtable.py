#!/usr/bin/env python3
"""davtable.py FOLDER: prints the table of calendars, contacts and files in docs/performance.md from the JSON lines that dav.sh left in FOLDER
(its OUT). A row has the medians of both sides, the median of the ratios within the rounds (above 1: ours is better; times are turned round),
their range, and the number of rounds that both finished."""
import json
import os
import statistics
import sys

NONE = None  # no goal was set
QUERIES = {"radicale": 10, "cyrus": 1.2}
SEEN_ALONE = {"radicale": NONE, "cyrus": NONE}
# Of caldav.jsonl and carddav.jsonl: field, what it is, goals. A row is left out where the harness has no such figure.
OBJECTS = [
    ("puts_per_s", "{kind} PUT, 4 connections, /s", {"radicale": 20, "cyrus": 1.5}),
    ("query_week_ms", "{size}: query of a week, ms", QUERIES),
    ("query_month_ms", "{size}: query of a month, ms", QUERIES),
    ("query_year_etag_ms", "{size}: query of a year, ETags only, ms", QUERIES),
    ("query_text_rare_ms", "{size}: query FN, rare, ms", QUERIES),
    ("query_text_common_ms", "{size}: query FN, common, ms", QUERIES),
    ("query_email_ms", "{size}: query EMAIL, ms", QUERIES),
    ("multiget100_ms", "{size}: multiget of 100, ms", QUERIES),
    ("sync_initial_ms", "{size}: first sync, ms", QUERIES),
    ("sync_incremental_ms", "{size}: sync after 10 changes, ms", QUERIES),
    ("sync_nochange_ms", "{size}: sync without changes, ms", QUERIES),
    ("propfind1_etag_ms", "{size}: PROPFIND depth 1, ETags, ms", SEEN_ALONE),
    ("propfind0_ctag_ms", "{size}: CTag, ms", SEEN_ALONE),
    ("reqs_per_s", "{size}: what phones do all day, 4 connections, requests/s", SEEN_ALONE),
]
# File, field, what it is, goals.
FILES = [
    ("small", "put4k_per_s", "files of 4 KB, PUT, 4 connections, /s", {"apache": 0.7, "nginx": NONE}),
    ("small", "get4k_per_s", "files of 4 KB, GET, 4 connections, /s", {"apache": 0.7, "nginx": NONE}),
    ("many", "put4k_per_s", "files of 4 KB, PUT, 32 connections, /s", {"apache": 1.0, "nginx": NONE}),
    ("many", "get4k_per_s", "files of 4 KB, GET, 32 connections, /s", {"apache": NONE, "nginx": NONE}),
    ("large", "up_mb_s", "1 GiB up, the memory as it is, MB/s", {"dd": 0.8, "nginx": NONE, "apache": NONE}),
    ("used", "up_mb_s", "1 GiB up, all memory in use, MB/s", {"dd": 0.8, "nginx": NONE, "apache": NONE}),
    ("large", "down_mb_s", "1 GiB down, the memory as it is, MB/s", {"nginx": 0.7, "apache": NONE}),
    ("folder", "propfind1000_ms", "PROPFIND of 10,000 files, ms", {"nginx": NONE, "apache": NONE}),
    ("folder", "copy_dir_ms", "COPY of 10,000 files, ms", {"nginx": NONE, "apache": NONE}),
    ("folder", "move_dir_ms", "MOVE of 10,000 files, ms", {"nginx": NONE, "apache": NONE}),
    ("folder", "delete_dir_ms", "DELETE of 10,000 files, ms", {"nginx": NONE, "apache": NONE}),
]


def figures(folder, name, field):
    """What each side reached: {label: {round: figure}}."""
    sides = {}
    path = os.path.join(folder, name + ".jsonl")
    for line in open(path) if os.path.exists(path) else []:
        result = json.loads(line)
        # The filling of the collections is told in the same unit as the PUTs, and is none of them.
        if result.get(field) and result.get("step") != "fill":
            sides.setdefault(result["label"], {})[result["round"]] = result[field]
    return sides


def number(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def row(folder, name, field, what, peer, goal):
    sides = figures(folder, name, field)
    ours, theirs = sides.get("ours", {}), sides.get(peer, {})
    rounds = sorted(set(ours) & set(theirs))
    if not rounds:
        return
    ratios = [theirs[r] / ours[r] if field.endswith("_ms") else ours[r] / theirs[r] for r in rounds]
    middle = statistics.median
    print(
        f"| {what} | {peer} | {number(middle(ours[r] for r in rounds))} | {number(middle(theirs[r] for r in rounds))} | **{middle(ratios):.2f} ×** "
        f"| {min(ratios):.2f} to {max(ratios):.2f} | {len(rounds)} | {'–' if goal is NONE else f'{goal} ×'} |"
    )


folder = sys.argv[1]
print("| work | peer | ours | peer's | ratio | range | rounds | goal |\n|---|---|---|---|---|---|---|---|")
for kind, size in ("caldav", "5,000 events"), ("carddav", "2,000 cards"):
    for peer in "radicale", "cyrus":
        for field, what, goals in OBJECTS:
            row(folder, kind, field, what.format(kind=kind, size=size), peer, goals[peer])
for name, field, what, goals in FILES:
    for peer, goal in goals.items():
        row(folder, name, field, what, peer, goal)
