#!/usr/bin/env python3
"""The key of a replica, then that of the origin, is changed while both replicate: in three steps, each
refused before its time, with only the site itself restarted when its key changes. An announced key can be
taken back.

    keys_rotate_without_a_gap.py REPLICATOR HAREPLICATE
"""

import os
import shutil
import subprocess
import sys
import time

from cluster import Cluster
from promise import Promise

EQUAL_SECONDS = 30
STEP_SECONDS = 30


class Rotation:
    def __init__(self, promise, cluster, hareplicate):
        self.promise, self.cluster, self.hareplicate = promise, cluster, os.path.abspath(hareplicate)
        self.writes = 0

    def run(self, site, *arguments):
        command = [self.hareplicate, "--config", self.file(site), *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=STEP_SECONDS, check=False)
        return done.returncode, done.stdout + done.stderr

    @staticmethod
    def file(site, name="cluster.toml"):
        return os.path.join(site.folder, name)

    def rotate(self, site, code, words, *flags):
        got, said = self.run(site, "keys", "rotate", *flags)
        self.promise.check(got == code and words in said, f"{site.name}: exit {got}, " +
                           next((line for line in said.split("\n") if words in line), said))

    def other(self, site):
        return next(each for each in self.cluster.sites.values() if each is not site)

    def distribute(self, site):
        shutil.copy(self.file(site), self.file(self.other(site)))

    def restart(self, *sites):
        for site in sites:
            site.restart()
        self.cluster.wait("the link is up again", self.linked, EQUAL_SECONDS)

    def linked(self):
        links = [site.link() for site in self.cluster.sites.values()]
        return all(link and link["state"] == "up" and link["config_equal"] for link in links)

    def still_replicates(self, what):
        self.writes += 1
        self.cluster.origin.write(f"change-{self.writes}", self.promise.random.randbytes(3000))
        took = self.cluster.wait_equal(EQUAL_SECONDS)
        self.promise.check(True, f"{what}: a change arrives, {took:.1f} s")

    def key_of(self, site):
        code, said = self.run(site, "keys", "show", self.file(site, "site.key"))
        assert code == 0, said
        return said.split('"')[1]

    def whole(self, site):
        old, other = self.key_of(site), self.other(site)
        self.rotate(site, 0, "step 1 of 3: would", "--dry-run")
        self.rotate(site, 0, "step 1 of 3")
        self.rotate(site, 4, "does not run with the present cluster.toml")
        site.restart()
        self.cluster.wait("the link is up", lambda: (site.link() or {}).get("state") == "up", EQUAL_SECONDS)
        self.rotate(site, 4, f"site {other.name} has another cluster.toml")
        self.promise.check(self.key_of(site) == old, f"{site.name}: the key is as it was")
        self.distribute(site)
        self.restart(other)
        self.still_replicates("announced")
        self.rotate(site, 0, "step 2 of 3")
        new = self.key_of(site)
        self.promise.check(new != old, f"{site.name}: the key file has another key")
        self.still_replicates("before the restart")
        self.rotate(site, 4, "has not been restarted since the key was switched")
        started = time.monotonic()
        self.restart(site)
        self.promise.say(f"     the link is up {time.monotonic() - started:.1f} s after the restart began")
        self.still_replicates("with the next key, which only the site itself was restarted for")
        self.rotate(site, 0, "step 3 of 3")
        self.promise.check(not os.path.exists(self.file(site, "site.key.next")), "the old secret is gone")
        self.distribute(site)
        self.restart(*self.cluster.sites.values())
        self.still_replicates("finished")
        with open(self.file(other), encoding="utf-8") as file:
            text = file.read()
        self.promise.check(new in text and old not in text and "next_key" not in text,
                           f"{other.name} knows only the new key of {site.name}")

    def taken_back(self, site):
        with open(self.file(site), encoding="utf-8") as file:
            before = file.read()
        self.rotate(site, 1, "no change of key has been begun", "--cancel")
        self.rotate(site, 0, "step 1 of 3")
        self.rotate(site, 0, "taken back", "--cancel")
        with open(self.file(site), encoding="utf-8") as file:
            self.promise.check(file.read() == before and not os.path.exists(self.file(site, "site.key.next")),
                               "everything is as it was")


def main():
    with Promise("a site's key is changed without a gap") as promise, \
            Cluster(promise, sys.argv[1], check="1s") as cluster:
        rotation = Rotation(promise, cluster, sys.argv[2])
        cluster.start()
        cluster.wait("the link is up", rotation.linked, EQUAL_SECONDS)
        rotation.taken_back(cluster.replica)
        for site in (cluster.replica, cluster.origin):
            rotation.whole(site)


if __name__ == "__main__":
    main()
