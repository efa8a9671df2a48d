#!/usr/bin/env python3
"""A maintenance whose coordinator is killed at any step: another site serves soon, never two."""

import subprocess
import time

from coordinators import play
from promise import count


def scenario(promise, world):
    holder = "s0"
    for _ in range(count(40)):
        site = world.sites[holder]
        begun = time.monotonic()
        words = site.namespace.command(world.failover, "-c", site.config, "maintenance", "start", "--yes")
        asked = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(promise.random.uniform(0, 0.6))
        site.kill()
        asked.wait(10)
        others = [name for name in world.sites if name != holder]
        world.wait("another site serves", 20,
                   lambda: any(world.caller.last(name) > begun + 0.7 for name in others))
        after = max(others, key=world.caller.last)
        promise.say(f"{holder} killed in maintenance, {after} serves {time.monotonic() - begun:.2f} s later")
        site.start()
        world.wait(f"{holder} is back", 20, lambda: site.status()["services"])
        site.ask("maintenance", "stop")
        world.wait_holder("pbx", after, asked=holder)
        holder = after
        time.sleep(1.5)


play("maintenance that is killed at any step ends with one site that serves", scenario,
     sites=3)
