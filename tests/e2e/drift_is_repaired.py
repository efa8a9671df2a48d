#!/usr/bin/env python3
"""Somebody changes the replica's tree: the next walk there finds it and the origin's content comes back,
without a restart and without anybody asking.

    drift_is_repaired.py REPLICATOR
"""

import os
import sys

from cluster import Cluster
from promise import Promise

FILES = 40
REPAIRED_SECONDS = 60


def drift(site):
    site.write("file-0", b"not what the origin has")
    os.unlink(site.path("file-1"))
    os.chmod(site.path("file-2"), 0o600)
    os.rename(site.path("file-3"), site.path("renamed"))
    os.symlink("file-5", site.path("a link"))
    os.makedirs(site.path("folder/deep"))
    site.write("folder/deep/extra", b"x" * 10_000)
    with open(site.path("large"), "r+b") as out:
        os.pwrite(out.fileno(), b"here", 3 << 20)


def main():
    with Promise("what was changed at a replica is put right by itself") as promise:
        with Cluster(promise, sys.argv[1], check="1s", walk="10s") as cluster:
            for number in range(FILES):
                cluster.origin.write(f"file-{number}", promise.random.randbytes(4000))
            cluster.origin.write("large", promise.random.randbytes(6 << 20))
            cluster.start()
            cluster.wait_equal(60)
            drift(cluster.replica)
            promise.check(cluster.differences(), "the trees differ")
            took = cluster.wait_equal(REPAIRED_SECONDS)
            promise.check(True, f"equal again after {took:.1f} s; a walk is due every 10 s")
            cluster.check_staging()


if __name__ == "__main__":
    main()
