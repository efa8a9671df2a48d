#!/usr/bin/env python3
"""dnsupdater doctor on real name servers: BIND, Knot and one PowerDNS are safe arbiters, and what makes
others unsafe is found by trying and named. With the policies that it prints, each server takes what doctor
needs; BIND and Knot take no more. Nothing of its scratch names is left in any zone, also after ^C and a kill.

    dns_doctor_flags_unsafe_arbiters.py DNSUPDATER CLOCK_SHIFT [CASE...]
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import write_site  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Key, Knot, Nsd, PowerDns, Zone, free_port  # noqa: E402
from postgres import Postgres, PowerDnsPostgres  # noqa: E402
from promise import Promise, end_with_us  # noqa: E402

ZONE = "voice.test"
LIMIT_SECONDS = 120
CLUSTER = """version = 1
[cluster]
name = "test"
id = "5b1f"
[[site]]
name = "fra1"
address = ["tcp://198.51.100.1:7400"]
key = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR"
public_ip = ["@SITE@"]
maintenance_ip = ["192.0.2.11"]
maintenance_name = "fra1-maint.voice.test"
[[service]]
name = "pbx"
sites = ["fra1"]
holder = "fra1"
[[dns.zone]]
name = "voice.test"
primary = [@PRIMARY@]
[[dns.record]]
service = "pbx"
name = "sip.voice.test"
ttl = "5s"
"""


class Operator:
    """A site of its own, with its own folder."""
    count = 0

    def __init__(self, program, folder, *primaries, site="192.0.2.10", key=KEY):
        Operator.count += 1
        self.program, self.folder = program, os.path.join(folder, f"site-{Operator.count}")
        self.config = write_site(self.folder, CLUSTER.replace("@SITE@", site).replace(
            "@PRIMARY@", ", ".join(f'"{each}"' for each in primaries)), key=key)

    def start(self, *words):
        return subprocess.Popen([self.program, "--config", self.config, *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=end_with_us)

    def run(self, *words):
        return self.end(self.start(*words))

    @staticmethod
    def end(process):
        out, error = process.communicate(timeout=LIMIT_SECONDS)
        return process.returncode, out, error

    def examine(self, *words):
        return Report(*self.run("doctor", "--json", *words))

    def examine_restart(self, server):
        """Restarts the server when it is told to."""
        process = self.start("doctor", "--json", "--restart-test", "--timeout", "1m")
        while line := process.stderr.readline():
            if line.startswith("Restart"):
                server.stop()
                server.start()
        return Report(*self.end(process))


class Report:
    def __init__(self, code, out, error):
        zones = json.loads(out)["zones"] if out.startswith('{"schema":"dnsupdater.doctor/1"') else []
        zone = zones[0] if zones else {"checks": [], "safe": None, "conclusion": error}
        self.code, self.safe, self.conclusion, self.error = code, zone["safe"], zone["conclusion"], error
        self.checks = {check["name"]: check for check in zone["checks"]}

    def mark(self, name):
        return self.checks.get(name, {"mark": "missing"})["mark"]

    def seen(self, name):
        return self.checks.get(name, {"seen": ""})["seen"]

    def failed(self):
        return sorted(name for name, check in self.checks.items() if check["mark"] == "bad")

    def __str__(self):
        return "\n".join(f"          {check['mark']:8} {name:14} {check['seen']}"
                         for name, check in self.checks.items())


def nothing_is_left(promise, server):
    names = sorted({row[0] for row in server.transfer(ZONE) if "doctor" in row[0]})
    promise.check(not names, f"  nothing of the scratch names is left {names or ''}")


def passes(promise, server, report, *but):
    what = type(server).__name__
    good = promise.check(report.code == 0 and report.safe and not report.failed(),
                         f"{what}: {report.conclusion}")
    if not good:
        print(report, report.error)
    promise.check(not [name for name in report.checks if report.mark(name) == "note" and name not in but],
                  f"  and nothing else is to look at than {', '.join(but)}")
    nothing_is_left(promise, server)


def flags(promise, what, server, report, check, said, code=1):
    good = promise.check(report.code == code and report.safe is False and report.mark(check) == "bad" and
                         said in report.seen(check) and said in report.conclusion,
                         f"{what}: {check}: {report.seen(check)}")
    if not good:
        print(report, report.code, report.error)
    nothing_is_left(promise, server)


def warns(promise, what, report, check, said):
    good = promise.check(report.code == 0 and report.mark(check) == "note" and said in report.seen(check),
                         f"{what}: {report.seen(check)}")
    if not good:
        print(report, report.code, report.error)


# ---------------------------------------------------------------- safe ones

def safe_servers(promise, servers, folder, program):
    for kind, but in ((Bind, ("place",)), (Knot, ("place",)), (PowerDns, ("place", "case"))):
        with servers.start(kind, Zone(ZONE)) as server:
            operator = Operator(program, folder, server.endpoint)
            passes(promise, server, operator.examine(), *but)
            passes(promise, server, operator.examine_restart(server), *but)
            code, out, _ = operator.run("doctor", ZONE)
            last = out.splitlines()[-1]
            promise.check(code == 0 and last.startswith(f"{server.endpoint} is a safe arbiter for {ZONE}"),
                          f"  for people: {last}")
            before = server.transfer(ZONE)
            code, out, _ = operator.run("doctor", "--dry-run")
            promise.check(code == 0 and "races" in out and server.transfer(ZONE) == before,
                          "  a dry run changes nothing")
    for how in ("dnssec-policy default;", "dnssec-policy default; inline-signing yes;"):
        with servers.start(Bind, Zone(ZONE, options=how)) as server:
            passes(promise, server, Operator(program, folder, server.endpoint).examine(), "place")


# ---------------------------------------------------------------- unsafe ones

class CachingPowerDns(PowerDns):
    """With the caches that it has if nobody says otherwise."""

    def put(self, name, text, mode=0o600):
        lines = [line for line in text.splitlines() if not line.endswith("cache-ttl=0")]
        super().put(name, "\n".join(lines) + "\n", mode)


def two_on_one_database(promise, servers, folder, program):
    with Postgres(servers) as database, \
            servers.start(PowerDnsPostgres, Zone(ZONE), database=database) as one, \
            servers.start(PowerDnsPostgres, Zone(ZONE), database=database) as other:
        what = "two PowerDNS on one PostgreSQL"
        for _ in range(3):
            report = Operator(program, folder, one.endpoint, other.endpoint).examine()
            flags(promise, what, one, report, "races", "two winners in")
        report = Operator(program, folder, one.endpoint).examine("--against", other.endpoint)
        flags(promise, what + ", by --against", one, report, "races", "two winners in")
        passes(promise, one, Operator(program, folder, one.endpoint).examine(), "place", "case")
    with servers.start(CachingPowerDns, Zone(ZONE)) as one, \
            servers.start(CachingPowerDns, Zone(ZONE), database=one.database) as other:
        report = Operator(program, folder, one.endpoint, other.endpoint).examine()
        flags(promise, "two PowerDNS on one SQLite, with caches", one, report, "visible",
              "these are two servers")


def two_servers(promise, servers, folder, program):
    with servers.start(Bind, Zone(ZONE)) as one, servers.start(Knot, Zone(ZONE)) as other:
        report = Operator(program, folder, one.endpoint, other.endpoint).examine()
        flags(promise, "a BIND and a Knot as one primary", one, report, "visible", "these are two servers")
        flags(promise, "  the same", other, report, "one server", "of different servers")


def lua_policy(promise, servers, folder, program):
    only = 'string.find(tostring(input:getQName()), "_ha-doctor", 1, true) ~= nil'
    for what, rule in (("no AAAA", "input:getQType() ~= 28"), ("no MX", "input:getQType() ~= 15"),
                       ("only _ha-doctor", only)):
        script = os.path.join(folder, "policy.lua")
        with open(script, "w", encoding="utf-8") as out:
            out.write(f"function updatepolicy(input)\n  return {rule}\nend\n")
        with servers.start(PowerDns, Zone(ZONE), options=f"lua-dnsupdate-policy-script={script}") as server:
            report = Operator(program, folder, server.endpoint).examine()
            flags(promise, f"PowerDNS with a Lua policy ({what})", server, report, "partial",
                  "applied in part")


def knot_rolls_back(promise, servers, folder, program):
    options = "    zonefile-load: difference-no-serial\n    zonefile-sync: -1\n    journal-content: all\n"
    with servers.start(Knot, Zone(ZONE, options=options)) as server:
        operator = Operator(program, folder, server.endpoint)
        report = operator.examine_restart(server)
        flags(promise, "Knot with difference-no-serial", server, report, "restart",
              "rolled back by the restart")
        code, _, error = operator.run("set", f"sip.{ZONE}", "A", "192.0.2.10", "--yes")
        promise.check(code == 0, f"  a guard is written {error.strip()}")
        server.stop()
        server.start()
        report = operator.examine()
        flags(promise, "the guard that the next restart has lost", server, report, "seen",
              "has gone back", 15)


def forwarding_secondary(promise, servers, folder, program):
    primary = servers.make(Bind, Zone(ZONE))
    secondary = servers.make(Bind, Zone(ZONE), secondary_of=primary, forward=True)
    with servers.start(Bind, Zone(ZONE)) as alone, \
            servers.start(Bind, Zone(ZONE), secondary_of=alone, forward=True) as copy:
        report = Operator(program, folder, copy.endpoint).examine()
        flags(promise, "a forwarding secondary", alone, report, "visible", "forwards updates")
    # The same, when it is told of each change at once.
    primary.zones[0].options = f"also-notify {{ 127.0.0.1 port {secondary.port}; }};"
    primary.configure()
    with primary, secondary:
        primary.start()
        secondary.start()
        report = Operator(program, folder, secondary.endpoint).examine()
        flags(promise, "a forwarding secondary that is notified", primary, report, "visible",
              "forwards updates")


def takes_no_updates(promise, servers, folder, program):
    with servers.start(Nsd, Zone(ZONE)) as server:
        report = Operator(program, folder, server.endpoint).examine()
        promise.check(report.code == 1 and "takes no updates" in report.conclusion,
                      f"NSD: {report.conclusion}")


def ahead_of(server, seconds):
    """Our clock is. The server's is shifted, so that it works with any build of ours."""
    server.stop()
    server.environment = {"LD_PRELOAD": os.path.abspath(sys.argv[2]), "HA_CLOCK_SHIFT": str(-seconds)}
    server.start()


def named_causes(promise, servers, folder, program):
    stranger = Key(secret="b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMzI=")
    unknown = Key(name="nobody-knows")
    narrow = f"update-policy {{ grant {KEY.name} name sip.{ZONE}. A; }};"
    with servers.start(Bind, Zone(ZONE)) as server:
        for what, key, said in (("another secret", stranger, "has another secret"),
                                ("an unknown key", unknown, "does not know the key")):
            report = Operator(program, folder, server.endpoint, key=key).examine()
            flags(promise, what, server, report, "reachable", said, 12)
        operator = Operator(program, folder, server.endpoint)
        ahead_of(server, 400)
        report = operator.examine()
        # A server tells its time in whole seconds, which may have turned since the question was signed.
        said = "401 s ahead" if "401 s ahead" in report.seen("reachable") else "400 s ahead"
        flags(promise, "a clock that is 400 s ahead", server, report, "reachable", said, 13)
        ahead_of(server, -100)
        report = operator.examine()
        warns(promise, "100 s behind", report, "clock", "100 s behind")
    with servers.start(Bind, Zone(ZONE, options=narrow)) as server:
        flags(promise, "a policy without it", server, Operator(program, folder, server.endpoint).examine(),
              "write", "does not let the key", 14)
    server = servers.make(Knot, Zone(ZONE))
    with open(server.path("knotd.conf"), encoding="utf-8") as file:
        text = file.read()
    only = "    update-owner: name\n    update-owner-match: equal\n    update-owner-name: sip\n"
    server.put("knotd.conf", text.replace("[update, transfer]\n  - id", f"[update, transfer]\n{only}  - id"))
    with server:
        server.start()
        flags(promise, "Knot's acl without it", server, Operator(program, folder, server.endpoint).examine(),
              "write", "does not let it write", 14)
    with servers.start(PowerDns, Zone(ZONE)) as server:
        report = Operator(program, folder, server.endpoint, key=stranger).examine()
        flags(promise, "PowerDNS, and another secret", server, report, "reachable",
              "has another secret", 12)
        operator = Operator(program, folder, server.endpoint)
        ahead_of(server, -3600)
        report = operator.examine()
        flags(promise, "PowerDNS, and a clock that is an hour behind", server, report, "reachable",
              "s behind", 13)
        ahead_of(server, 100)
        report = operator.examine()
        warns(promise, "PowerDNS, 100 s ahead", report, "clock", "ahead")
    report = Operator(program, folder, f"127.0.0.1:{free_port()}").examine()
    promise.check(report.code == 3 and report.mark("reachable") == "bad",
                  f"nobody there: {report.seen('reachable')}")
    with servers.start(Knot, Zone(ZONE), address="127.0.0.5") as server:
        report = Operator(program, folder, server.endpoint, site="127.0.0.5").examine()
        warns(promise, "the arbiter at a site", report, "place",
              "stands at fra1 (127.0.0.5): when fra1 dies nobody can take over")


# ---------------------------------------------------------------- what it prints for others

def only_what_was_granted(promise, server, operator):
    passes(promise, server, operator.examine(), "place")
    code, _, error = operator.run("set", f"sip.{ZONE}", "A", "192.0.2.10", "--yes")
    promise.check(code == 0 and server.data(f"sip.{ZONE}", "A") == ["192.0.2.10"],
                  f"  a name of the configuration is written {error.strip()}")
    for line in (f"elsewhere.{ZONE} 5 A 192.0.2.1", f"x.sip.{ZONE} 5 A 192.0.2.1", f"{ZONE} 5 TXT x",
                 f"_ha.other.{ZONE} 0 TXT x"):
        server.update(f"update add {line}", check=False)
        name, _, kind, _ = line.split(" ")
        promise.check(not server.data(name, kind), f"  {name} {kind} is not")


def policies(promise, servers, folder, program):
    def printed(server, kind, key=KEY):
        operator = Operator(program, folder, server.endpoint, key=key)
        code, out, error = operator.run("doctor", "--policy", kind)
        promise.check(code == 0 and key.secret not in out, f"a policy for {kind}, without a secret {error}")
        return operator, out

    server = servers.make(Bind, Zone(ZONE))
    operator, text = printed(server, "bind")
    server.put("key", KEY.bind())
    text = text.replace(f"/etc/bind/{KEY.name}.key", server.path("key")).replace(
        "type primary;", f'type primary; file "{ZONE}.zone";')
    with open(server.path("named.conf"), encoding="utf-8") as file:
        whole = file.read()
    server.put("named.conf", whole.replace(KEY.bind(), "").replace(server.zone_text(server.zones[0]), text))
    with server:
        server.start()
        only_what_was_granted(promise, server, operator)

    server = servers.make(Knot, Zone(ZONE))
    operator, text = printed(server, "knot")
    server.put("key", KEY.knot())
    place = f'\n    storage: "{server.folder}"\n    file: "{ZONE}.zone"'
    text = text.replace(f"/etc/knot/{KEY.name}.conf", server.path("key")).replace(
        f'domain: "{ZONE}"', f'domain: "{ZONE}"' + place).replace("    acl: [", "    acl: [transfer, ")
    with open(server.path("knotd.conf"), encoding="utf-8") as file:
        whole = file.read()
    key, rules = text[text.index("include:"):text.index("acl:")], text[text.index("acl:"):]
    server.put("knotd.conf", whole.replace(KEY.knot(), key).split("zone:\n")[0] + rules)
    with server:
        server.start()
        only_what_was_granted(promise, server, operator)

    other = Key(name="fra1-key", secret="b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMzI=")
    with servers.start(PowerDns, Zone(ZONE)) as server:
        operator, text = printed(server, "powerdns", other)
        for line in text.splitlines():
            if not line.startswith("#"):
                server.pdnsutil(*line.replace("SECRET", other.secret).split(" ")[1:])
        passes(promise, server, operator.examine(), "place", "case")
        promise.check(server.update(f"update add a.{ZONE} 5 A 192.0.2.1", check=False).returncode == 0,
                      "  and the keys that were allowed before are")


# ---------------------------------------------------------------- ended in the middle

def ended(promise, servers, folder, program):
    with servers.start(Bind, Zone(ZONE)) as server:
        operator = Operator(program, folder, server.endpoint)
        for check in ("write", "prerequisites", "partial", "races", "races", "sizes"):
            process = operator.start("doctor", "--rounds", "1000" if check == "races" else "20")
            while (line := process.stderr.readline()) and not line.endswith(f": {check}\n"):
                pass
            time.sleep(promise.random.random() / 20)
            process.send_signal(signal.SIGINT)
            code, out, _ = operator.end(process)
            promise.check(code == 130 and "given up" in out, f"^C while it tries {check}")
            nothing_is_left(promise, server)
        process = operator.start("doctor", "--rounds", "1000")
        while (line := process.stderr.readline()) and not line.endswith(": races\n"):
            pass
        process.kill()
        operator.end(process)
        left = [row for row in server.transfer(ZONE) if "doctor" in row[0]]
        promise.check(left, "a kill leaves its names")
        report = operator.examine()
        promise.check("deleted what an earlier run" in report.error, "the next run deletes them, and says so")
        passes(promise, server, report, "place")


CASES = {each.__name__: each for each in (
    safe_servers, two_on_one_database, two_servers, lua_policy, knot_rolls_back, forwarding_secondary,
    takes_no_updates, named_causes, policies, ended)}


def main():
    only = sys.argv[3:]
    with Promise("doctor passes safe arbiters and flags unsafe ones") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        for name, case in CASES.items():
            if not only or name in only:
                case(promise, servers, folder, sys.argv[1])


if __name__ == "__main__":
    main()
