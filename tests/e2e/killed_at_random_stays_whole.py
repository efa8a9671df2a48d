#!/usr/bin/env python3
"""200 random kill -9 of sender and receiver during a mixed load: every file is always old or new, nothing is
left over, and all is equal at the end.

    killed_at_random_stays_whole.py REPLICATOR
"""

import sys

from cluster import Cluster
from kills import Killer
from promise import Promise, count

KILLS = 200


def main():
    with Promise(f"{count(KILLS)} random kills leave every file old or new") as promise:
        with Cluster(promise, sys.argv[1]) as cluster:
            Killer(promise, cluster).run(count(KILLS))


if __name__ == "__main__":
    main()
