#!/usr/bin/env python3
"""A site that dies is taken over from, and only after its lease; when it returns it is a standby."""

import time

from coordinators import play

LEASE = 2.0


def scenario(promise, world):
    promise.check(world.led_to() == ["10.79.1.2"], f"callers are led to s0: {world.record()}")
    died = time.monotonic()
    world.sites["s0"].power_off()
    served = world.wait_serves("s1", 20)
    promise.say(f"s1 serves {served - died:.2f} s after s0 has died")
    promise.check(served - world.caller.last("s0") >= LEASE * 0.8, "not before the lease of s0 was over")
    promise.check(served - died <= LEASE * 1.5 + 1.5, "soon after it was over")
    world.wait_holder("pbx", "s1", asked="s2")
    world.wait("DNS leads to s1", 10, lambda: world.led_to() == ["10.79.2.2"])
    world.sites["s0"].power_on()
    world.wait_holder("pbx", "s1", asked="s0")
    promise.check("s1 holds pbx, epoch 2" in world.sites["s0"].why("pbx"), "why says who holds it")
    history = world.sites["s1"].ask("history").stdout
    promise.check("s1" in history and "s0" in history, "history has the move")


play("a dead site is taken over from, and comes back as a standby", scenario, sites=3)
