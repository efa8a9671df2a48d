#!/usr/bin/env python3
"""`delete`: under never what the origin deletes stays at replicas, outside the set, also when roles turn;
under trash it is moved aside. Both with publish per file and per set, and with kills.

    deletes_are_kept_or_moved_aside.py REPLICATOR
"""

import glob
import os
import shutil
import signal
import sys
import time

from promise import Promise
from turns import TurningCluster

FILES = 60


def in_sync(cluster, seconds=30):
    """The sums are equal; the trees are not, of course."""
    def equal():
        found = cluster.origin.set_status()
        head = found and found["state"] == "in sync" and found["pending_items"] == 0
        return head

    time.sleep(0.5)  # a change is noticed after `settle`
    cluster.wait("the sums are equal", equal, seconds)


def fill(cluster, promise):
    for number in range(FILES):
        cluster.origin.write(f"folder-{number % 5}/file-{number}", promise.random.randbytes(500))
    cluster.origin.write("recording", b"first")
    os.link(cluster.origin.path("recording"), cluster.origin.path("second-name"))


def kept(promise, cluster):
    origin, replica = cluster.origin, cluster.replica
    for folder in range(4):
        shutil.rmtree(origin.path(f"folder-{folder}"))
    origin.write("deleted/deep/file", b"x")
    os.unlink(origin.path("recording"))
    origin.write("last", b"1")
    cluster.wait("the last change", lambda: os.path.exists(replica.path("last")), 30)
    in_sync(cluster)
    there = [number for number in range(FILES)
             if os.path.exists(replica.path(f"folder-{number % 5}/file-{number}"))]
    promise.check(len(there) == FILES, f"{len(there)} of {FILES} files are still at the replica, not HELD")
    promise.check(replica.read("recording") == b"first", "and the recording")
    counts = (origin.set_status()["items"], replica.set_status()["items"])
    promise.check(counts[0] == counts[1], f"they do not count: {counts}")
    replica.restart()
    in_sync(cluster)
    promise.check(os.path.exists(replica.path("second-name")) and replica.set_status()["failed_items"] == 0,
                  "another name of a kept file is not kept with it")
    promise.check(os.path.exists(replica.path("folder-0/file-0")), "nor after a restart, with a walk")
    published = replica.log().count(b"set.published")
    time.sleep(12)
    promise.check(replica.log().count(b"set.published") == published, "a walk does not find them as drift")
    origin.write("folder-1/file-1", b"anew")
    cluster.wait("made anew", lambda: replica.read("folder-1/file-1") == b"anew", 30)
    promise.check(True, "made anew at the origin it is the set's again")


def turned(promise, cluster):
    """The site with the kept files becomes the holder."""
    sites = list(cluster.sites.values())
    first, second = sites
    cluster.turn(second.name, sites)
    cluster.wait("in sync after the turn", lambda: cluster.in_sync(), 30)
    in_sync(cluster)
    promise.check(not os.path.exists(first.path("folder-0")), "a new holder does not send what it keeps")
    promise.check(os.path.exists(second.path("folder-0/file-0")), "and keeps it")
    os.unlink(second.path("folder-0/file-5"))
    second.write("folder-2/file-2", b"the new holder's own")
    cluster.wait("what it writes anew", lambda: os.path.exists(first.path("folder-2/file-2")), 30)
    in_sync(cluster)
    promise.check(os.listdir(first.path("folder-2")) == ["file-2"], "but what it writes in their place")
    cluster.turn(first.name, sites)
    in_sync(cluster)
    promise.check(os.path.exists(second.path("folder-0/file-0")) and
                  not os.path.exists(first.path("folder-0")), "and the same after the next turn")
    promise.check(not os.path.exists(second.path("folder-0/file-5")), "what is deleted by hand is gone")


def killed_while_deleting(promise, cluster, check):
    origin, replica = cluster.origin, cluster.replica
    for turn in range(5):
        for number in range(200):
            origin.write(f"many-{turn}/{number}", b"%d" % number)
        names = replica.path(f"many-{turn}/*")
        cluster.wait("they are there", lambda names=names: len(glob.glob(names)) == 200, 30)
        in_sync(cluster)
        shutil.rmtree(origin.path(f"many-{turn}"))
        time.sleep(promise.random.uniform(0.1, 0.6))
        replica.process.send_signal(signal.SIGKILL)
        replica.kill()
        replica.start()
        in_sync(cluster, 60)
    check(promise, cluster)


def all_kept(promise, cluster):
    found = len(glob.glob(cluster.replica.path("many-*/*")))
    promise.check(found == 1000, f"killed five times while deleting: {found} of 1000 are kept")


def all_in_trash(promise, cluster):
    replica = cluster.replica
    cluster.wait_equal(60)  # the origin may not have noticed the last ones when it said "in sync"
    found = len(glob.glob(replica.path(".hareplicate/trash/*/many-*/*")))
    left = glob.glob(replica.path("many-*"))
    promise.check(found == 1000 and not left,
                  f"killed five times while deleting: {found} of 1000 are in the trash")


def trash(promise, cluster):
    origin, replica = cluster.origin, cluster.replica
    old, young = (replica.path(f".hareplicate/trash/{day}/x")
                  for day in ("2020-01-01", time.strftime("%Y-%m-%d", time.gmtime())))
    os.makedirs(old)
    shutil.rmtree(origin.path("folder-0"))
    os.unlink(origin.path("recording"))
    origin.write("recording", b"second")
    cluster.wait_equal(30)
    os.unlink(origin.path("recording"))
    cluster.wait_equal(30)
    found = glob.glob(replica.path(".hareplicate/trash/*/folder-0/*"))
    promise.check(len(found) == FILES // 5, f"{len(found)} deleted files are in the trash")
    versions = {open(path, "rb").read() for path in glob.glob(replica.path(".hareplicate/trash/*/recording"))}
    promise.check(b"second" in versions, f"and the recording: {versions}")
    os.makedirs(young, exist_ok=True)
    replica.restart()  # walks
    cluster.wait("old trash is emptied", lambda: not os.path.exists(os.path.dirname(old)), 30)
    promise.check(os.path.exists(young) and os.path.exists(found[0]),
                  "what is old goes at a walk, nothing else")


def main():
    with Promise("what the origin deletes is kept, or moved aside") as promise:
        for publish in ("file", "set"):
            promise.say(f"---- publish = {publish}")
            with TurningCluster(promise, sys.argv[1], check="1s", walk="10s", guards='max_delete = "10%"\n',
                                set_keys=f'delete = "never"\npublish = "{publish}"\n') as cluster:
                fill(cluster, promise)
                cluster.start()
                cluster.wait_equal(30)
                kept(promise, cluster)
                killed_while_deleting(promise, cluster, all_kept)
                turned(promise, cluster)
                cluster.check_staging()
            with TurningCluster(promise, sys.argv[1], check="1s", walk="10s",
                                set_keys=f'delete = "trash:30d"\npublish = "{publish}"\n') as cluster:
                fill(cluster, promise)
                cluster.start()
                cluster.wait_equal(30)
                trash(promise, cluster)
                killed_while_deleting(promise, cluster, all_in_trash)
                cluster.check_staging()


if __name__ == "__main__":
    main()
