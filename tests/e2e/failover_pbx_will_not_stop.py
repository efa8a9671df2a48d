#!/usr/bin/env python3
"""A PBX that does not stop in time is killed, and only then the service is given away."""

import os
import time

from coordinators import play


def scenario(promise, world):
    site = world.sites["s0"]
    open(os.path.join(site.pbx, "will-not-stop"), "w", encoding="ascii").close()
    begun = time.monotonic()
    site.ask("switchover", "pbx", "--to", "s1", "--yes")
    served = world.wait_serves("s1", 20)
    promise.say(f"s1 serves {served - begun:.2f} s after the command (2 s for stopping)")
    promise.check(not site.pbx_runs(), "the PBX of s0 was killed")
    promise.check(served - world.caller.last("s0") > 0, "callers were cut off before")


play("a PBX that will not stop is killed before anybody else serves", scenario, sites=3)
