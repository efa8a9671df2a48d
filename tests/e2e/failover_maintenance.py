#!/usr/bin/env python3
"""A site in maintenance gives up what it holds and takes nothing, until it is back; a kill in between
changes nothing of that.
"""

from coordinators import play


def scenario(promise, world):
    s0, s1 = world.sites["s0"], world.sites["s1"]
    s0.ask("maintenance", "start", "--yes")
    world.wait_serves("s1", 10)
    world.wait_holder("pbx", "s1", asked="s0")
    s0.kill()
    s0.start()
    world.wait("it is in maintenance still", 10,
               lambda: "IN MAINTENANCE" in s0.ask("status", check=False).stdout)
    promise.check("s0 cannot take it: this site is in maintenance" in s1.why("pbx"), "the others know")
    world.sites["s2"].power_off()
    world.wait("s1 knows", 5, lambda: "s2 is silent" in s1.ask("status").stdout)
    refused = s1.ask("maintenance", "start", "--yes", check=False)
    promise.check(refused.returncode == 4 and "no other site can take pbx" in refused.stderr,
                  f"the last one that could serve is kept: {refused.stderr.strip()}")
    s0.ask("maintenance", "stop")
    world.wait("s1 knows that", 5, lambda: "s0 could take it" in s1.why("pbx"))
    s1.ask("switchover", "pbx", "--to", "s0", "--yes")
    world.wait_serves("s0", 10)


play("maintenance hands everything over, survives a kill, and ends", scenario, sites=3)
