#!/usr/bin/env python3
"""The state directory is put back from an old backup, at either side or both: nothing is lost. An origin that
has gone back in time holds the set and says so; one command lets it go on, and all is equal.

    restored_state_dir.py REPLICATOR
"""

import os
import shutil
import sys

from cluster import STAGING, Cluster
from promise import Promise

import tree_compare


def digest(site):
    return tree_compare.tree_digest(os.fsencode(site.tree), (STAGING, b"."))


def change(promise, site, turn):
    """Creates, rewrites, deletes and brings back: all that an old index could get wrong."""
    site.write(f"new-{turn}", promise.random.randbytes(5000))
    site.write("rewritten", f"in turn {turn}".encode() * 100)
    site.write(f"folder-{turn}/file", b"x" * turn)
    for name in (f"old-{turn}", f"new-{turn - 2}"):
        if os.path.exists(site.path(name)):
            os.unlink(site.path(name))
    site.write(f"old-{turn - 1}", b"it is back")
    with open(site.path("large"), "r+b") as out:
        os.pwrite(out.fileno(), promise.random.randbytes(100), 100_000 * turn)


def main():
    with Promise("a state directory from an old backup loses nothing") as promise:
        with Cluster(promise, sys.argv[1]) as cluster:
            for number in range(30):
                cluster.origin.write(f"old-{number}", promise.random.randbytes(3000))
            cluster.origin.write("large", promise.random.randbytes(3 << 20))
            cluster.start()
            cluster.wait_equal(60)
            turn = 1
            for names in (["fra1"], ["nyc1"], ["fra1", "nyc1"]):
                sites = [cluster.sites[name] for name in names]
                backups = {site: site.state + ".backup" for site in sites}
                for site in cluster.sites.values():
                    site.stop()
                for site, backup in backups.items():
                    shutil.copytree(site.state, backup)
                cluster.start()
                for _ in range(3):
                    turn += 1
                    change(promise, cluster.origin, turn)
                    cluster.wait_equal(60)
                for site in cluster.sites.values():
                    site.stop()
                turn += 1
                change(promise, cluster.origin, turn)
                for site, backup in backups.items():
                    shutil.rmtree(site.state)
                    os.rename(backup, site.state)
                wanted = digest(cluster.origin)
                shown = digest(cluster.replica)
                cluster.start()
                if sites == [cluster.origin]:  # a replica that is as old does not know better
                    found = cluster.wait_state(cluster.origin, "HELD", 30)
                    promise.check("hareplicate release tree" in found["hint"],
                                  f"HELD: {found['reason']}; try: {found['hint']}")
                    same = digest(cluster.replica) == shown
                    promise.check(same, "the replica is untouched meanwhile")
                    cluster.origin.ask("release", "tree", **{"force-delete": ""})
                took = cluster.wait_equal(60)
                after = digest(cluster.origin)
                promise.check(wanted == after, f"{' and '.join(names)} restored: the origin is untouched")
                promise.check(True, f"{' and '.join(names)} restored: equal after {took:.1f} s")
            cluster.check_staging()


if __name__ == "__main__":
    main()
