#!/usr/bin/env python3
"""Three masters with a service each, all with the same paths; a fourth site can stand in for any.
Each service's tree waits on the shelf wherever it is not held, is put in its place at promotion, and
changes places again when the service goes. A kill in the middle is made up for. What is the site's own stays
or waits.

    shelf_is_put_in_place.py REPLICATOR
"""

import os
import re
import signal
import sys
import time

from cluster import STAGING, Cluster, toml, tree_compare
from promise import FULL, Promise

SITES = ("fs1", "fs2", "fs3", "fs4")
FILES = 10_000 if FULL else 3_000
KILLS_MAX = 6


class VoiceCluster(Cluster):
    """`holders` and `epochs` are what sites are configured with the next time."""

    def __init__(self, *arguments, **options):
        self.holders = {"voice1": "fs1", "voice2": "fs2", "voice3": "fs3"}
        self.epochs = dict.fromkeys(self.holders, 1)
        super().__init__(*arguments, sites=SITES, sets=("etc", "common"), **options)

    def configuration(self, **changes):
        text = super().configuration(**changes)
        head = text[:text.index("[[service]]")] + text[text.index("[set_defaults]"):text.index("[[set]]")]
        for number, (name, holder) in enumerate(self.holders.items()):
            head += (f'[[service]]\nname = "{name}"\nsites = ["{SITES[number]}", "fs4"]\n'
                     f'holder = "{holder}"\nepoch = {self.epochs[name]}\n')
        return head + (f'[[set]]\nname = "etc"\npath = {toml("/nonexistent/etc")}\nplace = "shelf"\n'
                       'exclude = ["local/", "*.lock"]\n'
                       f'[[set]]\nname = "common"\npath = {toml("/nonexistent/common")}\nservice = "*"\n'
                       'author = "fs2"\n')

    def give(self, service, name, sites):
        """By hand: `name` holds the service from now on, as far as `sites` know."""
        self.holders[service] = name
        self.epochs[service] += 1
        for site in sites:
            site.configure()

    def tree_of(self, service, site):
        if self.holders[service] == site.name:
            return site.trees["etc"]
        return os.path.join(site.state, "shelf", service, "etc", "tree")

    def differences_of(self, service, site):
        own = (STAGING, b"local", b".", b"voice.lock")
        first, second = (tree_compare.snapshot(os.fsencode(self.tree_of(service, each)), own)
                         for each in (self.sites[self.holders[service]], site))
        return list(tree_compare.differences(first, second))

    def wait_all_equal(self, sites, seconds=90):
        for service, holder in self.holders.items():
            holder = self.sites[holder]
            for site in sites:
                if site is holder or holder not in sites:
                    continue

                def equal(service=service, site=site, holder=holder):
                    status = holder.status()
                    states = [each["state"] for each in status["sets"] if each["peer"] == site.name and
                              each["set"] == f"etc@{service}"] if status else []
                    return states == ["in sync"] and not self.differences_of(service, site)
                self.wait(f"etc@{service} at {site.name} is equal to {holder.name}", equal, seconds, 0.3)


def placed(site, name="etc@voice1"):
    """How often that set has changed places at this site, and what the last time took."""
    lines = re.findall(rb"set\.placed.*" + name.encode() + rb".*", site.log())
    return len(lines), lines[-1].decode() if lines else ""


def fill(cluster):
    for number, name in enumerate(SITES[:3]):
        site = cluster.sites[name]
        for index in range(FILES if number == 0 else 200):
            folder = "" if index % 2 else f"d{index % 50}/"
            path = os.path.join(site.trees["etc"], folder + f"{index}.conf")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as out:
                out.write(f"{name} {index}\n")
        os.makedirs(os.path.join(site.trees["etc"], "local"))
    fourth = cluster.sites["fs4"].trees["etc"]
    os.makedirs(os.path.join(fourth, "local"))
    os.makedirs(os.path.join(fourth, "d0"))
    for name in ("own.conf", "1.conf", "local/secret", "d0/voice.lock"):
        with open(os.path.join(fourth, name), "w", encoding="ascii") as out:
            out.write("of fs4\n")
    with open(os.path.join(cluster.sites["fs2"].trees["common"], "prompt"), "w", encoding="ascii") as out:
        out.write("for all\n")


def content(site, name):
    try:
        with open(os.path.join(site.trees["etc"], name), encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return None


def reload(cluster, site):
    """SIGHUP, and until it runs with what it was given."""
    before = site.log().count(b"config.loaded")
    site.process.send_signal(signal.SIGHUP)
    cluster.wait(f"{site.name} is reloaded", lambda: site.log().count(b"config.loaded") > before, 30)


def kill_in_the_middle(cluster, site):
    """SIGHUP, and SIGKILL as soon as an exchange has begun. True: it was still under way."""
    journal = os.path.join(site.state, "shelf", "voice1", "etc", "exchange")
    site.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 30
    while not os.path.exists(journal):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    time.sleep(cluster.promise.random.random() * 0.1)
    site.kill()
    middle = os.path.exists(journal)
    site.start()
    cluster.wait(f"{site.name} runs", site.status, 30)
    return middle


def main():
    with Promise("a shelved tree is put in its place") as promise, \
            VoiceCluster(promise, sys.argv[1], check="1s") as cluster:
        first, second, _, fourth = sites = list(cluster.sites.values())
        fill(cluster)
        cluster.start()
        cluster.wait_all_equal(sites, 180)
        promise.check(content(fourth, "own.conf") == "of fs4\n" and content(fourth, "1.conf") == "of fs4\n",
                      "the fourth site's own configuration is where it was, beside three shelved trees")
        cluster.wait("the set of no service is everywhere", lambda: all(
            os.path.exists(os.path.join(site.trees["common"], "prompt")) for site in sites), 30)

        first.kill()
        cluster.give("voice1", "fs4", sites[1:])
        for site in (second, cluster.sites["fs3"], fourth):
            reload(cluster, site)
        count, line = placed(fourth)
        promise.check(count == 1, f"promoted: {line}")
        promise.check(content(fourth, "1.conf") == "fs1 1\n" and content(fourth, "0.conf") is None and
                      content(fourth, "d0/0.conf") == "fs1 0\n", "voice1's tree stands at the path")
        promise.check(content(fourth, "own.conf") is None and
                      content(fourth, "local/secret") == content(fourth, "d0/voice.lock") == "of fs4\n",
                      "what was there waits aside, what is excluded has stayed")
        with open(os.path.join(fourth.trees["etc"], "late.conf"), "w", encoding="ascii") as out:
            out.write("written at fs4\n")
        cluster.wait_all_equal(sites[1:])
        first.configure()
        first.start()
        cluster.wait_all_equal(sites)
        promise.check(content(first, "1.conf") is None,
                      "the old holder's path is free: its tree is on the shelf")

        middle = 0
        for attempt in range(KILLS_MAX):
            cluster.give("voice1", "fs1" if attempt % 2 == 0 else "fs4", sites)
            for site in sites[:3]:
                reload(cluster, site)
            middle += kill_in_the_middle(cluster, fourth)
            cluster.wait_all_equal(sites)
            if middle >= 2 and attempt % 2 == 0:
                break
        promise.check(middle > 0, f"{middle} times killed in the middle of an exchange, and it went on")
        if cluster.holders["voice1"] == "fs4":
            cluster.give("voice1", "fs1", sites)
            for site in reversed(sites):
                reload(cluster, site)
            cluster.wait_all_equal(sites)
        promise.check(content(fourth, "own.conf") == content(fourth, "1.conf") == "of fs4\n" and
                      content(fourth, "late.conf") is None, "the fourth site has its own configuration back")
        promise.check(content(first, "late.conf") == "written at fs4\n", "fs1 has what was written meanwhile")


if __name__ == "__main__":
    main()
