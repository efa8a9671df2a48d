#!/usr/bin/env python3
"""SIGSTOP of the coordinator, for long: the guard cuts at the lease, another takes it, and on SIGCONT the
first one stands back.
"""

import signal
import time

from coordinators import play
from promise import FULL


def scenario(promise, world):
    seconds = 60 if FULL else 6
    site = world.sites["s0"]
    site.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    heir, served = world.wait_taken("s0")
    last = world.caller.last("s0")
    promise.say(f"s0 cut off {last - stopped:.2f} s after SIGSTOP, {heir} serves after "
                f"{served - stopped:.2f} s")
    promise.check(last - stopped <= 2.1, "the kernel guard has cut s0 off at the end of its lease")
    time.sleep(max(0, stopped + seconds - time.monotonic()))
    site.signal(signal.SIGCONT)
    going_on = time.monotonic()
    world.wait_holder("pbx", heir, asked="s0")
    world.wait("its PBX is stopped", 5, lambda: not site.pbx_runs())
    promise.check(world.caller.first_after("s0", going_on) is None, "s0 has answered nobody since")
    promise.check(world.caller.first_after(heir, going_on) is not None, f"{heir} goes on")


play("a stopped coordinator is cut off at its lease and stands back when it goes on", scenario, sites=3)
