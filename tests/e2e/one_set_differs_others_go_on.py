#!/usr/bin/env python3
"""Two sites with different definitions of one set: that set is paused, and both ends say why; the others
replicate. It goes on when the definitions agree. What a node overrides, and what is not of a set, pauses
none.

    one_set_differs_others_go_on.py REPLICATOR HAREPLICATE
"""

import os
import subprocess
import sys

from cluster import Cluster
from promise import Promise

SECONDS = 30


class Sites:
    def __init__(self, promise, cluster, hareplicate):
        self.promise, self.cluster, self.hareplicate = promise, cluster, os.path.abspath(hareplicate)
        self.writes = 0

    def run(self, site, *arguments):
        command = [self.hareplicate, "--config", os.path.join(site.folder, "cluster.toml"), *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    def rewrite(self, site, old, new):
        path = os.path.join(site.folder, "cluster.toml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert old in text, old
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        site.restart()

    def write(self, name):
        """A new file in the set at the origin; its path at the replica."""
        self.writes += 1
        with open(os.path.join(self.cluster.origin.trees[name], f"file-{self.writes}"), "wb") as out:
            out.write(b"x" * 1000)
        return os.path.join(self.cluster.replica.trees[name], f"file-{self.writes}")

    def arrives(self, name, why):
        path = self.write(name)
        self.cluster.wait(f"{path} ({why})", lambda: os.path.exists(path), SECONDS)
        self.promise.check(True, f"{why}: a change of {name} arrives")

    def state(self, site, name, state):
        return self.cluster.wait_state(site, state, SECONDS, name)


def main():
    with Promise("one set differs, the others go on") as promise, \
            Cluster(promise, sys.argv[1], sets=("tree", "music"), check="1s") as cluster:
        sites = Sites(promise, cluster, sys.argv[2])
        origin, replica = cluster.origin, cluster.replica
        cluster.start()
        sites.arrives("tree", "equal")
        sites.arrives("music", "equal")
        music = 'name = "music"\n'
        sites.rewrite(replica, music, music + 'exclude = ["*.tmp"]\n')
        for site, other in ((origin, replica), (replica, origin)):
            found = sites.state(site, "music", "paused")
            promise.check(found["reason"] == f"its definition differs at {other.name}", found["reason"])
            promise.check(found["hint"] == f"hareplicate config diff {other.name}", found["hint"])
        path = sites.write("music")
        sites.arrives("tree", "music differs")
        promise.check(not os.path.exists(path), "and nothing of music does")
        code, said = sites.run(origin, "status")
        promise.check(code == 1 and "music → nyc1 is paused" in said, "status says so")
        code, said = sites.run(origin, "resync", "music", "--yes")
        promise.check(code != 0 and "paused: its definition differs at nyc1" in said,
                      f"resync says so: {said.strip()}")
        code, said = sites.run(origin, "config", "diff", "nyc1")
        promise.check(code == 1 and "set.music.exclude" in said and "*.tmp" in said, "config diff shows it")
        sites.rewrite(origin, music, music + 'exclude = ["*.tmp"]\n')
        cluster.wait("music goes on", lambda: os.path.exists(path), SECONDS)
        sites.state(origin, "music", "in sync")
        promise.check(True, "it goes on when both have the same definition")

        sites.rewrite(replica, "[set_defaults]", '[link]\nbwlimit = "50MB/s"\n[set_defaults]')
        sites.arrives("music", "[link] differs")
        sites.arrives("tree", "[link] differs")
        promise.check(not origin.link()["config_equal"], "which is said as well")


if __name__ == "__main__":
    main()
