#!/usr/bin/env python3
"""on_isolation = survive_local: an isolated holder serves those of local_networks alone, until it is heard
again.
"""

import time

from coordinators import play


def scenario(promise, world):
    world.isolate("s0")
    heir, _ = world.wait_taken("s0")
    site = world.sites["s0"]
    promise.check(site.pbx_runs(), "the PBX of s0 still runs")
    promise.check(time.monotonic() - world.caller.last("s0") > 0.3, "callers from elsewhere are not served")
    rules = site.namespace.run("nft", "list", "table", "inet", "hareplicate").stdout
    promise.check("10.99.0.0/16" in rules, "local callers are")
    world.heal()
    world.wait("it stops when it hears that another one serves", 20, lambda: not site.pbx_runs())
    world.wait_holder("pbx", heir, asked="s0")


play("an isolated holder goes on for local callers alone, and stops when another site serves", scenario,
     site_more='local_networks = ["10.99.0.0/16"]', failover_more='on_isolation = "survive_local"')
