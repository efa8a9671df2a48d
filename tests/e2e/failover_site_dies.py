#!/usr/bin/env python3
"""A site that dies is taken over from, and only after its lease; when it returns it is a standby."""

import sys
import tempfile
import time

from coordinators import Coordinators
from promise import Promise, skip_unless_root

LEASE = 2.0


def main():
    skip_unless_root()
    with Promise("a dead site is taken over from, and comes back as a standby") as promise, \
            tempfile.TemporaryDirectory(prefix="ha-") as folder, \
            Coordinators(promise, folder, sys.argv[1], sites=3) as world:
        world.start()
        world.wait_holder("pbx", "s0")
        world.wait_serves("s0")
        promise.check(world.led_to() == ["10.79.1.2"], f"callers are led to s0: {world.record()}")
        died = time.monotonic()
        world.sites["s0"].power_off()
        served = world.wait_serves("s1", 20)
        promise.say(f"s1 serves {served - died:.2f} s after s0 has died (a lease is {LEASE} s)")
        last = world.caller.last("s0")
        promise.check(served - last >= LEASE * 0.8, "not before the lease of s0 was over")
        promise.check(served - died <= LEASE * 1.5 + 1.5, "soon after it was over")
        world.wait_holder("pbx", "s1", asked="s2")
        world.wait("DNS leads to s1", 10, lambda: world.led_to() == ["10.79.2.2"])
        world.sites["s0"].power_on()
        world.wait_holder("pbx", "s1", asked="s0")
        promise.check("s1 holds pbx, epoch 2" in world.sites["s0"].why("pbx"), "why says who holds it")
        world.judge()
    return promise.bad


if __name__ == "__main__":
    main()
