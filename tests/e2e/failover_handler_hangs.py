#!/usr/bin/env python3
"""Handlers that hang, whatever the event: no decision waits for them."""

import time

from coordinators import play


def scenario(promise, world):
    died = time.monotonic()
    world.sites["s0"].end_pbx()
    served = world.wait_serves("s1", 10)
    promise.say(f"s1 serves {served - died:.2f} s after the PBX of s0 has died")
    promise.check(served - died < 2.5, "as soon as without handlers")
    time.sleep(4)
    promise.check("hang" in world.sites["s0"].log().decode() and b"hook.failed" in world.sites["s0"].log(),
                  "that they hang is said")
    listed = world.sites["s0"].ask("handlers", "list").stdout
    promise.check("hang" in listed, f"and listed: {listed.splitlines()[-1]}")


play("a handler that hangs delays no decision", scenario,
     more='[[handler]]\nname = "hang"\nevents = ["*"]\ncommand = ["/usr/bin/sleep", "60"]\ntimeout = "1s"\n')
