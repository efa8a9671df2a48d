#!/usr/bin/env python3
"""Roles turn again and again, with writes going on until the moment: nothing is sent anew, nothing is lost,
all sites end equal. With many files a turn costs under a kilobyte and no file is read.

    roles_turn.py REPLICATOR
"""

import os
import subprocess
import sys

from promise import FULL, Promise
from turns import TurningCluster

FILES = 100_000 if FULL else 10_000
TURN_BYTES = 1024


def write_some(promise, site, turn):
    for number in range(20):
        site.write(f"live/{turn}-{number}", promise.random.randbytes(2000))
        site.write(f"rewritten/{number}", promise.random.randbytes(2000))
    if os.path.exists(site.path(f"live/{turn - 1}-0")):
        os.unlink(site.path(f"live/{turn - 1}-0"))


def turn_with_writes(promise):
    with TurningCluster(promise, sys.argv[1], check="1s") as cluster:
        sites = list(cluster.sites.values())
        write_some(promise, cluster.origin, 0)
        cluster.start()
        cluster.wait_equal(30)
        for turn in range(1, 21):
            write_some(promise, cluster.origin, turn)  # some of it has not gone when the daemon stops
            cluster.turn(sites[turn % 2].name, sites)
            cluster.all_equal(sites, 30)
        left = [site.path(f"live/{turn}-{number}") for number in range(20) for site in sites]
        promise.check(all(os.path.exists(path) for path in left),
                      f"{turn} turns: the last writes are everywhere")


def turn_of_many(promise):
    with TurningCluster(promise, sys.argv[1], check="1h", walk="1h") as cluster:
        sites = list(cluster.sites.values())
        for number in range(FILES):
            cluster.origin.write(f"{number % 300}/{number}", b"%d" % number)
        cluster.start()
        cluster.wait_equal(120)
        subprocess.run(["sync"], check=True)
        cluster.turn(sites[1].name, sites)
        cluster.all_equal(sites, 60)
        old = [each for each in cluster.origin.status()["sets"] if each["set"] == "tree"][0]
        promise.check(old["sent_bytes"] == 0, f"{FILES} files turned round: {old['sent_items']} items sent")
        log = cluster.origin.log().rsplit(b"---- start", 1)[-1]
        promise.check(b"changed=0" in log, "the new holder has read nothing: " +
                      next(line for line in log.decode().splitlines() if "source.scanned" in line)[-60:])
        # All messages about the set, both ways, of the turn: each daemon has counted from its start.
        used = old["link_bytes"]
        promise.check(0 < used < TURN_BYTES, f"  {used} bytes about it over the link")


def main():
    with Promise("roles turn without copying and without loss") as promise:
        turn_with_writes(promise)
        turn_of_many(promise)


if __name__ == "__main__":
    main()
