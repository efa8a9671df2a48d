"""The replicator and rsync, each keeping a tree at end b equal to one at end a of an emulated path."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time

import control  # of ../e2e

PORT = 7400
ZMQ = ctypes.CDLL("libzmq.so.5")


def key_pair():
    public, secret = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
    if ZMQ.zmq_curve_keypair(public, secret) != 0:
        raise RuntimeError("libzmq has no CURVE")
    return public.value.decode(), secret.value.decode()


def wire_bytes(path):
    """Bytes that have left either end so far, headers and all."""
    stats = path.stats()
    return sum(stats[way]["offered_bytes"] for way in ("a-b", "b-a"))


def facts_of(root, keys):
    out = {}
    for key in keys:
        stat = os.lstat(os.path.join(root, key))
        out[key] = (stat.st_size, stat.st_mtime_ns)
    return out


def wait_for(root, wanted, limit_s):
    """Seconds until every file of `wanted` has the size and time given."""
    begin = time.monotonic()
    left = dict(wanted)
    while left:
        for key in list(left):
            try:
                stat = os.lstat(os.path.join(root, key))
            except FileNotFoundError:
                break
            if (stat.st_size, stat.st_mtime_ns) != left[key]:
                break
            del left[key]
        if time.monotonic() - begin > limit_s:
            raise TimeoutError(f"{len(left)} of {len(wanted)} files have not arrived after {limit_s} s")
        time.sleep(0.002)
    return time.monotonic() - begin


class Replicator:
    """Two daemons, site a the origin. `settle` is the product's default unless a case says otherwise."""

    def __init__(self, path, binary, source, target, more="", set_keys=""):
        self.set_keys = set_keys
        self.path, self.binary, self.target = path, binary, target
        self.folder = tempfile.mkdtemp(prefix="bench-")
        self.daemons = {}
        keys = {end: key_pair() for end in "ab"}
        roots = {"a": source, "b": target}
        for end in "ab":
            self._configure(end, keys, roots[end], more)

    def _configure(self, end, keys, root, more):
        text = 'version = 1\n[cluster]\nname = "bench"\nid = "bench-1"\n'
        for site in "ab":
            text += (f'[[site]]\nname = "{site}"\nkey = \'{keys[site][0]}\'\n'
                     f'address = ["tcp://{self.path.addresses[site]}:{PORT}"]\n')
        text += ('[[service]]\nname = "pbx"\nsites = ["a", "b"]\nholder = "a"\n' + more +
                 '[[set]]\nname = "tree"\nkind = "files"\npath = "/nonexistent"\n' + self.set_keys)
        folder = os.path.join(self.folder, end)
        os.makedirs(os.path.join(folder, "state"))
        with open(os.path.join(folder, "cluster.toml"), "w") as file:
            file.write(text)
        with open(os.open(os.path.join(folder, "key"), os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(keys[end][1])
        with open(os.path.join(folder, "node.toml"), "w") as file:
            file.write(f'site = "{end}"\nsecret_key_file = "{folder}/key"\nstate_dir = "{folder}/state"\n'
                       f'run_dir = "{folder}/run"\n[override]\n"set.tree.path" = "{root}"\n')

    def start(self, end):
        log = open(os.path.join(self.folder, end, "log"), "a")
        self.daemons[end] = self.path.popen(
            end, [self.binary, "--config", os.path.join(self.folder, end, "cluster.toml"),
                  "--log-format", "json", "--log-level", "debug"], stderr=log, stdout=log)

    def __enter__(self):
        self.start("b")
        self.start("a")
        return self

    def __exit__(self, *_):
        for daemon in self.daemons.values():
            daemon.send_signal(signal.SIGTERM)
        for daemon in self.daemons.values():
            daemon.wait(30)
        shutil.rmtree(self.folder)

    def socket(self, end):
        return os.path.join(self.folder, end, "run", "replicator.sock")

    def log(self, end):
        with open(os.path.join(self.folder, end, "log")) as file:
            return file.read()

    def wait_in_sync(self, limit_s):
        """Until the origin says so for the first time. What the copy has already is meant to be there."""
        begin = time.monotonic()
        released = False
        while "set.published" not in self.log("b") and "set.in_sync" not in self.log("a"):
            ended = [end for end in "ab" if self.daemons[end].poll() is not None]
            if ended or time.monotonic() - begin > limit_s:
                raise TimeoutError("never in sync\n" + self.log((ended or ["a"])[0])[-2000:])
            if not released and '"set.held"' in self.log("a"):
                control.ask(self.socket("a"), "release", "tree", **{"force-delete": ""})
                released = True
            time.sleep(0.05)

    def turn(self, holder):
        """`holder` holds the service at the next epoch: both ends are told, the old holder first."""
        for end in sorted("ab", key=lambda each: each == holder):
            file = os.path.join(self.folder, end, "cluster.toml")
            with open(file) as old:
                text = old.read()
            with open(file, "w") as new:
                new.write(text.replace('holder = "a"\n', f'holder = "{holder}"\nepoch = 2\n'))
            self.daemons[end].send_signal(signal.SIGHUP)

    def wait_event(self, end, event, limit_s):
        begin = time.monotonic()
        while event not in self.log(end):
            if self.daemons[end].poll() is not None or time.monotonic() - begin > limit_s:
                raise TimeoutError(f"no {event}\n" + self.log(end)[-2000:])
            time.sleep(0.01)

    def memory_kb(self, end):
        return anonymous_kb(self.pid(end))

    def pid(self, end):
        # `ip netns exec` replaces itself by the command.
        return self.daemons[end].pid


def anonymous_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Anonymous:"):
                return int(line.split()[1])
    return 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Rsync:
    """An rsync daemon at end b; each measure is one run of the client at end a."""

    def __init__(self, path, source, target):
        self.path, self.source, self.target = path, source, target
        self.folder = tempfile.mkdtemp(prefix="bench-rsync-")
        self.config = os.path.join(self.folder, "rsyncd.conf")
        with open(self.config, "w") as file:
            file.write(f"use chroot = no\nuid = 0\ngid = 0\n[tree]\npath = {target}\nread only = no\n")
        self.daemon = None

    def __enter__(self):
        self.daemon = self.path.popen(
            "b", ["rsync", "--daemon", "--no-detach", "--config", self.config,
                  "--address", self.path.addresses["b"], "--port", "8730"])
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.daemon.terminate()
        self.daemon.wait(10)
        shutil.rmtree(self.folder)

    def run(self, *options, limit_s=900):
        begin = time.monotonic()
        self.path.run("a", ["rsync", "-aHAXS", "--delete", "--exclude=/.hareplicate", *options,
                            self.source + "/", f"rsync://{self.path.addresses['b']}:8730/tree/"],
                      check=True, timeout=limit_s, stdout=subprocess.DEVNULL)
        return time.monotonic() - begin


RSYNC_Z = ("-z", "--zc=zstd")
RSYNC_TUNED = ("-z", "--zc=zstd", "--inplace", "--no-S", "--no-whole-file", "--block-size=1024")
