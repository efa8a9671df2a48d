"""A cluster of real coordinators, each in a network namespace of its own, around real BIND; or around etcd,
when that is the last argument of the test, with BIND for the names.

    with Coordinators(promise, folder, failover, sites=3) as world:
        world.start()
        world.wait_holder("pbx", "s0")
        world.sites["s0"].power_off()
        world.wait_holder("pbx", "s1", not_before_epoch=2)

Every site is a point-to-point link away from the hub, where the arbiter, the callers and the routes between
sites are. A caller asks every site's PBX all the time, by SIP OPTIONS; who answered when is what is judged.
Needs root and nft.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(HERE, "..", "support")
sys.path.insert(0, SUPPORT)
from callers import Caller  # noqa: E402
from cluster import SANITIZER_MARKS, make_keys  # noqa: E402
from dns_operator import record_table, zone_table  # noqa: E402
from dns_servers import KEY, Bind, DnsServers, Zone  # noqa: E402
from etcd_servers import Etcd  # noqa: E402
from namespaces import setns  # noqa: E402
from promise import Promise, end_with_us, skip_unless_root  # noqa: E402

PBX = os.path.join(SUPPORT, "fake_pbx.py")
ZONE = "voice.test"
NAME = "sip.voice.test"
PACE = 'stop_before = "200ms"\nstagger = "300ms"\n'  # for leases of seconds
# On the hub: pairs of sites whose coordinators do not reach each other, and sites that the arbiter does not
# hear.
CUTS = """table inet cut {
  set pairs { type ipv4_addr . ipv4_addr; }
  set deaf { type ipv4_addr; }
  chain f {
    type filter hook forward priority 0
    ip saddr . ip daddr @pairs meta l4proto tcp drop
  }
  chain i {
    type filter hook input priority 0
    ip saddr @deaf udp sport != 5060 drop
    ip saddr @deaf meta l4proto tcp drop
  }
}
"""


class Deadline(Exception):
    pass


def ip(*words):
    subprocess.run(["ip", *words], check=True, stdout=subprocess.DEVNULL)


class Namespace:
    def __init__(self, name):
        self.name = name
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False, stderr=subprocess.DEVNULL)

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words, text=None, check=True):
        return subprocess.run(self.command(*words), input=text, check=check, capture_output=True, text=True)

    @contextlib.contextmanager
    def inside(self):
        """This thread is in it meanwhile; what it starts, and its sockets, stay."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            setns(there)
            yield
        finally:
            setns(home)
            os.close(home)
            os.close(there)


class Site:
    def __init__(self, world, number):
        self.world, self.number = world, number
        self.name = f"s{number}"
        self.address, self.gateway = f"10.79.{number + 1}.2", f"10.79.{number + 1}.1"
        self.folder = os.path.join(world.folder, self.name)
        self.public, self.secret = make_keys()
        self.namespace = Namespace(f"{world.tag}{self.name}")
        self.process = self.replicator = self.ocean = None
        self.wanted = False
        for each in ("secrets", "state", "run", "pbx", "tree"):
            os.makedirs(os.path.join(self.folder, each))
        self.pbx = os.path.join(self.folder, "pbx")
        self.join()

    def join(self):
        if self.world.path:
            self.join_by_ocean()
            return
        world, near, far = self.world, f"{self.world.tag}{self.number}", f"{self.world.tag}{self.number}h"
        ip("link", "add", near, "netns", self.namespace.name, "type", "veth", "peer", "name", far,
           "netns", world.hub.name)
        for space, device, address in ((self.namespace, near, self.address), (world.hub, far, self.gateway)):
            ip("-n", space.name, "addr", "add", address + "/24", "dev", device)
            ip("-n", space.name, "link", "set", device, "up")
        ip("-n", self.namespace.name, "route", "add", "default", "via", self.gateway)

    def join_by_ocean(self):
        """Half of the way to every other site."""
        rtt_ms, loss = self.world.path
        self.control = os.path.join(self.folder, "wanem")
        self.ocean = subprocess.Popen(
            [self.world.wanem, "--a", self.namespace.name, "--b", self.world.hub.name, "--address-a",
             self.address, "--address-b", self.gateway, "--rtt", f"{rtt_ms / 2}ms", "--loss", f"{loss / 2}%",
             "--seed", str(self.number + 1), "--control", self.control],
            stdout=subprocess.PIPE, text=True, preexec_fn=end_with_us)
        if self.ocean.stdout.readline() != "ready\n":
            raise RuntimeError("wanem did not start")
        ip("-n", self.namespace.name, "route", "replace", "default", "via", self.gateway)

    def reach(self, on):
        """Whether anything gets there and back."""
        if self.ocean is not None:
            subprocess.run([self.world.wanem, "ctl", self.control, "set", "both", "partition",
                            "off" if on else "on"], check=True, stdout=subprocess.DEVNULL)
            return
        ip("-n", self.namespace.name, "link", "set", f"{self.world.tag}{self.number}", "up" if on else "down")
        if on:
            ip("-n", self.namespace.name, "route", "replace", "default", "via", self.gateway)

    def put(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "w", encoding="utf-8") as out:
            out.write(text)

    def configure(self, text):
        KEY.write(os.path.join(self.folder, "secrets", "tsig"))
        self.put("secrets/site.curve", self.secret)
        self.put("cluster.toml", text)
        self.put("node.toml", f'site = "{self.name}"\nstate_dir = "{self.folder}/state"\n'
                              f'run_dir = "{self.folder}/run"\n')

    # ------------------------------------------------------------ its daemons
    def popen(self, log, *words):
        """In its namespace, with its own folder at world.here."""
        with open(os.path.join(self.folder, log), "ab") as out:
            out.write(b"---- start\n")
            out.flush()
            return subprocess.Popen(
                self.namespace.command("sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh",
                                       self.folder, self.world.here, *words),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=end_with_us)

    def start_replicator(self):
        if self.world.replicator and self.replicator is None:
            self.replicator = self.popen("replicator.log", self.world.replicator, "--config", self.config,
                                         "--log-format", "text")

    def start(self):
        self.start_replicator()
        environment = [each.replace("{folder}", self.folder) for each in self.world.environment]
        self.process = self.popen("log", "env", *environment, self.world.failover, "daemon",
                                  "-c", self.config, "--log-format", "json")
        self.wanted = True

    def end_replicator(self):
        if self.replicator is not None:
            self.replicator.kill()
            self.replicator.wait()
            self.replicator = None

    def pid(self):
        """Of the daemon itself: `ip netns exec` becomes it."""
        return self.process.pid

    def kill(self):
        self.wanted = False
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.wanted = False
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def signal(self, number):
        os.kill(self.pid(), number)

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(self.folder, "log"), "rb") as file:
                return file.read()
        return b""

    def ask(self, *words, check=True):
        done = self.namespace.run(self.world.failover, "-c", os.path.join(self.folder, "cluster.toml"),
                                  *words, check=False)
        if check and done.returncode not in (0, 1):
            raise RuntimeError(f"{self.name}: failover {' '.join(words)}: {done.returncode}\n{done.stderr}")
        return done

    def status(self):
        """Nothing while it does not run."""
        done = self.ask("status", "--json", check=False)
        return json.loads(done.stdout) if done.returncode in (0, 1) else {"services": [], "sites": []}

    @property
    def config(self):
        return os.path.join(self.folder, "cluster.toml")

    def service(self, name):
        return next((each for each in self.status()["services"] if each["service"] == name),
                    {"holder": None, "state": None, "epoch": 0})

    def why(self, name):
        return self.ask("why", name).stdout

    # ------------------------------------------------------------ its PBX
    def pbx_pid(self):
        try:
            with open(os.path.join(self.pbx, "pbx.pid"), encoding="ascii") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):
            return 0

    def pbx_runs(self):
        try:
            with open(f"/proc/{self.pbx_pid()}/stat", encoding="ascii") as file:
                return self.pbx_pid() > 0 and file.read().split()[2] != "Z"
        except FileNotFoundError:
            return False

    def end_pbx(self):
        with contextlib.suppress(ProcessLookupError, OSError):
            if self.pbx_pid():
                os.kill(self.pbx_pid(), signal.SIGKILL)

    def power_off(self):
        """Coordinator and PBX at once, and nothing of it is to be reached."""
        self.reach(False)
        self.kill()
        self.end_replicator()
        self.end_pbx()

    def power_on(self):
        subprocess.run(self.namespace.command("nft", "flush", "ruleset"), check=True)
        self.reach(True)
        self.start()


class Coordinators:
    def __init__(self, promise, folder, failover, sites=3, services=("pbx",), lease="2s", heartbeat="100ms",
                 mode="lease", capacity=1, more="", service_more="", site_more="", failover_more="",
                 replicator=None, path=None, wanem=None, environment=(), pace=PACE):
        self.promise, self.folder, self.failover = promise, folder, failover
        self.tag = f"h{os.getpid() % 100000:x}"
        self.names, self.lease, self.heartbeat, self.mode = list(services), lease, heartbeat, mode
        self.capacity, self.more, self.service_more = capacity, more, service_more
        self.site_more, self.failover_more, self.replicator = site_more, failover_more, replicator
        self.environment = environment  # of the coordinators: "NAME=value"
        self.pace = pace
        self.path, self.wanem = path, wanem  # between two sites: (round trip in ms, loss in percent)
        self.hub = Namespace(self.tag + "hub")
        self.here = os.path.join(folder, "here")  # each site's own folder, as it sees it itself
        os.makedirs(self.here)
        self.sites = {}
        try:
            self.hub.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
            ip("-n", self.hub.name, "addr", "add", "10.79.0.1/32", "dev", "lo")
            self.hub.run("nft", "-f", "-", text=CUTS)
            for number in range(sites):
                site = Site(self, number)
                self.sites[site.name] = site
            with self.hub.inside():
                self.dns = self.arbiter = DnsServers(folder).make(Bind, Zone(ZONE), address="10.79.0.1")
                self.dns.start()
                if "etcd" in sys.argv:
                    self.arbiter = Etcd(os.path.join(folder, "etcd"))
                    self.arbiter.address = "10.79.0.1"
                    self.arbiter.start()
        except BaseException:
            self.remove()
            raise
        self.caller = Caller(self)

    def configuration(self):
        text = ['version = 1\n[cluster]\nname = "test"\nid = "5b1f"\n']
        for site in self.sites.values():
            text.append(f'[[site]]\nname = "{site.name}"\naddress = ["tcp://{site.address}:7400"]\n'
                        f'heartbeat = ["tcp://{site.address}:7410", "tcp://{site.address}:7411"]\n'
                        f'key = "{site.public}"\npublic_ip = ["{site.address}"]\n'
                        f'capacity = {self.capacity}\n{self.site_more}\n')
        order = list(self.sites)
        for number, name in enumerate(self.names):
            sites = order[number:] + order[:number]
            text.append(f'[[service]]\nname = "{name}"\nsites = {json.dumps(sites)}\n'
                        f'takeover = "{self.mode}"\n{self.service_more}\n')
            record = record_table(NAME if number == 0 else f"{name}.{ZONE}", "5s")
            text.append(record.replace('"pbx"', f'"{name}"'))
        text.append(zone_table(ZONE, [self.dns.endpoint]))
        text.append(f'[arbiter]\nzone = "{ZONE}"\n' if self.arbiter is self.dns else
                    f'[arbiter]\nkind = "etcd"\nendpoint = ["{self.arbiter.url}"]\n')
        text.append(f'[failover]\nlease = "{self.lease}"\nheartbeat = "{self.heartbeat}"\n'
                    f'{self.pace}{self.failover_more}\n')
        if self.replicator:
            text.append(f'[[set]]\nname = "tree"\npath = "{self.here}/tree"\nservice = "{self.names[0]}"\n')
        return ("\n".join(text) + self.more).replace("{folder}", self.folder)

    def pbx_table(self):
        run, pbx = f"{sys.executable} {PBX}", f"{self.here}/pbx"
        return (f'[pbx]\nkind = "other"\npidfile = "{pbx}/pbx.pid"\n'
                f'start = "{run} start {pbx}"\nstop = "{run} stop {pbx}"\n'
                'stop_within = "2s"\n'
                f'[[sensor]]\nname = "pbx"\nkind = "process"\npidfile = "{pbx}/pbx.pid"\n'
                'when = "serving"\nweight = 100\nrise = 1\nevery = "1s"\nrestart_for = "1s"\n'
                + "".join(f'[[sensor]]\nname = "{name}"\nkind = "{name}"\nweight = 0\n'
                          + ('path = "/"\n' if name.startswith("disk") else "")
                          for name in ("disk.space", "disk.inodes", "mem.available", "cpu.load",
                                       "clock.offset", "net.gateway")))

    def __enter__(self):
        return self

    def start(self, *names):
        if not self.caller.is_alive():
            self.caller.start()
        for site in self.sites.values():
            if not names or site.name in names:
                site.configure(self.configuration() + self.pbx_table())
                site.start()

    def __exit__(self, *_):
        try:
            if self.caller.is_alive():
                self.caller.end()
            for site in self.sites.values():
                if site.process is not None and site.process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        site.signal(signal.SIGCONT)
                    site.stop()
                site.end_replicator()
                site.end_pbx()
                if site.ocean is not None:
                    site.ocean.terminate()
                    site.ocean.wait(10)
        finally:
            if os.environ.get("HA_KEEP") or self.promise.bad or sys.exc_info()[0] is not None:
                self.show()
            self.remove()

    def show(self):
        for site in self.sites.values():
            print(f"---- log of {site.name}\n" + site.log().decode(errors="replace")[-6000:], flush=True)

    def remove(self):
        for server in (getattr(self, "arbiter", None), getattr(self, "dns", None)):
            if server is not None:
                server.stop()
        for site in self.sites.values():
            site.namespace.remove()
        self.hub.remove()

    # ------------------------------------------------------------ faults
    def _set(self, change, name, elements):
        self.hub.run("nft", f"{change} element inet cut {name} {{ {', '.join(elements)} }}")

    def cut(self, one, other, both=True):
        """What `one` sends to `other` is lost, and the other way round."""
        pairs = [(one, other)] + ([(other, one)] if both else [])
        self._set("add", "pairs", [f"{self.sites[a].address} . {self.sites[b].address}" for a, b in pairs])

    def cut_arbiter(self, name):
        self._set("add", "deaf", [self.sites[name].address])

    def isolate(self, name):
        """From all sites and the arbiter; callers still reach it."""
        for other in self.sites:
            if other != name:
                self.cut(name, other)
        self.cut_arbiter(name)

    def heal(self):
        self.hub.run("nft", "flush set inet cut pairs")
        self.hub.run("nft", "flush set inet cut deaf")

    def save_arbiter(self):
        """What a backup of the zone would have. By transfer: the file may be older."""
        with self.hub.inside():
            rows = dict.fromkeys(self.arbiter.transfer(ZONE))  # the SOA comes first and last
        return "".join(f"{name} {ttl} IN {kind} {data}\n" for name, ttl, kind, data in rows)

    def restore_arbiter(self, text):
        self.arbiter.stop()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.arbiter.path(ZONE + ".zone.jnl"))
        self.arbiter.put(ZONE + ".zone", text)
        with self.hub.inside():
            self.arbiter.start()

    # ------------------------------------------------------------ what is so
    def check_served(self, name, what="callers noticed nothing"):
        gap = self.caller.longest_gap(name)
        self.promise.check(gap < 0.5, f"{what}: the longest silence was {gap:.2f} s")

    def record(self, service="pbx"):
        with self.hub.inside():
            if self.arbiter is not self.dns:
                return self.arbiter.ctl("get", "--print-value-only", f"/hareplicate/5b1f/{service}").stdout
            found = self.arbiter.data(f"_ha.{service}.{ZONE}", "TXT")
        return found[0] if found else ""

    def led_to(self):
        with self.hub.inside():
            return self.dns.data(NAME, "A")

    def wait(self, what, seconds, condition):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for site in self.sites.values():
                if site.wanted and site.process.poll() is not None:
                    raise Deadline(f"{site.name} has ended, {site.process.returncode}, while waiting: {what}")
            if condition():
                return time.monotonic()
            time.sleep(0.05)
        raise Deadline(f"not within {seconds} s: {what}")

    def wait_serves(self, name, seconds=20, after=None):
        """Until callers are answered by it, asked after that moment. When that was."""
        since = time.monotonic() if after is None else after
        self.wait(f"{name} serves callers", seconds, lambda: self.caller.first_after(name, since))
        return self.caller.first_after(name, since)

    def wait_taken(self, loser, seconds=20, after=None):
        """(site, when) of the first other one that serves callers who ask from that moment on: rank makes
        one of them the likely one, not the only one."""
        since = time.monotonic() if after is None else after
        others = [name for name in self.sites if name != loser]
        self.wait(f"another site than {loser} serves callers", seconds,
                  lambda: any(self.caller.first_after(name, since) for name in others))
        found = [(self.caller.first_after(name, since), name) for name in others]
        when, name = min(each for each in found if each[0])
        return name, when

    def wait_holder(self, service, name, seconds=20, asked=None):
        """Until the coordinators that run say so; `asked`: which one."""
        site = self.sites[asked or name]

        def holds():
            found = site.service(service)
            return found["holder"] == name and (site.name != name or found["state"] == "holding")
        return self.wait(f"{name} holds {service}", seconds, holds)

    def judge(self):
        """What has to be so in every run."""
        overlaps = self.caller.overlaps()
        self.promise.check(not overlaps, f"never two sites at a time {overlaps[:3] if overlaps else ''}")
        bad = [(site.name, mark) for site in self.sites.values() for mark in SANITIZER_MARKS
               if mark in site.log()]
        self.promise.check(not bad, f"no daemon says anything that it must not {bad or ''}")


def play(what, scenario, before=lambda world: None, **options):
    """The frame of every row of the fault matrix: `scenario(promise, world)` finds all coordinators started
    and the first site serving; `before(world)` nothing at all."""
    skip_unless_root()
    with Promise(what) as promise, tempfile.TemporaryDirectory(prefix="ha-") as folder, \
            Coordinators(promise, folder, sys.argv[1], **options) as world:
        before(world)
        for number, service in enumerate(world.names):  # one by one, so that each takes its own
            world.start(f"s{number}")
            world.wait_holder(service, f"s{number}")
            world.wait_serves(f"s{number}")
        world.start(*[name for name, site in world.sites.items() if site.process is None])
        world.wait("all hear each other", 20, lambda: all(
            each["heard"] in ("yes", "here") for site in world.sites.values()
            for each in site.status()["sites"] or [{"heard": "NO"}]))
        time.sleep(1.5)  # a candidate promises nothing before it has read two versions
        scenario(promise, world)
        world.judge()
