#!/usr/bin/env python3
"""The replica's disk is full: the old content stays, the status says so, and it recovers by itself.

    full_disk_recovers.py REPLICATOR LOSSYFS      (root and /dev/fuse; without them, skipped)
"""

import contextlib
import os
import sys

from cluster import Cluster
from mounts import lossyfs
from promise import Promise, skip_unless_root

MIB = 1 << 20
SMALL_DISK, BIG_DISK = 16 * MIB, 512 * MIB
RECOVERS_SECONDS = 90


def says_full(cluster):
    found = cluster.origin.set_status()
    return found is not None and "space" in found["reason"].lower() and found


def one(promise, arguments, with_state):
    where = "tree and state" if with_state else "tree"
    with contextlib.ExitStack() as stack:
        cluster = Cluster(promise, arguments[0], check="2s")
        site = cluster.replica
        disk = os.path.join(site.folder, "disk")
        os.makedirs(disk)
        ctl = stack.enter_context(lossyfs(arguments[1], disk))
        site.tree = site.trees["tree"] = os.path.join(disk, "tree")
        os.mkdir(site.tree)
        if with_state:
            site.state = os.path.join(disk, "state")
            os.mkdir(site.state)
        site.configure()
        stack.enter_context(cluster)
        ctl("capacity", SMALL_DISK)
        old = {f"f{number}": promise.random.randbytes(MIB) for number in range(4)}
        for name, content in old.items():
            cluster.origin.write(name, content)
        cluster.start()
        cluster.wait_equal(60)
        new = {f"f{number}": promise.random.randbytes(24 * MIB) for number in range(2)}
        for name, content in new.items():
            cluster.origin.write(name, content)
        cluster.origin.write("small", b"it fits")
        found = cluster.wait(f"{where}: the status says that the disk is full",
                             lambda: says_full(cluster), 60)
        promise.check(True, f"{where}: state \"{found['state']}\": {found['reason']}; try: {found['hint']}")
        promise.check("df " in found["hint"], f"{where}: the status says what to do")
        whole = all(site.read(name) in (content, new.get(name)) for name, content in old.items())
        promise.check(whole, f"{where}: every file on the full disk is old or new")
        promise.check(site.read("f3") == old["f3"], f"{where}: what did not change is there")
        ctl("capacity", BIG_DISK)
        took = cluster.wait_equal(RECOVERS_SECONDS)
        promise.check(True, f"{where}: equal {took:.1f} s after there was room, by itself")
        cluster.check_staging()


def main():
    skip_unless_root("/dev/fuse")
    with Promise("a full disk at the replica loses nothing and is recovered from") as promise:
        one(promise, sys.argv[1:], with_state=False)
        one(promise, sys.argv[1:], with_state=True)


if __name__ == "__main__":
    main()
