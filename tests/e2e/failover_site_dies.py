#!/usr/bin/env python3
"""A site that dies is taken over from, and only after its lease; when it returns it is a standby."""

import time

from coordinators import play

LEASE = 2.0


def scenario(promise, world):
    promise.check(world.led_to() == ["10.79.1.2"], f"callers are led to s0: {world.record()}")
    died = time.monotonic()
    world.sites["s0"].power_off()
    heir, served = world.wait_taken("s0")
    promise.say(f"{heir} serves {served - died:.2f} s after s0 has died")
    promise.check(served - world.caller.last("s0") >= LEASE * 0.8, "not before the lease of s0 was over")
    promise.check(served - died <= LEASE * 1.5 + 1.5, "soon after it was over")
    other = "s2" if heir == "s1" else "s1"
    world.wait_holder("pbx", heir, asked=other)
    world.wait(f"DNS leads to {heir}", 10, lambda: world.led_to() == [world.sites[heir].address])
    world.sites["s0"].power_on()
    world.wait_holder("pbx", heir, asked="s0")
    promise.check(f"{heir} holds pbx, epoch 2" in world.sites["s0"].why("pbx"), "why says who holds it")
    history = world.sites[heir].ask("history").stdout
    promise.check(heir in history and "s0" in history, "history has the move")


play("a dead site is taken over from, and comes back as a standby", scenario, sites=3)
