#!/usr/bin/env python3
"""cluster.toml is read again while a service is held: callers notice nothing; one that is not right is
refused and changes nothing.
"""

import time

from coordinators import play


def scenario(promise, world):
    site = world.sites["s0"]
    text = world.configuration() + world.pbx_table()
    for name, each in world.sites.items():
        each.configure(text.replace('stagger = "300ms"', 'stagger = "400ms"'))
        each.ask("config", "reload")
        world.wait(f"{name} has it", 15, lambda: b'"event":"config.loaded"' in each.log())
    world.wait_holder("pbx", "s0")
    time.sleep(1)
    promise.check("epoch=1 " in world.record(), f"the epoch is the same: {world.record()}")
    world.check_served("s0")
    site.configure(text.replace('lease = "6s"', 'lease = "two seconds"'))
    refused = site.ask("config", "reload", check=False)
    promise.check(refused.returncode == 2 and "units: ms s m h d" in refused.stderr,
                  f"refused: {refused.stderr.splitlines()[0] if refused.stderr else ''}")
    site.signal(1)
    world.wait("the daemon refuses it, too", 10, lambda: b'"event":"config.rejected"' in site.log())
    world.wait_holder("pbx", "s0")
    world.check_served("s0", "and nothing has changed")


play("cluster.toml is read again while a service is held, and nobody notices", scenario, sites=3,
     lease="6s")
