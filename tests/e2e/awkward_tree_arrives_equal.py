#!/usr/bin/env python3
"""The awkward tree arrives equal in content and metadata; a second pass sends nothing and touches nothing.

    awkward_tree_arrives_equal.py REPLICATOR      (root; without it, skipped)
"""

import os
import sys

from cluster import STAGING, Cluster
from promise import Promise, skip_unless_root

import tree_awkward

SECOND_PASS_BYTES_MAX = 1000


def touched(root):
    """What a write would change, of everything in the tree: inode, mtime, ctime."""
    found = {}

    def walk(folder, prefix):
        for name in os.listdir(f"/proc/self/fd/{folder}".encode()):
            if prefix + name == STAGING:
                continue
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            found[prefix + name] = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
            if status.st_mode & 0o170000 == 0o040000:
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                try:
                    walk(below, prefix + name + b"/")
                finally:
                    os.close(below)

    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    walk(top, b"")
    os.close(top)
    return found


def session_bytes(site):
    """What the sessions moved, without the pings of the link: traffic at rest is subtracted by the caller."""
    return site.traffic()


def second_pass(promise, cluster, what, again):
    before = touched(os.fsencode(cluster.replica.tree))
    bytes_before = session_bytes(cluster.origin) if cluster.origin.is_running() else 0
    fresh = again()
    cluster.wait_state(cluster.origin, "in sync", 60)
    sent = session_bytes(cluster.origin) - (0 if fresh else bytes_before)
    promise.check(sent < SECOND_PASS_BYTES_MAX, f"{what}: {sent} bytes both ways")
    after = touched(os.fsencode(cluster.replica.tree))
    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    promise.check(not changed,
                  f"{what}: {len(before)} inodes, mtimes and ctimes untouched {changed[:3] or ''}")


def main():
    skip_unless_root()
    sys.setrecursionlimit(20000)
    with Promise("an awkward tree arrives equal, and a second pass touches nothing") as promise:
        with Cluster(promise, sys.argv[1]) as cluster:
            tree_awkward.make_awkward(os.fsencode(cluster.origin.tree))
            cluster.start()
            took = cluster.wait_equal(120)
            promise.check(True, f"equal after {took:.1f} s: {cluster.origin.set_status()['items']} items")

            def restart(*sites):
                for site in sites:
                    site.stop()
                for site in sites:
                    site.start()
                return cluster.origin in sites

            second_pass(promise, cluster, "after a restart of the origin", lambda: restart(cluster.origin))
            second_pass(promise, cluster, "after a restart of both",
                        lambda: restart(cluster.replica, cluster.origin))
            promise.check(not cluster.differences(), "still equal")
            cluster.check_staging()


if __name__ == "__main__":
    main()
