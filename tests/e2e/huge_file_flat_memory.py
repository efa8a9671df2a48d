#!/usr/bin/env python3
"""A file of 10 GiB, holes and data, arrives and is edited in the middle: the anonymous memory of both daemons
stays flat.

    huge_file_flat_memory.py REPLICATOR
"""

import os
import sys

from cluster import Cluster
from promise import FULL, Promise, is_sanitized

MIB = 1 << 20
SIZE = (10 << 30) if FULL else (1 << 30)
DATA_EVERY, DATA_BYTES = 64 * MIB, 16 * MIB   # a quarter is data
GROWTH_MAX = 16 * MIB                         # after the first tenth of the way
MEMORY_MAX = (60 + 4 * 16) * MIB              # what is allowed idle, and the windows with their buffers


def make(promise, path):
    with open(path, "wb") as out:
        out.truncate(SIZE)
        for place in range(0, SIZE, DATA_EVERY):
            for at in range(place, place + DATA_BYTES, MIB):
                os.pwrite(out.fileno(), promise.random.randbytes(MIB), at)


class Memory:
    """The highest seen of each site, early on the way and after that."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.early = {site: 0 for site in cluster.sites.values()}
        self.late = dict(self.early)

    def look(self, late):
        for site in self.cluster.sites.values():
            seen = self.late if late else self.early
            seen[site] = max(seen[site], site.anonymous_bytes())


def main():
    limits = not is_sanitized(sys.argv[1])
    with Promise(f"memory is flat for a file of {SIZE >> 30} GiB") as promise:
        with Cluster(promise, sys.argv[1]) as cluster:
            origin, replica = cluster.origin, cluster.replica
            origin.write("small", b"first")
            cluster.start()
            cluster.wait_equal(30)
            make(promise, origin.path("huge"))
            memory = Memory(cluster)
            data_bytes = SIZE // DATA_EVERY * DATA_BYTES

            def arrived():
                memory.look(late=origin.link()["sent_bytes"] > data_bytes / 10)
                return cluster.in_sync() and os.path.exists(replica.path("huge")) and \
                    os.path.getsize(replica.path("huge")) == SIZE

            cluster.wait("the huge file arrives", arrived, 1800, 0.3)
            cluster.wait_equal(600)
            allocated = os.stat(replica.path("huge")).st_blocks * 512
            promise.check(allocated < data_bytes * 1.1,
                          f"holes are holes: {allocated >> 20} MiB of {SIZE >> 20} on disk")
            before = origin.link()["sent_bytes"]
            with open(origin.path("huge"), "r+b") as out:
                os.pwrite(out.fileno(), b"changed in the middle", SIZE // 2 + 1000)

            def edited():
                memory.look(late=True)
                with open(replica.path("huge"), "rb") as file:
                    return os.pread(file.fileno(), 7, SIZE // 2 + 1000) == b"changed"

            cluster.wait("the edit arrives", edited, 600, 0.3)
            promise.check(True, f"an edit of 21 bytes sent {origin.link()['sent_bytes'] - before} bytes")
            for site in cluster.sites.values():
                early, late = memory.early[site], memory.late[site]
                what = f"{site.name}: anonymous memory at most {early >> 20} MiB early, {late >> 20} MiB late"
                promise.check(not limits or (late < early + GROWTH_MAX and late < MEMORY_MAX),
                              what if limits else what + " (sanitized: not judged)")


if __name__ == "__main__":
    main()
