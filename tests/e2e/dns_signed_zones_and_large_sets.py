#!/usr/bin/env python3
"""In zones that are signed as they change (BIND by dnssec-policy and by inline-signing, Knot, PowerDNS) set,
swap, maintenance, delete and races end with the right verdict, and a validating resolver believes what is
served at once. RRsets of more than a datagram, and of 4 kB, are written and read back, in such zones and
without signatures.

    dns_signed_zones_and_large_sets.py DNSUPDATER DNS_RACER
"""

import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_one_winner import race  # noqa: E402
from dns_operator import Operator, record_table, zone_table  # noqa: E402
from dns_servers import Bind, DnsServers, Knot, PowerDns, Zone  # noqa: E402
from promise import Promise  # noqa: E402

ZONE = "voice.test"
SIP, MAINT = f"sip.{ZONE}", f"fra1-maint.{ZONE}"
SERVICE, SPARE = "192.0.2.10", "192.0.2.11"
WAIT_SECONDS = 5
DATAGRAM = 1232


def until(what):
    """Bounded polling: whether it became true."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


class Validator:
    """delv with the zone's own key as its anchor."""

    def __init__(self, server):
        self.server = server
        until(self.is_signed)
        key = next(data for data in server.data(ZONE, "DNSKEY") if data.startswith("257 "))
        flags, protocol, algorithm, text = key.split(None, 3)
        server.put("anchor", f'trust-anchors {{ "{ZONE}." static-key {flags} {protocol} {algorithm} '
                   f'"{text.replace(" ", "")}"; }};\n')

    def is_signed(self):
        """The names that are asked for later are signed, too: they come after the key."""
        return any(data.startswith("257 ") for data in self.server.data(ZONE, "DNSKEY")) and any(
            row[2] == "RRSIG" for row in self.server.query(f"ns1.{ZONE}", "A", "+dnssec"))

    def says(self, name, kind):
        done = self.server.servers.run(
            "delv", "-a", self.server.path("anchor"), f"+root={ZONE}", "@" + self.server.address, "-p",
            str(self.server.port), "+tcp", name, kind, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("; ")]
        return lines[0][2:] if lines else (done.stdout + done.stderr).strip()

    def believes(self, promise, what, name, kind, good="fully validated"):
        """A moment after the answer: inline-signing is some milliseconds behind."""
        said = []
        promise.check(until(lambda: said.append(self.says(name, kind)) or said[-1] == good),
                      f"  {what}: {said[-1]}, asked {len(said)} times")


def operator_of(program, server, folder):
    return Operator(program, folder, [zone_table(ZONE, [server.endpoint])], [record_table(SIP, "5s")],
                    maintenance_name=MAINT)


def changes(promise, operator, server, validator):
    def run(*words):
        code, out, error = operator.run(*words, "--yes")
        return code == 0, f"{' '.join(words[:2])}: {code} {error.strip()[-200:] or out.strip()[-60:]}"

    def see(*words, addresses):
        good, told = run(*words)
        now = server.data(SIP, "A"), server.data(MAINT, "A")
        promise.check(good and now == tuple([each] for each in addresses), f"  {told}")
        for name in (SIP, MAINT):
            validator.believes(promise, f"{name}", name, "A")

    promise.check(run("set", MAINT, "A", SPARE, "--ttl", "1s")[0], "  the spare machine has a name")
    see("set", SIP, "A", SERVICE, "--ttl", "1s", addresses=(SERVICE, SPARE))
    see("swap", "fra1", addresses=(SPARE, SERVICE))
    see("swap", "fra1", addresses=(SERVICE, SPARE))
    see("maintenance", "start", "fra1", "--verify", "5s", addresses=(SPARE, SERVICE))
    see("maintenance", "stop", "fra1", "--verify", "5s", addresses=(SERVICE, SPARE))
    promise.check(run("set", f"x.{ZONE}", "SRV", "0 10 5060 " + SIP)[0], "  an SRV record")
    validator.believes(promise, "it", f"x.{ZONE}", "SRV")
    promise.check(run("delete", f"x.{ZONE}", "SRV")[0] and server.data(f"x.{ZONE}", "SRV") == [], "  deleted")
    validator.believes(promise, "that it is not there", f"x.{ZONE}", "SRV",
                       "negative response, fully validated")
    validator.believes(promise, "the guard", f"_ha.pbx.{ZONE}", "TXT")


def strings(size, letter):
    """One TXT record with `size` bytes of rdata."""
    parts = [letter * min(200, left) for left in range(size - -(-size // 201), 0, -200)]
    return " ".join(f'"{each}"' for each in parts)


LARGE = [
    ("100 addresses", "A", [f"192.0.2.{n}" for n in range(100, 200)]),
    ("8 texts, 1.6 kB", "TXT", [strings(201, chr(97 + n)) for n in range(8)]),
    ("20 texts, 4 kB", "TXT", [strings(201, chr(97 + n)) for n in range(20)]),
    ("one text of 4,000 bytes", "TXT", [strings(4000, "z")]),
]


def large(promise, operator, server, validator=None):
    for number, (what, kind, data) in enumerate(LARGE):
        name = f"big{number}.{ZONE}"
        code, _, error = operator.set(name, kind, *data)
        found = server.servers.run("dig", *server.dig_flags(), "+tcp", name, kind).stdout
        size = int(found.split("MSG SIZE  rcvd: ")[1].split()[0])
        good = code == 0 and sorted(server.data(name, kind)) == sorted(data) and size > DATAGRAM
        promise.check(good, f"  {what}, an answer of {size} bytes: {code} {error.strip()[-200:]}")
        shown, out, _ = operator.run("show", name)
        waited, _, _ = operator.run("wait", name)
        promise.check(shown == 0 and waited == 0 and " same" in out, f"    show {shown}, wait {waited}")
        if validator:
            validator.believes(promise, "  it", name, kind)
    code, _, _ = operator.set(f"big0.{ZONE}", "A", *[f"192.0.2.{n}" for n in range(1, 100)])
    promise.check(code == 0 and len(server.data(f"big0.{ZONE}", "A")) == 99, "  all of a large one exchanged")
    code, _, _ = operator.run("delete", f"big3.{ZONE}", "TXT", "--yes")
    promise.check(code == 0 and server.data(f"big3.{ZONE}", "TXT") == [], "  and one deleted")


def signed(servers):
    """(what, a server that has begun to sign)"""
    policy = "dnssec-policy default; inline-signing "
    yield "BIND, dnssec-policy", servers.start(Bind, Zone(ZONE, options=policy + "no;"))
    yield "BIND, inline-signing", servers.start(Bind, Zone(ZONE, options=policy + "yes;"))
    yield "Knot", servers.start(Knot, Zone(ZONE, options="    dnssec-signing: on\n"))
    server = servers.make(PowerDns, Zone(ZONE), options="gsqlite3-dnssec=yes")
    server.pdnsutil("secure-zone", ZONE)
    server.start()
    yield "PowerDNS", server


def main():
    with Promise("signed zones and large RRsets are changed like all others") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        for number, (what, server) in enumerate(signed(servers)):
            with server:
                promise.say(f"{what}, signed")
                operator = operator_of(sys.argv[1], server, os.path.join(folder, f"signed-{number}"))
                validator = Validator(server)
                changes(promise, operator, server, validator)
                large(promise, operator, server, validator)
                race(promise, sys.argv[2], server, folder, 2)
                validator.believes(promise, "what the winner has set", SIP, "A")
        for kind in (Bind, Knot, PowerDns):
            with servers.start(kind, Zone(ZONE)) as server:
                promise.say(f"{kind.__name__}, not signed")
                large(promise, operator_of(sys.argv[1], server, os.path.join(folder, kind.__name__)), server)


if __name__ == "__main__":
    main()
