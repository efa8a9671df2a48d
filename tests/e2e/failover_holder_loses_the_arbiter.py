#!/usr/bin/env python3
"""Only the holder loses the arbiter: the others promise, and it goes on."""

import time

from coordinators import play


def scenario(promise, world):
    world.cut_arbiter("s0")
    time.sleep(8)
    promise.check("by promises" in world.sites["s0"].ask("status").stdout, "status says on what it lives")
    world.check_served("s0", "callers noticed nothing in four leases")
    promise.check("promised not to take it" in world.sites["s1"].why("pbx"),
                  "the others say what they have promised")
    world.heal()
    world.wait("it renews again", 10, lambda: "by promises" not in world.sites["s0"].ask("status").stdout)
    promise.check("epoch=1 " in world.record(), "the epoch is the same")


play("a holder without the arbiter goes on by promises of all others", scenario, sites=3)
