#!/usr/bin/env python3
"""A coordinator that has nothing to do costs next to nothing, and keeps no memory."""

import os
import time

from coordinators import play
from promise import FULL, is_sanitized

TICKS = os.sysconf("SC_CLK_TCK")


def used(pid):
    """(seconds of processor, kB of memory)"""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        parts = file.read().rsplit(") ", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        memory = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
    return (int(parts[11]) + int(parts[12])) / TICKS, memory


def scenario(promise, world):
    seconds = 600 if FULL else 10
    time.sleep(5)
    before = {name: used(site.pid()) for name, site in world.sites.items()}
    time.sleep(seconds)
    for name, site in world.sites.items():
        cpu, memory = used(site.pid())
        percent = (cpu - before[name][0]) / seconds * 100
        grown = memory - before[name][1]
        promise.say(f"{name}: {percent:.2f} % of a processor, {memory / 1024:.1f} MB, {grown} kB more")
        if not is_sanitized(world.failover):
            promise.check(percent < 5, "next to nothing")
            promise.check(grown < 2000, "memory stays as it is")


play("an idle coordinator costs next to nothing", scenario, sites=3, lease="10s")
