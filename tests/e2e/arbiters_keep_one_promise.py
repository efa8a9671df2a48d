#!/usr/bin/env python3
"""Every arbiter keeps what the one in memory keeps: the same cases on real BIND and real etcd, with messages
lost, late and after another's, servers stopped, frozen and killed between applying and answering, and set
back to a backup; eight contenders for each epoch; and etcd with TLS, users, and several members.

    arbiters_keep_one_promise.py ARBITER_TRIER [bind|etcd|users|members|check...]
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_proxy import DnsProxy  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Zone, free_port  # noqa: E402
from etcd_proxy import EtcdProxy  # noqa: E402
from etcd_servers import Etcd, etcd_cluster, make_certificates, need_etcd  # noqa: E402
from promise import FULL, Promise, count, end_with_us, is_sanitized  # noqa: E402

LEASES, NAMES = "lease.test", "voice.test"
SITES = [f"s{number}" for number in range(9)]
PROXIED = SITES[:2]
SERVICES = [f"c{number}" for number in range(22)] + ["race", "measured"]
NAMED = ("c11", "c21")
ROUNDS = 10000 if FULL else 100
MEASURED = 200
LIMIT_SECONDS = 1500


def cluster_text(arbiter, zones):
    text = 'version = 1\n[cluster]\nname = "test"\nid = "5b1f"\n'
    for number, site in enumerate(SITES):
        text += (f'[[site]]\nname = "{site}"\naddress = ["tcp://192.0.2.{100 + number}:7400"]\n'
                 f'key = "k{number}"\npublic_ip = ["192.0.2.{10 + number}"]\n')
    for service in SERVICES:
        text += f'[[service]]\nname = "{service}"\nsites = {SITES}\nholder = "s0"\n'.replace("'", '"')
    for name, endpoint in zones.items():
        text += f'[[dns.zone]]\nname = "{name}"\nprimary = ["{endpoint}"]\n'
    if zones:
        for service in NAMED:
            text += f'[[dns.record]]\nservice = "{service}"\nname = "{service}.{NAMES}"\n'
    return text + "[arbiter]\n" + arbiter


def make_site(folder, site, arbiter, zones, password=""):
    own = os.path.join(folder, site)
    os.makedirs(os.path.join(own, "secrets"))
    os.makedirs(os.path.join(own, "state"))
    KEY.write(os.path.join(own, "secrets", "tsig"))
    with open(os.open(os.path.join(own, "secrets", "etcd"), os.O_WRONLY | os.O_CREAT, 0o600), "w",
              encoding="utf-8") as out:
        out.write(password + "\n")
    with open(os.path.join(own, "cluster.toml"), "w", encoding="utf-8") as out:
        out.write(cluster_text(arbiter, zones))
    with open(os.path.join(own, "node.toml"), "w", encoding="utf-8") as out:
        out.write(f'site = "{site}"\nstate_dir = "{own}/state"\n')


class BindArbiter:
    """BIND, with the leases in a zone of their own."""

    def __init__(self, names):
        self.server = self.names = names
        self.saved = ""

    def site(self, proxy=None):
        return (f'kind = "dns"\nzone = "{LEASES}"\n',
                {NAMES: self.server.endpoint, LEASES: (proxy or self.server).endpoint})

    def proxy(self):
        return DnsProxy(self.server, only_updates=True)

    def hold(self, proxy):
        """What comes waits; to be called when it shall arrive, returns when it has."""
        go = threading.Event()
        held = []

        def word():
            held.append(True)
            go.wait(60)

        before = len(proxy.seen)
        proxy.plan(ever=word)

        def deliver():
            proxy.plan()
            until = time.monotonic() + 20
            go.set()
            updates = 0
            while updates < len(held) and time.monotonic() < until:
                time.sleep(0.05)
                updates = sum(1 for _, request, _ in proxy.seen[before:] if request[2] >> 3 & 0xF == 5)
        return deliver

    def after_change(self, proxy, what):
        proxy.plan(f"{what}-server")

    def save(self):
        """By transfer: `rndc freeze` and `rndc sync` return before the zone's file has been written."""
        rows = dict.fromkeys(self.server.transfer(LEASES))  # the SOA comes first and last
        self.saved = "".join(f"{name} {ttl} IN {kind} {data}\n" for name, ttl, kind, data in rows)

    def restore(self):
        self.server.put(LEASES + ".zone", self.saved)
        journal = self.server.path(LEASES + ".zone.jnl")
        if os.path.exists(journal):
            os.unlink(journal)


class EtcdArbiter:
    """etcd, and BIND for the names that follow."""

    def __init__(self, server, names, more=""):
        self.server, self.names, self.more = server, names, more

    def site(self, proxy=None):
        endpoint = proxy.endpoint if proxy else self.server.endpoint
        scheme = "https" if self.server.tls else "http"
        return (f'kind = "etcd"\nendpoint = ["{scheme}://{endpoint}"]\n{self.more}',
                {NAMES: self.names.endpoint} if self.names else {})

    def proxy(self):
        return EtcdProxy(self.server)

    def hold(self, proxy):
        held = []
        proxy.plan(ever=held.append)

        def deliver():
            proxy.plan()
            for send in held:
                send()
        return deliver

    def after_change(self, proxy, what):
        def word(send):
            send()
            if what == "kill":
                self.server.kill()
            else:
                self.server.process.send_signal(signal.SIGSTOP)

        proxy.plan(word)

    def save(self):
        self.server.save()

    def restore(self):
        self.server.restore()


class Trier:
    """arbiter_trier, and what it wants to be done."""

    def __init__(self, promise, program, arbiter, folder, proxies=None):
        self.promise, self.program, self.arbiter = promise, program, arbiter
        self.folder, self.proxies = folder, proxies or {}
        self.deliveries = {}

    def do(self, words):
        what, site = (words + [""])[:2]
        proxy, server = self.proxies.get(site), self.arbiter.server
        if what in ("lose-request", "lose-reply"):
            proxy.plan(what)
        elif what == "hold-all":
            self.deliveries[site] = self.arbiter.hold(proxy)
        elif what == "deliver":
            self.deliveries.pop(site)()
        elif what == "stop-server":
            server.stop()
        elif what == "start-server":
            server.start()
        elif what in ("kill-after-change", "freeze-after-change"):
            self.arbiter.after_change(proxy, what.split("-")[0])
        elif what == "thaw-server":
            server.process.send_signal(signal.SIGCONT)
        elif what == "save-server":
            self.arbiter.save()
        elif what == "restore-server":
            self.arbiter.restore()
        else:
            raise ValueError(f"arbiter_trier wants {what}")

    def run(self, *words):
        """Its lines of results; each check of it is one of the promise, good ones together."""
        lines, case, good = [], "", 0
        with subprocess.Popen([self.program, words[0], self.folder, *words[1:]], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, preexec_fn=end_with_us) as process:
            watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
            watchdog.start()
            for line in process.stdout:
                kind, _, rest = line.rstrip("\n").partition(" ")
                lines.append(line.rstrip("\n"))
                if kind == "do":
                    self.do(rest.split())
                    process.stdin.write("done\n")
                    process.stdin.flush()
                elif kind == "case":
                    self.told(case, good)
                    case, good = rest, 0
                elif kind == "ok":
                    good += 1
                elif kind == "FAIL":
                    self.promise.check(False, f"  {case}: {rest}")
            watchdog.cancel()
        self.told(case, good)
        self.promise.check(process.returncode == 0, f"  {words[0]} ended with {process.returncode}")
        return lines

    def told(self, case, good):
        if case:
            self.promise.check(good > 0, f"  {case} ({good})")


def all_cases(promise, program, folder, kind, arbiter):
    promise.say(kind)
    proxied, direct = os.path.join(folder, kind, "proxied"), os.path.join(folder, kind, "direct")
    proxies = {site: arbiter.proxy() for site in PROXIED}
    for proxy in proxies.values():
        proxy.__enter__()
    try:
        for site in SITES:
            make_site(proxied, site, *arbiter.site(proxies.get(site)))
            make_site(direct, site, *arbiter.site())
        lines = Trier(promise, program, arbiter, direct).run("race", str(ROUNDS))
        promise.say("    " + "; ".join(line[3:] for line in lines if line.startswith("ok ")))
        measure(promise, program, arbiter, direct, kind)
        Trier(promise, program, arbiter, proxied, proxies).run("cases", "0")
        for service, owner in zip(NAMED, ("192.0.2.11", "192.0.2.14")):
            led = arbiter.names.data(f"{service}.{NAMES}", "A")
            promise.check(led == [owner], f"  callers of {service} are led to its owner: {led}")
    finally:
        for proxy in proxies.values():
            proxy.__exit__()


def measure(promise, program, arbiter, folder, kind):
    for line in Trier(promise, program, arbiter, folder).run("measure", str(MEASURED)):
        word, _, rest = line.partition(" ")
        if word == "took":
            median, p95, what = rest.split(" ", 2)
            slow = ", with a sanitizer" if is_sanitized(program) else ""
            promise.say(f"    {kind}, {what}: {int(median) / 1000:.2f} ms, 95 %: {int(p95) / 1000:.2f} ms, "
                        f"median of {MEASURED}{slow}")


def found(lines):
    return [line[6:] for line in lines if line.startswith("found ")]


def has(promise, lines, pattern, what):
    promise.check(any(re.search(pattern, line) for line in lines),
                  f"  {what}" + ("" if any(re.search(pattern, line) for line in lines) else f": {lines}"))


def with_users(promise, program, folder, names):
    """TLS, a client certificate, and users: good ones work, wrong ones are told apart and change nothing."""
    promise.say("etcd with TLS, client certificates and users")
    tls = os.path.join(folder, "tls")
    os.makedirs(tls)
    make_certificates(tls)
    with Etcd(os.path.join(folder, "secured"), tls=tls, client_certs=True) as server:
        for words in (("user", "add", "root:rootpw"), ("user", "add", "ha:p\"w"), ("user", "add", "poor:pw"),
                      ("role", "add", "ha"), ("user", "grant-role", "ha", "ha"),
                      ("role", "grant-permission", "ha", "--prefix=true", "readwrite", "/hareplicate/"),
                      ("auth", "enable")):
            server.ctl(*words)
        certs = f'ca = "{tls}/ca.pem"\ncert = "{tls}/client.pem"\nkey_file = "{tls}/client.key"\n'

        def tried(name, more, password, *words):
            arbiter = EtcdArbiter(server, names, more)
            own = os.path.join(folder, "users-" + name)
            for site in SITES:
                make_site(own, site, *arbiter.site(), password=password)
            return Trier(promise, program, arbiter, own).run(*words)

        tried("good", certs + 'user = "ha"\n', 'p"w', "cases", "0", "claim names the version")
        tried("good-measured", certs + 'user = "ha"\n', 'p"w', "measure", "20")
        key = "/hareplicate/5b1f/c2"
        text = server.get(key, user="root:rootpw")
        promise.check(text.startswith("v=1 id=c2 owner=s1 epoch=2"), f"  a record as in DNS: {text[:60]}")
        lines = found(tried("check", certs + 'user = "ha"\n', 'p"w', "check", "0"))
        has(promise, lines, f"^good etcd rights: all {len(SERVICES)}", "check: rights are there")
        has(promise, lines, "^good .* reachable: etcd 3", "check: reachable")
        has(promise, lines, "^good etcd encryption: TLS", "check: encrypted")
        promise.check(server.get("/hareplicate/5b1f/_check/s0", user="root:rootpw") == "",
                      "  and leaves nothing behind")
        for name, more, password, pattern in (
                ("wrong-password", certs + 'user = "ha"\n', "pw", "reachable: .*invalid user ID or password"),
                ("no-user", certs, "pw", "rights: (not for /hareplicate/5b1f/c0|.*user name is empty)"),
                ("no-rights", certs + 'user = "poor"\n', "pw", "rights: not for /hareplicate/5b1f/c0, "),
                ("other-ca", certs.replace("ca.pem", "other.pem") + 'user = "ha"\n', 'p"w',
                 "bad .* reachable: .*certificate"),
                ("no-certificate", f'ca = "{tls}/ca.pem"\nuser = "ha"\n', 'p"w', "bad .* reachable: ")):
            has(promise, found(tried(name, more, password, "check", "0")), pattern, f"check: {name}")
        promise.check(server.get(key, user="root:rootpw") == text, "  and the record is as it was")
        token_survives(promise, server, tried, certs)


def token_survives(promise, server, tried, certs):
    """A server that has forgotten the tokens: the next call asks for another one."""
    server.ctl("role", "add", "more", user="root:rootpw")
    server.kill()
    server.start()
    lines = tried("again", certs + 'user = "ha"\n', 'p"w', "cases", "0", "goes on after a restart")
    promise.check(not any(line.startswith("FAIL") for line in lines), "  goes on after the server's restart")


def with_members(promise, program, folder):
    """Three members: the one that leads is killed and frozen again and again while a site renews; every
    answer is right, and what was won is there."""
    promise.say("three members of etcd")
    members = etcd_cluster(os.path.join(folder, "members"))
    try:
        endpoints = ", ".join(f'"{member.url}"' for member in members)
        own = os.path.join(folder, "members-sites")
        for site in SITES:
            make_site(own, site, f'kind = "etcd"\nendpoint = [{endpoints}]\n', {})
        arbiter = EtcdArbiter(members[0], None)
        lines = found(Trier(promise, program, arbiter, own).run("check", "0"))
        has(promise, lines, "^good etcd cluster: one cluster", "check: one cluster")
        has(promise, lines, "^good etcd members: 3, of which 1 may be away", "check: of three")
        process = subprocess.Popen([program, "renewals", own, "1000000"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True, preexec_fn=end_with_us)
        told = []
        reader = threading.Thread(target=lambda: told.extend(process.stdout), daemon=True)
        reader.start()
        for number in range(count(20)):
            time.sleep(promise.random.uniform(0.5, 1.5))
            leader = next(member for member in members if (member.leader() or (0, False))[1])
            if number % 2:
                leader.kill()
                time.sleep(promise.random.uniform(0.1, 3))
                leader.spawn()
                leader.wait()
            else:
                leader.process.send_signal(signal.SIGSTOP)
                time.sleep(promise.random.uniform(0.1, 4))
                leader.process.send_signal(signal.SIGCONT)
        time.sleep(3)
        process.terminate()
        process.wait(10)
        reader.join(5)
        verdicts = {word: sum(1 for line in told if line.startswith(word))
                    for word in ("won", "unknown", "unreachable", "lost", "refused", "regression")}
        promise.check(verdicts["won"] > 10 and told[-1].startswith("won"), f"  renewals: {verdicts}")
        promise.check(verdicts["lost"] + verdicts["refused"] + verdicts["regression"] == 0,
                      "  none was told what is not so")
        last = max(int(line.split()[1]) for line in told if line.startswith("won"))
        text = members[0].get("/hareplicate/5b1f/measured")
        seq = int(re.search(r"seq=(\d+)", text).group(1))
        promise.check(seq >= last, f"  what was won is there: seq {last}, and now {seq}")
    finally:
        for member in members:
            member.stop()


def checked(promise, program, folder):
    """What is wrong with an etcd is found: two that are no cluster, one that is away, one at a site."""
    promise.say("what check finds")
    port = free_port()
    with Etcd(os.path.join(folder, "one"), peer_port=port) as one, \
            Etcd(os.path.join(folder, "two"), peer_port=free_port()) as two:
        def lines_of(name, endpoints):
            own = os.path.join(folder, "check-" + name)
            make_site(own, "s0", f'kind = "etcd"\nendpoint = {endpoints}\n'.replace("'", '"'), {})
            return found(Trier(promise, program, EtcdArbiter(one, None), own).run("check", "0"))

        has(promise, lines_of("two", [one.url, two.url]), "^bad etcd cluster: ", "two that are no cluster")
        lines = lines_of("away", [one.url, f"http://127.0.0.1:{free_port()}"])
        has(promise, lines, "^bad http://127.0.0.1:.* reachable: ", "one that is away")
        has(promise, lines, "^note etcd members: one member", "one member")
        has(promise, lines, "^note etcd place: the arbiter stands at s0", "one on this machine")
        has(promise, lines_of("good", [one.url]), "^good .* clock: 0 s apart", "its clock")
        clones(promise, folder, lines_of)


def clones(promise, folder, lines_of):
    """Two that were set up alike have the same cluster id and member id, and nothing else in common."""
    port = free_port()
    with Etcd(os.path.join(folder, "first"), peer_port=port) as first:
        first.ctl("put", "/x", "1")
        first.stop()
        with Etcd(os.path.join(folder, "second"), peer_port=port) as second:
            second.stop()
            second.peer_port = free_port()
            second.start()
            first.start()
            has(promise, lines_of("clones", [first.url, second.url]),
                "^bad etcd cluster: what is written elsewhere is not read at", "two that look like one")


def main():
    program, wanted = sys.argv[1], sys.argv[2:] or ["bind", "etcd", "users", "members", "check"]
    with Promise("every arbiter keeps what the one in memory keeps") as promise, \
            tempfile.TemporaryDirectory() as folder:
        if set(wanted) - {"bind"}:
            need_etcd()
        servers = DnsServers(folder)
        with servers.start(Bind, Zone(NAMES), Zone(LEASES)) as names:
            if "bind" in wanted:
                with servers.start(Bind, Zone(NAMES), Zone(LEASES)) as server:
                    all_cases(promise, program, folder, "BIND", BindArbiter(server))
            if "etcd" in wanted:
                with Etcd(os.path.join(folder, "etcd-server")) as server:
                    all_cases(promise, program, folder, "etcd", EtcdArbiter(server, names))
            if "users" in wanted:
                with_users(promise, program, folder, names)
        if "members" in wanted:
            with_members(promise, program, folder)
        if "check" in wanted:
            checked(promise, program, folder)


if __name__ == "__main__":
    main()
