"""hareplicate's coordinators as a contestant of failover_bench.py: three sites around BIND, as in the
end-to-end tests, with the timing that is told and somebody who asks for the name's address all the time.
"""

import contextlib
import socket
import struct
import sys
import threading
import time
import types

from failover_nodes import HUB
from coordinators import NAME, Coordinators

ASK_EVERY = 0.01
START_SECONDS = 60
SIP_SENSOR = '[[sensor]]\nname = "sip"\nkind = "sip.options"\naddress = "127.0.0.1:5060"\nevery = "1s"\n'
# lease, heartbeat, settings beside them. The first is what nothing at all in [failover] means.
DEFAULT = ("10s", "100ms", "")
LAN = ("3s", "50ms", 'stop_before = "300ms"\n')


def address_in(message):
    """The first A record of a DNS answer to one question; none: empty."""
    count = struct.unpack_from("!H", message, 6)[0]
    at = message.index(b"\0", 12) + 5
    for _ in range(count):
        at = at + 2 if message[at] & 0xC0 else message.index(b"\0", at) + 1
        kind, _, _, length = struct.unpack_from("!HHIH", message, at)
        at += 10 + length
        if kind == 1:
            return socket.inet_ntoa(message[at - 4:at])
    return ""


class DnsWatch(threading.Thread):
    """Asks the authoritative server for the name's address all the time; `seen`: (when, address), changes
    only."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.ended, self.seen = world, False, []

    def run(self):
        with self.world.hub.inside():
            line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.settimeout(ASK_EVERY)
        name = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split(".")) + b"\0"
        number, next_at = 0, time.monotonic()
        while not self.ended:
            time.sleep(max(0, next_at - time.monotonic()))
            next_at = time.monotonic() + ASK_EVERY
            number = (number + 1) % 65536
            line.sendto(struct.pack("!6H", number, 0, 1, 0, 0, 0) + name + b"\0\1\0\1",
                        (HUB, self.world.dns.port))
            with contextlib.suppress(OSError, struct.error, ValueError, IndexError):
                message = line.recv(4096)
                address = address_in(message)
                if address and (not self.seen or self.seen[-1][1] != address):
                    self.seen.append((time.monotonic(), address))

    def end(self):
        self.ended = True
        self.join(5)


class Hareplicate:
    def __init__(self, folder, options, path, fast, timing):
        self.fast, self.lease_s = fast, float(timing[0].rstrip("s"))
        self.phase = self.lease_s / 5
        self.booted = 0.0
        frame = types.SimpleNamespace(bad=0)
        self.world = Coordinators(frame, folder, options.failover, lease=timing[0], heartbeat=timing[1],
                                  pace=timing[2], mode="fast" if fast else "lease", more=SIP_SENSOR,
                                  path=path, wanem=options.wanem)
        self.watch = DnsWatch(self.world)

    @staticmethod
    def about(fast, timing):
        lease_s = float(timing[0].rstrip("s"))
        return (f"hareplicate, {'fast' if fast else 'lease'}: L {timing[0][:-1]} s, R {lease_s / 5:g} s, "
                f"heartbeat {timing[1][:-2]} ms")

    def start(self):
        world = self.world
        self.watch.start()
        world.start("s0")
        world.wait_holder("pbx", "s0", START_SECONDS)
        world.wait_serves("s0", START_SECONDS)
        world.start("s1", "s2")
        self.booted = time.monotonic()

    def is_settled(self):
        holders = set()
        for site in self.world.sites.values():
            status = site.status()
            service = next(iter(status["services"]), {"holder": None})
            holders.add(service["holder"])
            if not status["sites"] or any(each["heard"] not in ("yes", "here") or each["health"] != 0
                                          for each in status["sites"]):
                return False
        holder = holders.pop()
        return (not holders and holder in self.world.sites and
                self.world.sites[holder].service("pbx")["state"] == "holding" and
                self.watch.seen[-1][1] == self.world.sites[holder].address and
                self.all_eligible())

    def all_eligible(self):
        """The record names those who are, or nobody, which means all."""
        found = [word for word in self.world.record().strip('"').split() if word.startswith("eligible=")]
        return not found or set(found[0][9:].split(",")) == set(self.world.sites)

    def settle(self):
        for site in self.world.sites.values():
            site.ask("ack", check=False)
        self.world.wait("all is as it was at first", START_SECONDS, self.is_settled)
        # A candidate promises nothing before it has read two versions, and is not sure of anybody's death
        # before a promise that it may have given before its start is over.
        time.sleep(max(1.5, self.booted + self.lease_s + 1 - time.monotonic() if self.fast else 0))

    def loser(self):
        return next(iter(self.world.sites["s0"].status()["services"]))["holder"]

    def fail(self, case, loser):
        site = self.world.sites[loser]
        if case == "site":
            site.power_off()
        elif site.pbx_runs():
            site.end_pbx()
        else:
            raise RuntimeError(f"the PBX of {loser} does not run")

    def outcome(self, loser, since):
        world, addresses = self.world, {site.address: name for name, site in self.world.sites.items()}

        def changed():
            return next(((when, addresses[address]) for when, address in self.watch.seen
                         if when >= since and addresses.get(address, loser) != loser), None)
        world.wait("DNS leads to another site", 60, changed)
        when, heir = changed()
        world.wait(f"{heir} answers who asks DNS", 60, lambda: world.caller.first_after(heir, when))
        return {"changed": when - since, "answered": world.caller.first_after(heir, when) - since,
                "direct": world.caller.first_after(heir, since) - since}

    def revive(self, loser):
        site = self.world.sites[loser]
        if not site.wanted:
            site.power_on()
            self.booted = time.monotonic()

    def log(self):
        return "".join(f"---- log of {site.name}\n" + site.log().decode(errors="replace")[-6000:]
                       for site in self.world.sites.values())

    def close(self):
        if self.watch.is_alive():
            self.watch.end()
        with contextlib.redirect_stdout(sys.stderr):
            self.world.__exit__()
