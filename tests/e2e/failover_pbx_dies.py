#!/usr/bin/env python3
"""A PBX that dies while its coordinator lives: another site has it in a moment."""

import time

from coordinators import play


def scenario(promise, world):
    died = time.monotonic()
    world.sites["s0"].end_pbx()
    served = world.wait_serves("s1", 10)
    promise.say(f"s1 serves {served - died:.2f} s after the PBX of s0 has died")
    promise.check(served - died < 2.0, "much sooner than a lease and a wait")
    world.wait("DNS leads to s1", 5, lambda: world.led_to() == ["10.79.2.2"])
    world.wait_holder("pbx", "s1", asked="s0")


play("a dead PBX is given up at once, and another site serves", scenario, sites=3)
