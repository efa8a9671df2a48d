#!/usr/bin/env python3
"""Nobody reaches the arbiter: serving goes on, nobody is promoted; when a candidate dies, too, the holder
has to stop.
"""

import time

from coordinators import play
from promise import FULL

LEASE = 4


def scenario(promise, world):
    world.arbiter.kill()
    time.sleep(60 if FULL else 8)
    world.check_served("s0")
    promise.check("failover arbiter check" in world.sites["s1"].ask("status").stdout,
                  "the next command is named")
    died = time.monotonic()
    world.sites["s2"].power_off()
    world.wait("s0 has stopped", 20, lambda: time.monotonic() - world.caller.last("s0") > 1)
    promise.say(f"a candidate dead: s0 served for another {world.caller.last('s0') - died:.2f} s")
    promise.check(world.caller.last("s0") - died <= LEASE + 1, "without its promise it stops within a lease")
    with world.hub.inside():
        world.arbiter.start()
    world.wait_serves("s0", 30)


play("without an arbiter serving goes on as long as all candidates promise, and no longer", scenario, sites=3,
     lease=f"{LEASE}s")
