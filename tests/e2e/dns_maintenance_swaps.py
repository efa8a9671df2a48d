#!/usr/bin/env python3
"""dnsupdater as an operator uses it, with a BIND as primary, a BIND as a fast secondary and a secondary that
is dead: maintenance is started and stopped, killed at every write of its journal and in the middle of what
comes after it, resumed and undone; the disk is full, rights are lost or the primary dies in between, two
operators work at once. At every moment the service has an address and each of the two addresses has its name.

    dns_maintenance_swaps.py DNSUPDATER
"""

import contextlib
import os
import queue
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import Operator, killed_at_write, record_table, zone_table  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Key, Zone, free_port  # noqa: E402
from mounts import tmpfs  # noqa: E402
from promise import FULL, Promise  # noqa: E402

SERVICE, SPARE = "192.0.2.10", "192.0.2.11"
IS_ROOT = os.geteuid() == 0
HOME, AWAY = (SERVICE, SPARE), (SPARE, SERVICE)
TTL_S = 6  # over the 5 s of maintenance, so that it has all of its steps
# One at the beginning, two for each of nine steps, one at the end.
WRITES = 20
LANES = 8
# A swap waits a minute for servers to answer so: also when another has swapped back in the meantime.
ENDED_SECONDS = 90
KEY_WRONG = Key(secret="d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3JvbmctMzI=")


class Site:
    """A zone with the two names, and somebody who operates it."""

    def __init__(self, program, folder, zone, primary, servers, timeout="20s"):
        self.primary, self.zone = primary, zone
        self.names = (f"sip.{zone}", f"fra1-maint.{zone}")
        self.operator = Operator(program, folder, [zone_table(zone, [primary.endpoint], servers)],
                                 [record_table(self.names[0], f"{TTL_S}s")], timeout, self.names[1])

    def maintain(self, verb, *words):
        return ("maintenance", verb, "fra1", "--verify", "1s", "--drain", "1s", "--yes", *words)

    def rows(self):
        return {row[0].rstrip("."): row for row in self.primary.transfer(self.zone) if row[2] == "A"}

    def addresses(self):
        rows = self.rows()
        return tuple(rows[name][3] if name in rows else "" for name in self.names)

    def whole(self, addresses):
        """As wanted, with the TTLs of the beginning, and nothing open."""
        rows = self.rows()
        return self.addresses() == addresses and all(rows[name][1] == TTL_S for name in self.names) and \
            not any("OPEN" in row["state"] for row in self.operator.journal())

    def undo(self):
        return self.operator.run("undo", self.operator.journal()[-1]["id"], "--yes")


class Watch(threading.Thread):
    """Looks all the time; anything but the two whole states is wrong."""

    def __init__(self, sites):
        super().__init__(daemon=True)
        self.sites, self.ended, self.seen, self.wrong, self.looks = sites, threading.Event(), set(), [], 0
        self.start()

    def run(self):
        while not self.ended.wait(0.01):
            for site in self.sites:
                state = site.addresses()
                self.looks += 1
                self.seen.add(state)
                if state not in (HOME, AWAY):
                    self.wrong.append((site.zone, state))

    def close(self, promise):
        self.ended.set()
        self.join(10)
        promise.check(not self.wrong and len(self.seen) == 2,
                      f"looked {self.looks} times: at every moment both addresses had their names "
                      f"{self.wrong[:3] or ''}")


def wrong_turns(promise, site):
    operator, name = site.operator, site.names[0]
    for words, code, said in (
            (("delete", name, "A", "--yes"), 4, "nobody could call"),
            (("set", name, "A", "192.0.2.400", "--yes"), 2, "is no record of type A"),
            (("set", "sip.elsewhere.test", "A", SERVICE, "--yes"), 1, "is in no [[dns.zone]]"),
            (("set", f"_ha.pbx.{site.zone}", "TXT", "mine", "--yes"), 4, "is a guard"),
            (("swap", "frb1", "--yes"), 2, 'did you mean "fra1"'),
            (("undo", "d-99", "--yes"), 2, "no operation is called"),
            (("set", name, "A", SERVICE), 4, "Nobody is there to say yes")):
        got, _, error = operator.run(*words)
        promise.check(got == code and said in error, f"{' '.join(words)}: {got}: {error.strip()[-150:]}")
    code, out, _ = operator.run("maintenance", "start", "fra1", "--dry-run")
    promise.check(code == 0 and "prereq nxrrset _ha.pbx" in out, "a dry run shows the message")
    promise.check(site.whole(HOME), "none of them left anything behind")


def there_and_back(promise, site, dead):
    wrong_turns(promise, site)
    code, out, error = site.operator.run(*site.maintain("start"))
    promise.check(code == 0 and site.whole(AWAY) and f"{dead} is silent" in out,
                  f"start; the dead secondary is named: {code} {error.strip()[-200:]}")
    code, _, error = site.operator.run(*site.maintain("start"))
    promise.check(code == 4 and "maintenance stop fra1" in error, f"started twice: {error.strip()[-200:]}")
    code, _, error = site.operator.run(*site.maintain("stop"))
    promise.check(code == 0 and site.whole(HOME), f"stop: as before {error.strip()[-200:]}")


def killed(promise, site, write, how, random):
    """At that write, or in the middle of what comes then; ended by `how`, which is killed once itself."""
    begin = site.addresses()
    verb = "start" if begin == HOME else "stop"
    wait = random.choice((0, 0, 0.002, 0.005, 0.02, 0.1))
    killed_at_write(site.operator, site.maintain(verb), write, wait)
    done = site.operator.journal()[-1]
    again = ""
    if how == "resume" and "OPEN" in done["state"] and random.random() < 0.5:
        at = random.randrange(1, 5)
        killed_at_write(site.operator, ("resume",), at, wait)
        again = f", resume killed at write {at}"
    code, _, error = site.operator.run("resume") if how == "resume" else site.undo()
    good = code == 0 and site.whole(begin[::-1] if how == "resume" else begin)
    promise.check(good, f"{verb} killed {wait * 1000:.0f} ms after write {write}, {done['done']} steps done"
                        f"{again}, {how}: {code} {'/'.join(site.addresses())} {error.strip()[-200:]}")


def kills(promise, sites):
    """Every write, both verbs, both ends; without HA_FULL some of them."""
    writes = list(range(1, WRITES + 1))
    promise.random.shuffle(writes)
    work = queue.Queue()
    for number, write in enumerate(writes):
        ends = ("undo", "resume", "undo", "resume")  # of start, of start, of stop, of stop
        work.put((write, ends if FULL else ends[number % 2:][:2]))
    if not FULL:
        while work.qsize() > LANES:
            work.get()
    count = []

    def lane(site, random):
        while True:
            try:
                write, ends = work.get_nowait()
            except queue.Empty:
                return
            for how in ends:
                killed(promise, site, write, how, random)
                count.append(write)

    lanes = [threading.Thread(target=lane, args=(site, type(promise.random)(promise.random.random())))
             for site in sites]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    promise.check(len(set(count)) == (WRITES if FULL else LANES), f"killed {len(count)} times in all")


def at_step(site, steps):
    """Begins maintenance, and returns when so many steps are done."""
    process = site.operator.start(*site.maintain("start"))
    end = time.monotonic() + 30
    while (site.operator.open_steps() or 0) < steps:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"it has ended: {process.communicate()}")
        time.sleep(0.02)
    return process


def ended(process):
    out, error = process.communicate(timeout=ENDED_SECONDS)
    return process.returncode, " ".join(error.split()) or out


def interrupted(promise, site, what, spoil, mend, due, how):
    """While it waits for the old TTL something is spoilt; mended, it is resumed or undone."""
    begin = site.addresses()
    process = at_step(site, 2)
    spoil()
    code, said = ended(process)
    held = site.primary.process is None or site.addresses() == begin
    promise.check(code == due and held and "dnsupdater resume or: dnsupdater undo" in said,
                  f"{what}: {code}: {said[-230:]}")
    mend()
    code, _, error = site.operator.run("resume") if how == "resume" else site.undo()
    promise.check(code == 0 and site.whole(begin[::-1] if how == "resume" else begin),
                  f"  and then {how}: {code} {error.strip()[-200:]}")
    if how == "resume":
        code, _, _ = site.operator.run("swap", "fra1", "--yes")
        promise.check(code == 0 and site.whole(begin), "  and back")


def full_disk(promise, site):
    filler = os.path.join(site.operator.state, "filler")

    def fill():
        with open(filler, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(b"x" * 4096)
            except OSError:
                pass

    fill()
    before = len(site.operator.journal())
    code, _, error = site.operator.run(*site.maintain("start"))
    promise.check(code == 1 and "No space left" in error and site.whole(HOME) and
                  len(site.operator.journal()) == before,
                  f"a full disk: nothing is begun: {code}: {' '.join(error.split())[-150:]}")
    os.unlink(filler)
    for how in ("resume", "undo"):
        interrupted(promise, site, "the disk is full in between", fill, lambda: os.unlink(filler), 1, how)


def lost_rights(promise, site):
    operator, primary = site.operator, site.primary
    interrupted(promise, site, "the zone is frozen in between", lambda: primary.rndc("freeze", site.zone),
                lambda: primary.rndc("thaw", site.zone), 14, "resume")
    with open(primary.path("named.conf"), encoding="utf-8") as file:
        text = file.read()
    begin = f'zone "{site.zone}" {{ type primary; file "{site.zone}.zone"; '

    def policy(rules):
        primary.put("named.conf", text.replace(f"{begin}allow-update {{ key {KEY.name}; }};", begin + rules))
        primary.rndc("reconfig")

    interrupted(promise, site, "our key may no more, in between", lambda: policy("allow-update { none; };"),
                lambda: policy(f"allow-update {{ key {KEY.name}; }};"), 14, "undo")
    process = at_step(site, 2)
    process.kill()
    process.communicate()
    KEY_WRONG.write(operator.key)
    code, _, error = operator.run("resume")
    promise.check(code == 12 and "another secret" in error, f"resume with a wrong secret: {code}")
    os.chmod(operator.key, 0o644)
    code, _, error = operator.run("resume")
    promise.check(code != 0 and "chmod 600" in error, f"resume with a key that others can read: {code}")
    os.unlink(operator.key)
    KEY.write(operator.key)
    code, _, error = site.undo()
    promise.check(code == 0 and site.whole(HOME), f"  and then undo: {code} {error.strip()[-200:]}")


def primary_dies(promise, site):
    site.operator.limit_swaps("2s")
    for how in ("resume", "undo"):
        interrupted(promise, site, "the primary dies in between", site.primary.kill, site.primary.start, 3,
                    how)


def two_at_once(promise, site, other):
    """In one state_dir the second is refused; on two hosts they swap the same names at the same moment."""
    process = at_step(site, 2)
    code, _, error = site.operator.run("swap", "fra1", "--yes")
    promise.check(code == 4 and "another dnsupdater is at work here" in error, f"a second one here: {code}")
    code, said = ended(process)
    promise.check(code == 0 and site.whole(AWAY), f"  the first goes on {said[-100:] if code else ''}")
    told = []
    wrong = []
    for _ in range(50 if FULL else 2):  # one in ten takes that minute
        begin = site.addresses()
        both = [each.operator.start("swap", "fra1", "--yes") for each in (site, other)]
        codes, said = zip(*[ended(process) for process in both])
        now = site.addresses()
        told.append(codes)
        if now not in (HOME, AWAY) or any(code not in (0, 1) for code in codes) or 0 not in codes:
            wrong.append((codes, begin, now, said))
        for each in (site, other):
            if each.operator.undo_open()[0] != 0:
                wrong.append((codes, "cannot be undone", each.operator.journal()[-1]))
    counts = {codes: told.count(codes) for codes in sorted(set(told))}
    promise.check(not wrong, f"two hosts swap at once, {len(told)} times: exit codes {counts} "
                             f"{wrong[:2] or ''}")


def state_of(folder):
    path = os.path.join(folder, "state")
    os.makedirs(path)
    return path


def all_beside(promise, jobs):
    """(what to run, its arguments) each in a thread of its own."""
    def one(run, *arguments):
        try:
            run(promise, *arguments)
        except Exception:  # pylint: disable=broad-except
            promise.check(False, traceback.format_exc())

    threads = [threading.Thread(target=one, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def small_disk(path):
    """Only root may mount one; without it the full disk is left out, and that is said."""
    if IS_ROOT:
        return tmpfs(path, "256k")
    print("without root there is no full disk", flush=True)
    return contextlib.nullcontext()


def main():
    with Promise("maintenance never leaves a mess") as promise, tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        dead = f"127.0.0.1:{free_port()}"
        records = [f"sip {TTL_S} A {SERVICE}", f"fra1-maint {TTL_S} A {SPARE}"]
        zones = [Zone(f"voice{number}.test", records) for number in range(LANES + 5)]
        fast = "min-refresh-time 1; max-refresh-time 1;"
        with servers.start(Bind, *zones[1:]) as primary, servers.start(Bind, zones[0]) as mortal, \
                servers.start(Bind, *zones[1:], secondary_of=primary, options=fast) as secondary, \
                small_disk(state_of(os.path.join(folder, "etc4"))):
            three = [primary.endpoint, secondary.endpoint, dead]

            def site(number, served=three, zone=None, at=primary):
                name = (zone or zones[number]).name
                return Site(sys.argv[1], os.path.join(folder, f"etc{number}"), name, at, served)

            lanes = [site(number) for number in range(5, LANES + 5)]
            calm = site(1, three)
            denied, twice, full = (site(each, three[:1]) for each in (2, 3, 4))
            watch = Watch([calm, denied, twice, full, *lanes])
            jobs = [(there_and_back, calm, dead), (lost_rights, denied), (kills, lanes),
                    (two_at_once, twice, site("other", three[:1], zones[3])),
                    (primary_dies, site(0, [mortal.endpoint], at=mortal))]
            all_beside(promise, jobs + [(full_disk, full)] if IS_ROOT else jobs)
            watch.close(promise)


if __name__ == "__main__":
    main()
