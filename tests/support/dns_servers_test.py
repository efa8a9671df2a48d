#!/usr/bin/env python3
"""The name servers that tests start: each starts, serves its zone, takes an update with our key and refuses
one with another, keeps it over a kill and is gone afterwards.

    dns_servers_test.py
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from dns_proxy import DnsProxy  # noqa: E402
from dns_servers import Bind, DnsServers, Key, Knot, Nsd, PowerDns, Unbound, Zone  # noqa: E402
from promise import Promise  # noqa: E402

ZONE = "voice.test"
WRONG = Key(secret="d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3JvbmctMzI=")


def updated(promise, servers, kind):
    with servers.start(kind, Zone(ZONE, ["sip A 192.0.2.10"])) as server:
        what = kind.__name__
        promise.check(server.data(f"sip.{ZONE}", "A") == ["192.0.2.10"], f"{what} serves its zone")
        wrong = server.update(f"update add sip.{ZONE} 30 A 192.0.2.66", key=WRONG, check=False)
        promise.check(wrong.returncode != 0, f"  another key is refused: {wrong.stderr.split(chr(10))[0]}")
        server.update(f"prereq yxrrset sip.{ZONE} A 192.0.2.10", f"update delete sip.{ZONE} A",
                      f"update add sip.{ZONE} 30 A 192.0.2.11")
        promise.check(server.data(f"sip.{ZONE}", "A") == ["192.0.2.11"], "  ours is applied")
        stale = server.update(f"prereq yxrrset sip.{ZONE} A 192.0.2.10", f"update delete sip.{ZONE} A",
                              check=False)
        promise.check("NXRRSET" in stale.stderr, "  a prerequisite that is not met is NXRRSET")
        server.kill()
        server.start()
        promise.check(server.data(f"sip.{ZONE}", "A") == ["192.0.2.11"], "  it outlives a kill")
        promise.check(any(row[2] == "SOA" for row in server.transfer(ZONE)), "  the zone can be transferred")
        with servers.start(Unbound, upstream=server) as resolver:
            promise.check(resolver.data(f"sip.{ZONE}", "A") == ["192.0.2.11"], "  a resolver finds it")


def faults(promise, server):
    """What nsupdate makes of what the proxy does; UDP, a try each."""
    with DnsProxy(server) as proxy:
        def update(word, *lines):
            proxy.plan(word)
            head = [f"server {proxy.address} {proxy.port}", f"zone {ZONE}"]
            commands = "\n".join([*head, *lines, "send"]) + "\n"
            return server.servers.run("nsupdate", "-t", "4", "-u", "3", "-r", "0", "-y", server.key.flag(),
                                      text=commands, check=False)

        for number, word in enumerate(["pass", "late-reply", "twice", "stray", "twice-request"]):
            done = update(word, f"update add n{number}.{ZONE} 0 A 192.0.2.1")
            promise.check(done.returncode == 0, f"through the proxy, {word}: good")
        for word in ["lose-request", "lose-reply", "unsigned", "bad-mac", "servfail"]:
            done = update(word, f"update add {word}.{ZONE} 0 A 192.0.2.1")
            applied = server.data(f"{word}.{ZONE}", "A") != []
            promise.check(done.returncode != 0 and applied == (word not in ("lose-request", "servfail")),
                          f"through the proxy, {word}: nsupdate fails, applied: {applied}")
        proxy.plan("truncated")
        done = server.servers.run("dig", "@" + proxy.address, "-p", str(proxy.port), ZONE, "SOA")
        used = [each[0] for each in proxy.seen[-2:]]
        promise.check("status: NOERROR" in done.stdout and used == ["udp", "tcp"],
                      "a truncated answer is asked for again by TCP")


def main():
    with Promise("real name servers for tests") as promise, tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        for kind in (Bind, Knot, PowerDns):
            updated(promise, servers, kind)
        with servers.start(Nsd, Zone(ZONE)) as nsd:
            done = nsd.update(f"update add a.{ZONE} 0 A 192.0.2.1", check=False)
            promise.check("NOTIMP" in done.stderr, "NSD takes no updates")
        with servers.start(Bind, Zone(ZONE)) as primary, \
                servers.start(Bind, Zone(ZONE), secondary_of=primary, forward=True) as secondary:
            secondary.update(f"update add a.{ZONE} 0 A 192.0.2.1")
            promise.check(primary.data(f"a.{ZONE}", "A") == ["192.0.2.1"], "a secondary forwards updates")
            faults(promise, primary)


if __name__ == "__main__":
    main()
