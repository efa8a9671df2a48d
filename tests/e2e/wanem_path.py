"""A running wanem with its two network namespaces, for end-to-end tests.

    with WanemPath(wanem, "--rtt", "150ms", "--loss", "0.5%") as path:
        path.run("a", ["rsync", ...])       # a command inside an end
        path.ctl("set both partition on")   # "ok", or raises
        listener = path.socket("b", socket.SOCK_STREAM)

Needs root; tests without it end with SKIPPED, which ctest shows as such (SKIP_RETURN_CODE 77).
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

SKIPPED = 77
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def skip_unless_possible():
    """Ends the test as skipped, saying what is left out, where wanem cannot work."""
    missing = []
    if os.geteuid() != 0:
        missing.append("root")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        missing.append("/dev/net/tun")
    if not shutil.which("ip"):
        missing.append("ip (iproute2)")
    if missing:
        print(f"skipped: {os.path.basename(sys.argv[0])} needs {' and '.join(missing)}")
        sys.exit(SKIPPED)


def setns(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


class WanemPath:
    def __init__(self, wanem, *arguments, addresses=("10.77.0.1", "10.77.0.2")):
        tag = f"{os.getpid():x}"
        self.namespaces = {"a": f"ha-{tag}-a", "b": f"ha-{tag}-b"}
        self.addresses = dict(zip("ab", addresses))
        self.folder = tempfile.mkdtemp(prefix="wanem-")
        self.control = os.path.join(self.folder, "control")
        self.command = [wanem, "--a", self.namespaces["a"], "--b", self.namespaces["b"], "--make",
                        "--address-a", addresses[0], "--address-b", addresses[1],
                        "--control", self.control, *arguments]
        self.wanem = None
        self.totals = ""

    def __enter__(self):
        self.wanem = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        if self.wanem.stdout.readline() != "ready\n":
            self.wanem.wait()
            shutil.rmtree(self.folder)
            raise RuntimeError("wanem did not start")
        return self

    def __exit__(self, *_):
        self.wanem.send_signal(signal.SIGTERM)
        self.totals = self.wanem.communicate()[0]
        shutil.rmtree(self.folder)

    @contextlib.contextmanager
    def inside(self, end):
        """This thread is in the namespace of `end` meanwhile; sockets made here stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespaces[end]}", os.O_RDONLY)
        try:
            setns(there)
            yield
        finally:
            setns(home)
            os.close(there)
            os.close(home)

    def socket(self, end, kind):
        """A socket in the namespace of `end`, bound to its address and a free port."""
        with self.inside(end):
            made = socket.socket(socket.AF_INET, kind)
        made.bind((self.addresses[end], 0))
        return made

    def run(self, end, command, **more):
        return subprocess.run(["ip", "netns", "exec", self.namespaces[end], *command], **more)

    def popen(self, end, command, **more):
        return subprocess.Popen(["ip", "netns", "exec", self.namespaces[end], *command], **more)

    def ctl(self, words):
        """Speaks to the control socket; returns the answer's text, raises ValueError on an error."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.bind("")
            client.settimeout(10)
            client.sendto(words.encode(), self.control)
            answer = client.recv(65536).decode().strip()
        if answer.startswith("error"):
            raise ValueError(answer)
        return answer

    def stats(self):
        return json.loads(self.ctl("stats"))
