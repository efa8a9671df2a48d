#!/usr/bin/env python3
"""A fence: nobody hears the holder, who serves callers still; it is switched off, and its lease is not waited
for. A fence that fails confirms nothing.
"""

import os
import time

from coordinators import play

LEASE = 8.0
# The power switch of every site: it ends what the site's file names.
FENCE = """#!/bin/sh
[ -e "$(dirname "$0")/no-power-switch" ] && echo "the power switch does not answer" && exit 1
kill -9 $(cat "$(dirname "$0")/$HA_FENCE_SITE.processes") $(cat "$(dirname "$0")/$HA_FENCE_SITE/pbx/pbx.pid")
exit 0
"""


def wire(world, name):
    with open(os.path.join(world.folder, name + ".processes"), "w", encoding="ascii") as out:
        out.write(str(world.sites[name].pid()))


def scenario(promise, world):
    for name in world.sites:
        wire(world, name)
    script = os.path.join(world.folder, "fence")
    with open(os.open(script, os.O_CREAT | os.O_WRONLY, 0o755), "w", encoding="ascii") as out:
        out.write(FENCE)
    time.sleep(LEASE)  # who has just started fences nobody
    cut = time.monotonic()
    world.sites["s0"].wanted = False
    world.isolate("s0")
    heir, served = world.wait_taken("s0")
    promise.say(f"{heir} serves {served - cut:.2f} s after nobody hears s0; the lease is {LEASE:.0f} s")
    promise.check(served - cut < LEASE / 2, "the confirmed fence has made the wait shorter")
    promise.check(not world.sites["s0"].pbx_runs(), "s0 was switched off")
    world.sites["s0"].process.wait(10)
    world.heal()
    world.sites["s0"].start()
    wire(world, "s0")
    world.wait_holder("pbx", heir, asked="s0")

    open(os.path.join(world.folder, "no-power-switch"), "w", encoding="ascii").close()
    time.sleep(LEASE)
    cut = time.monotonic()
    world.isolate(heir)
    next_heir, served = world.wait_taken(heir, 30)
    promise.check(served - cut > LEASE * 0.7, f"a fence that fails makes nothing shorter: {next_heir} serves "
                  f"after {served - cut:.2f} s")
    failed = [name for name, site in world.sites.items() if b"fence.failed" in site.log()]
    promise.check(len(failed) == 1, f"one site has tried, and said so: {failed}")
    promise.check(b"the power switch does not answer" in world.sites[failed[0]].log(), "in its words")


play("a confirmed fence shortens the wait; a failed one does not", scenario, sites=3, lease=f"{LEASE:.0f}s",
     failover_more='fence = "{folder}/fence"\nfence_within = "5s"\n')
