#!/usr/bin/env python3
"""Sites take a service from each other on real BIND, Knot and PowerDNS, the lease in a zone of its own and in
the service's, and are killed at random moments, between the halves and within the second one: what was begun
is always finished by its owner, never by another, and callers are never led to another site than the epoch
copy says.

    dns_takeover_resumes.py DNS_TAKER DNSUPDATER
"""

import collections
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_proxy import DnsProxy, LATE_SECONDS  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Knot, PowerDns, Zone, free_port  # noqa: E402
from promise import Promise, count, end_with_us  # noqa: E402

ZONE, LEASES = "voice.test", "lease.test"
GUARD, LEASE, SIP = f"_ha.pbx.{ZONE}", f"_ha.pbx.{LEASES}", f"sip.{ZONE}"
SITES = ("s0", "s1", "s2")
KILLS = count(200)
LIMIT_SECONDS = 60


def address_of(site):
    return f"192.0.2.{10 + int(site[1:])}"


def cluster_text(service, leases):
    text = 'version = 1\n[cluster]\nname = "test"\nid = "5b1f"\n[dns]\ntimeout = "10s"\n'
    for number, site in enumerate(SITES):
        v6 = ', "2001:db8::1"' if number == 0 else ""  # so that the AAAA comes and goes
        text += (f'[[site]]\nname = "{site}"\naddress = ["tcp://127.0.0.1:7400"]\nkey = "k{number}"\n'
                 f'public_ip = ["{address_of(site)}"{v6}]\n')
    text += '[[service]]\nname = "pbx"\nsites = ["s0", "s1", "s2"]\nholder = "s0"\n'
    text += f'[[dns.zone]]\nname = "{ZONE}"\nprimary = ["{service}"]\n'
    text += f'[[dns.record]]\nservice = "pbx"\nname = "{SIP}"\n'
    text += f'[[dns.record]]\nservice = "pbx"\nname = "_sip._udp.{ZONE}"\ntype = "SRV"\n'
    if leases:
        text += f'[[dns.zone]]\nname = "{LEASES}"\nprimary = ["{leases}"]\n'
        text += f'[arbiter]\nkind = "dns"\nzone = "{LEASES}"\n'
    return text


class Site:
    def __init__(self, programs, folder, name, service, leases):
        self.taker, self.dnsupdater = programs
        self.name, self.folder = name, os.path.join(folder, name)
        os.makedirs(os.path.join(self.folder, "secrets"))
        os.makedirs(os.path.join(self.folder, "state"))
        KEY.write(os.path.join(self.folder, "secrets", "tsig"))
        self.config = os.path.join(self.folder, "cluster.toml")
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(cluster_text(service, leases))
        with open(os.path.join(self.folder, "node.toml"), "w", encoding="utf-8") as out:
            out.write(f'site = "{name}"\nstate_dir = "{self.folder}/state"\n')
        self.process, self.lines = None, []

    def start(self, rounds=10 ** 6, only=()):
        self.process = subprocess.Popen([self.taker, self.config, "pbx", str(rounds), *only],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, preexec_fn=end_with_us)

    def end(self, kill=False):
        """Takes in what it has said."""
        if kill:
            self.process.kill()
        out, _ = self.process.communicate(timeout=LIMIT_SECONDS)
        new = out.splitlines()
        self.lines += new
        return new

    def run(self, *only, rounds=1):
        self.start(rounds, only)
        return self.end()

    def operator(self, *words):
        done = subprocess.run([self.dnsupdater, "--config", self.config, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
        return done.returncode, done.stdout + done.stderr


def part(text, field):
    found = re.search(rf"\b{field}=(\S+)", text)
    return found.group(1) if found else ""


def copy_and_records(server):
    """What one look at the zone shows: epoch and owner of the copy, addresses of the service."""
    rows = server.transfer(ZONE)
    copies = [row[3] for row in rows if row[0].rstrip(".") == GUARD and row[2] == "TXT"]
    names = sorted(row[3] for row in rows if row[0].rstrip(".") == SIP)
    if not copies:
        return 0, "", names
    return int(part(copies[0], "epoch")), part(copies[0], "owner"), names


def expected(owner):
    return sorted([address_of(owner)] + (["2001:db8::1"] if owner == "s0" else []))


class Watch(threading.Thread):
    """Looks at the service's zone all the time."""

    def __init__(self, server, apart):
        super().__init__(daemon=True)
        self.server, self.apart = server, apart
        self.ended, self.looks, self.wrong, self.epoch = threading.Event(), 0, [], 0
        self.start()

    def run(self):
        while not self.ended.wait(0.02):
            epoch, owner, names = copy_and_records(self.server)
            if epoch == 0:
                continue
            self.looks += 1
            if epoch < self.epoch or (owner not in ("", "-") and names != expected(owner)):
                self.wrong.append((self.epoch, epoch, owner, names))
            self.epoch = epoch

    def close(self):
        self.ended.set()
        self.join(20)


def lease_of(server, apart):
    text = (server.data(LEASE if apart else GUARD, "TXT") or [""])[0].replace('" "', "").replace('"', "")
    return int(part(text, "epoch") or 0), part(text, "owner")


def winners_of(sites):
    won = collections.defaultdict(list)
    for site in sites:
        for line in site.lines:
            words = line.split()
            if words[0] in ("claimed", "handed-over"):
                won[int(words[1])].append((site.name, line))
    return won


def at_rest(service, leases, apart):
    """The lease, when no message of those that were killed is under way any more."""
    last, same = None, 0
    for _ in range(100):
        now = (lease_of(leases, apart), copy_and_records(service))
        same = same + 1 if now == last else 0
        if same == 5:
            break
        last = now
        time.sleep(0.2)
    return now[0]


def killed_at_random(promise, sites, service, leases, what):
    apart = leases is not service
    watch = Watch(service, apart)
    for site in sites:
        site.start()
    for _ in range(KILLS):
        time.sleep(promise.random.uniform(0.005, 0.15))
        site = promise.random.choice(sites)
        site.end(kill=True)
        site.start()
    for site in sites:
        site.end(kill=True)
    watch.close()
    bad = [line for site in sites for line in site.lines if line.startswith(("BAD", "dns_taker"))]
    told = collections.Counter(line.split()[0] for site in sites for line in site.lines)
    promise.check(not bad, f"{what}, {KILLS} kills: {dict(sorted(told.items()))} {bad[:3] or ''}")
    won = winners_of(sites)
    twice = {epoch: who for epoch, who in won.items() if len(who) > 1}
    promise.check(not twice and len(won) > 3, f"  {len(won)} epochs, each with one winner {twice or ''}")
    promise.check(watch.looks > 5 and not watch.wrong,
                  f"  in {watch.looks} looks records were those of the copy's owner {watch.wrong[:3] or ''}")
    epoch, owner = at_rest(service, leases, apart)
    if owner in SITES:
        others = [site for site in sites if site.name != owner]
        before = copy_and_records(service)
        said = [line for site in others for line in site.run("follow")]
        promise.check(copy_and_records(service) == before and not said,
                      f"  who is not its owner does nothing {said or ''}")
        said = next(site for site in sites if site.name == owner).run("follow")
        promise.check(copy_and_records(service) == (epoch, owner, expected(owner)),
                      f"  and its owner brings the records to epoch {epoch} {said or ''}")


def between_the_halves(promise, sites, service, leases):
    """The first half only, by each in turn; then the rest, by the right one and the wrong ones."""
    first, second, _ = sites
    while lease_of(leases, True)[1] != "s0":  # to a known beginning
        first.run("claim")
    promise.check(first.run("follow") in ([], [f"followed {ZONE} {lease_of(leases, True)[0]}"]),
                  "  s0 holds it, whole")
    epoch = lease_of(leases, True)[0]
    promise.check(second.run("claim") == [f"claimed {epoch + 1}"],
                  f"  s1 takes epoch {epoch + 1} and is killed then")
    promise.check(copy_and_records(service) == (epoch, "s0", expected("s0")),
                  "  records are still those of s0")
    code, out = first.operator("show")
    promise.check(f"records at epoch {epoch}, lease at {epoch + 1} of s1" in out,
                  f"  show says so ({code}): {out[-300:]}")
    promise.check(first.run("follow") == [] and copy_and_records(service)[0] == epoch,
                  "  s0 has no business with it")
    promise.check(second.run("follow") == [f"followed {ZONE} {epoch + 1}"], "  s1 finishes it")
    promise.check(copy_and_records(service) == (epoch + 1, "s1", expected("s1")),
                  "  and records are those of s1")
    promise.check(second.run("follow") == [], "  done twice there is nothing to do")
    code, out = first.operator("show")
    promise.check("half done" not in out, f"  and show says nothing of it: {out[-200:]}")


def within_the_second_half(promise, sites, service, leases, proxy):
    """s0 goes through the proxy, which holds its messages to the service's zone back."""
    first, second, _ = sites
    for word, applied in (("late-reply", True), ("late-request", False)):
        while lease_of(leases, True)[1] != "s1":
            second.run("claim")
        second.run("follow")
        epoch = lease_of(leases, True)[0]
        promise.check(first.run("claim") == [f"claimed {epoch + 1}"], f"  {word}: s0 takes epoch {epoch + 1}")
        proxy.plan(word)
        first.start(1, ("follow",))
        until = time.monotonic() + LIMIT_SECONDS
        while proxy.words and time.monotonic() < until:
            time.sleep(0.005)
        first.end(kill=True)
        if applied:
            while copy_and_records(service)[0] != epoch + 1 and time.monotonic() < until:
                time.sleep(0.01)
            promise.check(first.run("follow") == [],
                          "    killed before it heard: it is there, there is nothing to do")
            promise.check(copy_and_records(service) == (epoch + 1, "s0", expected("s0")), "    and is whole")
            continue
        promise.check(second.run("claim") == [f"claimed {epoch + 2}"], f"    s1 takes epoch {epoch + 2}")
        promise.check(second.run("follow") == [f"followed {ZONE} {epoch + 2}"], "    and brings the records")
        time.sleep(LATE_SECONDS + 0.5)
        promise.check(copy_and_records(service) == (epoch + 2, "s1", expected("s1")),
                      "    the message of s0, come late, changes nothing")


def restored_lease(promise, sites, service, leases):
    """The zone of the leases goes back to an earlier epoch: everybody stops until a person has looked."""
    first, second, third = sites
    epoch = lease_of(leases, True)[0]
    old = f"v=1 id=pbx owner=s2 epoch={epoch - 1} seq=1 state=own n=" + "ab" * 16
    leases.update(f"zone {LEASES}", f"update delete {LEASE} TXT", f'update add {LEASE} 0 TXT "{old}"')
    for site in sites:
        said = site.run("claim")
        promise.check(len(said) == 1 and "gone back in time" in said[0],
                      f"  {site.name} stops: {said[0][:140] if said else ''}")
        code, out = site.operator("accept", LEASE, "--yes")
        promise.check(code == 0, f"    accepted: {out.strip()[-160:]}")
    promise.check(first.run("claim") == [f"claimed {epoch + 1}"],
                  f"  s0 goes on beyond what was seen: epoch {epoch + 1}")
    promise.check(first.run("follow") == [f"followed {ZONE} {epoch + 1}"], "  and its records follow")
    promise.check(second.run("follow") == [] and third.run("claim") == [f"claimed {epoch + 2}"],
                  "  and all others after it")


def main():
    programs = sys.argv[1:3]
    with Promise("a takeover that is broken off is finished by its owner") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        for kind in (Bind, Knot, PowerDns):
            for apart in (True, False):
                v6 = kind is Bind and has_v6()
                place = {"address": "::1"} if v6 else {}
                what = f"{kind.__name__}{' on ::1' if v6 else ''}, {'two zones' if apart else 'one zone'}"
                own = os.path.join(folder, what.replace(" ", "-").replace(",", ""))
                with servers.start(kind, Zone(ZONE), **place) as service, \
                        servers.start(kind, Zone(LEASES), **place) as leases:
                    sites = [Site(programs, own, name, service.endpoint, leases.endpoint if apart else "")
                             for name in SITES]
                    killed_at_random(promise, sites, service, leases if apart else service, what)
                    if apart:
                        between_the_halves(promise, sites, service, leases)
                        restored_lease(promise, sites, service, leases)
        for kind in (Bind, Knot, PowerDns):
            with servers.start(kind, Zone(ZONE)) as service, servers.start(kind, Zone(LEASES)) as leases, \
                    DnsProxy(service, only_updates=True) as proxy:
                own = os.path.join(folder, "held-" + kind.__name__)
                sites = [Site(programs, own, name, proxy.endpoint if name == "s0" else service.endpoint,
                              leases.endpoint) for name in SITES]
                promise.say(f"{kind.__name__}, killed within the second half")
                within_the_second_half(promise, sites, service, leases, proxy)


def has_v6():
    try:
        free_port("::1")
        return True
    except Exception:  # no IPv6 here
        return False


if __name__ == "__main__":
    main()
