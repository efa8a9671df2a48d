#!/usr/bin/env python3
"""No site hears another, all reach the arbiter: nothing changes."""

import time

from coordinators import play


def scenario(promise, world):
    for one, other in (("s0", "s1"), ("s0", "s2"), ("s1", "s2")):
        world.cut(one, other)
    world.wait("it is said", 10, lambda: "s0 is silent" in world.sites["s1"].ask("status").stdout)
    time.sleep(6)
    world.wait_holder("pbx", "s0", asked="s2")
    promise.check("epoch=1 " in world.record(), f"nobody has taken it: {world.record()}")
    world.check_served("s0")
    world.heal()
    world.wait("they hear each other again", 15,
               lambda: "is silent" not in world.sites["s1"].ask("status").stdout)


play("sites that do not hear each other but reach the arbiter change nothing", scenario, sites=3)
