#!/usr/bin/env python3
"""Two masters die at once; two standbys take one service each."""

import time

from coordinators import play


def scenario(promise, world):
    world.sites["s0"].power_off()
    world.sites["s1"].power_off()
    started = time.monotonic()
    took = {}
    for standby in ("s2", "s3"):
        took[standby] = world.wait_serves(standby, 20) - started
    promise.say(f"s2 serves after {took['s2']:.2f} s, s3 after {took['s3']:.2f} s")
    held = {name: world.sites["s2"].service(name)["holder"] for name in world.names}
    promise.check(sorted(held.values()) == ["s2", "s3"], f"one each: {held}")
    world.wait_holder("pbx", held["pbx"])
    world.wait_holder("fax", held["fax"])


play("two masters die at once: each of two standbys takes one service", scenario, sites=4,
     services=("pbx", "fax"))
