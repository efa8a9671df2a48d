#!/usr/bin/env python3
"""kill -9 of the arbiter, back in more than a lease: no demotion."""

import time

from coordinators import play
from promise import FULL


def scenario(promise, world):
    world.arbiter.kill()
    time.sleep(10 if FULL else 6)
    with world.hub.inside():
        world.arbiter.start()
    time.sleep(3)
    promise.check("epoch=1 " in world.record(), f"the epoch is the same: {world.record()}")
    world.check_served("s0")
    died = time.monotonic()
    world.sites["s0"].power_off()
    _, served = world.wait_taken("s0")
    promise.say(f"and a takeover works as before: {served - died:.2f} s")


play("an arbiter that is killed and comes back demotes nobody", scenario, sites=3, lease="4s")
