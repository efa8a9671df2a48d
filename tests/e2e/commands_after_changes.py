#!/usr/bin/env python3
"""`after`: commands run once for a burst of changes at a replica and once at a new holder, never two at a
time, never in the way; one that fails or hangs is a problem in the status, and gone from it when it works
again.

    commands_after_changes.py REPLICATOR HAREPLICATE
"""

import os
import subprocess
import sys
import time

from promise import Promise
from turns import TurningCluster

SCRIPT = """#!/bin/sh
cd_is=$(pwd) && cd "$(dirname "$0")"
exec 9> "running-$HA_SITE" && flock -n 9 || echo overlap >> bad  # one that was killed holds it no more
echo "$HA_ROLE $HA_SET $HA_SERVICE $HA_SITE $HA_EPOCH $HA_ITEMS $cd_is $(umask) $1" >> runs
[ -e slow ] && sleep 1
exec 9>&-
[ -e hang ] && sleep 1000
[ -e fail ] && { echo "first line"; echo "no pbx here" >&2; exit 3; }
exit 0
"""


class Runs:
    def __init__(self, folder):
        self.folder = folder

    def all(self):
        try:
            with open(os.path.join(self.folder, "runs"), encoding="ascii") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def of(self, site):
        return [line for line in self.all() if line.split()[3] == site.name]

    def flag(self, name, there=True):
        path = os.path.join(self.folder, name)
        open(path, "w").close() if there else os.unlink(path)


def problems(site):
    status = site.status()
    return [each for each in status.get("problems", []) if each["id"].startswith("A-")] if status else []


def bursts(promise, cluster, runs):
    replica = cluster.replica
    cluster.wait("the command ran after the first load", lambda: runs.of(replica), 20)
    first = runs.of(replica)[0].split()
    promise.check(first[:5] == ["replica", "tree", "pbx", replica.name, "1"] and first[6] == "/" and
                  first[7] == "0077" and " ".join(first[8:]) == "an argument",
                  f"as promised: {' '.join(first)}")
    time.sleep(1)
    before, items = len(runs.of(replica)), sum(int(line.split()[5]) for line in runs.of(replica))
    for number in range(300):
        cluster.origin.write(f"burst/{number}", b"%d" % number)
        time.sleep(0.005)
    cluster.wait_equal(30)
    cluster.wait("it ran", lambda: len(runs.of(replica)) > before, 20)
    time.sleep(2)
    count = len(runs.of(replica)) - before
    got = sum(int(line.split()[5]) for line in runs.of(replica)) - items
    promise.check(1 <= count <= 3 and got >= 301, f"300 files in 1.5 s: {count} runs, {got} items")
    time.sleep(3)
    promise.check(len(runs.of(replica)) == before + count, "and none while nothing changes")
    runs.flag("slow")
    for turn in range(5):
        cluster.origin.write(f"slow-{turn}", b"x")
        time.sleep(0.5)
    cluster.wait_equal(20)
    time.sleep(2.5)
    runs.flag("slow", False)


def failures(promise, cluster, runs, tool):
    replica = cluster.replica
    runs.flag("fail")
    cluster.origin.write("a-change", b"1")
    found = cluster.wait("a problem", lambda: problems(replica), 20)[0]
    promise.check("exit code 3" in found["what"] and "no pbx here" in found["what"] and found["next"],
                  f"it fails: {found['id']} {found['what'][-120:]}")
    config = os.path.join(replica.folder, "cluster.toml")
    shown = subprocess.run([tool, "--config", config, "status"],
                           capture_output=True, text=True, check=False)
    promise.check(found["id"] in shown.stdout and "no pbx here" in shown.stdout,
                  "hareplicate status shows it")
    cluster.origin.write("another", b"1")
    cluster.wait_equal(20)
    promise.check(True, "replication goes on")
    runs.flag("fail", False)
    replica.restart()
    cluster.wait("it runs again at the next start", lambda: replica.status() and not problems(replica), 20)
    cluster.wait_equal(20)
    promise.check(True, "it is made up for at the next start, and the problem is gone")
    runs.flag("hang")
    cluster.origin.write("once-more", b"1")
    found = cluster.wait("a problem", lambda: problems(replica), 20)[0]
    promise.check("after_timeout = 2s" in found["what"], f"it hangs: {found['what'][-60:]}")
    cluster.origin.write("and-again", b"1")
    cluster.wait_equal(20)
    time.sleep(0.5)
    began = time.monotonic()
    replica.stop()
    promise.check(time.monotonic() - began < 6, f"stopping took {time.monotonic() - began:.1f} s")
    runs.flag("hang", False)
    replica.start()
    cluster.wait_equal(30)


def turns(promise, cluster, runs):
    sites = list(cluster.sites.values())
    held = [line for line in runs.all() if line.startswith("holder")]
    promise.check(len(held) == 1 and held[0].split()[3] == sites[0].name, f"the holder ran it once: {held}")
    cluster.turn(sites[1].name, sites)
    cluster.all_equal(sites, 30)
    cluster.wait("the new holder runs it",
                 lambda: [line for line in runs.of(sites[1]) if line.startswith("holder")], 20)
    sites[1].restart()
    cluster.all_equal(sites, 30)
    time.sleep(1)
    held = [line for line in runs.of(sites[1]) if line.startswith("holder")]
    promise.check(len(held) == 1 and held[0].split()[4] == "2", f"the new holder ran it once: {held}")


def main():
    with Promise("commands run after changes") as promise:
        keys = "after = [\"FOLDER/run 'an argument'\"]\nafter_timeout = \"2s\"\n"
        with TurningCluster(promise, sys.argv[1], check="1s") as cluster:
            folder = os.path.join(cluster.folder, "commands")
            os.makedirs(folder)
            runs = Runs(folder)
            with open(os.path.join(folder, "run"), "w", encoding="ascii") as script:
                script.write(SCRIPT)
                os.fchmod(script.fileno(), 0o755)
            cluster.set_keys = keys.replace("FOLDER", folder)
            for site in cluster.sites.values():
                site.configure()
            cluster.origin.write("first", b"1")
            cluster.start()
            cluster.wait_equal(30)
            bursts(promise, cluster, runs)
            failures(promise, cluster, runs, os.path.abspath(sys.argv[2]))
            turns(promise, cluster, runs)
            promise.check(not os.path.exists(os.path.join(folder, "bad")), "never two at a time")


if __name__ == "__main__":
    main()
