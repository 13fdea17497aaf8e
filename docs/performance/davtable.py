#!/usr/bin/env python3
"""davtable.py FOLDER: prints the table of calendars, contacts and files in docs/performance.md from the JSON lines that dav.sh left in FOLDER
(its OUT). A row has the medians of both sides, the median of the ratios within the rounds (above 1: ours is better; times are turned round),
their range, and the number of rounds that both finished."""
import os
import statistics as st
import sys

from ratios import pairs, ratios, read

QUERIES = {"radicale": 10, "cyrus": 1.2}
NO_GOALS = {"radicale": None, "cyrus": None}
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
    ("propfind1_etag_ms", "{size}: PROPFIND depth 1, ETags, ms", NO_GOALS),
    ("propfind0_ctag_ms", "{size}: CTag, ms", NO_GOALS),
    ("reqs_per_s", "{size}: what phones do all day, 4 connections, requests/s", NO_GOALS),
]
# File, field, what it is, goals.
FILES = [
    ("small", "put4k_per_s", "files of 4 KB, PUT, 4 connections, /s", {"apache": 0.7, "nginx": None}),
    ("small", "get4k_per_s", "files of 4 KB, GET, 4 connections, /s", {"apache": 0.7, "nginx": None}),
    ("many", "put4k_per_s", "files of 4 KB, PUT, 32 connections, /s", {"apache": 1.0, "nginx": None}),
    ("many", "get4k_per_s", "files of 4 KB, GET, 32 connections, /s", {"apache": None, "nginx": None}),
    ("large", "up_mb_s", "1 GiB up, the memory as it is, MB/s", {"dd": 0.8, "nginx": None, "apache": None}),
    ("used", "up_mb_s", "1 GiB up, all memory in use, MB/s", {"dd": 0.8, "nginx": None, "apache": None}),
    ("large", "down_mb_s", "1 GiB down, the memory as it is, MB/s", {"nginx": 0.7, "apache": None}),
    ("folder", "propfind1000_ms", "PROPFIND of 10,000 files, ms", {"nginx": None, "apache": None}),
    ("folder", "copy_dir_ms", "COPY of 10,000 files, ms", {"nginx": None, "apache": None}),
    ("folder", "move_dir_ms", "MOVE of 10,000 files, ms", {"nginx": None, "apache": None}),
    ("folder", "delete_dir_ms", "DELETE of 10,000 files, ms", {"nginx": None, "apache": None}),
]


def number(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def row(groups, field, what, peer, goal):
    for key, group in groups.items():
        both = pairs(group, peer, field)
        if not both or " fill" in key:  # filling a collection is told in the unit of its PUTs, but is none of them
            continue
        ours, theirs = (st.median(side) for side in zip(*both))
        found = ratios(field, both)
        print(
            f"| {what} | {peer} | {number(ours)} | {number(theirs)} | **{st.median(found):.2f} ×** | {min(found):.2f} to {max(found):.2f} "
            f"| {len(found)} | {f'{goal} ×' if goal else '–'} |"
        )


def main(folder):
    def results(name):
        path = os.path.join(folder, name + ".jsonl")
        return read([path]) if os.path.exists(path) else {}

    print("| work | peer | ours | peer's | ratio | range | rounds | goal |\n|---|---|---|---|---|---|---|---|")
    for kind, size in ("caldav", "5,000 events"), ("carddav", "2,000 cards"):
        groups = results(kind)
        for peer in "radicale", "cyrus":
            for field, what, goals in OBJECTS:
                row(groups, field, what.format(kind=kind, size=size), peer, goals[peer])
    for name, field, what, goals in FILES:
        groups = results(name)
        for peer, goal in goals.items():
            row(groups, field, what, peer, goal)


main(sys.argv[1])
