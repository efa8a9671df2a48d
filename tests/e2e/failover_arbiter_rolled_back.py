#!/usr/bin/env python3
"""The arbiter comes back from a backup, with an older epoch: nobody claims or renews by it, everybody says
so, and a person accepts it.
"""

import time

from coordinators import play


def scenario(promise, world):
    saved = world.save_arbiter()
    world.sites["s0"].ask("switchover", "pbx", "--to", "s1", "--yes")
    world.wait_holder("pbx", "s1")
    world.restore_arbiter(saved)
    promise.check("epoch=1 " in world.record(), f"the arbiter shows the past: {world.record()}")
    for name in world.sites:
        site = world.sites[name]
        world.wait(f"{name} says so", 15, lambda: "gone back in time" in site.ask("status").stdout)
    promise.check("failover arbiter accept pbx" in world.sites["s1"].ask("status").stdout, "and what to type")
    time.sleep(5)
    promise.check("epoch=1 " in world.record(), f"nobody has written: {world.record()}")
    for name in world.sites:
        world.sites[name].ask("arbiter", "accept", "pbx", "--yes")
    world.wait("it is held again, beyond what was seen", 30, lambda: "epoch=3 " in world.record())


play("an arbiter that went back in time is refused, said, and accepted by a person", scenario,
     sites=3)
