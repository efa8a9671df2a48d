#!/usr/bin/env python3
"""A full disk takes no service away from who holds it. Who cannot write down what it takes takes nothing,
says why, and takes it when there is room again.
"""

import contextlib
import os
import shutil
import time

from coordinators import play
from mounts import tmpfs

LEASE = 2.0


@contextlib.contextmanager
def state_on_a_small_disk(site):
    """Yields fill() and free(). Ends with the coordinator ended."""
    state, kept = os.path.join(site.folder, "state"), os.path.join(site.folder, "kept")
    filler = os.path.join(state, "filler")
    site.kill()
    shutil.copytree(state, kept)

    def fill():  # over and over, as a file that is written anew has room for itself
        for _ in range(10):
            with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as out:
                while True:
                    out.write(bytes(4096))
            time.sleep(LEASE / 10)

    with tmpfs(state, "2m"):
        shutil.copytree(kept, state, dirs_exist_ok=True)
        site.start()
        try:
            yield fill, lambda: os.unlink(filler)
        finally:
            site.kill()


def scenario(promise, world):
    first, second, third = world.sites.values()
    with state_on_a_small_disk(second) as (fill, free):
        world.wait_holder("pbx", "s0", asked="s1")
        fill()
        died = time.monotonic()
        first.power_off()
        world.wait("s1 says why it takes nothing", 20, lambda: "No space left" in second.why("pbx"))
        promise.say(second.why("pbx"))
        world.wait_serves("s2", after=died)
        promise.check("epoch=2 " in world.record(), "s2 was not held up by it")
        promise.check(world.caller.first_after("s1", died) is None, "s1 has served nobody")
        third.power_off()
        free()
        world.wait_serves("s1", after=died)
        world.wait_holder("pbx", "s1")
        first.power_on()
        world.wait_holder("pbx", "s1", asked="s0")
        begun = time.monotonic()
        fill()
        time.sleep(LEASE * 2)
        promise.check("epoch=3 " in world.record() and world.caller.first_after("s0", begun) is None,
                      "s1 holds on with a full disk")
        promise.check(world.caller.last("s1") > time.monotonic() - LEASE / 2, "and serves")
        promise.check(b"state.failed" in second.log(), "and says that it cannot write")
        second.ask("switchover", "pbx", "--to", "s0", "--yes")
        world.wait_serves("s0", after=begun)
        world.wait_holder("pbx", "s0")
        promise.check("epoch=4 " in world.record(), "it can be moved away from the full disk")


play("a full disk takes no service away, and gives none", scenario, sites=3)
