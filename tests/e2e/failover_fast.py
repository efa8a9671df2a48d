#!/usr/bin/env python3
"""takeover = "fast": a dead site is taken over from in less than its lease; one that is only not heard is
not.
"""

import time

from coordinators import play


def scenario(promise, world):
    time.sleep(11)  # a promise of before a start may have been forgotten: nobody is sure sooner
    world.cut("s0", "s1")
    world.cut("s0", "s2")
    time.sleep(3)
    promise.check("epoch=1 " in world.record(), "not heard, but its PBX answers: it keeps it")
    world.heal()
    world.wait("they hear each other again", 15,
               lambda: "is silent" not in world.sites["s1"].ask("status").stdout)
    died = time.monotonic()
    world.sites["s0"].power_off()
    heir, served = world.wait_taken("s0", 15)
    promise.say(f"{heir} serves {served - died:.2f} s after s0 has died; the lease is 10 s")
    promise.check(served - died < 5, "much sooner than its lease")
    world.wait_holder("pbx", heir)


play("in fast mode a site that is surely dead is taken over from at once", scenario, sites=3,
     lease="10s", mode="fast")
