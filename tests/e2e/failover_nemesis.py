#!/usr/bin/env python3
"""Faults at random, several at a time, for a long while: never two sites that serve, an epoch has one owner,
and when all is well again the service is served.
"""

import contextlib
import signal
import time

from coordinators import Deadline, play
from promise import FULL

SECONDS = 3600 if FULL else 40


class Nemesis:
    """Each fault is undone some time later."""

    def __init__(self, promise, world):
        self.world, self.random = world, promise.random
        self.undo = []  # (when, how, of what)
        self.done = {}

    def step(self):
        now = time.monotonic()
        for each in [each for each in self.undo if each[0] <= now]:
            self.undo.remove(each)
            each[1]()
        busy = {each[2] for each in self.undo}
        site = self.random.choice(list(self.world.sites.values()))
        fault = self.random.choice([self.pbx_dies, self.killed, self.stopped, self.alone, self.deaf,
                                    self.pair, self.one_way, self.power, self.arbiter])
        subject = "the arbiter" if fault == self.arbiter else site.name
        if subject not in busy and len(self.undo) < 2:
            length = self.random.uniform(0.2, 6)
            self.done[fault.__name__] = self.done.get(fault.__name__, 0) + 1
            undo = fault(site)
            self.undo.append((now + length, undo, subject))

    def end(self):
        for _, undo, _ in self.undo:
            undo()
        self.undo.clear()
        self.world.heal()

    def pbx_dies(self, site):
        site.end_pbx()
        return lambda: None

    def killed(self, site):
        site.kill()
        return site.start

    def stopped(self, site):
        site.signal(signal.SIGSTOP)
        return lambda: site.signal(signal.SIGCONT)

    def alone(self, site):
        self.world.isolate(site.name)
        return self.world.heal

    def deaf(self, site):
        self.world.cut_arbiter(site.name)
        return self.world.heal

    def pair(self, site, both=True):
        other = self.random.choice([name for name in self.world.sites if name != site.name])
        self.world.cut(site.name, other, both)
        return self.world.heal

    def one_way(self, site):
        return self.pair(site, both=False)

    def power(self, site):
        site.power_off()
        return site.power_on

    def arbiter(self, _):
        self.world.arbiter.stop()

        def again():
            with self.world.hub.inside():
                self.world.arbiter.start()
        return again


def scenario(promise, world):
    nemesis = Nemesis(promise, world)
    owners = {}
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        nemesis.step()
        time.sleep(promise.random.uniform(0.1, 1.5))
        with contextlib.suppress(Exception):  # the arbiter is away
            record = dict(part.split("=", 1) for part in world.record().split() if "=" in part)
            owners.setdefault(record["epoch"], set()).add(record.get("owner"))
    nemesis.end()
    promise.say("done: " + ", ".join(f"{name} {count}" for name, count in sorted(nemesis.done.items())))
    several = {epoch: who for epoch, who in owners.items() if len(who - {"", "-", None}) > 1}
    promise.check(owners and not several,
                  f"{len(owners)} epochs were seen, each of one owner {several or ''}")
    for site in world.sites.values():
        site.ask("ack", "--yes", check=False)
    well = time.monotonic()
    with contextlib.suppress(Deadline):
        world.wait("somebody serves", 30, lambda: any(
            world.caller.first_after(name, well) for name in world.sites))
    served = [name for name in world.sites if world.caller.first_after(name, well)]
    promise.check(len(served) == 1, f"when all is well again it is served by {served}")
    share = {name: len(answers) for name, answers in world.caller.answers.items()}
    promise.say(f"answers to callers: {share}")


play("random faults for a long while: never two that serve, and one when all is well", scenario, sites=3)
