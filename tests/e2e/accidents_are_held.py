#!/usr/bin/env python3
"""What looks like an accident is HELD, with the right words, and `release` does what it says: a source that
was wiped, unmounted, nearly emptied or has too few items; a standby that is not empty or not mounted. The
other set goes on meanwhile.

    accidents_are_held.py REPLICATOR HAREPLICATE
"""

import os
import shutil
import subprocess
import sys

from cluster import STAGING, Cluster
from mounts import tmpfs
from promise import Promise

import tree_compare

FILES = 200


def digest(site, name="tree"):
    return tree_compare.tree_digest(os.fsencode(site.trees[name]), (STAGING, b"."))


def fill(promise, site, name="tree", count=FILES):
    for number in range(count):
        folder = os.path.join(site.trees[name], f"folder-{number % 7}")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"file-{number}"), "wb") as out:
            out.write(promise.random.randbytes(300))


class Tool:
    def __init__(self, cluster, program):
        self.cluster, self.program = cluster, program

    def run(self, site, *words):
        config = os.path.join(site.folder, "cluster.toml")
        return subprocess.run([self.program, "--config", config, *words], capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)


def held(promise, cluster, words, what):
    found = cluster.wait_state(cluster.origin, "HELD", 30)
    promise.check(all(word in found["reason"] for word in words), f"{what}: HELD: {found['reason']}")
    promise.check(found["hint"].startswith("hareplicate release tree"), f"  and: {found['hint']}")
    return found


def release(promise, cluster, tool, command):
    """As shown; without --force-delete it is refused."""
    words = command.split()[1:]
    plain = [word for word in words if word != "--force-delete"]
    refused = tool.run(cluster.origin, *plain, "--yes")
    promise.check(refused.returncode == 4 and "--force-delete" in refused.stderr,
                  f"  --yes is not enough: {refused.stderr.strip()[-150:]}")
    done = tool.run(cluster.origin, *words)
    promise.check(done.returncode == 0, f"  released: {' '.join(words)} {done.stderr.strip()[-200:]}")


def other_set_goes_on(promise, cluster, turn):
    cluster.origin.write(f"../other/live-{turn}", b"x" * turn)
    cluster.wait("the other set goes on", lambda: not cluster.differences("other"), 20)
    promise.check(True, "  the other set goes on meanwhile")


def standby_not_empty(promise, cluster, tool):
    shown = digest(cluster.replica)
    found = held(promise, cluster, ["not empty", "36 items"], "a standby that is not empty")
    compared = tool.run(cluster.origin, "diff", "tree", "--to", "nyc1")
    promise.check(compared.returncode == 1 and "file-1\n" in compared.stdout.replace(" ", "\n"),
                  "  diff shows what would be replaced")
    promise.check(digest(cluster.replica) == shown, "  its content is untouched")
    other_set_goes_on(promise, cluster, 1)
    release(promise, cluster, tool, found["hint"])
    cluster.wait_equal(30)
    promise.check(True, "  equal after that")
    typo = tool.run(cluster.origin, "diff", "tree", "flie-1")
    promise.check(typo.returncode == 0 and "here or there" in typo.stderr,
                  "  a misspelt path is said to be nowhere")


def nearly_all_deleted(promise, cluster, tool):
    before = digest(cluster.replica)
    for folder in range(1, 7):
        shutil.rmtree(cluster.origin.path(f"folder-{folder}"))
    found = held(promise, cluster, ["would delete", "of 207 items"], "nearly everything is deleted")
    promise.check(digest(cluster.replica) == before, "  the replica has it all")
    other_set_goes_on(promise, cluster, 2)
    cluster.origin.restart()
    cluster.replica.restart()
    held(promise, cluster, ["would delete"], "both restarted")
    promise.check(digest(cluster.replica) == before, "  the replica has it all")
    release(promise, cluster, tool, found["hint"])
    cluster.wait_equal(30)
    promise.check(True, "  equal after that")


def origin_unmounted_and_wiped(promise, cluster, tool):
    fill(promise, cluster.origin)
    cluster.wait_equal(30)
    before = digest(cluster.replica)
    kept = cluster.origin.tree + ".away"
    os.rename(cluster.origin.tree, kept)
    os.mkdir(cluster.origin.tree)
    held(promise, cluster, ["has no .hareplicate/marker"], "another directory is in its place")
    promise.check(digest(cluster.replica) == before, "  the replica has it all")
    other_set_goes_on(promise, cluster, 3)
    os.rmdir(cluster.origin.tree)
    os.rename(kept, cluster.origin.tree)
    cluster.wait_equal(40)
    promise.check(True, "  it goes on by itself when the right one is back")

    os.rename(cluster.origin.tree, kept)
    os.mkdir(cluster.origin.tree)
    fill(promise, cluster.origin, count=20)
    found = held(promise, cluster, ["has no .hareplicate/marker"], "wiped, and some of it made anew")
    release(promise, cluster, tool, found["hint"])

    def loss():
        return next((each for each in cluster.origin.status()["sets"]
                     if each["set"] == "tree" and "would delete" in each["reason"]), None)

    found = cluster.wait("the loss is held too", loss, 30)
    promise.check(digest(cluster.replica) == before, f"  then HELD: {found['reason']}")
    release(promise, cluster, tool, found["hint"])
    cluster.wait_equal(30)
    promise.check(True, "  equal after that")


def standby_unmounted(promise, cluster):
    away = cluster.replica.tree + ".away"
    os.rename(cluster.replica.tree, away)
    os.mkdir(cluster.replica.tree)
    cluster.origin.ask("verify", "tree", timeout=60)  # the replica looks at its tree
    held(promise, cluster, ["has no .hareplicate/marker"], "the standby is not mounted")
    promise.check(os.listdir(cluster.replica.tree) == [], "  nothing is written into the mount point")
    os.rmdir(cluster.replica.tree)
    os.rename(away, cluster.replica.tree)
    cluster.wait_equal(40)
    promise.check(True, "  it goes on by itself when it is mounted")


def mount_in_the_set_is_gone(promise, cluster, tool):
    """A change in the directory below is noticed at once; so few files are no loss that is held."""
    fill(promise, cluster.origin, count=100)
    point = cluster.origin.path("monitor")
    os.mkdir(point)
    with tmpfs(point, "4m"):
        for number in range(5):
            cluster.origin.write(f"monitor/call-{number}", b"recorded")
        cluster.start()
        cluster.wait_equal(30)
        before = digest(cluster.replica)
    cluster.origin.write("monitor/another", b"below")
    found = held(promise, cluster, ["monitor", "has no .hareplicate/marker"], "a mount in the set is gone")
    promise.check(digest(cluster.replica) == before, "  the replica has what was on it")
    there = tool.run(cluster.origin, *found["hint"].split()[1:])
    promise.check(there.returncode == 0, f"  released {there.stderr.strip()[-200:]}")
    cluster.wait_equal(30)
    promise.check(True, "  equal after that")


def by_hand(promise, cluster, tool):
    done = tool.run(cluster.origin, "hold", "tree", "--reason", "a test")
    promise.check(done.returncode == 0, f"hold by hand: {done.stdout.strip()[-60:]}")
    cluster.origin.write("while-held", b"1")
    cluster.origin.restart()
    found = cluster.wait_state(cluster.origin, "HELD", 30)
    promise.check("a test" in found["reason"], f"  held over a restart: {found['reason']}")
    promise.check(not os.path.exists(cluster.replica.path("while-held")), "  nothing goes there")
    done = tool.run(cluster.origin, "release", "tree", "--yes")
    promise.check(done.returncode == 0, "  released")
    cluster.wait_equal(30)
    again = tool.run(cluster.origin, "release", "tree", "--yes")
    promise.check(again.returncode == 1 and "not held" in again.stderr, f"  twice: {again.stderr.strip()}")


def by_hand_at_the_replica(promise, cluster, tool):
    done = tool.run(cluster.replica, "hold", "tree", "--reason", "upgrade here")
    promise.check(done.returncode == 0 and "nyc1" in done.stdout,
                  f"hold at the replica: {done.stderr.strip()[:90]}")
    found = cluster.wait_state(cluster.origin, "HELD", 30)
    promise.check("held at nyc1 by hand: upgrade here" in found["reason"],
                  f"  the origin says: {found['reason']}")
    promise.check(found["hint"] == "on nyc1: hareplicate release tree", f"  and: {found['hint']}")
    cluster.origin.write("while-held-there", b"1")
    cluster.replica.restart()
    there = cluster.wait_state(cluster.replica, "HELD", 30)
    promise.check("upgrade here" in there["reason"], f"  held over a restart: {there['reason']}")
    promise.check(there["hint"] == "hareplicate release tree", f"  and there: {there['hint']}")
    cluster.wait_state(cluster.origin, "HELD", 30)
    refused = tool.run(cluster.origin, "release", "tree", "--force-delete")
    promise.check(refused.returncode == 4 and "on nyc1" in refused.stderr,
                  f"  the origin cannot release it: {refused.stderr.strip()[-120:]}")
    compared = tool.run(cluster.origin, "diff", "tree", "--to", "nyc1")
    promise.check("while-held-there" in compared.stdout, "  comparing still works")
    other_set_goes_on(promise, cluster, 7)
    promise.check(not os.path.exists(cluster.replica.path("while-held-there")), "  nothing goes there")
    wrong = tool.run(cluster.replica, "hold", "tree", "--to", "fra1")
    promise.check(wrong.returncode == 1 and "run it on fra1" in wrong.stderr, "  only for itself")
    done = tool.run(cluster.replica, "release", "tree", "--yes")
    promise.check(done.returncode == 0, f"  released there {done.stderr.strip()[:90]}")
    cluster.wait_equal(30)
    promise.check(True, "  equal after that")
    again = tool.run(cluster.replica, "release", "tree", "--yes")
    promise.check(again.returncode == 1 and "not held by hand" in again.stderr,
                  f"  twice: {again.stderr.strip()[:70]}")


def stranded_store_full(promise, cluster, tool):
    fill(promise, cluster.origin, count=3)
    for number in range(8):
        cluster.replica.write(f"own/{number}", b"somebody's own %d" % number)
    cluster.start()
    found = held(promise, cluster, ["not empty"], "a standby with eight files of its own")
    release(promise, cluster, tool, found["hint"])

    def full():
        return next((each for each in cluster.origin.status()["sets"]
                     if "stranded store is full" in each["reason"]), None)

    found = cluster.wait("the store is full", full, 20)
    promise.check(found["state"] == "HELD" and found["hint"].startswith("on nyc1: hareplicate stranded list"),
                  f"HELD: {found['reason']}; {found['hint']}")
    there = cluster.wait_state(cluster.replica, "HELD", 10)
    promise.check(there["hint"].startswith("hareplicate stranded list"), f"  and there: {there['hint']}")
    own = os.listdir(cluster.replica.path("own"))
    promise.check(len(own) >= 3, f"  {len(own)} files of its own are still in place")
    listed = tool.run(cluster.replica, "stranded", "--json")
    promise.check('"items":5' in listed.stdout.replace(" ", ""), "  stranded lists five")
    name = listed.stdout.split('"id":"')[1].split('"')[0]
    shown = tool.run(cluster.replica, "stranded", "show", name)
    promise.check("own/" in shown.stdout and "changed" in shown.stdout, f"  show {name} names them")
    refused = tool.run(cluster.replica, "stranded", "drop", name)
    promise.check(refused.returncode == 4, "  drop asks first")
    aside = os.path.join(cluster.replica.folder, "aside")
    kept = tool.run(cluster.replica, "stranded", "keep", name, "--to", aside)
    promise.check(kept.returncode == 0 and len(os.listdir(os.path.join(aside, "0", "own"))) == 5,
                  f"  keep moves them out: {kept.stdout.strip()}")
    again = tool.run(cluster.replica, "stranded", "keep", "x-1-0000", "--to", aside + "2")
    promise.check(again.returncode == 1 and "nothing stranded" in again.stderr,
                  f"  {again.stderr.strip()[:70]}")
    cluster.wait_equal(30)
    promise.check(True, "  it goes on by itself when there is room")


def main():
    with Promise("what looks like an accident is held") as promise:
        program = os.path.abspath(sys.argv[2])
        with Cluster(promise, sys.argv[1], sets=("tree", "other"), check="1s", walk="10s",
                     guards='max_delete = "10%"\n') as cluster:
            tool = Tool(cluster, program)
            fill(promise, cluster.origin)
            fill(promise, cluster.replica, count=30)  # somebody's own
            os.unlink(cluster.replica.path("folder-0/file-0"))
            cluster.start()
            standby_not_empty(promise, cluster, tool)
            nearly_all_deleted(promise, cluster, tool)
            origin_unmounted_and_wiped(promise, cluster, tool)
            standby_unmounted(promise, cluster)
            by_hand(promise, cluster, tool)
            by_hand_at_the_replica(promise, cluster, tool)
        with Cluster(promise, sys.argv[1], check="1s", guards="min_items = 10\n") as cluster:
            tool = Tool(cluster, program)
            fill(promise, cluster.origin, count=3)
            cluster.start()
            found = held(promise, cluster, ["fewer than min_items = 10"], "too few items")
            release(promise, cluster, tool, found["hint"])
            cluster.wait_equal(30)
            promise.check(True, "  equal after that")
        with Cluster(promise, sys.argv[1], check="1s", guards="stranded_max = 5\n") as cluster:
            stranded_store_full(promise, cluster, Tool(cluster, program))
        with Cluster(promise, sys.argv[1], check="1s") as cluster:
            mount_in_the_set_is_gone(promise, cluster, Tool(cluster, program))


if __name__ == "__main__":
    main()
