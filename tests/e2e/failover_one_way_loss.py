#!/usr/bin/env python3
"""The holder is not heard, but hears the others: as long as it renews nobody takes it."""

import time

from coordinators import play


def scenario(promise, world):
    world.cut("s0", "s1", both=False)
    world.cut("s0", "s2", both=False)
    time.sleep(8)
    world.wait_holder("pbx", "s0", asked="s1")
    promise.check("epoch=1 " in world.record(), f"nobody has taken it: {world.record()}")
    world.check_served("s0")


play("a holder that is not heard by others keeps what it renews", scenario, sites=3)
