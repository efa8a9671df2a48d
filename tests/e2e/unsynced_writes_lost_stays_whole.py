#!/usr/bin/env python3
"""As killed_at_random_stays_whole, but with each kill the host loses what was not synced: the replica's tree
and state, or the origin's state, are on a file system that forgets.

    unsynced_writes_lost_stays_whole.py REPLICATOR LOSSYFS [replica|origin]
"""

import contextlib
import os
import sys

from cluster import Cluster
from kills import Killer
from mounts import lossyfs
from promise import Promise, count, skip_unless_root

KILLS = 200


def on_lossy(stack, program, site, with_tree):
    """State (and tree) of the site on one lossyfs; returns its ctl."""
    mount_point = os.path.join(site.folder, "disk")
    os.makedirs(mount_point)
    ctl = stack.enter_context(lossyfs(program, mount_point))
    site.state = os.path.join(mount_point, "state")
    os.makedirs(site.state)
    if with_tree:
        site.tree = site.trees["tree"] = os.path.join(mount_point, "tree")
        os.makedirs(site.tree)
    site.configure()
    ctl("sync")
    return ctl


def main():
    skip_unless_root("/dev/fuse")
    where = sys.argv[3] if len(sys.argv) > 3 else "replica"
    with Promise(f"{count(KILLS)} kills that lose the {where}'s unsynced writes: old or new") as promise:
        # The cluster is left last: the daemons end before their file systems do.
        with contextlib.ExitStack() as stack:
            cluster = Cluster(promise, sys.argv[1])
            site = getattr(cluster, where)
            ctl = on_lossy(stack, sys.argv[2], site, with_tree=where == "replica")
            stack.enter_context(cluster)

            def lose(killed):
                if killed is site:
                    # Now and then all of it is lost, else a random part.
                    some = promise.random.random() < 0.8
                    ctl("lose", *([promise.random.randrange(1 << 30)] if some else []))

            Killer(promise, cluster, lose).run(count(KILLS))


if __name__ == "__main__":
    main()
