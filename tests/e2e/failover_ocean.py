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
    promise.say(f"PBX dead: s1 serves {world.wait_serves('s1', 20) - died:.2f} s later")
    world.wait("DNS leads to s1", 10, lambda: world.led_to() == ["10.79.2.2"])
    promise.say(f"DNS leads there {time.monotonic() - died:.2f} s after it died")
    world.wait_holder("pbx", "s1")
    died = time.monotonic()
    world.sites["s1"].power_off()
    world.wait("another one serves", 30, lambda: world.caller.last("s0") > died + 1 or
               world.caller.last("s2") > died + 1)
    promise.say(f"site dead: another one serves {time.monotonic() - died:.2f} s later, the lease is 5 s")


play("150 ms and 5 % of loss between sites: no takeover without a reason, and one with it", scenario, sites=3,
     lease="5s", path=(150, 5), wanem=sys.argv[4])
