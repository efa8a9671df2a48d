"""The stage of the demo: two sites, the path between them, an rsync daemon, and the trees."""

import contextlib
import os
import shutil
import subprocess

import cluster
import contestants
import tree_make
import wanem_path

SET = "pbx"
SOUNDS = "/usr/share/asterisk/sounds"
PATH = {"--rtt": "150ms", "--rate": "100mbit", "--loss": "0.5%"}
RSYNC_OPTIONS = contestants.RSYNC_Z
LARGE_BYTES = 200 << 20
# In a session of its own a program does not get the terminal's Ctrl-C; the demo decides when it ends.
OWN_SESSION = "setsid"
RECORDINGS, RECORDING_BYTES = 60, 1 << 20


class Quiet:
    """Takes the checks of the end-to-end tests' cluster; only the bad ones are of interest here."""

    def __init__(self):
        self.bad = []

    def check(self, good, what):
        if not good:
            self.bad.append(what)


def has_ocean():
    """What is missing for the emulated path, as words; empty when it can be."""
    missing = []
    if os.geteuid() != 0:
        missing.append("root")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        missing.append("/dev/net/tun")
    return missing


def congestion():
    """bbr where the kernel has it, else what it has."""
    subprocess.run(["modprobe", "-q", "tcp_bbr"], check=False)
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control", encoding="ascii") as known:
        return "bbr" if "bbr" in known.read().split() else "cubic"


class Stage(contextlib.ExitStack):
    """Everything that runs: `with Stage(build) as stage: stage.open()`. Leaving it removes it all."""

    def __init__(self, build):
        super().__init__()
        self.build = build
        self.promise = Quiet()
        self.path = self.rsync = None
        self.congestion = "the host's"

    def open(self):
        if not has_ocean():
            self.congestion = congestion()
            options = [word for pair in PATH.items() for word in pair]
            path = wanem_path.WanemPath(os.path.join(self.build, "tools/wanem"), *options,
                                        "--congestion", self.congestion)
            path.command.insert(0, OWN_SESSION)
            self.path = self.enter_context(path)
        self.sites = self.enter_context(cluster.Cluster(
            self.promise, os.path.join(self.build, "replicator/replicator"), sets=(SET,), path=self.path,
            name="demo"))
        self.origin, self.replica = self.sites.origin, self.sites.replica
        for site in self.sites.sites.values():
            site.prefix = [OWN_SESSION]
        self.source, self.target = self.origin.trees[SET], self.replica.trees[SET]
        if self.path:
            rsync_target = os.path.join(self.sites.folder, "rsync")
            os.mkdir(rsync_target)
            rsync = contestants.Rsync(self.path, self.source, rsync_target)
            self.callback(shutil.rmtree, rsync.folder, ignore_errors=True)
            self.rsync = self.enter_context(rsync)

    # ------------------------------------------------------------ the trees
    def fill(self):
        """The first content at the origin; returns (things, bytes)."""
        if os.path.isdir(SOUNDS):
            subprocess.run(["cp", "-a", SOUNDS, os.path.join(self.source, "sounds")], check=True)
        subprocess.run(["cp", "-a", "/etc", os.path.join(self.source, "etc")], check=False,
                       stderr=subprocess.DEVNULL)  # without root some of it may not be read
        with contextlib.redirect_stdout(None):
            tree_make.make_big(self.large(), LARGE_BYTES, seed=1)
        return self.measure_tree()

    def large(self):
        return os.path.join(self.source, "voicemail.img")

    def measure_tree(self):
        things = size = 0
        for folder, folders, names in os.walk(self.source):
            things += len(folders) + len(names)
            size += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)
        return things, size

    def all_files(self):
        return [os.path.relpath(os.path.join(folder, name), self.source)
                for folder, _, names in os.walk(self.source) for name in names]

    def edit_configuration(self):
        """One line more in a few files; returns them."""
        files = [name for name in sorted(self.all_files())
                 if name.startswith("etc/") and name.endswith(".conf")
                 and not os.path.islink(os.path.join(self.source, name))][:12]
        for name in files:
            with open(os.path.join(self.source, name), "a", encoding="utf-8") as file:
                file.write("# edited by the demo\n")
        return files

    def edit_large(self):
        """Rewrites 64 KiB in the middle and inserts 100 bytes before them; returns the file."""
        middle = LARGE_BYTES // 2
        with open(self.large(), "r+b") as file:
            file.seek(middle)
            rest = file.read()
            file.seek(middle)
            file.write(tree_make.seeded_bytes(2, 100 + (64 << 10)) + rest[64 << 10:])
        return [os.path.relpath(self.large(), self.source)]

    def add_recordings(self):
        names = [f"recordings/call-{number:04}.wav" for number in range(RECORDINGS)]
        os.makedirs(os.path.join(self.source, "recordings"))
        for number, name in enumerate(names):
            with open(os.path.join(self.source, name), "wb") as file:
                file.write(tree_make.seeded_bytes(100 + number, RECORDING_BYTES))
        return names

    # ------------------------------------------------------------ what is seen of it
    def bytes(self):
        """Bytes on the link so far, both ways."""
        return contestants.wire_bytes(self.path) if self.path else self.origin.traffic()

    def in_sync(self):
        found = self.origin.set_status(SET)
        return bool(found) and found["state"] == "in sync"

    def equal_things(self):
        """How many things both sites have; raises Deadline with the first differences when they differ."""
        first, second = (cluster.tree_compare.snapshot(os.fsencode(root), (cluster.STAGING, b"."))
                         for root in (self.source, self.target))
        differing = list(cluster.tree_compare.differences(first, second))
        if differing:
            raise cluster.Deadline(f"{len(differing)} differences: {differing[:5]}")
        return len(first.entries)

    def hareplicate(self, *words):
        """What the command line says at the origin."""
        command = [os.path.join(self.build, "tools/hareplicate/hareplicate"), "-c",
                   os.path.join(self.origin.folder, "cluster.toml"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + done.stderr
