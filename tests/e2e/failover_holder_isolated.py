#!/usr/bin/env python3
"""The holder is cut off from all sites and the arbiter, callers still reach it: off by its lease, another
serves.
"""

import time

from coordinators import play


def scenario(promise, world):
    world.isolate("s0")
    cut = time.monotonic()
    heir, served = world.wait_taken("s0")
    last = world.caller.last("s0")
    promise.say(f"s0 served for another {last - cut:.2f} s, {heir} serves after {served - cut:.2f} s")
    promise.check(last - cut <= 2.1, "off by the end of its lease")
    promise.check(served > last, "then the other one")
    promise.check("lease" in world.sites["s0"].why("pbx"), "it says why it has stopped")
    world.heal()
    world.wait_holder("pbx", heir, asked="s0")


play("an isolated holder stops by its lease, another one serves", scenario, sites=3)
