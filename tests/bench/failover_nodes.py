"""Nodes for other people's failover: each a network namespace with a file system view, a host name and
processes of its own, around a hub where the caller is.

    with Nodes(folder, root, count=3, path=(150, 1), wanem=WANEM) as nodes:
        nodes.all["s0"].boot("corosync -f & ...")     # a shell script; its end is the node's
        nodes.all["s0"].power_off()

`root`: a folder of tests/support/package_root; a node finds its programs in /usr, its settings in /etc, and
what a node puts into NODE/etc and NODE/usr before that. /var and /run are its own, and empty. Without `path`
they are on one layer 2 segment, with it each is half of the way from the hub, as in coordinators.py, and
the hub routes. Needs root, overlayfs.
"""

import contextlib
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for each in ("support", "e2e"):
    sys.path.insert(0, os.path.join(HERE, "..", each))
from callers import Caller  # noqa: E402
from coordinators import Namespace, Site, ip  # noqa: E402
from promise import PR_SET_PDEATHSIG, libc, skip, skip_unless_root  # noqa: E402

BRIDGE = "lan"
HUB = "10.79.0.1"
FLOATING = "10.79.0.100"
BOOT = """set -e
root=$1 node=$2 here=$3
mount --make-rprivate /
mount -t overlay -o "lowerdir=$node/usr:$root/usr:/usr" overlay /usr
mount -t overlay -o "lowerdir=$node/etc:$root/etc:/etc" overlay /etc
mount --bind "$node" "$here"
for each in /var /run /dev/shm; do mount -t tmpfs tmpfs "$each"; done
mkdir -p /var/log /var/lib /var/tmp /run/lock
ln -s /run /run/lock /var
hostname "$4"
. "$node/boot"
"""


def skip_unless_possible():
    skip_unless_root("/dev/net/tun")
    with open("/proc/filesystems", encoding="ascii") as file:
        if "\toverlay\n" not in file.read():
            skip("it needs overlayfs")


def end_at_once():
    """For preexec_fn: no node outlives the benchmark."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class FloatingCaller(Caller):
    """Asks one address, and reads from the answer who it was."""

    def __init__(self, world, address):
        super().__init__(world)
        self.names = {address: ""}

    def whom(self, _address, answer):
        server = next((line for line in answer.split(b"\r\n") if line.startswith(b"Server: ")), b"")
        return server[8:].decode()


class Node(Site):
    def __init__(self, world, number):
        super().__init__(world, number)
        for each in ("etc", "usr"):
            os.makedirs(os.path.join(self.folder, each))

    def join(self):
        if self.world.path:
            self.join_by_ocean()
            return
        near, far = f"{self.world.tag}{self.number}", f"{self.world.tag}{self.number}h"
        ip("link", "add", near, "netns", self.namespace.name, "type", "veth", "peer", "name", far,
           "netns", self.world.hub.name)
        ip("-n", self.world.hub.name, "link", "set", far, "master", BRIDGE, "up")
        ip("-n", self.namespace.name, "addr", "add", self.address + "/16", "broadcast", "10.79.255.255",
           "dev", near)
        ip("-n", self.namespace.name, "link", "set", near, "up")

    @property
    def device(self):
        with self.namespace.inside():
            found = subprocess.run(["ip", "-o", "-4", "addr", "show", "to", self.address],
                                   capture_output=True, text=True, check=True)
        return found.stdout.split()[1]

    def reach(self, on):
        if self.ocean is not None:
            super().reach(on)
        else:
            ip("-n", self.world.hub.name, "link", "set", f"{self.world.tag}{self.number}h",
               "up" if on else "down")

    def boot(self, script):
        self.put("boot", script)
        with open(os.path.join(self.folder, "log"), "ab") as out:
            self.process = subprocess.Popen(
                self.namespace.command("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork",
                                       "--kill-child", "--mount-proc", "env", "HA_SITE=" + self.name, "sh",
                                       "-c", BOOT, "sh", self.world.root, self.folder, self.world.here,
                                       self.name),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=end_at_once)
        self.wanted = True

    def run(self, *words, text=None, check=True):
        """A command in the running node."""
        first = self.process_of("sh", self.world.root, self.folder, self.world.here, self.name)
        return subprocess.run(["nsenter", "-t", str(first), "-m", "-u", "-i", "-n", "-p", *words], input=text,
                              check=check, capture_output=True, text=True, timeout=60)

    def process_of(self, *words):
        """The one in here whose command line ends with these words, by this host's numbers; 0: none."""
        wanted = b"".join(word.encode() + b"\0" for word in words)
        network = os.stat(f"/run/netns/{self.namespace.name}").st_ino
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if file.read().endswith(wanted) and os.stat(f"/proc/{name}/ns/net").st_ino == network:
                        return int(name)
        return 0

    def pbx_pid(self):
        return self.process_of("serve", f"{self.world.here}/pbx")

    def kill(self):
        self.wanted = False
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Nodes:
    def __init__(self, folder, root, count=3, path=None, wanem=None):
        self.folder, self.root, self.path, self.wanem = folder, root, path, wanem
        self.tag = f"h{os.getpid() % 100000:x}"
        self.hub = Namespace(self.tag + "hub")
        self.all, self.sites = {}, {}
        try:
            self.hub.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
            if path is None:
                ip("-n", self.hub.name, "link", "add", BRIDGE, "type", "bridge")
                ip("-n", self.hub.name, "addr", "add", HUB + "/16", "dev", BRIDGE)
                ip("-n", self.hub.name, "link", "set", BRIDGE, "up")
            else:
                ip("-n", self.hub.name, "addr", "add", HUB + "/32", "dev", "lo")
            self.here = os.path.join(folder, "here")
            os.makedirs(self.here)
            for number in range(count):
                node = Node(self, number)
                self.all[node.name] = self.sites[node.name] = node
        except BaseException:
            self.remove()
            raise
        self.caller = Caller(self) if path else FloatingCaller(self, FLOATING)

    def remove(self):
        for node in self.all.values():
            node.kill()
            if node.ocean is not None:
                node.ocean.terminate()
                node.ocean.wait(10)
            node.namespace.remove()
        self.hub.remove()
