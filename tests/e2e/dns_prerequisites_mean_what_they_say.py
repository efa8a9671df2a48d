#!/usr/bin/env python3
"""Every prerequisite of RFC 2136, met and unmet, alone and two of them in both orders, over UDP and TCP, IPv4
and IPv6, on BIND, Knot and PowerDNS: the answer is the one that is due, and a change is there exactly if it
was NOERROR. Then every other answer that a server has for an update, and what dnsupdater takes it for.

    dns_prerequisites_mean_what_they_say.py DNS_SENDER
"""

import itertools
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import Sender  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Key, Knot, Nsd, PowerDns, Zone  # noqa: E402
from promise import Promise  # noqa: E402

ZONE = "voice.test"
RECORDS = ["a A 192.0.2.1", "a A 192.0.2.2", "b A 192.0.2.1", "b A 192.0.2.2", 't TXT "one text"',
           "*.wild A 192.0.2.3", "x.empty A 192.0.2.4"]
# What it is, its lines, and what is due where it is not met.
CASES = [
    ("yxdomain, met", [f"yxdomain a.{ZONE}"], None),
    ("yxdomain, unmet", [f"yxdomain z.{ZONE}"], "NXDOMAIN"),
    ("nxdomain, met", [f"nxdomain z.{ZONE}"], None),
    ("nxdomain, unmet", [f"nxdomain a.{ZONE}"], "YXDOMAIN"),
    ("yxrrset, met", [f"yxrrset a.{ZONE} A"], None),
    ("yxrrset, unmet", [f"yxrrset a.{ZONE} TXT"], "NXRRSET"),
    ("yxrrset with data, met", [f"yxrrset a.{ZONE} A 192.0.2.1", f"yxrrset a.{ZONE} A 192.0.2.2"], None),
    ("yxrrset with data, unmet", [f"yxrrset b.{ZONE} A 192.0.2.1"], "NXRRSET"),
    ("nxrrset, met", [f"nxrrset a.{ZONE} TXT"], None),
    ("nxrrset, unmet", [f"nxrrset b.{ZONE} A"], "YXRRSET"),
]
# Alone only.
MORE = [
    ("of a name that is not there", [f"yxrrset z.{ZONE} A"], "NXRRSET"),
    ("data of a name that is not there", [f"yxrrset z.{ZONE} A 192.0.2.1"], "NXRRSET"),
    ("more data than there is", [f"yxrrset b.{ZONE} A 192.0.2.{n}" for n in (1, 2, 3)], "NXRRSET"),
    ("other data", [f"yxrrset b.{ZONE} A 192.0.2.1", f"yxrrset b.{ZONE} A 192.0.2.3"], "NXRRSET"),
    ("a text", [f'yxrrset t.{ZONE} TXT "one text"'], None),
    ("another text", [f'yxrrset t.{ZONE} TXT "one texT."'], "NXRRSET"),
    ("the same text, cut elsewhere", [f'yxrrset t.{ZONE} TXT "one" " text"'], "NXRRSET"),
    ("a wildcard does not make a name", [f"yxdomain w.wild.{ZONE}"], "NXDOMAIN"),
    ("a wildcard does not make an RRset", [f"nxrrset w.wild.{ZONE} A"], None),
]


def due(*cases):
    """As RFC 2136, 3.2: in their order, RRsets with data last."""
    unmet = [code for what, _, code in cases if code and "data" not in what]
    return (unmet + [code for _, _, code in cases if code] + ["NOERROR"])[0]


def ask(sender, number, lines, transport):
    """Our answer; the change is a name of its own."""
    needs = ["need " + line for line in lines]
    return sender.send(*needs, f"add n{number}.{ZONE} 30 A 192.0.2.99", transport=transport)


def matrix(promise, sender, server, what):
    wanted, wrong, numbers = {}, [], itertools.count()
    for transport in ("udp", "tcp"):
        asked = [(each,) for each in CASES + MORE] + list(itertools.permutations(CASES, 2))
        for cases in asked:
            number = next(numbers)
            answer = ask(sender, number, [line for _, lines, _ in cases for line in lines], transport)
            wanted[number] = due(*cases)
            if answer.get("rcode") != wanted[number] or answer["tsig"] != "signed":
                wrong.append((transport, [case[0] for case in cases], wanted[number], answer.get("rcode"),
                              answer.get("tsig"), answer.get("error")))
    promise.check(not wrong, f"{what}: {len(wanted)} updates, each with the answer that is due "
                             f"{len(wrong) or ''} {wrong[:3] or ''}")
    there = {row[0].split(".")[0] for row in server.transfer(ZONE) if row[3] == "192.0.2.99"}
    good = {f"n{number}" for number, code in wanted.items() if code == "NOERROR"}
    promise.check(there == good, f"  {len(good)} of them are in the zone, and no other "
                                 f"{sorted(there ^ good)[:5] or ''}")


class Rest:
    """Answers that are not about prerequisites: their number, what dnsupdater takes them for."""

    def __init__(self, promise, server, sender, folder):
        self.promise, self.server, self.sender, self.folder = promise, server, sender, folder

    def see(self, what, rcode, cause, said, before=(), lines=(), tsig_error=0, after=()):
        lines = lines or (f"need yxdomain a.{ZONE}", f"add no.{ZONE} 30 A 192.0.2.98")
        for transport in ("udp", "tcp"):
            self.sender.say(*before)
            answer = self.sender.send(*lines, transport=transport)
            self.sender.say(*after)
            got = (answer.get("rcode"), answer.get("tsig_error"), answer.get("cause"))
            self.promise.check(got == (rcode, tsig_error, cause) and said in answer["said"],
                               f"  {what}, {transport}: {got}: {answer.get('said', answer.get('error'))}")
        self.promise.check(self.server.data(f"no.{ZONE}", "A") == [], "    and nothing has changed")

    def key(self, name, key):
        key.write(os.path.join(self.folder, name))
        return [f"key {self.folder}/{name}"]


def all_the_rest(promise, server, sender, folder):
    rest = Rest(promise, server, sender, folder)
    ours = {"after": ["clock 0", f"key {folder}/key"]}
    unknown = rest.key("unknown", Key(name="unknown"))
    wrong = rest.key("wrong", Key(secret="d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3JvbmctMzI="))
    if isinstance(server, PowerDns):  # it has one answer for all of them
        bare = ("REFUSED", "policy",
                "PowerDNS says so of a wrong key, a wrong secret and a clock that is off")
        rest.see("a key that it does not know", *bare, before=unknown, **ours)
        rest.see("another secret", *bare, before=wrong, **ours)
        rest.see("our clock ahead", *bare, before=["clock 302"], **ours)
        rest.see("our clock behind", *bare, before=["clock -302"], **ours)
    else:
        rest.see("a key that it does not know", "NOTAUTH", "key", "does not know the key unknown",
                 before=unknown, tsig_error=17, **ours)
        rest.see("another secret", "NOTAUTH", "key", "another secret for key ha-test", before=wrong,
                 tsig_error=16, **ours)
        rest.see("our clock ahead", "NOTAUTH", "clock", "s ahead of the primary's", before=["clock 302"],
                 tsig_error=18, **ours)
        rest.see("our clock behind", "NOTAUTH", "clock", "s behind the primary's", before=["clock -302"],
                 tsig_error=18, **ours)
    outside = "names something outside of zone voice.test (NOTZONE)"
    rest.see("a change outside of the zone", "NOTZONE", "zone", outside,
             lines=[f"need yxdomain a.{ZONE}", "add no.other.test 30 A 192.0.2.98"])
    rest.see("a prerequisite outside of it", "NOTZONE", "zone", outside,
             lines=["need yxdomain a.other.test", f"add no.{ZONE} 30 A 192.0.2.98"])
    rest.see("a prerequisite with a TTL", "FORMERR", "server", "the primary says FORMERR",
             before=["mangle"])
    with Sender(sender.program, server.endpoint, "elsewhere.test", os.path.join(folder, "key")) as other:
        Rest(promise, server, other, folder).see(
            "a zone that it does not have", "NOTAUTH", "zone", "does not have zone elsewhere.test (NOTAUTH)",
            lines=["need yxdomain a.elsewhere.test", "add no.elsewhere.test 30 A 192.0.2.98"])
    forbid(server)
    if isinstance(server, Knot):  # to whom the policy and the key are one
        rest.see("against its policy", "NOTAUTH", "key", "does not know the key", tsig_error=17)
    else:
        rest.see("against its policy", "REFUSED", "policy", "does not let the key ha-test do this")


def forbid(server):
    """From now on our key may look, not change."""
    if isinstance(server, Bind):
        text = open(server.path("named.conf"), encoding="utf-8").read()
        server.put("named.conf", text.replace(f"allow-update {{ key {KEY.name}; }};",
                                              f"update-policy {{ grant {KEY.name} name yes.{ZONE} A; }};"))
        server.rndc("reconfig")
    elif isinstance(server, Knot):
        text = open(server.path("knotd.conf"), encoding="utf-8").read()
        server.put("knotd.conf", text.replace("    acl: [update, transfer]", "    acl: [transfer]"))
        server.knotc("reload")
    else:
        server.pdnsutil("set-meta", ZONE, "TSIG-ALLOW-DNSUPDATE", "another-key")


def servers_that_cannot(promise, servers, program, folder):
    key = os.path.join(folder, "key")
    with servers.start(Nsd, Zone(ZONE, RECORDS)) as nsd, Sender(program, nsd.endpoint, ZONE, key) as sender:
        promise.say("NSD")
        Rest(promise, nsd, sender, folder).see("any update", "NOTIMP", "unsupported", "takes no updates")
    with servers.start(Bind, Zone(ZONE, RECORDS)) as primary, \
            servers.start(Bind, Zone(ZONE), secondary_of=primary, forward=True) as secondary, \
            Sender(program, secondary.endpoint, ZONE, key) as sender:
        promise.say("a secondary that forwards updates")
        promise.check(ask(sender, 1, [f"yxdomain a.{ZONE}"], "tcp").get("rcode") == "NOERROR",
                      "  forwards them, and the answer is signed by the primary")
        primary.kill()
        rest = Rest(promise, secondary, sender, folder)
        rest.see("its primary is dead", "SERVFAIL", "server", "the primary says SERVFAIL")


def main():
    with Promise("prerequisites mean what they say") as promise, tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        key = os.path.join(folder, "key")
        KEY.write(key)
        for kind, address in itertools.product((Bind, Knot, PowerDns), ("127.0.0.1", "::1")):
            with servers.start(kind, Zone(ZONE, RECORDS), address=address) as server, \
                    Sender(sys.argv[1], server.endpoint, ZONE, key) as sender:
                matrix(promise, sender, server, f"{kind.__name__}, {'IPv6' if ':' in address else 'IPv4'}")
                all_the_rest(promise, server, sender, folder)
        servers_that_cannot(promise, servers, sys.argv[1], folder)


if __name__ == "__main__":
    main()
