#!/usr/bin/env python3
"""Clocks that are 299 s apart do not hinder a change; at 301 s it is refused, and BIND and Knot let us say by
how many seconds our clock is off, and which way. PowerDNS refuses without a word: what that may mean is said.
The server's clock is shifted, so that it works with any build of ours.

    dns_clock_says_how_far_off.py DNSUPDATER CLOCK_SHIFT.so
"""

import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import Operator, zone_table  # noqa: E402
from dns_servers import Bind, DnsServers, Knot, PowerDns, Zone  # noqa: E402
from promise import Promise  # noqa: E402

ZONE = "voice.test"
NAME = f"sip.{ZONE}"
FIRST, SECOND = "192.0.2.10", "192.0.2.11"
GOOD, CLOCK, POLICY = 0, 13, 14
UNKNOWABLE = "PowerDNS says so of a wrong key, a wrong secret and a clock that is off, too"


def early_in_a_second():
    """Signatures have whole seconds: 301 s may be 300 s when the second ends between us and the server."""
    while time.time() % 1 > 0.3:
        time.sleep(0.02)


def one(promise, operator, server, shift):
    what = f"{type(server).__name__}, our clock {abs(shift)} s {'behind' if shift > 0 else 'ahead of'} it"
    before = server.data(NAME, "A")
    early_in_a_second()
    code, _, error = operator.set(NAME, "A", SECOND if before == [FIRST] else FIRST)
    said = " ".join(error.split())
    if abs(shift) <= 300:
        promise.check(code == GOOD and server.data(NAME, "A") != before, f"{what}: changed {said}")
        return
    due, words = CLOCK, f"our clock is {abs(shift)} s {'behind' if shift > 0 else 'ahead of'} the primary's"
    if isinstance(server, PowerDns):
        due, words = POLICY, UNKNOWABLE
    promise.check(code == due and words in said and server.data(NAME, "A") == before,
                  f"{what}: {code}: {said}")
    early_in_a_second()
    code, _, error = operator.run("show", NAME)
    promise.check(code == due and words in error, f"  show: {code}")
    rows = operator.journal()
    promise.check(not rows or "OPEN" not in rows[-1]["state"], "  and nothing was begun")


def main():
    with Promise("clocks that are off are told from all else") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        for kind in (Bind, Knot, PowerDns):
            with servers.make(kind, Zone(ZONE, ["sip 30 A " + FIRST])) as server:
                operator = Operator(sys.argv[1], os.path.join(folder, kind.__name__),
                                    [zone_table(ZONE, [server.endpoint])])
                for shift in (299, -299, 301, -301, 3600, -86400):
                    server.environment = {"LD_PRELOAD": os.path.abspath(sys.argv[2]),
                                          "HA_CLOCK_SHIFT": str(shift)}
                    server.start()
                    one(promise, operator, server, shift)
                    server.stop()


if __name__ == "__main__":
    main()
