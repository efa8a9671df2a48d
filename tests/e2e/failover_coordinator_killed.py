#!/usr/bin/env python3
"""kill -9 of the coordinator: the next one goes on within the lease; without one the guard closes."""

import time

from coordinators import play


def scenario(promise, world):
    site = world.sites["s0"]
    site.kill()
    time.sleep(0.5)
    site.start()
    world.wait_holder("pbx", "s0")
    world.check_served("s0")
    promise.check("epoch=1 " in world.record(), "the epoch is the same")
    site.kill()
    killed = time.monotonic()
    heir, served = world.wait_taken("s0")
    last = world.caller.last("s0")
    promise.say(f"callers of s0 cut off {last - killed:.2f} s after the kill, {heir} serves after "
                f"{served - killed:.2f} s")
    promise.check(last - killed <= 2.1, "the kernel guard has cut s0 off at the end of the lease")
    promise.check(served > last, f"then only {heir} serves")
    promise.check(site.pbx_pid() > 0, "its PBX still runs, behind a closed guard")
    site.start()
    world.wait_holder("pbx", heir, asked="s0")
    world.wait("the PBX that was left is stopped", 5, lambda: not site.pbx_runs())


play("a killed coordinator is resumed within the lease; without one the kernel cuts callers off",
     scenario, sites=3)
