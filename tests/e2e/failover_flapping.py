#!/usr/bin/env python3
"""A PBX that dies again and again moves its service once; then the site keeps it, and starts it again."""

import time

from coordinators import play


def scenario(promise, world):
    world.sites["s0"].end_pbx()
    world.wait_serves("s1", 10)
    world.wait_holder("pbx", "s1")
    for _ in range(3):
        world.sites["s1"].end_pbx()
        died = time.monotonic()
        world.wait_serves("s1", 20, died)
    promise.check("epoch=2 " in world.record(), f"moved once: {world.record()}")
    promise.check("failover ack" in world.sites["s1"].why("pbx"), "why says until when, and what to type")


play("a PBX that dies again and again is moved once, and then started where it is", scenario,
     sites=3)
