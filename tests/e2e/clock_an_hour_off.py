#!/usr/bin/env python3
"""One host's wall clock is an hour off, ahead or behind: changes arrive as ever, nothing is read again and
again, and the status shows how far the clocks are apart.

    clock_an_hour_off.py REPLICATOR CLOCK_SHIFT.so
"""

import os
import sys
import time

from cluster import Cluster
from promise import Promise, is_sanitized, skip

HOUR = 3600
QUIET_SECONDS = 10


def one(promise, arguments, name, shift):
    what = f"{name} {'ahead' if shift > 0 else 'behind'}"
    with Cluster(promise, arguments[0], check="1s") as cluster:
        site = cluster.sites[name]
        site.environment = {"LD_PRELOAD": os.path.abspath(arguments[1]), "HA_CLOCK_SHIFT": str(shift)}
        origin = cluster.origin
        for number in range(50):
            origin.write(f"f{number}", promise.random.randbytes(2000))
        cluster.start()
        took = cluster.wait_equal(30)
        apart = cluster.wait("the clocks are compared",
                             lambda: (link := origin.link()) and link["clock_offset_ns"], 10) / 1e9
        wanted = shift if name != origin.name else -shift
        promise.check(abs(apart - wanted) < 5,
                      f"{what}: equal after {took:.1f} s, the status says {apart:.1f} s apart")
        for turn in range(3):
            origin.write("f3", f"turn {turn}".encode())
            os.utime(origin.path("f4"), (time.time() + HOUR, time.time() + HOUR))
            os.unlink(origin.path(f"f{turn + 20}"))
            cluster.wait_equal(20)
        promise.check(True, f"{what}: three rounds of changes have arrived")
        scans, before = origin.log().count(b"source.scanned"), origin.traffic()
        time.sleep(QUIET_SECONDS)
        scans = origin.log().count(b"source.scanned") - scans
        promise.say(f"     at rest for {QUIET_SECONDS} s: {scans} walks, "
                    f"{origin.traffic() - before} bytes")


def main():
    if is_sanitized(sys.argv[1]):
        skip("a library cannot be put before the sanitizer's")
    with Promise("a clock an hour off changes nothing but what the status says of it") as promise:
        for name, shift in (("fra1", HOUR), ("fra1", -HOUR), ("nyc1", HOUR), ("nyc1", -HOUR)):
            one(promise, sys.argv[1:], name, shift)


if __name__ == "__main__":
    main()
