#!/usr/bin/env python3
"""`stable`: a file that is being written is sent when it has been left alone, not before; a version that
is known stays meanwhile. Deletions and renames are not lost, and a time in the future makes nobody wait for
ever.

    files_wait_until_stable.py REPLICATOR
"""

import os
import sys
import time

from cluster import Cluster
from promise import Promise

STABLE_SECONDS = 4


def write_slowly(promise, cluster):
    origin, replica = cluster.origin, cluster.replica
    with open(origin.path("recording"), "wb") as new, open(origin.path("known"), "r+b") as known:
        began = time.monotonic()
        while time.monotonic() - began < 2 * STABLE_SECONDS:
            for file in (new, known):
                file.write(promise.random.randbytes(1000))
                file.flush()
            origin.write("beside", promise.random.randbytes(10))
            time.sleep(0.3)
            if os.path.exists(replica.path("recording")) or replica.read("known") != b"an old version":
                promise.check(False, "nothing of a file that is written to is sent")
                return
        ended = time.monotonic()
    promise.check(True, f"nothing was sent of two files while they were written to for {ended - began:.1f} s")
    cluster.wait_equal(30)
    took = time.monotonic() - ended
    promise.check(STABLE_SECONDS - 0.5 < took < STABLE_SECONDS + 6, f"both went {took:.1f} s after the end")


def delete_and_rename(promise, cluster):
    origin, replica = cluster.origin, cluster.replica
    os.unlink(origin.path("known"))
    cluster.wait("a deletion is at the replica", lambda: not os.path.exists(replica.path("known")), 20)
    content = origin.read("recording")
    began = time.monotonic()
    os.rename(origin.path("recording"), origin.path("a-new-name"))  # before it in the order of keys

    def moved():
        names = [name for name in ("recording", "a-new-name") if os.path.exists(replica.path(name))]
        if not names or replica.read(names[0]) != content:
            raise AssertionError(f"the replica has neither name: {names}")
        return names == ["a-new-name"]

    cluster.wait("a renamed file is at the replica", moved, 30, 0.05)
    took = time.monotonic() - began
    promise.check(True, f"a renamed file was there under one name or both for {took:.1f} s")
    origin.write("short-lived", b"x")
    time.sleep(0.5)
    os.unlink(origin.path("short-lived"))
    os.makedirs(origin.path("folder"))
    os.rename(origin.path("a-new-name"), origin.path("folder/z"))
    os.rename(origin.path("folder"), origin.path("another"))
    cluster.wait_equal(30)
    promise.check(not os.path.exists(replica.path("short-lived")), "what came and went is nowhere")
    promise.check(replica.read("another/z") == content, "renamed with its folder")


def odd_times(promise, cluster):
    later = time.time() + 10 * 365 * 86400
    cluster.origin.write("from-the-future", b"1")
    os.utime(cluster.origin.path("from-the-future"), (later, later))
    began = time.monotonic()
    took = cluster.wait_equal(30)
    promise.check(os.path.exists(cluster.replica.path("from-the-future")) and time.monotonic() - began > 2,
                  f"a file with a time in ten years goes after {took:.1f} s")
    cluster.origin.write("a-copy", b"2")
    os.utime(cluster.origin.path("a-copy"), (1000, 1000))  # cp -p: its change time tells
    time.sleep(STABLE_SECONDS / 2)
    promise.check(not os.path.exists(cluster.replica.path("a-copy")), "an old time does not make it stable")
    cluster.wait_equal(30)


def restarted(promise, cluster):
    cluster.origin.write("over-a-restart", b"3")
    time.sleep(0.5)
    cluster.origin.restart()
    cluster.wait_equal(30)
    promise.check(cluster.replica.read("over-a-restart") == b"3", "one that waited over a restart goes")


def main():
    with Promise("a file that is being written waits until it is stable") as promise:
        with Cluster(promise, sys.argv[1], check="1s", set_keys=f'stable = "{STABLE_SECONDS}s"\n') as cluster:
            cluster.origin.write("known", b"an old version")
            cluster.start()
            cluster.wait_equal(30)
            promise.check(True, "the first walk of an index takes files as they are")
            write_slowly(promise, cluster)
            delete_and_rename(promise, cluster)
            odd_times(promise, cluster)
            restarted(promise, cluster)
            cluster.check_staging()


if __name__ == "__main__":
    main()
