#!/usr/bin/env python3
"""At rest with 100,000 files both daemons need under 60 MB of anonymous memory and under 1 % of a processor;
while everything is copied, and while large files are changed, no more than that and the window.
The processor is judged only under HA_FULL=1: whatever else changes on the same file system wakes the origin's
watch, so that a busy host measures itself.

    idle_costs_nothing.py REPLICATOR
"""

import contextlib
import os
import sys
import threading
import time

from cluster import Cluster
from promise import FULL, Promise, is_sanitized, skip

import tree_make

FILES = 100_000 if FULL else 20_000
REST_SECONDS = 30 if FULL else 15
CALM_SECONDS = 8
MEMORY_MAX = 60_000_000
WINDOW = 16_000_000  # the default
LARGE_FILES = 8
LARGE_BYTES = (64 if FULL else 8) << 20
CPU_MAX = 0.01


@contextlib.contextmanager
def peaks(cluster):
    """The most anonymous memory of each site while it is open, looked at 20 times a second."""
    seen = {site: 0 for site in cluster.sites.values()}
    end = threading.Event()

    def look():
        while not end.wait(0.05):
            for site in seen:
                with contextlib.suppress(OSError):  # not started yet
                    seen[site] = max(seen[site], site.anonymous_bytes())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        end.set()
        watcher.join()


def change_large_files(cluster, promise):
    for number in range(LARGE_FILES):
        cluster.origin.write(f"large-{number}", promise.random.randbytes(LARGE_BYTES))


def judge_peaks(promise, when, seen):
    for site, memory in seen.items():
        promise.check(0 < memory < MEMORY_MAX + WINDOW,
                      f"{when}: {site.name}: {memory / 1e6:.1f} MB anonymous at most")


def main():
    if is_sanitized(sys.argv[1]):
        skip("a sanitizer needs memory and a processor of its own")
    with Promise(f"{FILES} files at rest cost nothing") as promise:
        with Cluster(promise, sys.argv[1]) as cluster:
            tree_make.make_many(os.fsencode(cluster.origin.tree), FILES, 0, 256, promise.seed)
            change_large_files(cluster, promise)
            cluster.start()
            with peaks(cluster) as seen:
                cluster.wait_state(cluster.origin, "in sync", 900)
            judge_peaks(promise, "while everything is copied", seen)
            with peaks(cluster) as seen:
                change_large_files(cluster, promise)
                took = cluster.wait_equal(300)
            judge_peaks(promise, "while large files change", seen)
            promise.say(f"equal, {took:.1f} s")
            time.sleep(CALM_SECONDS)
            for when in ("after the first load", "after a restart"):
                if when == "after a restart":
                    for site in cluster.sites.values():
                        site.restart()
                    cluster.wait_state(cluster.origin, "in sync", 120)
                    time.sleep(CALM_SECONDS)
                before = {site: site.cpu_seconds() for site in cluster.sites.values()}
                bytes_before = cluster.origin.traffic()
                time.sleep(REST_SECONDS)
                for site in cluster.sites.values():
                    memory = site.anonymous_bytes()
                    share = (site.cpu_seconds() - before[site]) / REST_SECONDS
                    promise.check(memory < MEMORY_MAX and (share < CPU_MAX or not FULL),
                                  f"{when}: {site.name}: {memory / 1e6:.1f} MB anonymous, "
                                  f"{100 * share:.2f} % of a processor")
                moved = cluster.origin.traffic() - bytes_before
                promise.say(f"     {moved} bytes both ways in {REST_SECONDS} s")


if __name__ == "__main__":
    main()
