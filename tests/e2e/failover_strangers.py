#!/usr/bin/env python3
"""A peer with a wrong key and one with another cluster.toml: the one is not heard, the other is last; both
are said.
"""

from cluster import make_keys
from coordinators import play


def scenario(promise, world):
    s1, s2 = world.sites["s1"], world.sites["s2"]
    s1.stop()
    s1.put("secrets/site.curve", make_keys()[1])
    refused = s1.ask("config", "check", check=False)
    promise.check(refused.returncode == 0, "config check reads no secrets")
    s1.start()
    s1.process.wait(10)
    promise.check(s1.process.returncode == 2 and b"is not the one that cluster.toml has" in s1.log(),
                  "a site with a key that is not its own does not start, and says why")
    s1.wanted = False
    s2.stop()
    text = world.configuration() + world.pbx_table()
    s2.configure(text.replace('stagger = "300ms"', 'stagger = "400ms"'))
    s2.start()
    world.wait("it is said", 15,
               lambda: "s2 has another cluster.toml" in world.sites["s0"].ask("status").stdout)
    for wrong, said in (('stop_before = "200ms"', 'stop_before = "1700ms"'),
                        ('heartbeat = "100ms"', 'heartbeat = "2s"'),
                        ('lease = "2s"', 'lease = "2s"\nrenew = "1s"')):
        s2.configure(text.replace(wrong, said))
        refused = s2.ask("config", "check", check=False)
        line = next((each for each in refused.stderr.splitlines() if "error: failover" in each), "")
        promise.check(refused.returncode == 2 and " — " in line, f"refused, with a remedy: {line[-150:]}")
        reload = s2.ask("config", "reload", check=False)
        promise.check(reload.returncode == 2, "and not loaded")


play("a wrong key is not heard, another cluster.toml is said", scenario,
     sites=3)
