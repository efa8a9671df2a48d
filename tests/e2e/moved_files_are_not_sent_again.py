#!/usr/bin/env python3
"""What was renamed, moved, copied or renumbered at the origin is not sent again: the replica makes it from
what it has. When that is not what it should be, it is sent, and the trees end equal.

    moved_files_are_not_sent_again.py REPLICATOR
"""

import os
import shutil
import sys

from cluster import Cluster
from promise import Promise
from voicemail import Mailbox, read_folder

FILES, FILE_BYTES = 100, 1 << 20
ALLOWED_BYTES = 100_000
MESSAGES, SOUND_BYTES = 20, 200_000
LOGS, LOG_BYTES = 6, 800_000
MAILBOX = "default/1001"
UNIT = 'unit = "*/*/*"\nexclude = ["*/*/tmp/"]\n'


class MovingCluster(Cluster):
    def differences(self, name="tree"):
        return [each for each in super().differences(name) if "/tmp" not in each]


class Meter:
    """Bytes over the link, and items that the replica asked for again, while something is done."""

    def __init__(self, promise, cluster):
        self.promise, self.cluster = promise, cluster

    def link_bytes(self):
        return self.cluster.origin.set_status()["link_bytes"]

    def redone(self):
        return self.cluster.replica.log().count(b"what is here is not what")

    def costs(self, what, do, least=0, most=ALLOWED_BYTES, redone=0):
        sent, asked = self.link_bytes(), self.redone()
        do()
        took = self.cluster.wait_equal(60)
        sent, asked = self.link_bytes() - sent, self.redone() - asked
        self.promise.check(least <= sent <= most, f"{what}: {sent} bytes over the link, in {took:.1f} s")
        if redone is not None:
            self.promise.check(asked == redone, f"{what}: {asked} items were asked for again")
        return asked


def rename(site, old, new):
    os.makedirs(os.path.dirname(site.path(new)), exist_ok=True)
    os.rename(site.path(old), site.path(new))


def move_one_by_one(site, old, new):
    os.makedirs(site.path(new))
    for name in sorted(os.listdir(site.path(old))):
        os.rename(site.path(f"{old}/{name}"), site.path(f"{new}/{name}"))


def rotate(site):
    """As logrotate does it: from the oldest. The new one is sent, and takes the place of what was moved."""
    for number in reversed(range(LOGS - 1)):
        os.rename(site.path(f"log/full.{number}"), site.path(f"log/full.{number + 1}"))
    site.write("log/full.0", os.urandom(LOG_BYTES))


def move_while_down(cluster):
    cluster.replica.stop()
    rename(cluster.origin, "day", "archive/day")
    shutil.copytree(cluster.origin.path("archive/day/5"), cluster.origin.path("five"))
    cluster.replica.start()


def move_and_edit(site):
    rename(site, "large", "large.old")
    with open(site.path("large.old"), "ab") as out:
        out.write(b"one line more\n")


def damage_and_move(cluster):
    """What is at the replica changes behind our back: one file is gone, one other, one is half as long."""
    folder = "archive/day/3"
    os.unlink(cluster.replica.path(f"{folder}/30"))
    cluster.replica.write(f"{folder}/31", b"x" * FILE_BYTES)
    os.truncate(cluster.replica.path(f"{folder}/32"), FILE_BYTES // 2)
    rename(cluster.origin, folder, "three")


def rot_and_move(cluster):
    """Changed bytes under the same times and size, as far as anybody can set them back."""
    path = cluster.replica.path("three/33")
    before = os.stat(path)
    with open(path, "r+b") as out:
        os.pwrite(out.fileno(), b"rotten", FILE_BYTES // 2)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    rename(cluster.origin, "three", "last")


def trees(promise, publish):
    with MovingCluster(promise, sys.argv[1], check="2s", set_keys=f'publish = "{publish}"\n') as cluster:
        origin, meter = cluster.origin, Meter(promise, cluster)
        for number in range(FILES):
            origin.write(f"today/{number // 10}/{number}", promise.random.randbytes(FILE_BYTES))
        for number in range(LOGS):
            origin.write(f"log/full.{number}", promise.random.randbytes(LOG_BYTES))
        origin.write("large", promise.random.randbytes(12 << 20))
        cluster.start()
        cluster.wait_equal(120)
        meter.costs("100 files of 1 MiB, their directory renamed",
                    lambda: rename(origin, "today", "day"))
        promise.check(not os.path.exists(cluster.replica.path("today")), "and the old names are gone")
        meter.costs("10 of them copied",
                    lambda: shutil.copytree(origin.path("day/7"), origin.path("copies")))
        meter.costs("and moved one by one, to a name before them",
                    lambda: move_one_by_one(origin, "copies", "are-copies"), most=11 * FILE_BYTES,
                    redone=None)
        meter.costs("logs rotated", lambda: rotate(origin), least=LOG_BYTES, most=LOG_BYTES + ALLOWED_BYTES)
        meter.costs("a large file renamed", lambda: rename(origin, "large", "a/large"))
        rename(origin, "a/large", "large")
        cluster.wait_equal(60)
        meter.costs("a large file renamed and edited", lambda: move_and_edit(origin), most=14 << 20,
                    redone=None)
        meter.costs("the directory moved and a part copied while the replica is down",
                    lambda: move_while_down(cluster))
        meter.costs("three files damaged at the replica, and ten renamed at the origin",
                    lambda: damage_and_move(cluster), least=3 * FILE_BYTES, most=4 * FILE_BYTES, redone=3)
        meter.costs("one rotten, and ten renamed", lambda: rot_and_move(cluster), least=FILE_BYTES,
                    most=2 * FILE_BYTES, redone=1)
        cluster.check_staging()


def messages(promise):
    with MovingCluster(promise, sys.argv[1], check="2s", set_keys=UNIT) as cluster:
        box, meter = Mailbox(cluster.origin.tree, MAILBOX), Meter(promise, cluster)
        for number in range(MESSAGES):
            box.leave(f"message-{number}", SOUND_BYTES)
        box.folder("Old")
        cluster.start()
        cluster.wait_equal(60)
        meter.costs("the first of 20 messages deleted", lambda: box.listen(delete=[0]))
        meter.costs("one saved to Old, the others renumbered", lambda: box.listen(save=[3]))
        meter.costs("three deleted and two saved", lambda: box.listen(delete=[0, 4, 7], save=[1, 2]))
        inbox, wrong = read_folder(cluster.replica.path(MAILBOX + "/INBOX"))
        old, more_wrong = read_folder(cluster.replica.path(MAILBOX + "/Old"))
        promise.check(not wrong and not more_wrong, f"no message is mixed {wrong[:3]} {more_wrong[:3]}")
        promise.check((len(inbox), len(old)) == (MESSAGES - 7, 3),
                      f"{len(inbox)} messages, and {len(old)} old")
        cluster.check_staging()


def main():
    os.environ["HA_LOG"] = "debug"
    with Promise("what was moved is not sent again") as promise:
        for publish in ("file", "set"):
            promise.say(f"---- publish = {publish}")
            trees(promise, publish)
        promise.say("---- voicemail")
        messages(promise)


if __name__ == "__main__":
    main()
