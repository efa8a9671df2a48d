#!/usr/bin/env python3
"""Voicemail folders with a real Asterisk at both sites: calls leave messages at the holder and at the
standby, others listen, delete and save, while the replicators work and roles turn. Each message is there
exactly once in the end, its text with its sound, Asterisk counts as many at either site, no lock stays.

    real_asterisk_voicemail.py REPLICATOR [SUITE]     SUITE: bullseye (Asterisk 16) or sid (22)

It needs root and what tests/support/asterisk_root makes.
"""

import contextlib
import itertools
import os
import sys
import time

from asterisk import MAILBOX, Asterisk, read_folder, root_of
from promise import FULL, Promise, skip, skip_unless_root
from turns import TurningCluster
from voicemail import UntilEnded

SUITE = sys.argv[2] if len(sys.argv) > 2 else "bullseye"
ROOT = root_of(SUITE)
TURNS, QUICK_TURNS = 8, 2
FOLDERS = ("INBOX", "Old", "Urgent")
UNIT = 'unit = "*/*/*"\nexclude = ["*/*/tmp/", "*/*/*.tmp.*"]\n'
# The first is heard and deleted, the second heard and saved to Old, then the caller hangs up.
DELETE_AND_SAVE = "w1ww7w6ww9w1www"
SAVE_AND_STAY = "w1ww9w1" + "w" * 10
GREETING = "w0w1" + "w" * 16 + "#ww1wwww"


class VoicemailCluster(TurningCluster):
    def differences(self, name="tree"):
        return [each for each in super().differences(name) if "/tmp" not in each and ".tmp." not in each]


class Pbxs:
    """A cluster with an Asterisk at each site, and what their callers did."""

    def __init__(self, promise, lockmode):
        self.cluster = VoicemailCluster(promise, sys.argv[1], check="1s", walk="10s", set_keys=UNIT)
        self.sites = list(self.cluster.sites.values())
        self.at = {site.name: Asterisk(ROOT, os.path.join(site.folder, "pbx"), site.tree, lockmode)
                   for site in self.sites}
        self.numbers, self.left = itertools.count(1), set()
        self.deleted, self.gone, self.saved = set(), set(), set()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.cluster)
            for pbx in self.at.values():
                stack.enter_context(pbx)
                pbx.start()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            for name, pbx in self.at.items():
                print(f"---- the end of the log of {name}'s Asterisk\n{pbx.log()[-3000:]}", flush=True)
        return self.stack.__exit__(kind, error, trace)

    def leave(self, site):
        number = next(self.numbers)
        self.left.add(number)
        self.at[site.name].leave(number)

    def calls_end(self):
        for pbx in self.at.values():
            pbx.wait_calls(30)

    def listen(self, site):
        """What a caller did to the messages is seen when he has hung up. Returns what he deleted."""
        pbx = self.at[site.name]
        before = self.messages(site)[0]
        pbx.listen(DELETE_AND_SAVE)
        pbx.wait_calls(40, "main")
        after = self.messages(site)[0]
        deleted = set(before["INBOX"]) - set(after["INBOX"]) - set(after["Old"])
        self.deleted |= deleted
        self.saved |= set(before["INBOX"]) & set(after["Old"]) - set(after["INBOX"])
        return deleted

    def have_gone(self, deleted, site):
        """What has been deleted there as well must not come back."""
        self.gone |= deleted - set().union(*self.messages(site)[0].values())
        return deleted <= self.gone

    def messages(self, site):
        """By folder, and what is wrong; as they stood at one moment."""
        while True:
            times = self.times(site)
            found, wrong = {}, []
            for folder in FOLDERS:
                found[folder], bad = read_folder(site.path(f"{MAILBOX}/{folder}"))
                wrong += bad
            if times == self.times(site):
                return found, wrong
            time.sleep(0.02)

    @staticmethod
    def times(site):
        paths = [site.path(f"{MAILBOX}/{folder}") for folder in FOLDERS]
        return [os.stat(path).st_mtime_ns for path in paths if os.path.isdir(path)]


class Calls(UntilEnded):
    """One after the other at one site."""

    def __init__(self, pbxs, site):
        super().__init__(1, lambda: pbxs.leave(site))

    @staticmethod
    def start_at(pbxs, sites):
        calls = {site: Calls(pbxs, site) for site in sites}
        for each in calls.values():
            each.start()
        return calls


def turns_with_calls(promise, lockmode, turns):
    with Pbxs(promise, lockmode) as pbxs:
        cluster, sites = pbxs.cluster, pbxs.sites
        for _ in range(4):
            pbxs.leave(sites[0])
        pbxs.calls_end()
        cluster.start()
        cluster.wait_equal(30)
        for turn in range(1, turns + 1):
            calls = Calls.start_at(pbxs, sites)
            deleted = pbxs.listen(cluster.origin)
            if turn % 2 == 0:  # else what the caller did is not sent any more
                # A replica puts off a folder in which it is given messages all the time.
                calls.pop(cluster.replica).end()
                cluster.wait("they are gone at the standby",
                             lambda deleted=deleted: pbxs.have_gone(deleted, cluster.replica), 30)
                calls |= Calls.start_at(pbxs, [cluster.replica])
                time.sleep(1)
            cluster.turn(sites[turn % 2].name, sites)
            time.sleep(1)
            for each in calls.values():
                each.end()
            pbxs.calls_end()
            cluster.all_equal(sites, 60)
        end = time.monotonic() + 12  # a walk everywhere
        while time.monotonic() < end:
            cluster.all_equal(sites, 60)
            time.sleep(1)
        check_messages(promise, pbxs, f"{lockmode}, {turns} turns")


def check_messages(promise, pbxs, what):
    found, wrong = pbxs.messages(pbxs.cluster.origin)
    here = [number for numbers in found.values() for number in numbers]
    lost = sorted(pbxs.left - pbxs.deleted - set(here))
    twice = sorted({number for number in here if here.count(number) > 1})
    promise.check(not wrong, f"{what}: each text stands with its sound {wrong[:3] or ''}")
    promise.check(not lost, f"{what}: {len(pbxs.left)} messages left, {len(pbxs.deleted)} deleted, "
                  f"none lost {lost[:5] or ''}")
    promise.check(not twice, f"{what}: none is there twice {twice[:5] or ''}")
    promise.check(pbxs.deleted and pbxs.saved, f"{what}: callers deleted {len(pbxs.deleted)} and saved "
                  f"{len(pbxs.saved)}")
    back = sorted(pbxs.gone & set(here))
    promise.check(pbxs.gone and not back, f"{what}: {len(pbxs.gone)} were deleted before a turn, "
                  f"none is back {back[:5] or ''}")
    counts = {site.name: pbxs.at[site.name].count() for site in pbxs.sites}
    wanted = (len(found["INBOX"]), len(found["Old"]))
    promise.check(set(counts.values()) == {wanted},
                  f"{what}: Asterisk itself counts {counts}, {wanted} are there")
    check_quiet(promise, pbxs, what)


def check_quiet(promise, pbxs, what):
    locks = [os.path.join(folder, name) for site in pbxs.sites for folder, _, names in os.walk(site.tree)
             for name in names if name.startswith(".lock") or name in ("lock", "unit-lock")]
    promise.check(not locks, f"{what}: no lock stays {locks[:3] or ''}")
    aside = [name for site in pbxs.sites for _, _, names in os.walk(site.path(".hareplicate/stranded"))
             for name in names if name.startswith("msg")]
    promise.check(not aside, f"{what}: nothing is stranded {aside[:3] or ''}")
    trouble = [line for pbx in pbxs.at.values() for line in pbx.log().splitlines()
               if "lock path" in line or "will be lost" in line]
    promise.check(not trouble, f"{what}: no Asterisk waited in vain for a lock {trouble[:2] or ''}")


def caller_stays_on_the_line(promise):
    """A message that is saved is copied at once, and goes from INBOX when the caller hangs up."""
    with Pbxs(promise, "lockfile") as pbxs:
        cluster, (holder, standby) = pbxs.cluster, pbxs.sites
        for _ in range(3):
            pbxs.leave(holder)
        pbxs.calls_end()
        cluster.start()
        cluster.wait_equal(30)
        pbx, twice, looks, both = pbxs.at[holder.name], [], 0, False
        pbx.listen(SAVE_AND_STAY)
        while pbx.calls("main") != 0:
            for site in pbxs.sites:
                found = pbxs.messages(site)[0]
                again = set(found["INBOX"]) & set(found["Old"])
                both = both or (site is holder and bool(again))
                twice += again if site is standby else ()
            looks += 1
        promise.check(both, "a saved message is in both folders of the holder while he is on the line")
        promise.check(not twice, f"and never in both at the standby ({looks} looks) {twice[:3] or ''}")
        cluster.wait_equal(30)
        found = [pbxs.messages(site)[0] for site in pbxs.sites]
        promise.check(found[0] == found[1] and len(found[0]["INBOX"]) == 2 and len(found[0]["Old"]) == 1,
                      f"when he has hung up, it is in Old only, at both {found[1]}")
        pbx.listen(GREETING)
        temporary = set()
        while pbx.calls("main") != 0:
            temporary |= {name for name in os.listdir(standby.path(MAILBOX)) if ".tmp" in name}
        cluster.wait_equal(30)
        greeting = standby.path(MAILBOX + "/unavail.wav")
        promise.check(os.path.exists(greeting) and not temporary,
                      f"a new greeting arrives, its recording does not {sorted(temporary)}")
        check_quiet(promise, pbxs, "after that")


def main():
    skip_unless_root()
    if ROOT is None:
        skip(f"there is no Asterisk; tests/support/asterisk_root {SUITE} makes one")
    with Promise(f"voicemail of a real Asterisk ({SUITE}) at both sites stays whole") as promise:
        caller_stays_on_the_line(promise)
        turns_with_calls(promise, "lockfile", TURNS if FULL else QUICK_TURNS)
        if FULL:
            turns_with_calls(promise, "flock", TURNS)


if __name__ == "__main__":
    main()
