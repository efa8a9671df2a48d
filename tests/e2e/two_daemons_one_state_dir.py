#!/usr/bin/env python3
"""A second daemon on the same state directory ends at once and says why; the first one does not notice.

    two_daemons_one_state_dir.py REPLICATOR
"""

import subprocess
import sys

from cluster import Cluster
from promise import Promise


def main():
    with Promise("two daemons never share a state directory") as promise:
        with Cluster(promise, sys.argv[1]) as cluster:
            cluster.origin.write("file", b"one")
            cluster.start()
            cluster.wait_equal(20)
            for site in cluster.sites.values():
                second = subprocess.run(site.command(), capture_output=True, text=True, timeout=20)
                promise.check(second.returncode not in (0, -6),
                              f"{site.name}: the second ends with {second.returncode}")
                promise.check(site.state in second.stderr or "lock" in second.stderr,
                              f"{site.name}: it says: {second.stderr.strip()}")
            cluster.origin.write("file", b"two")
            cluster.wait_equal(20)
            promise.check(cluster.replica.read("file") == b"two", "the first ones go on")


if __name__ == "__main__":
    main()
