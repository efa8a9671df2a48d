#!/usr/bin/env python3
"""`dnsupdater check` of a good pair of zones finds nothing; each of some twenty real defects is named, with
the command that comes next and the exit code of its kind; and nothing is ever changed by it.

    dns_check_finds.py DNSUPDATER DNS_TAKER CLOCK_SHIFT
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
from dns_servers import Bind, DnsServers, KEY, Key, Knot, PowerDns, Zone, free_port  # noqa: E402
from promise import Promise, end_with_us  # noqa: E402

ZONE, LEASES = "voice.test", "lease.test"
GUARD, LEASE = f"_ha.pbx.{ZONE}", f"_ha.pbx.{LEASES}"
SIP, SRV, POOL = f"sip.{ZONE}", f"_sip._udp.{ZONE}", f"pool.{ZONE}"
CLUSTER = """version = 1
[cluster]
name = "test"
id = "5b1f"
[[site]]
name = "fra1"
address = ["tcp://127.0.0.1:7400"]
key = "k1"
public_ip = ["192.0.2.10"]
maintenance_ip = ["192.0.2.11"]
[[site]]
name = "nyc1"
address = ["tcp://127.0.0.1:7401"]
key = "k2"
public_ip = ["192.0.2.20"]
[[service]]
name = "pbx"
sites = ["fra1", "nyc1"]
holder = "fra1"
[arbiter]
kind = "dns"
zone = "lease.test"
[[dns.zone]]
name = "voice.test"
primary = ["@PRIMARY@"]
servers = [@SERVERS@]
[[dns.zone]]
name = "lease.test"
primary = ["@PRIMARY@"]
[[dns.record]]
service = "pbx"
name = "sip.voice.test"
[[dns.record]]
service = "pbx"
name = "_sip._udp.voice.test"
type = "SRV"
"""
POOL_TABLE = '[[dns.pool]]\nname = "pool.voice.test"\nservices = ["pbx"]\n'


class Operator:
    def __init__(self, programs, folder, primary, servers):
        self.dnsupdater, self.taker, self.clock = programs
        self.folder, self.primary = folder, primary
        os.makedirs(os.path.join(folder, "secrets"))
        os.makedirs(os.path.join(folder, "state"))
        self.key = os.path.join(folder, "secrets", "tsig")
        self.config = os.path.join(folder, "cluster.toml")
        KEY.write(self.key)
        self.configure(primary.endpoint, servers)
        self.site("fra1")

    def configure(self, primary, servers, more=""):
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(CLUSTER.replace("@PRIMARY@", primary).replace(
                "@SERVERS@", ", ".join(f'"{each}"' for each in servers)) + more)

    def site(self, name, state="state"):
        os.makedirs(os.path.join(self.folder, state), exist_ok=True)
        with open(os.path.join(self.folder, "node.toml"), "w", encoding="utf-8") as out:
            out.write(f'site = "{name}"\nstate_dir = "{self.folder}/{state}"\n')

    def run(self, *words):
        return subprocess.run([self.dnsupdater, "--config", self.config, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)

    def take(self, site, how):
        """A coordinator's work, at that site."""
        self.site(site, "state-" + site)
        done = subprocess.run([self.taker, self.config, "pbx", "1", how], capture_output=True, text=True,
                              timeout=60, check=False)
        self.site("fra1")
        return done.stdout.strip()

    def check(self):
        done = self.run("check", "--output", "json")
        if not done.stdout.startswith("{"):
            return done.returncode, {"rows": [], "schema": done.stderr}
        return done.returncode, json.loads(done.stdout)


def good_state(promise, operator):
    promise.check(operator.take("fra1", "claim") == "claimed 1", "fra1 holds the service")
    promise.check(operator.take("fra1", "follow") == f"followed {ZONE} 1", "  and callers are led to it")
    code, answer = operator.check()
    rows = [row for row in answer["rows"] if row["mark"] != "good"]
    promise.check(code == 0 and not rows and len(answer["rows"]) > 10 and
                  answer["schema"] == "dnsupdater.check/1",
                  f"a good pair of zones: {len(answer['rows'])} findings, {code} {rows or ''}")
    table = operator.run("check").stdout
    promise.check("✓" in table and "✗" not in table and "! " not in table, "  and a table of ✓ only")


def finds(promise, operator, what, code, mark, check, found, following):
    got, answer = operator.check()
    rows = [row for row in answer["rows"] if row["mark"] == mark and row["check"] == check and
            found in row["found"]]
    good = got == code and rows and following in rows[0]["next"]
    others = [row for row in answer["rows"] if row["mark"] != "good"]
    promise.check(good, f"{what}: {rows[0]['found'][:110] if rows else ''}"
                        f"{'' if good else f' {got} {others or answer}'}")


def swap_by_hand(primary, name, kind, data, ttl=30):
    primary.update(f"zone {ZONE}", f"update delete {name} {kind}", f"update add {name} {ttl} {kind} {data}")


def wrong_records(promise, operator, primary):
    back = {SIP: ("A", "192.0.2.10"), SRV: ("SRV", f"0 0 5060 {SIP}.")}
    for name, data, ttl, code, mark, check, found, following in (
            (SIP, "203.0.113.9", 30, 1, "bad", "records", "203.0.113.9, an address of no site",
             f"dnsupdater set {SIP} A 192.0.2.10 --ttl 30s"),
            (SIP, "192.0.2.20", 30, 1, "bad", "records", "192.0.2.20 of nyc1, but fra1 holds pbx",
             f"dnsupdater set {SIP} A 192.0.2.10"),
            (SIP, "192.0.2.11", 30, 0, "note", "records", "the maintenance address of fra1",
             "dnsupdater maintenance stop fra1"),
            (SIP, "192.0.2.10", 300, 0, "note", "ttl", "TTL 300", "--ttl 30s"),
            (SIP, "192.0.2.10", 0, 1, "bad", "ttl", "TTL 0", "--ttl 30s"),
            (SIP, "192.0.2.10", 5, 0, "note", "ttl", "TTL 5, the configuration says 30", "--ttl 30s"),
            (SRV, f"0 0 5070 {SIP}.", 30, 1, "bad", "records", "0 0 5070",
             f"dnsupdater set {SRV} SRV 0 0 5060")):
        swap_by_hand(primary, name, back[name][0], data, ttl)
        finds(promise, operator, f"{name} {data} {ttl}", code, mark, check, found, following)
        swap_by_hand(primary, name, *back[name])
    primary.update(f"zone {ZONE}", f"update add {SIP} 30 A 192.0.2.20")
    finds(promise, operator, "two sites under one name", 1, "bad", "records", "several sites",
          "dnsupdater set")
    primary.update(f"zone {ZONE}", f"update delete {SIP} A")
    finds(promise, operator, "no address", 1, "bad", "records", "is not in DNS", f"set {SIP} A 192.0.2.10")
    swap_by_hand(primary, SIP, *back[SIP])
    # To set it by hand would be to change the owner.
    done = operator.run("set", SIP, "A", "192.0.2.20", "--yes")
    promise.check(done.returncode == 4 and "failover switchover pbx nyc1" in done.stderr and
                  primary.data(SIP, "A") == ["192.0.2.10"],
                  f"set to another site, while fra1 holds it: {done.returncode} {done.stderr.strip()[:200]}")


def restarted(server, environment):
    server.stop()
    server.environment = environment
    server.start()


def wrong_keys_and_clocks(promise, operator):
    Key(secret="d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3JvbmctMzI=").write(operator.key)
    finds(promise, operator, "a wrong secret", 12, "bad", "key", "another secret", "key files")
    Key("nobody").write(operator.key)
    finds(promise, operator, "an unknown key", 12, "bad", "key", "does not know the key", "add it")
    KEY.write(operator.key)
    # The server's clock is shifted, so that it works with any build of ours.
    primary = operator.primary
    for ahead, code, mark, word in ((100, 0, "note", "ahead of"), (-400, 13, "bad", "behind")):
        restarted(primary, {"LD_PRELOAD": os.path.abspath(operator.clock), "HA_CLOCK_SHIFT": str(-ahead)})
        finds(promise, operator, f"our clock {ahead} s off", code, mark, "clock", word, "timedatectl")
    restarted(primary, {})


def wrong_servers(promise, operator, primary, secondary):
    dead = f"127.0.0.1:{free_port()}"
    servers = [primary.endpoint, secondary.endpoint]
    operator.configure(primary.endpoint, servers + [dead])
    finds(promise, operator, "a dead server", 1, "bad", "servers", dead, "dig @127.0.0.1")
    operator.configure(dead, servers)
    finds(promise, operator, "a dead primary", 3, "bad", "primary", "", "")
    operator.configure(primary.endpoint, servers)
    primary.update(f"zone {ZONE}", f"update add ns3.{ZONE} 30 A 198.51.100.53",
                   f"update add {ZONE} 3600 NS ns3.{ZONE}.")
    time.sleep(1.5)
    finds(promise, operator, "an NS that nobody looks after", 0, "note", "delegation", "198.51.100.53",
          "servers")
    primary.update(f"zone {ZONE}", f"update delete {ZONE} NS ns3.{ZONE}.", f"update delete ns3.{ZONE} A")
    secondary.stop()
    primary.update(f"zone {ZONE}", f"update add note.{ZONE} 30 A 192.0.2.99")
    finds(promise, operator, "a secondary that is down", 1, "bad", "servers", secondary.endpoint, "dig @")
    secondary.start()
    time.sleep(2.5)
    promise.check(operator.check()[0] == 0, "all is well again")


def wrong_leases(promise, operator, primary):
    promise.check(operator.take("nyc1", "claim") == "claimed 2", "nyc1 takes the lease, and stops there")
    finds(promise, operator, "a takeover half done", 1, "bad", "takeover",
          "records at epoch 1, lease at 2 of nyc1: its takeover is half done", "coordinator of nyc1")
    done = operator.run("show")
    promise.check("pbx: lease held by nyc1, epoch 2, in lease.test; records at epoch 1, lease at 2 of nyc1" in
                  done.stdout, f"  show says so: {done.stdout.splitlines()[-1]}")
    promise.check(operator.take("nyc1", "follow") == f"followed {ZONE} 2" and operator.check()[0] == 0,
                  "  when it is finished all is well")
    lease = primary.data(LEASE, "TXT")[0]
    old = 'v=1 id=pbx owner=fra1 epoch=1 seq=9 state=own n=' + "ab" * 16
    primary.update(f"zone {LEASES}", f"update delete {LEASE} TXT", f'update add {LEASE} 0 TXT "{old}"')
    finds(promise, operator, "a lease zone that went back", 15, "bad", "epoch", "gone back in time",
          f"dnsupdater accept {LEASE}")
    primary.update(f"zone {LEASES}", f"update delete {LEASE} TXT", f'update add {LEASE} 0 TXT "not ours"')
    finds(promise, operator, "a guard that is not ours", 1, "bad", "guard", "not a record of ours",
          "dig +tcp")
    primary.update(f"zone {LEASES}", f"update delete {LEASE} TXT", f"update add {LEASE} 0 TXT {lease}")
    operator.site("nyc1", "state-nyc1")
    primary.update(f"zone {ZONE}", f"update delete {GUARD} TXT")
    finds(promise, operator, "a copy that is gone", 15, "bad", "epoch", "is gone",
          f"dnsupdater accept {GUARD}")
    promise.check(operator.run("accept", GUARD, "--yes").returncode == 0, "  accepted")
    promise.check(operator.take("nyc1", "follow") == f"followed {ZONE} 2" and operator.check()[0] == 0,
                  "  and made again by the holder")


def open_operation_and_pool(promise, operator, primary, servers):
    promise.check(operator.take("fra1", "claim") == "claimed 3" and
                  operator.take("fra1", "follow") == f"followed {ZONE} 3", "fra1 has it back")
    process = subprocess.Popen([operator.dnsupdater, "--config", operator.config, "maintenance", "start",
                               "fra1",
                                "--no-coordinator", "--yes"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_us)
    until = time.monotonic() + 20
    while primary.query(SIP, "A")[0][1] != 5 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finds(promise, operator, "an operation that was killed", 0, "note", "journal", "maintenance start fra1",
          "dnsupdater resume")
    promise.check(operator.run("undo", "d-1", "--yes").returncode == 0, "  undone")
    operator.configure(primary.endpoint, servers, POOL_TABLE)
    primary.update(f"zone {ZONE}", f"update add {POOL} 30 A 203.0.113.7")
    finds(promise, operator, "a stranger in a pool", 1, "bad", "pool", "203.0.113.7, an address of no site",
          f"show {POOL}")


def rights(promise, programs, servers, folder):
    policy = (f"update-policy {{ grant {KEY.name} name {GUARD} TXT; grant {KEY.name} name {LEASE} TXT; "
              f"grant {KEY.name} name {SIP} A AAAA; }};")
    knot = ("    action: [update, transfer]\n    update-owner: name\n    update-owner-match: equal\n"
            f"    update-owner-name: [{SIP}., {GUARD}., {LEASE}.]\n")
    for kind in (Bind, Knot):
        server = servers.make(kind, Zone(ZONE, options=policy if kind is Bind else ""), Zone(LEASES))
        if kind is Knot:
            with open(server.path("knotd.conf"), encoding="utf-8") as file:
                text = file.read()
            server.put("knotd.conf", text.replace("    action: [update, transfer]\n", knot))
        with server:
            server.start()
            operator = Operator(programs, os.path.join(folder, "rights-" + kind.__name__), server,
                                [server.endpoint])
            before = server.transfer(ZONE)
            finds(promise, operator, f"{kind.__name__} with a right that is missing", 14, "bad", "rights",
                  f"may not write {SRV} SRV", "update-policy")
            row = [row for row in operator.check()[1]["rows"] if row["check"] == "rights"][0]
            promise.check(SIP not in row["found"] and GUARD not in row["found"],
                          f"  only that: {row['found']}")
            promise.check(server.transfer(ZONE) == before, "  and nothing was changed, not even the serial")
    with servers.start(PowerDns, Zone(ZONE), Zone(LEASES)) as server:
        operator = Operator(programs, os.path.join(folder, "rights-PowerDns"), server, [server.endpoint])
        row = [row for row in operator.check()[1]["rows"] if row["check"] == "rights"][0]
        promise.check(row["mark"] == "good", f"PowerDns: {row['found']}")
        before = server.transfer(ZONE)
        server.pdnsutil("set-meta", ZONE, "TSIG-ALLOW-DNSUPDATE", "another")
        finds(promise, operator, "PowerDns that does not allow the key", 14, "bad", "rights", "the key", "")
        promise.check(server.transfer(ZONE) == before, "  and nothing was changed, not even the serial")


def main():
    programs = sys.argv[1:4]
    with Promise("check names what is wrong, and the next command") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        with servers.start(Bind, Zone(ZONE), Zone(LEASES)) as primary, \
                servers.start(Bind, Zone(ZONE), secondary_of=primary,
                              options="min-refresh-time 1; max-refresh-time 1;") as secondary:
            both = [primary.endpoint, secondary.endpoint]
            operator = Operator(programs, os.path.join(folder, "etc"), primary, both)
            # A secondary that follows late is a finding of its own, and none of these.
            operator.configure(primary.endpoint, [primary.endpoint])
            good_state(promise, operator)
            before = primary.transfer(ZONE) + primary.transfer(LEASES)
            wrong_keys_and_clocks(promise, operator)
            operator.check()
            promise.check(primary.transfer(ZONE) + primary.transfer(LEASES) == before,
                          "nothing was changed, not even a serial")
            wrong_records(promise, operator, primary)
            wrong_leases(promise, operator, primary)
            operator.site("fra1")
            time.sleep(2.5)
            operator.configure(primary.endpoint, both)
            wrong_servers(promise, operator, primary, secondary)
            operator.configure(primary.endpoint, [primary.endpoint])
            open_operation_and_pool(promise, operator, primary, [primary.endpoint])
        rights(promise, programs, servers, folder)


if __name__ == "__main__":
    main()
