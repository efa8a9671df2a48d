#!/usr/bin/env python3
"""dnsupdater as an operator uses it, with a BIND as primary, a BIND as a fast secondary and a secondary that
is dead: maintenance is started and stopped, killed after each step, resumed and undone, and at every moment
the service has an address and each of the two addresses has its name.

    dns_maintenance_swaps.py DNSUPDATER
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
from dns_servers import Bind, DnsServers, KEY, Key, Zone, free_port  # noqa: E402
from promise import FULL, Promise, end_with_us  # noqa: E402

ZONE = "voice.test"
SERVICE, SPARE = "192.0.2.10", "192.0.2.11"
NAMES = (f"sip.{ZONE}", f"fra1-maint.{ZONE}")
LIMIT_SECONDS = 60
CLUSTER = """version = 1
[cluster]
name = "test"
id = "5b1f"
[[site]]
name = "fra1"
address = ["tcp://127.0.0.1:7400"]
key = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR"
public_ip = ["192.0.2.10"]
maintenance_ip = ["192.0.2.11"]
maintenance_name = "fra1-maint.voice.test"
[[service]]
name = "pbx"
sites = ["fra1"]
holder = "fra1"
[[dns.zone]]
name = "voice.test"
primary = ["@PRIMARY@"]
servers = [@SERVERS@]
[[dns.record]]
service = "pbx"
name = "sip.voice.test"
ttl = "5s"
"""


class Operator:
    def __init__(self, program, folder, primary, servers):
        self.program, self.primary = program, primary
        self.config = os.path.join(folder, "cluster.toml")
        os.makedirs(os.path.join(folder, "secrets"))
        os.makedirs(os.path.join(folder, "state"))
        KEY.write(os.path.join(folder, "secrets", "tsig"))
        self.key = os.path.join(folder, "secrets", "tsig")
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(CLUSTER.replace("@PRIMARY@", primary.endpoint).replace(
                "@SERVERS@", ", ".join(f'"{each}"' for each in servers)))
        with open(os.path.join(folder, "node.toml"), "w", encoding="utf-8") as out:
            out.write(f'site = "fra1"\nstate_dir = "{folder}/state"\n')

    def start(self, *words):
        return subprocess.Popen([self.program, "--config", self.config, *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=end_with_us)

    def run(self, *words):
        process = self.start(*words)
        out, error = process.communicate(timeout=LIMIT_SECONDS)
        return process.returncode, out, error

    def steps_done(self):
        code, out, _ = self.run("journal", "--output", "json")
        rows = json.loads(out)["rows"] if code == 0 and out.startswith("{") else []
        return (rows[-1]["done"], rows[-1]["state"]) if rows else (0, "")

    def addresses(self):
        return tuple(",".join(self.primary.data(name, "A")) for name in NAMES)


class Watch(threading.Thread):
    """Looks all the time; anything but the two whole states is wrong."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended, self.seen, self.wrong = server, threading.Event(), set(), []
        self.start()

    def run(self):
        while not self.ended.wait(0.02):
            rows = {row[0].rstrip("."): row[3] for row in self.server.transfer(ZONE) if row[2] == "A"}
            state = tuple(rows.get(name) for name in NAMES)
            self.seen.add(state)
            if state not in ((SERVICE, SPARE), (SPARE, SERVICE)):
                self.wrong.append(state)

    def close(self):
        self.ended.set()
        self.join(10)


def first_records(promise, operator):
    code, _, error = operator.run("set", NAMES[0], "A", SERVICE, "--ttl", "5s", "--yes")
    promise.check(code == 0, f"set: {error.strip()[-200:]}")
    code, _, _ = operator.run("set", NAMES[1], "A", SPARE, "--ttl", "5s", "--yes")
    promise.check(code == 0 and operator.addresses() == (SERVICE, SPARE), "two names, two addresses")
    before = operator.steps_done()
    code, out, _ = operator.run("maintenance", "start", "fra1", "--dry-run")
    promise.check(code == 0 and "prereq yxrrset _ha.pbx" in out and operator.steps_done() == before,
                  "a dry run shows the message and changes nothing")


def wrong_turns(promise, operator):
    for words, code, said in (
            (("delete", NAMES[0], "A", "--yes"), 4, "nobody could call"),
            (("set", NAMES[0], "A", "192.0.2.400", "--yes"), 2, "is no record of type A"),
            (("set", "sip.elsewhere.test", "A", SERVICE, "--yes"), 1, "is in no [[dns.zone]]"),
            (("set", f"_ha.pbx.{ZONE}", "TXT", "mine", "--yes"), 4, "is a guard"),
            (("swap", "frb1", "--yes"), 2, 'did you mean "fra1"'),
            (("undo", "d-99", "--yes"), 2, "no operation is called"),
            (("set", NAMES[0], "A", SERVICE), 4, "Nobody is there to say yes")):
        got, _, error = operator.run(*words)
        promise.check(got == code and said in error, f"{' '.join(words)}: {got}: {error.strip()[-150:]}")
    promise.check("OPEN" not in operator.steps_done()[1] and operator.addresses() == (SERVICE, SPARE),
                  "none of them left anything behind")
    KEY_WRONG.write(operator.key)
    code, _, error = operator.run("set", NAMES[0], "A", SERVICE, "--yes")
    promise.check(code == 12 and "another secret" in error, f"a wrong secret: {code}: {error.strip()[-150:]}")
    KEY.write(operator.key)
    os.chmod(operator.key, 0o644)
    code, _, error = operator.run("set", NAMES[0], "A", SERVICE, "--yes")
    promise.check(code != 0 and "chmod 600" in error, f"a key that others can read: {error.strip()[-150:]}")
    os.chmod(operator.key, 0o600)


KEY_WRONG = Key(secret="d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3JvbmctMzI=")


def killed_after_each_step(promise, operator, verb, how):
    """Kills it when each number of steps is done, and then resumes or undoes it."""
    begin = operator.addresses()
    for kill_at in range(1, 6 if FULL else 4):
        process = operator.start("maintenance", verb, "fra1", "--verify", "1s", "--yes")
        until = time.monotonic() + LIMIT_SECONDS
        while process.poll() is None and time.monotonic() < until:
            done, state = operator.steps_done()
            if "OPEN" in state and done >= kill_at:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.01)
        process.communicate(timeout=LIMIT_SECONDS)
        done, state = operator.steps_done()
        if how == "undo":
            ident = json.loads(operator.run("journal", "--output", "json")[1])["rows"][-1]["id"]
            code, _, error = operator.run("undo", ident, "--yes")
            good = operator.addresses() == begin
        else:
            code, _, error = operator.run("resume")
            good = operator.addresses() == begin[::-1]
        promise.check(code == 0 and good, f"{verb}, killed with {done} steps done, {how}: "
                                          f"{operator.addresses()} {error.strip()[-200:]}")
        if how == "resume":  # back, for the next round
            code, _, error = operator.run("swap", "fra1", "--yes")
            promise.check(code == 0 and operator.addresses() == begin, f"  and back {error.strip()[-200:]}")


def main():
    with Promise("maintenance never leaves a mess") as promise, tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        dead = f"127.0.0.1:{free_port()}"
        with servers.start(Bind, Zone(ZONE)) as primary, \
                servers.start(Bind, Zone(ZONE), secondary_of=primary,
                              options="min-refresh-time 1; max-refresh-time 1;") as secondary:
            operator = Operator(sys.argv[1], os.path.join(folder, "etc"), primary,
                                [primary.endpoint, secondary.endpoint, dead])
            first_records(promise, operator)
            wrong_turns(promise, operator)
            watch = Watch(primary)
            code, out, error = operator.run("maintenance", "start", "fra1", "--verify", "1s", "--yes")
            promise.check(code == 0 and operator.addresses() == (SPARE, SERVICE),
                          f"start: {error.strip()[-200:]}")
            promise.check(f"{dead} is silent" in out, "  the dead secondary is named")
            code, _, error = operator.run("maintenance", "start", "fra1", "--yes")
            promise.check(code == 4 and "maintenance stop fra1" in error,
                          f"  started twice: {error.strip()[-200:]}")
            code, _, _ = operator.run("maintenance", "stop", "fra1", "--verify", "1s", "--yes")
            promise.check(code == 0 and operator.addresses() == (SERVICE, SPARE), "stop: as before")
            killed_after_each_step(promise, operator, "start", "undo")
            killed_after_each_step(promise, operator, "start", "resume")
            watch.close()
            promise.check(not watch.wrong and len(watch.seen) == 2,
                          f"at every moment both addresses had their names {watch.wrong[:3] or ''}")


if __name__ == "__main__":
    main()
