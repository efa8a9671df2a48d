#!/usr/bin/env python3
"""Operators at two sites change one pool on a real BIND: it is never empty, also when both leave at once; its
records are what its guard says; drains are resumed after a kill; what the primary refuses is not left open.

    dns_pools_never_empty.py DNSUPDATER
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import write_site  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Zone  # noqa: E402
from promise import Promise, count, end_with_us  # noqa: E402

ZONE = "voice.test"
POOL, SRV = f"all.{ZONE}", f"_sip._udp.{ZONE}"
ADDRESS = {"fra1": "192.0.2.10", "nyc1": "192.0.2.20"}
LIMIT_SECONDS = 60
ROUNDS = count(300)
CLUSTER = """version = 1
[cluster]
name = "test"
id = "5b1f"
[[site]]
name = "fra1"
address = ["tcp://127.0.0.1:7400"]
key = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR"
public_ip = ["192.0.2.10"]
public_name = "fra1.voice.test"
[[site]]
name = "nyc1"
address = ["tcp://127.0.0.1:7401"]
key = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR"
public_ip = ["192.0.2.20"]
public_name = "nyc1.voice.test"
[[service]]
name = "pbx"
sites = ["fra1", "nyc1"]
holder = "fra1"
[[dns.zone]]
name = "voice.test"
primary = ["@PRIMARY@"]
[[dns.pool]]
name = "all.voice.test"
services = ["pbx"]
ttl = "5s"
srv = "_sip._udp.voice.test"
"""


class Operator:
    """One for each site: a journal of its own."""

    def __init__(self, program, folder, primary, site):
        self.program, self.site = program, site
        self.config = write_site(os.path.join(folder, site), CLUSTER.replace("@PRIMARY@", primary.endpoint),
                                 site)

    def start(self, *words):
        return subprocess.Popen([self.program, "--config", self.config, "--yes", *words],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, preexec_fn=end_with_us)

    @staticmethod
    def end(process):
        out, error = process.communicate(timeout=LIMIT_SECONDS)
        return process.returncode, out, error

    def run(self, *words):
        return self.end(self.start(*words))

    def rows(self, *words):
        _, out, error = self.run("-o", "json", *words)
        if not out.startswith("{"):
            raise RuntimeError(f"{words}: {error}")
        return json.loads(out)["rows"]

    def states(self):
        return {row["site"]: row["state"] for row in self.rows("pool", "show")}


class Watch(threading.Thread):
    """Transfers the zone all the time: the pool is there, and A, SRV and the guard's list say the same."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended, self.looks, self.seen, self.wrong = server, threading.Event(), 0, set(), []
        self.start()

    def run(self):
        while not self.ended.wait(0.01):
            rows = [(row[0].rstrip("."), row[2], row[3]) for row in self.server.transfer(ZONE)]
            a = {data for name, kind, data in rows if name == POOL and kind == "A"}
            srv = {data.split()[3].split(".")[0] for name, _, data in rows if name == SRV}
            guard = "".join(data for name, kind, data in rows if name == f"_ha.{POOL}" and kind == "TXT")
            if "at=" not in guard:
                continue  # before the first use
            words = guard.strip('"').split("at=")[1].split(",")
            listed = {word.split("/")[0] for word in words if word.split("/")[1] == "in"}
            self.looks += 1
            self.seen.add(tuple(sorted(a)))
            if not a or a != listed or {ADDRESS[site] for site in srv} != a:
                self.wrong.append((a, srv, guard))

    def close(self):
        self.ended.set()
        self.join(10)


def made_and_taken_back(promise, primary, fra1):
    code, _, error = fra1.run("pool", "add", POOL, "fra1")
    promise.check(code == 0 and primary.query(POOL, "A") == [(POOL + ".", 5, "A", "192.0.2.10")] and
                  fra1.states() == {"fra1": "in"}, f"pool add makes the name {error.strip()[-200:]}")
    code, _, error = fra1.run("pool", "remove", POOL, "fra1")
    promise.check(code == 4, f"  whose only address stays {error.strip()[-200:]}")
    code, _, error = fra1.run("undo", fra1.rows("journal")[-1]["id"])
    promise.check(code == 0 and not primary.data(POOL, "A") and not primary.data(SRV, "SRV"),
                  f"  until its making is undone {error.strip()[-200:]}")


def first_use(promise, primary, fra1, nyc1):
    """What was made by hand has no list; the first change makes one."""
    primary.update(*(f"update add {POOL} 8 A {address}" for address in ADDRESS.values()))
    rows = nyc1.rows("pool", "show")
    promise.check([(row["address"], row["state"], row["weight"], row["site"]) for row in rows] ==
                  [("192.0.2.10", "in", 10, "fra1"), ("192.0.2.20", "in", 10, "nyc1")],
                  "what is there without a guard counts as in service")
    code, _, error = fra1.run("pool", "weight", POOL, "30", "fra1")
    guard = primary.data(f"_ha.{POOL}", "TXT")
    promise.check(code == 0 and "at=192.0.2.10/in/30,192.0.2.20/in/10" in guard[0],
                  f"the first change makes the list {guard} {error.strip()[-200:]}")
    promise.check(sorted(primary.data(SRV, "SRV")) ==
                  ["0 10 5060 nyc1.voice.test.", "0 30 5060 fra1.voice.test."],
                  "and the SRV records with weights")
    code, _, error = fra1.run("set", SRV, "SRV", "0", "0", "5060", f"x.{ZONE}")
    promise.check(code == 4 and f"pool show {POOL}" in error, f"set leaves them alone {error.strip()[-100:]}")


def both_leave(promise, fra1, nyc1):
    raced = 0
    for number in range(ROUNDS):
        verb = ("maint", "drain", "down", "remove")[number % 4]
        running = [(each, each.start("pool", verb, POOL, each.site)) for each in (fra1, nyc1)]
        ended = [(each, *each.end(process)) for each, process in running]
        codes = sorted(code for _, code, _, _ in ended)
        loser = next(((each, error) for each, code, _, error in ended if code != 0), None)
        good = codes == [0, 4] and "the last address in service" in loser[1]
        states = fra1.states()
        good = good and [site for site, state in states.items() if state == "in"] == [loser[0].site]
        if not good:
            promise.check(False, f"round {number}, {verb}: {codes} {states} {[e[3] for e in ended]}")
            return
        raced += "not sent: nothing was changed" in loser[1]
        back = next(each.site for each, code, _, _ in ended if code == 0)
        code, _, error = nyc1.run("pool", "add" if verb == "remove" else "in", POOL, back)
        if code != 0:
            promise.check(False, f"round {number}: {back} comes back: {error}")
            return
    promise.check(raced > 0, f"{ROUNDS} times both leave at once: one does, the other is told that it is the "
                             f"last; {raced} times after it had sent or was about to")
    open_ones = [row for each in (fra1, nyc1) for row in each.rows("journal") if "OPEN" in row["state"]]
    promise.check(not open_ones, f"nothing stands open {open_ones}")


def both_change(promise, fra1, nyc1):
    """Two changes that do not touch each other both come to be, whoever is first."""
    for number in range(max(3, ROUNDS // 10)):
        weights = (str(number % 7 + 1), str(number % 5 + 11))
        running = [each.start("pool", "weight", POOL, weight, each.site)
                   for each, weight in zip((fra1, nyc1), weights)]
        ended = [Operator.end(process) for process in running]
        now = {row["site"]: str(row["weight"]) for row in fra1.rows("pool", "show")}
        if [code for code, _, _ in ended] != [0, 0] or (now["fra1"], now["nyc1"]) != weights:
            promise.check(False, f"round {number}: {now} is not {weights}: {ended}")
            return
    promise.check(True, "two changes at once that do not touch each other both come to be")


def time_is_limited(promise, primary, fra1):
    primary.process.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    code, _, error = fra1.run("--timeout", "3s", "resume")
    took = time.monotonic() - begin
    primary.process.send_signal(signal.SIGCONT)
    state = fra1.rows("journal")[-1]["state"]
    promise.check(code == 3 and took < 10 and "OPEN" in state,
                  f"  a swap is tried for --timeout, {took:.0f} s; it stands open {error.strip()[-200:]}")


def drain_is_resumed(promise, primary, folder, fra1, nyc1):
    flag = os.path.join(folder, "calls")
    with open(flag, "w", encoding="utf-8"):
        pass
    process = fra1.start("pool", "drain", POOL, "fra1", "--until", f"test ! -e {flag}", "--then", "maint")
    until = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < until and fra1.rows("journal")[-1]["done"] < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    promise.check(nyc1.states() == {"fra1": "draining", "nyc1": "in"},
                  f"drains while calls go on {nyc1.states()}")
    code, _, error = nyc1.run("pool", "weight", POOL, "77", "nyc1")
    promise.check(code == 0, f"  another site changes what is its own meanwhile {error.strip()[-200:]}")
    code, _, error = nyc1.run("pool", "down", POOL, "nyc1")
    promise.check(code == 4, f"  but cannot leave: {error.strip()[-200:]}")
    os.unlink(flag)
    time_is_limited(promise, primary, fra1)
    code, _, error = fra1.run("resume")
    promise.check(code == 0 and nyc1.states() == {"fra1": "maint", "nyc1": "in"},
                  f"  killed, resumed: {nyc1.states()} {error.strip()[-200:]}")
    drained = fra1.rows("journal")[-1]["id"]
    code, _, error = fra1.run("undo", drained)
    promise.check(code == 0 and nyc1.states() == {"fra1": "in", "nyc1": "in"},
                  f"  undone, the other one's change stays: {nyc1.states()} {error.strip()[-200:]}")
    promise.check(next(row["weight"] for row in nyc1.rows("pool", "show") if row["site"] == "nyc1") == 77,
                  "  with its weight")


def maintenance(promise, primary, fra1, nyc1):
    code, out, error = fra1.run("maintenance", "start", "fra1")
    promise.check(code == 0 and primary.query(POOL, "A") == [(POOL + ".", 8, "A", "192.0.2.20")],
                  f"maintenance without maintenance_ip: out of its pools, same TTL {error.strip()[-99:]}")
    promise.check(f"{POOL} A TTL 8 → 5" in out and fra1.states() == {"fra1": "maint", "nyc1": "in"},
                  "  the TTL was lowered first")
    code, _, error = nyc1.run("maintenance", "start", "nyc1")
    promise.check(code == 4 and "the last address in service" in error,
                  f"  refused for the last one: {error.strip()[-200:]}")
    code, _, error = fra1.run("maintenance", "start", "fra1")
    promise.check(code == 4, f"  started twice: {error.strip()[-200:]}")
    code, _, error = fra1.run("maintenance", "stop", "fra1")
    promise.check(code == 0 and fra1.states() == {"fra1": "in", "nyc1": "in"},
                  f"  and back {error.strip()[-200:]}")


def by_hand(promise, primary, fra1):
    primary.update(f"update delete {POOL} A 192.0.2.20", f"update add {POOL} 8 A 192.0.2.66")
    code, _, error = fra1.run("pool", "show")
    promise.check(code == 1 and "192.0.2.66" in error,
                  f"what was changed by hand is told: {error.strip()[-200:]}")
    code, _, error = fra1.run("pool", "in", POOL, "fra1")
    promise.check(code == 0 and primary.data(POOL, "A") == sorted(ADDRESS.values()),
                  f"  and made right by the next change {error.strip()[-200:]}")


def refused_by_the_primary(promise, fra1):
    code, _, error = fra1.run("set", f"locked.{ZONE}", "A", "192.0.2.1")
    promise.check(code == 14 and "refused: nothing was changed" in error,
                  f"a change that the primary's policy refuses: {code} {error.strip()[-300:]}")
    last = fra1.rows("journal")[-1]
    promise.check(last["state"] == "refused: nothing was changed", f"  it has ended: {last['state']}")
    code, _, error = fra1.run("set", f"free.{ZONE}", "A", "192.0.2.1")
    promise.check(code == 0, f"  and the next change is begun {error.strip()[-200:]}")


def main():
    policy = f"update-policy {{ deny {KEY.name} name locked.{ZONE}. A; grant {KEY.name} zonesub ANY; }};"
    with Promise("a pool is never empty") as promise, tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        with servers.start(Bind, Zone(ZONE, options=policy)) as primary:
            fra1, nyc1 = (Operator(sys.argv[1], folder, primary, site) for site in ADDRESS)
            code, out, _ = fra1.run("pool", "show")
            promise.check(code == 0 and "pool add" in out, "nothing is there yet")
            made_and_taken_back(promise, primary, fra1)
            first_use(promise, primary, fra1, nyc1)
            watch = Watch(primary)
            both_leave(promise, fra1, nyc1)
            both_change(promise, fra1, nyc1)
            drain_is_resumed(promise, primary, folder, fra1, nyc1)
            maintenance(promise, primary, fra1, nyc1)
            watch.close()
            promise.check(not watch.wrong and len(watch.seen) == 3,
                          f"at every moment of {watch.looks} it was one whole state {watch.wrong[:2] or ''}")
            by_hand(promise, primary, fra1)
            refused_by_the_primary(promise, fra1)


if __name__ == "__main__":
    main()
