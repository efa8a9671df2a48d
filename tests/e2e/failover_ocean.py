#!/usr/bin/env python3
"""Between continents, with loss: nobody takes what its holder renews; a dead site is taken over from."""

import sys
import time

from coordinators import play
from promise import FULL


def scenario(promise, world):
    time.sleep(300 if FULL else 15)
    promise.check("epoch=1 " in world.record(), f"nobody has taken it: {world.record()}")
    suspected = sum(site.log().count(b"the holder is suspected") for site in world.sites.values())
    promise.say(f"s0 was suspected {suspected} times meanwhile")
    died = time.monotonic()
    world.sites["s0"].end_pbx()
    taker, served = world.wait_taken("s0", after=died)
    promise.say(f"PBX dead: {taker} serves {served - died:.2f} s later")
    world.wait(f"DNS leads to {taker}", 10, lambda: world.led_to() == [world.sites[taker].address])
    promise.say(f"DNS leads there {time.monotonic() - died:.2f} s after it died")
    world.wait_holder("pbx", taker)
    died = time.monotonic()
    world.sites[taker].power_off()
    world.wait("another one serves", 30, lambda: any(world.caller.last(name) > died + 1
                                                     for name in world.sites if name != taker))
    promise.say(f"site dead: another one serves {time.monotonic() - died:.2f} s later, the lease is 5 s")


play("150 ms and 5 % of loss between sites: no takeover without a reason, and one with it", scenario, sites=3,
     lease="5s", path=(150, 5), wanem=sys.argv[4])
