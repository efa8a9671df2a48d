"""A cluster of real replicators on this host, for end-to-end tests.

    with Cluster(promise, "build/replicator/replicator") as cluster:
        cluster.origin.write("a/b", b"text")
        cluster.start()
        cluster.wait_equal(20)
        cluster.replica.kill()
        cluster.replica.start()

Each site has its own folder (tree, state, run, configuration, log) below a temporary one. Every wait has a
deadline, and fails at once when a daemon ends that nobody stopped. HA_KEEP=1 keeps the folder.
"""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tree_compare  # noqa: E402
from control import ControlError, ask  # noqa: E402
from promise import end_with_us  # noqa: E402

STAGING = b".hareplicate"
ORIGIN, REPLICA = "fra1", "nyc1"
PORTS = range(20000, 30000)  # below the kernel's own choices, so that no connection takes one
STOP_SECONDS = 30
SANITIZER_MARKS = (b"AddressSanitizer", b"ThreadSanitizer", b"LeakSanitizer", b"runtime error:",
                   b"terminate called", b"Assertion")


class Deadline(Exception):
    pass


class Died(Exception):
    pass


def make_keys():
    zmq = ctypes.CDLL("libzmq.so.5")
    public, secret = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
    if zmq.zmq_curve_keypair(public, secret) != 0:
        raise OSError("zmq_curve_keypair")
    return public.value.decode(), secret.value.decode()


def free_port():
    while True:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port


def toml(value):
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Site:
    def __init__(self, cluster, name, host):
        self.cluster, self.name = cluster, name
        self.folder = os.path.join(cluster.folder, name)
        self.state = os.path.join(self.folder, "state")
        self.run = os.path.join(self.folder, "run")
        self.tree = os.path.join(self.folder, "tree")
        self.trees = {each: self.tree if each == "tree" else os.path.join(self.folder, each)
                      for each in cluster.sets}
        for folder in (self.state, self.run, *self.trees.values()):
            os.makedirs(folder)
        self.address = f"tcp://{host}:{free_port()}"
        self.public, self.secret = make_keys()
        self.log_path = os.path.join(self.folder, "log")
        self.socket_path = os.path.join(self.run, "replicator.sock")
        self.process = None
        self.wanted = False
        self.environment = {}
        self.prefix = []
        self.starts = 0

    # ------------------------------------------------------------ its files
    def path(self, name):
        return os.path.join(self.tree, name)

    def write(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as out:
            out.write(content)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def index(self, name="tree"):
        return os.path.join(self.state, "index", name + ".sqlite")

    def log(self):
        try:
            with open(self.log_path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    # ------------------------------------------------------------ its daemon
    def configure(self, **changes):
        """Writes cluster.toml and node.toml; `changes` go into this site's own view of the cluster."""
        text = self.cluster.configuration(**changes)
        with open(os.path.join(self.folder, "cluster.toml"), "w", encoding="utf-8") as out:
            out.write(text)
        key = os.path.join(self.folder, "site.key")
        with open(os.open(key, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
            out.write(self.secret)
        with open(os.path.join(self.folder, "node.toml"), "w", encoding="utf-8") as out:
            out.write(f'site = "{self.name}"\nsecret_key_file = {toml(key)}\nstate_dir = {toml(self.state)}\n'
                      f"run_dir = {toml(self.run)}\n[override]\n")
            for name, folder in self.trees.items():
                out.write(f'"set.{name}.path" = {toml(folder)}\n')

    def command(self):
        return [*self.prefix, self.cluster.replicator, "--config", os.path.join(self.folder, "cluster.toml"),
                "--log-format", "text", "--log-level", os.environ.get("HA_LOG", "info")]

    def start(self):
        self.starts += 1
        self.wanted = True
        with open(self.log_path, "ab") as log, self.cluster.inside(self.name):
            log.write(f"---- start {self.starts}\n".encode())
            log.flush()
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=os.environ | self.environment, preexec_fn=end_with_us)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, and waits until it is gone."""
        self.wanted = False
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """Asks it to end; it must, and well. Not while it is only being loaded: it would just die."""
        deadline = time.monotonic() + STOP_SECONDS
        while b"node.started" not in self.log().rsplit(b"---- start", 1)[-1] and time.monotonic() < deadline:
            self.check_alive()
            time.sleep(0.01)
        self.check_alive()
        self.wanted = False
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Deadline(f"{self.name} did not stop within {STOP_SECONDS} s after SIGTERM") from None
        if code != 0:
            raise Died(f"{self.name} ended with {code} after SIGTERM")

    def restart(self):
        self.stop()
        self.start()

    def check_alive(self):
        if self.wanted and not self.is_running():
            code = self.process.returncode
            last = self.log()[-2000:].decode(errors="replace")
            raise Died(f"{self.name} ended by itself with {code}: ...{last}")

    # ------------------------------------------------------------ what it says
    def ask(self, verb, *arguments, **flags):
        return ask(self.socket_path, verb, *arguments, **flags)

    def status(self):
        """None while it does not answer."""
        try:
            return self.ask("status")[0]["status"]
        except (OSError, ControlError, IndexError):
            return None

    def set_status(self, name="tree"):
        status = self.status()
        found = [each for each in status["sets"] if each["set"] == name] if status else []
        return found[0] if found else None

    def link(self):
        status = self.status()
        return status["links"][0] if status and status["links"] else None

    def traffic(self):
        """Bytes sent and received with its first peer since it was started."""
        link = self.link()
        return link["sent_bytes"] + link["received_bytes"]

    def anonymous_bytes(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as rollup:
            return next(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Anonymous:"))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Cluster:
    def __init__(self, promise, replicator, sites=(ORIGIN, REPLICA), sets=("tree",), hosts=None, path=None,
                 link=None, check="5s", walk="15m", name="e2e", guards='max_delete = "100%"\n',
                 set_keys=""):
        self.name, self.walk, self.guards, self.set_keys = name, walk, guards, set_keys
        self.promise, self.replicator = promise, os.path.abspath(replicator)
        self.sets, self.path, self.link, self.check = sets, path, link or {}, check
        self.folder = tempfile.mkdtemp(prefix="ha-e2e-")
        os.chmod(self.folder, 0o755)
        self.ends = dict(zip(sites, "ab"))  # of `path`, a WanemPath
        self.sites = {}
        for name in sites:
            host = path.addresses[self.ends[name]] if path else (hosts or {}).get(name, "127.0.0.1")
            self.sites[name] = Site(self, name, host)
        self.origin = self.sites[sites[0]]
        self.replica = self.sites[sites[-1]]
        self.id = f"e2e-{os.getpid()}-{random.SystemRandom().randrange(1 << 30)}"
        for site in self.sites.values():
            site.configure()

    def configuration(self, cluster_id=None, keys=None, epoch=1):
        text = f'version = 1\n[cluster]\nname = {toml(self.name)}\nid = {toml(cluster_id or self.id)}\n'
        for site in self.sites.values():
            text += (f"[[site]]\nname = {toml(site.name)}\naddress = [{toml(site.address)}]\n"
                     f"key = {toml((keys or {}).get(site.name, site.public))}\n")
        names = ", ".join(toml(name) for name in self.sites)
        text += f"[[service]]\nname = \"pbx\"\nsites = [{names}]\nholder = {toml(next(iter(self.sites)))}\n"
        text += f"epoch = {epoch}\n"
        if self.link:
            text += "[link]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in self.link.items())
        text += f'[set_defaults]\ncheck = {toml(self.check)}\nwalk = {toml(self.walk)}\nsettle = "100ms"\n'
        text += self.guards
        for name in self.sets:
            text += f'[[set]]\nname = {toml(name)}\nkind = "files"\npath = {toml("/nonexistent/" + name)}\n'
            text += self.set_keys
        return text

    def inside(self, name):
        return self.path.inside(self.ends[name]) if self.path else contextlib.nullcontext()

    def __enter__(self):
        return self

    def start(self):
        for site in reversed(self.sites.values()):
            site.start()

    # ------------------------------------------------------------ waiting
    def wait(self, what, condition, seconds, every=0.1):
        """The condition's value as soon as it is true; Deadline after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            for site in self.sites.values():
                site.check_alive()
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise Deadline(f"not within {seconds} s: {what}; {self.describe()}")
            time.sleep(every)

    def wait_state(self, site, state, seconds, name="tree"):
        def reached():
            found = site.set_status(name)
            return found if found and found["state"] == state else None

        return self.wait(f"{name} at {site.name} is \"{state}\"", reached, seconds)

    def in_sync(self):
        found = self.origin.set_status()
        return found is not None and found["state"] == "in sync"

    def differences(self, name="tree"):
        first, second = (tree_compare.snapshot(os.fsencode(site.trees[name]), (STAGING, b"."))
                         for site in (self.origin, self.replica))
        return list(tree_compare.differences(first, second))

    def wait_equal(self, seconds, name="tree"):
        """Until the origin says that the trees are equal and they are; the seconds it took."""
        started = time.monotonic()
        last = ["never in sync"]

        def equal():
            if not self.in_sync():
                return False
            last[:] = self.differences(name)
            return not last

        try:
            self.wait("the trees are equal", equal, seconds, 0.2)
        except Deadline as error:
            raise Deadline(f"{error}; differences: {len(last)}: {last[:10]}") from None
        return time.monotonic() - started

    def describe(self):
        out = []
        for site in self.sites.values():
            found, link = site.set_status(), site.link()
            out.append(f"{site.name}: " + (f"{found['state']} {found['reason']}" if found else "no status") +
                       (f", link {link['state']} {link['reason']}" if link else ""))
        return "; ".join(out)

    # ------------------------------------------------------------ the end
    def check_staging(self):
        """Nothing is left over in the staging directories of any site."""
        for site in self.sites.values():
            for tree in site.trees.values():
                top = os.path.join(tree, STAGING.decode())
                left = [name for name in (os.listdir(top) if os.path.isdir(top) else [])
                        if name not in ("marker", "stranded", "trash", "pristine")]
                self.promise.check(not left,
                                   f"nothing is left in {site.name}'s staging directory {left[:3] or ''}")

    def check_logs(self):
        for site in self.sites.values():
            bad = [line for line in site.log().split(b"\n") if any(mark in line for mark in SANITIZER_MARKS)]
            self.promise.check(not bad, f"{site.name}: no crash and no sanitizer report {bad[:3] or ''}")

    def __exit__(self, kind, error, trace):
        try:
            for site in self.sites.values():
                if kind is None:
                    site.check_alive()
                if kind is None and site.is_running():
                    site.stop()
            self.check_logs()
        finally:
            for site in self.sites.values():
                site.kill()
            if kind is not None:
                for site in self.sites.values():
                    print(f"---- the end of {site.name}'s log")
                    print(site.log()[-4000:].decode(errors="replace"), flush=True)
            if os.environ.get("HA_KEEP") == "1":
                print(f"kept: {self.folder}")
            else:
                # Not Python's own: it recurses, and a tree may be deeper than that.
                subprocess.run(["rm", "-rf", "--one-file-system", self.folder], check=False,
                               stderr=subprocess.DEVNULL)
