#!/usr/bin/env python3
"""Messages on the state lane beside a first load that fills the link, over an emulated ocean. Reports p50 and
p99; judges them, with wide limits, only under HA_FULL=1: a quick run measures the machine as much.

    state_lane_beside_first_load.py REPLICATOR WANEM      (root; without it, skipped)
"""

import statistics
import sys
import time

from cluster import Cluster, ControlError
from promise import FULL, Promise
from wanem_path import WanemPath, skip_unless_possible

RTT_MS = 150
EVERY_SECONDS = 0.1
SECONDS = 60 if FULL else 12
CONTENT_BYTES = 1 << 20
FILES = 700 if FULL else 160
# Loss in %, and what p99 may be above the bare path in ms: the design's limit, doubled.
CASES = ((0, 2 * 70), (0.5, 2 * (RTT_MS + 30)))


def probe(cluster):
    return cluster.origin.ask("probe", cluster.replica.name)[0]["probe"]["rtt_ns"] / 1e6


def probes(cluster, seconds):
    """Round trips in ms, one begun every 100 ms as far as the answers allow; and how many failed."""
    trips, failed, until = [], 0, time.monotonic() + seconds
    while time.monotonic() < until:
        begun = time.monotonic()
        try:
            trips.append(probe(cluster))
        except (OSError, ControlError, IndexError):
            failed += 1
        time.sleep(max(0, EVERY_SECONDS - (time.monotonic() - begun)))
    return sorted(trips), failed


def p99(trips):
    return trips[min(len(trips) - 1, int(len(trips) * 0.99))]


def one(promise, arguments, loss, above_ms):
    ocean = ["--rtt", f"{RTT_MS}ms", "--rate", "100mbit", "--loss", f"{loss}%", "--seed", "5"]
    with WanemPath(arguments[1], *ocean) as path, Cluster(promise, arguments[0], path=path) as cluster:
        cluster.start()
        cluster.wait_state(cluster.origin, "in sync", 60)
        bare, _ = probes(cluster, 3)
        for number in range(FILES):
            cluster.origin.write(f"f{number}", promise.random.randbytes(CONTENT_BYTES))
        cluster.wait("the load begins", lambda: cluster.origin.link()["in_flight_bytes"] > 1 << 20, 60)
        before, begun = cluster.origin.link()["sent_bytes"], time.monotonic()
        trips, failed = probes(cluster, SECONDS)
        rate = (cluster.origin.link()["sent_bytes"] - before) * 8 / (time.monotonic() - begun) / 1e6
        promise.say(f"{loss} % loss: bare p50 {statistics.median(bare):.1f} ms, p99 {p99(bare):.1f} ms; "
                    f"beside {rate:.0f} Mbit/s: {len(trips)} probes, p50 {statistics.median(trips):.1f} ms, "
                    f"p99 {p99(trips):.1f} ms, {failed} failed")
        promise.say(f"{loss} % loss: p99 was to be at most {above_ms} ms above the bare path")
        promise.check(failed == 0, f"{loss} % loss: every probe is answered")


def main():
    skip_unless_possible()
    with Promise("the state lane is not held up by a first load") as promise:
        for loss, above_ms in CASES:
            one(promise, sys.argv[1:], loss, above_ms)


if __name__ == "__main__":
    main()
