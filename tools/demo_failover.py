"""The end of the demo: the holder dies, another site serves, and the old holder comes back."""

import contextlib
import os
import shutil
import tempfile
import time

from coordinators import Coordinators, Deadline  # noqa: F401

LEASE = "3s"


class Silent:
    """What a test would count, only said here."""

    def __init__(self):
        self.bad = []

    def check(self, good, what):
        if not good:
            self.bad.append(what)


def put(site, name, text):
    with open(os.path.join(site.folder, "tree", name), "w", encoding="utf-8") as out:
        out.write(text)


def text_of(site, name):
    with contextlib.suppress(FileNotFoundError):
        with open(os.path.join(site.folder, "tree", name), encoding="utf-8") as file:
            return file.read()
    return ""


def tell(story, build):
    """What was not as it should be."""
    if os.geteuid() != 0 or not shutil.which("nft"):
        story.say("Left out: the failover; it needs root and nft (nftables).")
        return []
    folders = (("failover", "failover"), ("replicator", "replicator"), ("hareplicate", "tools/hareplicate"))
    programs = {name: os.path.join(build, folder, name) for name, folder in folders}
    silent = Silent()
    try:
        with tempfile.TemporaryDirectory(prefix="ha-") as folder, \
                Coordinators(silent, folder, programs["failover"], sites=3, lease=LEASE,
                             replicator=programs["replicator"]) as world:
            play(story, world, programs)
            world.judge()
    except SystemExit:
        story.say("Left out: the failover; its name server could not be fetched.")
    return silent.bad


def play(story, world, programs):
    s0, s1, s2 = world.sites.values()
    story.say(f"Failover: three sites, each with a coordinator; BIND is the arbiter, a lease of {LEASE}.")
    world.start("s0")
    world.wait_holder("pbx", "s0")
    world.start("s1", "s2")
    put(s0, "greeting", "welcome\n")
    world.wait("the copies are there", 30,
               lambda: text_of(s2, "greeting") == text_of(s1, "greeting") != "")
    world.wait("s1 can take it", 20, lambda: "s1 could take it; its copies are in sync" in s0.why("pbx"))
    world.wait_serves("s0")
    time.sleep(2)
    story.say(f"s0 serves callers; DNS says {world.led_to()[0]}. What an operator sees at s1:")
    print(s1.ask("status", "--budget").stdout)
    s0.end_replicator()
    put(s0, "greeting", "welcome, changed at s0 and never sent\n")
    died = time.monotonic()
    s0.power_off()
    story.say("The power of s0 goes off. It had a change that nobody else has.")
    heir, served = world.wait_taken("s0", 30)
    s1, s2 = (s1, s2) if heir == "s1" else (s2, s1)
    world.wait(f"DNS leads to {heir}", 10, lambda: world.led_to() == [s1.address])
    story.say(f"{heir} serves callers {served - died:.2f} s later; DNS says {s1.address} after "
              f"{time.monotonic() - died:.2f} s.")
    put(s1, "greeting", f"welcome, changed at {heir}\n")
    world.wait("data flows from there", 30, lambda: f"at {heir}" in text_of(s2, "greeting"))
    story.say(f"Data flows from {s1.name} to {s2.name} after {time.monotonic() - died:.2f} s.")
    s0.power_on()
    world.wait("s0 has it, too", 30, lambda: f"at {heir}" in text_of(s0, "greeting"))
    story.say(f"s0 is back as a standby, equal to {heir}. What it had not sent is kept there for you:")
    print(s0.namespace.run(programs["hareplicate"], "-c", s0.config, "stranded").stdout)
    story.say("Why, in words: failover why pbx")
    print(s0.why("pbx"))
