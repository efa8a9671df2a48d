#!/usr/bin/env python3
"""Sites whose cluster.toml has said who holds what, at epoch 7, get coordinators: the first claim goes beyond
that epoch by itself, and the data flows on.
"""

import os
import sys

from coordinators import play


def has(site, name):
    return os.path.exists(os.path.join(site.folder, "tree", name))


def put(site, name):
    with open(os.path.join(site.folder, "tree", name), "w", encoding="utf-8") as out:
        out.write(name)


def by_hand(world):
    """As before there was a coordinator."""
    text = world.configuration()
    begin = text.index("[arbiter]")
    text = text[:begin] + text[text.index("[[set]]"):]
    text = text.replace('takeover = "lease"', 'holder = "s0"\nepoch = 7').replace("capacity = 1", "")
    text = "\n".join(line for line in text.split("\n") if not line.startswith("heartbeat"))
    put(world.sites["s0"], "first")
    for site in world.sites.values():
        site.configure(text)
        site.start_replicator()
    world.wait("all have the first file", 30,
               lambda: all(has(site, "first") for site in world.sites.values()))
    for site in world.sites.values():
        site.end_replicator()


def scenario(promise, world):
    promise.check("epoch=8 " in world.record(), f"the first claim goes beyond epoch 7: {world.record()}")
    put(world.sites["s0"], "second")
    world.wait("the data flows", 30, lambda: all(has(site, "second") for site in world.sites.values()))
    world.wait("s1 is known to be in sync", 20, lambda: "in sync" in world.sites["s0"].why("pbx"))
    world.sites["s0"].power_off()
    heir, _ = world.wait_taken("s0")
    put(world.sites[heir], "third")
    other = "s2" if heir == "s1" else "s1"
    world.wait(f"it flows from {heir}", 30, lambda: has(world.sites[other], "third"))


play("who held services by cluster.toml goes on with coordinators, beyond that epoch", scenario,
     before=by_hand, sites=3, replicator=sys.argv[2])
