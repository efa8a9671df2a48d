#!/usr/bin/env python3
"""The data flows from whoever holds the service: after a site has died from the new holder, and what the old
one had not sent yet is kept there for the operator, not lost.
"""

import os
import sys
import time

from coordinators import play


def put(site, name, text):
    with open(os.path.join(site.folder, "tree", name), "w", encoding="utf-8") as out:
        out.write(text)


def has(site, name, text):
    try:
        with open(os.path.join(site.folder, "tree", name), encoding="utf-8") as file:
            return file.read() == text
    except FileNotFoundError:
        return False


def scenario(promise, world):
    s0, s1, s2 = world.sites.values()
    put(s0, "first", "by s0")
    world.wait("all have it", 30, lambda: has(s1, "first", "by s0") and has(s2, "first", "by s0"))
    world.wait("s1 is known to be in sync", 20, lambda: "in sync" in s0.why("pbx"))
    s0.end_replicator()
    put(s0, "late", "new at s0, never sent")
    put(s0, "first", "changed by s0, never sent")
    s0.power_off()
    died = time.monotonic()
    heir, _ = world.wait_taken("s0")
    s1, s2 = (s1, s2) if heir == "s1" else (s2, s1)
    put(s1, "first", "changed by another")
    put(s1, "second", "by another")
    world.wait(f"it flows from {heir}", 30,
               lambda: has(s2, "second", "by another") and has(s2, "first", "changed by another"))
    promise.say(f"{heir} serves, and its data flows, {time.monotonic() - died:.2f} s after s0 has died")
    s0.power_on()
    world.wait(f"s0 has what {heir} has written", 30,
               lambda: has(s0, "second", "by another") and has(s0, "first", "changed by another"))
    world.wait("what was new at s0 is everywhere", 30,
               lambda: all(has(each, "late", "new at s0, never sent") for each in (s0, s1, s2)))
    stranded = s0.namespace.run(HAREPLICATE, "-c", s0.config, "stranded").stdout
    promise.check("tree" in stranded, f"what both have changed is kept: {stranded.strip().splitlines()[-1]}")
    world.wait_holder("pbx", heir, asked="s0")


HAREPLICATE = sys.argv[3]
play("the data flows from the holder, and nothing is lost by a takeover", scenario, sites=3,
     replicator=sys.argv[2])
