#!/usr/bin/env python3
"""One operator, several zones: one on a BIND over IPv4, one on a Knot over IPv6 with a key of another kind
and in the other syntax, each with its own primary. A primary has two addresses of which the first is dead, or
silent. A key that others may read is refused.

    dns_zones_keys_and_families.py DNSUPDATER
"""

import base64
import os
import socket
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import Operator, record_table, zone_table  # noqa: E402
from dns_proxy import DnsProxy  # noqa: E402
from dns_servers import Bind, DnsServers, Key, Knot, PowerDns, Zone, free_port  # noqa: E402
from promise import Promise  # noqa: E402

EU, US = "voice-eu.test", "voice-us.test"
SIP_EU, SIP_US, MAINT = f"sip.{EU}", f"sip.{US}", f"fra1-maint.{EU}"
SERVICE, SPARE = "192.0.2.10", "192.0.2.11"
KEY_EU = Key("eu.key", base64.b64encode(b"thirty-two bytes of secret, eu..").decode(), "hmac-sha256")
KEY_US = Key("us.key", base64.b64encode(b"sixty-four bytes, us, ".ljust(64, b".")).decode(), "hmac-sha512")


def write_as_knot(key, path):
    """As keymgr -t prints it."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(f"# {key.algorithm}:{key.name}:{key.secret}\n{key.knot()}")


class Silent:
    """An endpoint that takes everything and answers nothing."""

    def __enter__(self):
        self.port = free_port()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(64)
        return f"127.0.0.1:{self.port}"

    def __exit__(self, *_):
        self.udp.close()
        self.tcp.close()


def new_operator(program, folder, eu, us):
    """`eu`, `us`: endpoints of the primaries."""
    zones = [zone_table(EU, eu, [eu[-1]]), zone_table(US, us, [us[-1]], "secrets/us")]
    operator = Operator(program, folder, zones, [record_table(SIP_EU, "5s"), record_table(SIP_US, "5s")],
                        maintenance_name=MAINT, key=KEY_EU)
    operator.us_key = os.path.join(folder, "secrets", "us")
    write_as_knot(KEY_US, operator.us_key)
    return operator


class Two:
    """The two primaries, and what callers are told."""

    def __init__(self, promise, eu, us):
        self.promise, self.eu, self.us = promise, eu, us

    def addresses(self):
        return (self.eu.data(SIP_EU, "A"), self.eu.data(MAINT, "A"), self.us.data(SIP_US, "A"))

    def see(self, operator, what, words, addresses, code=0):
        got, out, error = operator.run(*words, "--yes")
        wanted = tuple([each] if each else [] for each in addresses)
        self.promise.check(got == code and self.addresses() == wanted,
                           f"{what}: {got} {error.strip()[-300:] if got != code else out.strip()[-80:]}")


def both_zones(promise, two, operator):
    two.see(operator, "set in the first zone", ("set", SIP_EU, "A", SERVICE, "--ttl", "1s"),
            (SERVICE, None, None))
    two.see(operator, "set in the second zone, over IPv6, by hmac-sha512",
            ("set", SIP_US, "A", SERVICE, "--ttl", "1s"), (SERVICE, None, SERVICE))
    two.see(operator, "and the name of the spare machine", ("set", MAINT, "A", SPARE, "--ttl", "1s"),
            (SERVICE, SPARE, SERVICE))
    two.see(operator, "a swap in both", ("swap", "fra1"), (SPARE, SERVICE, SPARE))
    two.see(operator, "undone in both", ("undo", operator.journal()[-1]["id"]), (SERVICE, SPARE, SERVICE))
    patient = ("fra1", "--verify", "5s")
    two.see(operator, "maintenance in both", ("maintenance", "start", *patient), (SPARE, SERVICE, SPARE))
    two.see(operator, "and back", ("maintenance", "stop", *patient), (SERVICE, SPARE, SERVICE))
    code, out, _ = operator.run("show")
    promise.check(code == 0 and all(name in out for name in (SIP_EU, SIP_US, MAINT)),
                  f"show has all three: {code}")
    promise.check(operator.run("wait")[0] == 0, "wait, too")
    # An AAAA over the IPv6 primary, and SRV over the other.
    promise.check(operator.set(SIP_US, "AAAA", "2001:db8::10")[0] == 0 and
                  two.us.data(SIP_US, "AAAA") == ["2001:db8::10"], "an AAAA record")


def one_zone_fails(promise, two, operator):
    """Both are read before anything is sent."""
    two.us.kill()
    code, _, error = operator.run("swap", "fra1", "--yes")
    promise.check(code == 3 and not any("OPEN" in row["state"] for row in operator.journal()),
                  f"with one primary dead nothing is begun: {code} {error.strip()[-160:]}")
    two.us.start()
    promise.check(two.addresses() == ([SERVICE], [SPARE], [SERVICE]), "  and all is as it was")


def between_the_zones(promise, two, program, folder):
    """The second primary dies when the first zone has been swapped already: callers of either zone reach a
    machine, and the operation stands open until it is ended or taken back."""
    for how, after in (("undo", (SERVICE, SPARE, SERVICE)), ("resume", (SPARE, SERVICE, SPARE))):
        with DnsProxy(two.us, only_updates=True) as proxy:
            proxy.plan(two.us.kill)
            operator = new_operator(program, os.path.join(folder, "between-" + how), [two.eu.endpoint],
                                    [proxy.endpoint])
            operator.limit_swaps("2s")
            code, _, error = operator.run("swap", "fra1", "--yes")
            open_steps = operator.open_steps()
            promise.check(code == 11 and open_steps is not None and two.eu.data(SIP_EU, "A") == [SPARE],
                          f"the second primary dies between the zones: {code}, {open_steps} steps done: "
                          f"{' '.join(error.split())[-200:]}")
            two.us.start()
            words = ("undo", operator.journal()[-1]["id"]) if how == "undo" else ("resume",)
            two.see(operator, f"  and then {how}", words, after)
            promise.check(operator.open_steps() is None, "  nothing stands open")
    operator = new_operator(program, os.path.join(folder, "between-back"), [two.eu.endpoint],
                            [two.us.endpoint])
    two.see(operator, "and back", ("swap", "fra1"), (SERVICE, SPARE, SERVICE))


def endpoints(promise, two, program, folder):
    with Silent() as silent:
        for what, first in (("dead", f"127.0.0.1:{free_port()}"), ("silent", silent),
                            ("dead, IPv6", f"[::1]:{free_port('::1')}")):
            operator = new_operator(program, os.path.join(folder, what.replace(", ", "-")),
                                    [first, two.eu.endpoint], [first, two.us.endpoint])
            two.see(operator, f"the first endpoint is {what}: a swap in both zones", ("swap", "fra1"),
                    (SPARE, SERVICE, SPARE))
            two.see(operator, "  and back", ("swap", "fra1"), (SERVICE, SPARE, SERVICE))


def keys(promise, two, operator):
    """Either file, either syntax, either mode."""
    for path, name in ((operator.key, SIP_EU), (operator.us_key, SIP_US)):
        for mode in (0o644, 0o640, 0o604, 0o602):
            os.chmod(path, mode)
            code, _, error = operator.set(name, "A", SPARE)
            promise.check(code == 2 and "chmod 600" in error and KEY_EU.secret not in error and
                          KEY_US.secret not in error, f"{os.path.basename(path)} with mode {mode:o}: {code}: "
                                                      f"{' '.join(error.split())[:120]}")
        os.chmod(path, 0o400)
        promise.check(operator.run("show", name)[0] == 0, "  with mode 400 it is good")
    KEY_US.write(operator.us_key)
    promise.check(operator.set(SIP_US, "A", SERVICE, ttl="2s")[0] == 0, "hmac-sha512 in BIND's syntax")
    os.chmod(operator.key, 0o600)
    write_as_knot(KEY_EU, operator.key)
    promise.check(operator.set(SIP_EU, "A", SERVICE, ttl="2s")[0] == 0, "hmac-sha256 in Knot's syntax")
    KEY_EU.write(operator.us_key)
    code, _, error = operator.set(SIP_US, "A", SPARE)
    promise.check(code == 12 and "does not know the key eu.key" in error,
                  f"one zone's key in the other: {code}")
    promise.check(two.addresses() == ([SERVICE], [SPARE], [SERVICE]), "and nobody has changed anything else")


def every_kind(promise, servers, program, folder):
    """Each server, each algorithm, each family."""
    for kind in (Bind, Knot, PowerDns):
        for key, address in ((KEY_EU, "::1"), (KEY_US, "127.0.0.1"), (KEY_US, "::1")):
            with servers.start(kind, Zone(EU), address=address, key=key) as server:
                operator = Operator(program, os.path.join(folder, f"{kind.__name__}-{server.port}"),
                                    [zone_table(EU, [server.endpoint])], key=key)
                code, _, error = operator.set(SIP_EU, "A", SERVICE)
                good = code == 0 and server.data(SIP_EU, "A") == [SERVICE]
                code = operator.run("show", SIP_EU)[0]
                promise.check(good and code == 0,
                              f"{kind.__name__}, {address}, {key.algorithm} {error.strip()[-200:]}")


def main():
    with Promise("zones, keys and addresses are kept apart") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        program = sys.argv[1]
        with servers.start(Bind, Zone(EU), key=KEY_EU) as eu, \
                servers.start(Knot, Zone(US), key=KEY_US, address="::1") as us:
            two = Two(promise, eu, us)
            operator = new_operator(program, os.path.join(folder, "etc"), [eu.endpoint], [us.endpoint])
            both_zones(promise, two, operator)
            one_zone_fails(promise, two, operator)
            between_the_zones(promise, two, program, folder)
            endpoints(promise, two, program, folder)
            keys(promise, two, operator)
        every_kind(promise, servers, program, folder)


if __name__ == "__main__":
    main()
