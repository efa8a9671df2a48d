#!/usr/bin/env python3
"""A site whose PBX does not start gives the service up again, and the next one takes it."""

import os

from coordinators import play


def scenario(promise, world):
    open(os.path.join(world.sites["s1"].pbx, "will-not-start"), "w", encoding="ascii").close()
    world.sites["s0"].power_off()
    world.wait_serves("s2", 40)
    world.wait_holder("pbx", "s2", asked="s1")
    history = world.sites["s1"].ask("history").stdout
    promise.check("s2" in history, f"history: {history.splitlines()[1]}")
    promise.check("could not be started here" in world.sites["s1"].why("pbx") or
                  "s2 holds" in world.sites["s1"].why("pbx"), "why says it")


play("a site whose PBX does not start hands on what it has taken", scenario,
     sites=3)
