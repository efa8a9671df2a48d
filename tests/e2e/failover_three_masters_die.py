#!/usr/bin/env python3
"""Three masters die, two standbys are left: what matters most is taken, and the third is said to be
orphaned.
"""

from coordinators import play


def scenario(promise, world):
    for name in ("s0", "s1", "s2"):
        world.sites[name].power_off()
    for standby in ("s3", "s4"):
        world.wait_serves(standby, 20)
    held = {name: world.sites["s3"].service(name)["holder"] for name in world.names}
    promise.check({held["a"], held["b"]} == {"s3", "s4"}, f"what stands first is taken: {held}")
    why = world.sites["s3"].why("c")
    promise.check("holds as many services as it can" in why, f"why says that nobody has room:\n{why}")
    world.sites["s2"].power_on()
    world.wait_holder("c", "s2", 30)


play("three masters die, two standbys: the first two services are taken, the third is queued and said",
     scenario, sites=5, services=("a", "b", "c"))
