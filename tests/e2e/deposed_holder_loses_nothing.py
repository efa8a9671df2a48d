#!/usr/bin/env python3
"""Three sites; the holder is cut off or killed while it takes writes, another site is promoted by hand with a
new epoch, the old one returns. Every item that any site ever had is on the holder, in the stranded store, or
was superseded by a later write; all sites end equal.

    deposed_holder_loses_nothing.py REPLICATOR
"""

import os
import sys

from promise import FULL, Promise
from turns import TurningCluster

ROUNDS = 20 if FULL else 4


def stranded(site):
    """Content of all that is stranded at a site: path -> contents; and the deletions that were undone."""
    contents, deletions = {}, set()
    top = os.path.join(site.tree, ".hareplicate", "stranded")
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            parts = os.path.relpath(path, top).split(os.sep)
            with open(path, "rb") as file:
                data = file.read()
            if len(parts) == 2 and name == "deleted":
                deletions |= set(data.decode().split())
            else:
                contents.setdefault("/".join(parts[2:]), []).append(data)
    return contents, deletions


class Round:
    def __init__(self, promise, cluster, number):
        self.promise, self.cluster, self.number = promise, cluster, number
        self.written = {}  # key -> content of the last write of this round's old holder
        self.deleted = set()

    def write(self, site, key, content):
        site.write(key, content)
        self.written[key] = content

    def write_all(self, site, when):
        random = self.promise.random
        for index in range(5):
            content = random.randbytes(random.randrange(1, 5000))
            self.write(site, f"new/{self.number}-{when}-{index}", content)
            self.write(site, f"shared/{random.randrange(20)}", content[::-1])
        victim = f"victim/{self.number}-{when}"
        if os.path.exists(site.path(victim)):
            os.unlink(site.path(victim))
            self.deleted.add(victim)

    def run(self, sites):
        promise, cluster = self.promise, self.cluster
        old = cluster.origin
        others = [site for site in sites if site is not old]
        self.write_all(old, "before")
        cluster.wait("a random moment", lambda: promise.random.random() < 0.3, 5,
                     every=promise.random.choice((0.05, 0.4)))
        if promise.random.random() < 0.5:
            others[promise.random.randrange(2)].kill()  # that one is behind
        self.write_all(old, "during")
        promise.random.choice([old.kill, old.stop])()
        self.write_all(old, "alone")  # the PBX goes on while no replicator runs
        for site in others:
            site.kill()
        new = promise.random.choice(others)
        superseded, had = {}, {}
        cluster.turn(new.name, others)
        cluster.all_equal(others, 40)
        for index in range(3):
            key = f"shared/{promise.random.randrange(20)}"
            had.setdefault(key, new.read(key))
            superseded[key] = promise.random.randbytes(500)
            new.write(key, superseded[key])
        cluster.join([old])
        cluster.all_equal(sites, 60)
        self.check(sites, new, superseded, had)

    def check(self, sites, new, superseded, had):
        """`had` is what the new holder replaced by its later writes: that is superseded, not lost."""
        kept = [stranded(site) for site in sites]
        lost = []
        for key, content in self.written.items():
            on_holder = os.path.exists(new.path(key)) and new.read(key) == content
            aside = any(content in contents.get(key, []) for contents, _ in kept)
            if not on_holder and not aside and had.get(key) != content:
                lost.append(key)
        for key in self.deleted:
            undone = any(key in deletions for _, deletions in kept)
            if os.path.exists(new.path(key)) and not undone:
                lost.append(f"deletion of {key}")
        again = [key for key, content in superseded.items() if new.read(key) != content]
        self.promise.check(not lost, f"round {self.number}: nothing is lost {lost[:5] or ''}")
        self.promise.check(not again,
                           f"round {self.number}: what the new holder wrote stands {again[:5] or ''}")


def main():
    with Promise("a deposed holder loses nothing") as promise:
        with TurningCluster(promise, sys.argv[1], sites=("fra1", "nyc1", "syd1"), check="1s") as cluster:
            sites = list(cluster.sites.values())
            for number in range(20):
                cluster.origin.write(f"shared/{number}", promise.random.randbytes(1000))
            for number in range(ROUNDS):
                for when in ("before", "during", "alone"):
                    cluster.origin.write(f"victim/{number}-{when}", b"to be deleted")
            cluster.start()
            cluster.all_equal(sites, 30)
            for number in range(ROUNDS):
                Round(promise, cluster, number).run(sites)
                if promise.bad:
                    break


if __name__ == "__main__":
    main()
