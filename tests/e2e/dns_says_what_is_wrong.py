#!/usr/bin/env python3
"""Whatever a server has against a change, dnsupdater names the cause in words, ends with the exit code of its
manual, and leaves nothing changed: on a real BIND, Knot, PowerDNS and NSD.

    dns_says_what_is_wrong.py DNSUPDATER DNS_RACER
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import Operator, record_table, zone_table  # noqa: E402
from dns_proxy import DnsProxy  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Key, Knot, Nsd, PowerDns, Zone, free_port  # noqa: E402
from promise import Promise  # noqa: E402

ZONE = "voice.test"
NAME = f"sip.{ZONE}"
FIRST, SECOND = "192.0.2.10", "192.0.2.11"
UNKNOWN = Key(name="unknown")
WRONG = Key(secret="d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3JvbmctMzI=")


class Bench:
    """One server with one operator before it, and one whose words go through a proxy."""

    def __init__(self, promise, server, folder, programs):
        self.promise, self.server, self.folder, self.programs = promise, server, folder, programs
        self.operator = self.new([server.endpoint])

    def new(self, primary, zone=ZONE, records=(), timeout="20s"):
        folder = tempfile.mkdtemp(dir=self.folder)
        return Operator(self.programs[0], folder, [zone_table(zone, primary)], records, timeout)

    def see(self, what, code, *said, operator=None, words=None, undo=True):
        """It is told so, and the name is as it was."""
        operator = operator or self.operator
        before = self.server.data(NAME, "A") if self.server.process else None
        got, out, error = operator.run(*(words or ("set", NAME, "A", SECOND, "--yes")))
        if undo:
            operator.undo_open()
        good = got == code and all(each in error for each in said)
        good = good and (before is None or self.server.data(NAME, "A") == before)
        shown = " ".join(error.split())
        self.promise.check(good, f"{type(self.server).__name__}, {what}: {got}: {shown or out}"[:400])

    def with_key(self, key, what, code, *said, words=None):
        key.write(self.operator.key)
        self.see(what, code, *said, words=words)
        KEY.write(self.operator.key)


def keys(bench):
    """Reading is signed as well, so that a key is wrong from the first question on."""
    if isinstance(bench.server, PowerDns):  # it does not say which
        said = "PowerDNS says so of a wrong key, a wrong secret and a clock that is off"
        bench.with_key(UNKNOWN, "a key that it does not know", 14, said, "compare the key files")
        bench.with_key(WRONG, "another secret", 14, said, "compare the key files")
        return
    bench.with_key(UNKNOWN, "a key that it does not know", 12, "does not know the key unknown")
    bench.with_key(WRONG, "another secret", 12, "has another secret for key ha-test", "compare the key files")
    for verb in ("show", "wait"):
        bench.with_key(WRONG, f"{verb} with another secret", 12, "has another secret", words=(verb, NAME))


def policies(bench):
    server = bench.server
    if isinstance(server, Bind):
        server.rndc("freeze", ZONE)
        bench.see("a frozen zone", 14, "or the zone is frozen", "rndc thaw " + ZONE)
        server.rndc("thaw", ZONE)
        path, old, new = "named.conf", f"allow-update {{ key {KEY.name}; }};", "allow-update { none; };"
    elif isinstance(server, Knot):
        server.knotc("zone-freeze", ZONE)
        bench.see("a frozen zone", 14, "or the zone is frozen")
        server.knotc("zone-thaw", ZONE)
        path, old, new = "knotd.conf", "    acl: [update, transfer]", "    acl: [transfer]"
    else:
        server.pdnsutil("set-meta", ZONE, "TSIG-ALLOW-DNSUPDATE", "another-key")
        bench.see("a key that may not", 14, "does not let the key ha-test do this")
        server.pdnsutil("set-meta", ZONE, "TSIG-ALLOW-DNSUPDATE", KEY.name)
        return
    with open(server.path(path), encoding="utf-8") as file:
        text = file.read()
    reload = (lambda: server.rndc("reconfig")) if path == "named.conf" else (lambda: server.knotc("reload"))
    server.put(path, text.replace(old, new))
    reload()
    if isinstance(server, Bind):
        bench.see("a key that may not", 14, "does not let the key ha-test do this", "update-policy { grant")
    else:  # its policy is about keys
        bench.see("a key that may not", 12, "does not know the key ha-test")
    server.put(path, text)
    reload()


def zones(bench):
    """Below a zone of the server, so that it answers questions with authority."""
    below = bench.new([bench.server.endpoint], zone="sub." + ZONE)
    bench.see("a zone that it does not have", 4, f"does not have zone sub.{ZONE} (NOTAUTH)", operator=below,
              words=("set", f"a.sub.{ZONE}", "A", SECOND, "--yes"))


def networks(bench):
    dead = bench.new([f"127.0.0.1:{free_port()}"], timeout="1s")
    bench.see("nobody there", 3, "Connection refused", operator=dead)
    with DnsProxy(bench.server, only_updates=True) as proxy:
        for word, said in (("mangle", "it is not known whether the change is there"),
                           ("servfail", "it is not known whether the change is there"),
                           ("lose-request", "does not answer")):
            proxy.plan(ever=word)
            behind = bench.new([proxy.endpoint], timeout="2s")
            bench.see(f"every update meets {word}", 11, said, "dnsupdater resume", operator=behind)
        sends = len([each for each in proxy.seen if each[1][2] >> 3 & 0xF == 5])
        bench.promise.check(sends >= 6, f"  after {sends} messages")
        proxy.plan(ever=lambda: other_turn(bench))
        behind = bench.new([proxy.endpoint], records=[record_table(NAME)])
        bench.see("others are always first", 10, "lost to s1 at epoch", operator=behind)
        proxy.plan()


def other_turn(bench):
    """Another site takes the service, and leaves the address as it is."""
    subprocess.run([bench.programs[1], bench.server.endpoint, ZONE, bench.operator.key, "s1", FIRST, "1"],
                   check=True, capture_output=True)


def regression(bench):
    bench.promise.check(bench.operator.set(f"b.{ZONE}", "A", FIRST)[0] == 0, "  (a name of its own)")
    guard = f"_ha.b.{ZONE}"
    bench.server.update(f"prereq yxrrset {guard} TXT", f"update delete {guard} TXT")
    words = ("set", f"b.{ZONE}", "A", SECOND, "--yes")
    bench.see("a guard that is gone", 15, "dnsupdater accept " + guard, words=words, undo=False)
    code, _, error = bench.operator.run("accept", guard, "--yes")
    done = bench.operator.run(*words)[0] == 0 and bench.server.data(f"b.{ZONE}", "A") == [SECOND]
    bench.promise.check(code == 0 and done, f"  and after that it goes on {error}")


def cannot(promise, servers, folder, programs):
    """Servers that are not what they should be."""
    with servers.start(Nsd, Zone(ZONE, ["sip 30 A " + FIRST])) as nsd:
        nsd_key = (f'key:\n    name: "{KEY.name}"\n    algorithm: {KEY.algorithm}\n'
                   f'    secret: "{KEY.secret}"\n')
        with open(nsd.path("nsd.conf"), encoding="utf-8") as file:
            nsd.put("nsd.conf", nsd_key + file.read())
        nsd.stop()
        nsd.start()
        Bench(promise, nsd, folder, programs).see("any change", 4, "takes no updates (NOTIMP)")
    with servers.start(Bind, Zone(ZONE, ["sip 30 A " + FIRST])) as primary, \
            servers.start(Bind, Zone(ZONE), secondary_of=primary, forward=True) as secondary:
        bench = Bench(promise, secondary, folder, programs)
        primary.kill()
        late = bench.new([secondary.endpoint], timeout="2s")
        bench.see("a secondary whose primary is dead", 11, "the primary says SERVFAIL", operator=late)
    with servers.make(Bind, Zone(ZONE), secondary_of=primary) as empty:
        empty.answers = lambda: "status: SERVFAIL" in servers.run(
            "dig", *empty.dig_flags(), "+time=1", "+tries=1", ZONE, "SOA", check=False).stdout
        empty.start()
        late = Bench(promise, empty, folder, programs).new([empty.endpoint], timeout="1s")
        Bench(promise, empty, folder, programs).see("never had the zone", 3, "SERVFAIL", operator=late)


def main():
    with Promise("what is wrong is said") as promise, tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        for kind in (Bind, Knot, PowerDns):
            with servers.start(kind, Zone(ZONE, ["sip 30 A " + FIRST])) as server:
                bench = Bench(promise, server, folder, sys.argv[1:])
                for look in (keys, policies, zones, networks, regression):
                    look(bench)
                code, _, error = bench.operator.set(NAME, "A", SECOND)
                promise.check(code == 0 and server.data(NAME, "A") == [SECOND],
                              f"  and it can be changed {error}")
        cannot(promise, servers, folder, sys.argv[1:])


if __name__ == "__main__":
    main()
