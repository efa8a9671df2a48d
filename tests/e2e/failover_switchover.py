#!/usr/bin/env python3
"""A planned move: one swap, nothing lost in between but the swap itself; refusals name the next command."""

import time

from coordinators import play


def scenario(promise, world):
    code = world.sites["s1"].ask("switchover", "pbx", "--to", "s2", "--yes", check=False)
    promise.check(code.returncode == 4 and "on s0: failover switchover pbx --to s2" in code.stderr,
                  f"on another site it is refused, with what to type: {code.stderr.strip()}")
    done = world.sites["s0"].ask("switchover", "pbx", "--to", "s2", "--dry-run")
    promise.check("epoch 2" in done.stdout and "Nothing was changed" in done.stdout, "--dry-run shows it")
    begun = time.monotonic()
    world.sites["s0"].ask("switchover", "pbx", "--to", "s2", "--yes")
    served = world.wait_serves("s2", 10)
    promise.say(f"s2 serves {served - begun:.2f} s after the command; callers were without for "
                f"{served - world.caller.last('s0'):.2f} s")
    world.wait_holder("pbx", "s2")
    world.wait("DNS leads to s2", 5, lambda: world.led_to() == ["10.79.3.2"])
    promise.check("epoch=2 " in world.record(), "one epoch further")
    code = world.sites["s2"].ask("switchover", "pbx", "--to", "s9", "--yes", check=False)
    promise.check(code.returncode == 2 and "s9" in code.stderr, f"a site that is none: {code.stderr.strip()}")


play("a planned move hands a service over in one swap", scenario, sites=3)
