#!/usr/bin/env python3
"""A third of all packets lost on every path, the arbiter's too: peers are suspected, nothing is taken as long
as the lease is renewed; and what dies is taken over from all the same.
"""

import sys
import time

from coordinators import play
from promise import FULL


def scenario(promise, world):
    begun = time.monotonic()
    while time.monotonic() < begun + (600 if FULL else 10):
        time.sleep(1)
        record = world.record()
        if record and "epoch=1 " not in record:
            break
    promise.check("epoch=1 " in (record or "epoch=1 "), f"nobody has taken it: {record}")
    lost = sum(site.log().count(b'"path.down"') for site in world.sites.values())
    promise.say(f"{lost} paths were down meanwhile")
    died = time.monotonic()
    world.sites["s0"].power_off()
    heir, served = world.wait_taken("s0", 90)
    promise.say(f"{heir} serves {served - died:.2f} s after s0 has died, the lease is 10 s")


play("a third of all packets lost: no takeover without a reason", scenario, sites=3, lease="10s",
     path=(40, 30), wanem=sys.argv[4])
