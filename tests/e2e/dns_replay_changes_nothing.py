#!/usr/bin/env python3
"""The very bytes of an update that was accepted come again within the 300 s for which their signature is
good: at once, and after the name has gone on to B and back to A. Nothing changes on BIND, Knot and PowerDNS,
over UDP and TCP. The same with an update that has no prerequisite does change what callers are told: the
danger is real.

    dns_replay_changes_nothing.py DNSUPDATER DNS_SENDER
"""

import os
import socket
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import Operator, Sender, zone_table  # noqa: E402
from dns_proxy import UPDATE, DnsProxy, read_message  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Knot, PowerDns, Zone  # noqa: E402
from promise import Promise  # noqa: E402

ZONE = "voice.test"
NAME = f"sip.{ZONE}"
A, B = "192.0.2.1", "192.0.2.2"
NOERROR, NXRRSET, YXRRSET = 0, 8, 7
ANSWER_SECONDS = 10


def send_bytes(server, message, transport):
    """The rcode of what comes back."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as out:
        out.settimeout(ANSWER_SECONDS)
        out.connect((server.address, server.port))
        if transport == "udp":
            out.send(message)
            answer = out.recv(65535)
        else:
            out.sendall(struct.pack("!H", len(message)) + message)
            answer = read_message(out)
    return answer[3] & 0xF


def whole(server):
    """All that the zone holds. Not the serial: PowerDNS raises it though nothing changes."""
    return [row for row in server.transfer(ZONE) if row[2] != "SOA"]


def replay(promise, server, messages, when):
    for transport in ("udp", "tcp"):
        before = whole(server)
        codes = [send_bytes(server, message, transport) for message in messages]
        unchanged = whole(server) == before
        promise.check(unchanged and all(code in (NXRRSET, YXRRSET) for code in codes),
                      f"  {when}, {transport}: {len(codes)} messages again: nothing has changed, the answers "
                      f"are {sorted(set(codes))}")


def by_dnsupdater(promise, program, server, folder):
    with DnsProxy(server, only_updates=True) as proxy:
        operator = Operator(program, folder, [zone_table(ZONE, [proxy.endpoint], [server.endpoint])])

        def change(to):
            code, _, error = operator.set(NAME, "A", to)
            sent = [each[1] for each in proxy.seen if each[1][2] >> 3 & 0xF == UPDATE]
            if code != 0 or server.data(NAME, "A") != [to]:
                promise.check(False, f"set {to}: {error}")
            return sent

        sent = change(A)
        replay(promise, server, sent, "what dnsupdater has sent, at once")
        sent = change(B)
        replay(promise, server, sent, "after A, B")
        sent = change(A)
        replay(promise, server, sent, "after A, B, A")
        sent = change(B)
        replay(promise, server, sent, "after A, B, A, B")
        operator.run("delete", NAME, "A", "--yes")
        replay(promise, server, sent, "after it was deleted")
        promise.check(server.data(NAME, "A") == [], "  and at the end it is still deleted")


def by_library(promise, program, server, folder):
    """Everything that our encoder can say, over both transports, so that sent and replayed cross."""
    key = os.path.join(folder, "key")
    KEY.write(key)
    with Sender(program, server.endpoint, ZONE, key) as sender:
        sent = []
        for number, (old, new) in enumerate([(A, B), (B, A), (A, B), (B, A)]):
            text = f'"v={number}"'
            lines = [f"need yxrrset _ha.x.{ZONE} TXT {text}", f"remove _ha.x.{ZONE} TXT",
                     f'add _ha.x.{ZONE} 0 TXT "v={number + 1}"', f"need yxrrset x.{ZONE} A {old}",
                     f"remove x.{ZONE} A", f"add x.{ZONE} 30 A {new}"]
            if number == 0:
                server.update(f"update add _ha.x.{ZONE} 0 TXT {text}", f"update add x.{ZONE} 30 A {old}")
            answer = sender.send(*lines, transport=("udp", "tcp")[number % 2])
            promise.check(answer.get("rcode") == "NOERROR", f"  {old} becomes {new}: {answer.get('rcode')}")
            sent.append(bytes.fromhex(answer["wire"]))
            replay(promise, server, sent, f"after {number + 1} changes by the library")


def the_danger(promise, server):
    """What others do: a replace that stands on nothing, or on what comes back."""
    with DnsProxy(server, only_updates=True) as proxy:
        def change(*lines):
            text = f"server {proxy.address} {proxy.port}\nzone {ZONE}\n" + "\n".join(lines) + "\nsend\n"
            server.servers.run("nsupdate", "-y", KEY.flag(), text=text)
            return proxy.seen[-1][1]

        plain = change(f"update delete plain.{ZONE} A", f"update add plain.{ZONE} 30 A {A}")
        change(f"update delete plain.{ZONE} A", f"update add plain.{ZONE} 30 A {B}")
        code = send_bytes(server, plain, "udp")
        promise.check(code == NOERROR and server.data(f"plain.{ZONE}", "A") == [A],
                      f"  a plain replace that comes again leads callers to A, where B was set: {code}")
        guarded = change(f"prereq yxrrset plain.{ZONE} A {A}", f"update delete plain.{ZONE} A",
                         f"update add plain.{ZONE} 30 A {B}")
        change(f"update delete plain.{ZONE} A", f"update add plain.{ZONE} 30 A {A}")
        code = send_bytes(server, guarded, "tcp")
        promise.check(code == NOERROR and server.data(f"plain.{ZONE}", "A") == [B],
                      f"  so does one whose prerequisite is the address, after A, B, A: {code}")


def main():
    with Promise("a message that comes again changes nothing") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        for kind in (Bind, Knot, PowerDns):
            with servers.start(kind, Zone(ZONE)) as server:
                promise.say(kind.__name__)
                by_dnsupdater(promise, sys.argv[1], server, os.path.join(folder, "etc-" + kind.__name__))
                by_library(promise, sys.argv[2], server, folder)
                the_danger(promise, server)


if __name__ == "__main__":
    main()
