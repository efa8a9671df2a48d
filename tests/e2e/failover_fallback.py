#!/usr/bin/env python3
"""Fallback: a service goes home when its first site has been well for a while, not while that one is ill; by
hand it is refused meanwhile, with the reason.
"""

import os
import time

from coordinators import play
from promise import FULL, skip

SECONDS = 60  # the shortest fallback_after that is allowed


def scenario(promise, world):
    home = world.sites["s0"]
    open(os.path.join(home.pbx, "ill"), "w", encoding="ascii").close()
    home.power_off()
    heir, _ = world.wait_taken("s0")
    world.wait_holder("pbx", heir)
    home.power_on()
    world.wait("s0 is heard, and ill", 20, lambda: any(
        site["site"] == "s0" and site["heard"] == "yes" and "illness" in site["worst"]
        for site in world.sites[heir].status()["sites"]))
    time.sleep(SECONDS * 1.2)
    promise.check("epoch=2 " in world.record(), "as long as s0 is ill it stays where it is")
    why = world.sites[heir].why("pbx")
    promise.check("It goes back to s0 by itself, not yet: its health is" in why, "and why says so")
    os.unlink(os.path.join(home.pbx, "ill"))
    well = time.monotonic()
    served = world.wait_serves("s0", SECONDS + 40, well)
    promise.say(f"s0 serves {served - well:.2f} s after it was well again")
    promise.check(served - well >= SECONDS, "not before it was well for some time")
    world.wait_holder("pbx", "s0")
    promise.check("epoch=3 " in world.record(), "by one move")
    done = world.sites["s0"].ask("fallback", "pbx", "--yes", check=False)
    promise.check(done.returncode == 4 and "here already" in done.stderr,
                  f"home already: {done.stderr.strip()}")


if not FULL:
    skip("it takes three minutes")
play("a service goes home when home is well for a while, and not sooner", scenario, sites=3,
     service_more=f'fallback = "always"\nfallback_after = "{SECONDS}s"\n',
     more='[[sensor]]\nname = "illness"\nkind = "plugin"\nweight = 100\nevery = "1s"\ntimeout = "1s"\n'
          'rise = 1\nfall = 2\ncommand = ["/usr/bin/test", "!", "-e", "{folder}/here/pbx/ill"]\n')
