#!/usr/bin/env python3
"""A site's machine is put back to what it was yesterday, when it held the service: it serves nobody, and does
not hurt who holds it now; one that has forgotten everything neither.
"""

import os
import shutil
import time

from coordinators import play


def scenario(promise, world):
    site = world.sites["s0"]
    state, kept = os.path.join(site.folder, "state"), os.path.join(site.folder, "yesterday")
    shutil.copytree(state, kept)
    for turn, holder in ((2, "s1"), (3, "s0"), (4, "s1")):
        before = "s0" if holder == "s1" else "s1"
        world.sites[before].ask("switchover", "pbx", "--to", holder, "--yes")
        world.wait_holder("pbx", holder)
        promise.check(f"epoch={turn} " in world.record(), f"epoch {turn} is of {holder}")
        time.sleep(1.5)
    for what in ("yesterday's", "no"):
        site.kill()
        shutil.rmtree(state)
        shutil.copytree(kept, state) if what == "yesterday's" else os.makedirs(state)
        begun = time.monotonic()
        site.start()
        world.wait_holder("pbx", "s1", asked="s0")
        time.sleep(2)
        promise.check(world.caller.first_after("s0", begun) is None, f"with {what} state it serves nobody")
        promise.check(world.caller.first_after("s1", begun) is not None, "s1 serves on")
    world.sites["s1"].end_pbx()
    world.wait_holder("pbx", "s0")
    promise.check("epoch=5 " in world.record(), "it takes its next turn beyond all that there was")


play("a site that is put back in time, or has forgotten everything, takes nothing", scenario, sites=2)
