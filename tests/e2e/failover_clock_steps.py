#!/usr/bin/env python3
"""The wall clock of the name server, of the holder, then of all, is set an hour forward and back: nothing
happens.
"""

import calendar
import os
import sys
import time

from coordinators import play
from promise import is_sanitized

HOUR = 3600


def server_steps(promise, world):
    for seconds in (HOUR, -HOUR, 0):
        world.dns.stop()
        world.dns.environment = {"LD_PRELOAD": SHIFT, "HA_CLOCK_SHIFT": str(seconds)}
        with world.hub.inside():
            world.dns.start()
        before = world.record()
        world.wait(f"the lease is renewed at a server that is {seconds} s off", 5,
                   lambda: world.record() not in (before, ""))
        promise.check("epoch=1 " in world.record(), f"the server {seconds} s off: renewed by its clock")


def site_steps(promise, world):
    def step(names, seconds):
        for name in names:
            world.sites[name].put("clock", str(seconds))
        time.sleep(3)
        moved = [name for name in names if abs(clock_of(world.sites[name]) - seconds - time.time()) < 60]
        promise.check(len(moved) == len(names), f"{', '.join(names)}: {seconds} s off, they see it")
        promise.check("epoch=1 " in world.record(), "nobody has taken it")

    for names in (["s0"], ["s0", "s1", "s2"], ["s1"]):
        for seconds in (HOUR, -HOUR, 0):
            step(names, seconds)
    world.sites["s1"].put("clock", str(-HOUR))


def scenario(promise, world):
    server_steps(promise, world)
    if not is_sanitized(world.failover):  # a library cannot be put before the sanitizer's
        site_steps(promise, world)
    world.check_served("s0")
    died = time.monotonic()
    world.sites["s0"].power_off()
    heir, served = world.wait_taken("s0")
    promise.say(f"{heir} serves {served - died:.2f} s after s0 has died, an hour behind or not")


def clock_of(site):
    """As its coordinator tells it."""
    said = site.status()["time"][:19]
    return calendar.timegm(time.strptime(said, "%Y-%m-%dT%H:%M:%S"))


SHIFT = os.path.abspath(sys.argv[5])
SHIFTED = [] if is_sanitized(sys.argv[1]) else ["LD_PRELOAD=" + SHIFT, "HA_CLOCK_SHIFT={folder}/clock"]
play("steps of a wall clock change nothing", scenario, sites=3, environment=SHIFTED)
