#!/usr/bin/env python3
"""An index is deleted or damaged, at either side: it is said, a new one is made, and all is reconciled
without sending content again.

    lost_or_damaged_index.py REPLICATOR
"""

import glob
import os
import sys

from cluster import Cluster
from promise import Promise

MIB = 1 << 20
CONTENT_BYTES = 24 * MIB
SHARE_MAX = 0.1  # of the content that may travel


def delete(path):
    for each in glob.glob(path + "*"):
        os.unlink(each)


def empty(path):
    os.truncate(path, 0)


def scribble_header(path):
    with open(path, "r+b") as out:
        out.write(b"this is no database" * 10)


def scribble_middle(path):
    size = os.path.getsize(path)
    with open(path, "r+b") as out:
        for place in range(8192, size, 8192):
            os.pwrite(out.fileno(), b"\xa5" * 3000, place)


def cut_short(path):
    os.truncate(path, os.path.getsize(path) // 2 // 4096 * 4096)


CASES = [(delete, False), (empty, False), (scribble_header, True), (scribble_middle, True), (cut_short, True)]


def fill(promise, site):
    for number in range(20):
        site.write(f"small/{number}", promise.random.randbytes(MIB // 5))
    for number in range(2):
        site.write(f"large-{number}", promise.random.randbytes(10 * MIB))


def main():
    with Promise("a lost or damaged index costs a comparison, not the content") as promise:
        with Cluster(promise, sys.argv[1]) as cluster:
            fill(promise, cluster.origin)
            cluster.start()
            cluster.wait_equal(60)
            turn = 0
            for site in cluster.sites.values():
                for damage, is_damaged in CASES:
                    turn += 1
                    what = f"{site.name}: {damage.__name__.replace('_', ' ')}"
                    for each in cluster.sites.values():
                        each.stop()
                    damage(site.index())
                    cluster.origin.write("small/3", f"turn {turn}".encode())
                    os.unlink(cluster.origin.path(f"small/{turn + 8}"))
                    quiet = len(site.log())
                    cluster.start()
                    took = cluster.wait_equal(60)
                    moved = cluster.origin.traffic()
                    promise.check(moved < SHARE_MAX * CONTENT_BYTES,
                                  f"{what}: equal after {took:.1f} s and {moved} bytes of {CONTENT_BYTES}")
                    said = [line for line in site.log()[quiet:].split(b"\n") if b"index.damaged" in line]
                    if is_damaged:
                        promise.check(said, f"{what}: it says: {said[0].decode() if said else 'nothing'}")
            cluster.check_staging()


if __name__ == "__main__":
    main()
