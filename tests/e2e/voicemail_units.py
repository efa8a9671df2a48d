#!/usr/bin/env python3
"""Voicemail folders are units: messages are left at both sites while roles turn twenty times, listened to
and deleted at the holder, and each is there exactly once in the end, whole. A replica never shows a mixed
message, its lock is the PBX's, and a kill in the middle of a folder rolls forward.

    voicemail_units.py REPLICATOR
"""

import os
import random
import sys
import threading
import time

from promise import FULL, Promise
from turns import TurningCluster
from voicemail import Callers, FolderLock, Mailbox, read_folder, read_mailbox

TURNS, QUICK_TURNS = 20, 4
MAILBOX = "default/1001"
UNIT = 'unit = "*/*/*"\nexclude = ["*/*/tmp/"]\n'
OVERLAY = """[[overlay]]
site = "nyc1"
set = "tree"
file = "greeting.conf"
replace = [ { match = '^site=.*$', with = 'site=nyc1' } ]
"""
STILL_BYTES = 20_000_000  # never changes, and is far more than all messages: no turn may send it again


class VoicemailCluster(TurningCluster):
    def differences(self, name="tree"):
        return [each for each in super().differences(name) if "/tmp" not in each and "greeting" not in each]


def new_cluster(promise, more=""):
    return VoicemailCluster(promise, sys.argv[1], check="1s", walk="10s", set_keys=UNIT + more)


class Watcher(threading.Thread):
    """Looks at a folder of a site all the time, as a caller who listens does: under its lock."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.folder = site.path(MAILBOX + "/INBOX")
        self.ending, self.looks, self.wrong = threading.Event(), 0, []

    def run(self):
        while not self.ending.wait(0.005):
            with FolderLock(self.folder):
                self.wrong += read_folder(self.folder)[1]
            self.looks += 1

    def end(self):
        self.ending.set()
        self.join()


def stranded_messages(site):
    names, wrong = [], []
    store = site.path(".hareplicate/stranded")
    for folder, _, files in os.walk(store):
        if any(file.startswith("msg") for file in files):
            more, bad = read_folder(folder)
            names += more
            wrong += bad
    return names, wrong


def turns_with_deposits(promise, mode):
    with new_cluster(promise, OVERLAY) as cluster:
        sites = list(cluster.sites.values())
        boxes = {site.name: Mailbox(site.tree, MAILBOX, mode, slow=0.002) for site in sites}
        boxes[sites[0].name].leave("first")
        cluster.origin.write("still/file", os.urandom(STILL_BYTES))
        cluster.origin.write("greeting.conf", b"site=any\n")
        cluster.start()
        cluster.wait_equal(30)
        turns, most = (TURNS if FULL else QUICK_TURNS), 0
        for turn in range(1, turns + 1):
            edit(cluster, sites, b"turn=%d\n" % turn)
            callers = [Callers(box, f"{turn}-{name}") for name, box in boxes.items()]
            for each in callers:
                each.start()
            time.sleep(0.3)
            holder = boxes[cluster.origin.name]
            holder.listen(delete=[0], save=[1], heard=[2])
            cluster.turn(sites[turn % 2].name, sites)
            time.sleep(0.5)
            for each in callers:
                each.end()
            cluster.all_equal(sites, 60)
            most = max(most, *(site.set_status()["sent_bytes"] for site in sites))
        promise.check(most < STILL_BYTES, f"{turns} turns, {mode}: at most {most} bytes sent after one")
        check_overlay(promise, sites, turns)
        cluster.wait("equal once more after a walk", lambda: equal_for(cluster, sites, 12), 90, 0.5)
        check_messages(promise, cluster, sites, boxes, f"{turns} turns, {mode}")


def edit(cluster, sites, line):
    with open(cluster.origin.path("greeting.conf"), "ab") as conf:
        conf.write(line)
    cluster.wait("the edit is everywhere",
                 lambda: all(site.read("greeting.conf").endswith(line) for site in sites), 20, 0.05)


def check_overlay(promise, sites, turns):
    edits = b"".join(b"turn=%d\n" % turn for turn in range(1, turns + 1))
    wanted = {"fra1": b"site=any\n" + edits, "nyc1": b"site=nyc1\n" + edits}
    promise.check(all(site.read("greeting.conf") == wanted[site.name] for site in sites),
                  "the overlay is at its site only, and every edit is at both")


def equal_for(cluster, sites, seconds):
    """Nothing that a walk finds changes it any more."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        cluster.all_equal(sites, 60)
        time.sleep(1)
    return True


def check_messages(promise, cluster, sites, boxes, what):
    left = set().union(*(box.kept for box in boxes.values()))
    deleted = set().union(*(box.deleted for box in boxes.values()))
    left -= deleted  # a deletion that had not gone when the roles turned is undone
    here, wrong = read_mailbox(cluster.origin.path(MAILBOX))
    aside = []
    for site in sites:
        names, bad = stranded_messages(site)
        aside += names
        wrong += bad
    twice = sorted(name for name in set(here) if here.count(name) > 1)
    lost = sorted(left - set(here) - set(aside))
    promise.check(not wrong, f"{what}: no message is mixed or halved {wrong[:3] or ''}")
    promise.check(not lost, f"{what}: {len(left)} messages, none lost {lost[:5] or ''}")
    promise.check(not twice, f"{what}: none is there twice {twice[:5] or ''}")
    only_aside = sorted(left & set(aside) - set(here))
    promise.check(not only_aside, f"{what}: all are there, none only stranded {only_aside[:5] or ''}")
    promise.check(not sum(box.lost for box in boxes.values()), f"{what}: no caller waited 5 s for the lock")


def both_have(cluster, names):
    sites = cluster.sites.values()
    return all(sorted(read_mailbox(site.path(MAILBOX))[0]) == sorted(names) for site in sites)


def never_mixed_at_the_replica(promise):
    with new_cluster(promise) as cluster:
        box = Mailbox(cluster.origin.tree, MAILBOX, slow=0.003)
        for number in range(8):
            box.leave(f"start-{number}")
        cluster.start()
        cluster.wait_equal(30)
        watcher = Watcher(cluster.replica)  # its folder is there by now
        watcher.start()
        for step in range(60 if FULL else 12):
            box.leave(f"more-{step}", size=random.choice((500, 60_000, 700_000)))
            box.listen(delete=[random.randrange(5)],
                       save=[random.randrange(5, 8)] if step % 3 == 0 else [])
            time.sleep(0.1)
        cluster.wait("both have the same messages", lambda: both_have(cluster, box.kept), 30)
        watcher.end()
        cluster.wait_equal(30)
        names = [read_mailbox(site.path(MAILBOX))[0] for site in cluster.sites.values()]
        promise.check(sorted(names[0]) == sorted(names[1]) == sorted(box.kept),
                      f"{len(box.kept)} messages at both sites, {len(box.deleted)} deleted ones at neither")
        promise.check(not watcher.wrong, f"{watcher.looks} looks at the replica while they are renumbered "
                      f"there: never a mixed or half one {watcher.wrong[:2] or ''}")


def left_at_the_replica(promise):
    """A call that still reaches the standby: its message is not deleted there but comes to the holder."""
    with new_cluster(promise) as cluster:
        holder, standby = (Mailbox(site.tree, MAILBOX) for site in cluster.sites.values())
        for number in range(3):
            holder.leave(f"known-{number}")
        cluster.start()
        cluster.wait_equal(30)
        standby.leave("at-the-standby")
        holder.leave("at-the-holder")  # the same number
        wanted = {f"known-{number}" for number in range(3)} | {"at-the-standby", "at-the-holder"}
        for site in cluster.sites.values():
            cluster.wait(f"{site.name} has all five", lambda site=site: set(
                read_folder(site.path(MAILBOX + "/INBOX"))[0]) == wanted, 40)
        cluster.wait_equal(30)
        names, wrong = read_folder(cluster.origin.path(MAILBOX + "/INBOX"))
        promise.check(sorted(names) == sorted(wanted) and not wrong,
                      f"two messages under one number at two sites: both are there, each once {wrong or ''}")
        promise.check(not any(stranded_messages(site)[0] for site in cluster.sites.values()),
                      "and nothing is stranded")


def failed_items(site):
    status = site.ask("status", problems="true")[0]["status"]
    return status.get("failed", [])


def locked_folder_waits(promise):
    with new_cluster(promise) as cluster:
        box = Mailbox(cluster.origin.tree, MAILBOX)
        other = Mailbox(cluster.origin.tree, "default/1002")
        box.leave("one")
        other.leave("other")
        cluster.start()
        cluster.wait_equal(30)
        with FolderLock(cluster.replica.path(MAILBOX + "/INBOX")):
            box.leave("two")
            other.leave("another")
            cluster.wait("the other mailbox goes on", lambda: "another" in read_folder(
                cluster.replica.path("default/1002/INBOX"))[0], 20)
            cluster.wait("the lock is shown", lambda: any(
                "locked by the PBX" in str(each) for each in failed_items(cluster.replica)), 20)
            promise.check(read_folder(cluster.replica.path(MAILBOX + "/INBOX"))[0] == ["one"],
                          "a folder that the PBX has locked is left alone, the rest goes on")
        cluster.wait_equal(30)
        promise.check(set(read_folder(cluster.replica.path(MAILBOX + "/INBOX"))[0]) == {"one", "two"},
                      "when it is let go, the message arrives")


def killed_in_the_middle(promise):
    kills = 40 if FULL else 5
    with new_cluster(promise) as cluster:
        box = Mailbox(cluster.origin.tree, MAILBOX)
        for number in range(40):
            box.leave(f"start-{number}", size=200)
        cluster.start()
        cluster.wait_equal(30)
        wrong, folder = [], cluster.replica.path(MAILBOX + "/INBOX")
        lock = os.path.join(folder, ".lock")
        in_lock = 0
        for kill in range(kills):
            box.leave(f"more-{kill}", size=200)
            box.listen(delete=[0])  # all forty move
            end = time.monotonic() + 10
            while not os.path.exists(lock) and time.monotonic() < end:
                pass
            time.sleep(random.random() * 0.004)
            cluster.replica.kill()
            in_lock += os.path.exists(lock)
            cluster.replica.start()
            cluster.wait("no lock is left", lambda: not os.path.exists(lock), 5, 0.01)
            cluster.wait_equal(40)
            wrong += read_folder(folder)[1]
        promise.check(in_lock > 0, f"{kills} kills, {in_lock} of them with the folder locked")
        promise.check(not wrong, f"after each the folder is whole and the lock has gone {wrong[:3] or ''}")


def main():
    with Promise("voicemail folders are units, under Asterisk's own lock") as promise:
        left_at_the_replica(promise)
        never_mixed_at_the_replica(promise)
        locked_folder_waits(promise)
        killed_in_the_middle(promise)
        turns_with_deposits(promise, "flock")
        turns_with_deposits(promise, "lockfile")


if __name__ == "__main__":
    main()
