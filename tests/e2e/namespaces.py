"""Two network namespaces joined by a cable, for one test; needs root.

    with Cable() as cable:                       # a: 10.78.0.1, b: 10.78.0.2
        cable.run("a", ["nft", "list", "ruleset"])
        sock = cable.socket("b", socket.SOCK_DGRAM)
"""

import ctypes
import os
import socket
import subprocess

from promise import end_with_us

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def setns(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


class Cable:
    def __init__(self):
        tag = f"{os.getpid():x}"
        self.namespaces = {end: f"ha-{tag}-{end}" for end in "ab"}
        self.devices = {end: f"c{tag}{end}" for end in "ab"}
        self.addresses = {"a": "10.78.0.1", "b": "10.78.0.2"}

    def __enter__(self):
        try:
            for name in self.namespaces.values():
                subprocess.run(["ip", "netns", "add", name], check=True)
            subprocess.run(["ip", "link", "add", self.devices["a"], "netns", self.namespaces["a"],
                            "type", "veth", "peer", "name", self.devices["b"],
                            "netns", self.namespaces["b"]], check=True)
            for end in "ab":
                self.ip(end, "addr", "add", self.addresses[end] + "/24", "dev", self.devices[end])
                self.ip(end, "link", "set", self.devices[end], "up")
                self.ip(end, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in self.namespaces.values():
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)

    def ip(self, end, *words):
        subprocess.run(["ip", "-n", self.namespaces[end], *words], check=True)

    def inside(self, end, command):
        return ["ip", "netns", "exec", self.namespaces[end], *command]

    def run(self, end, command, check=True, **more):
        return subprocess.run(self.inside(end, command), check=check, capture_output=True, text=True, **more)

    def popen(self, end, command, **more):
        return subprocess.Popen(self.inside(end, command), preexec_fn=end_with_us, **more)

    def socket(self, end, kind, bound=("", 0)):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespaces[end]}", os.O_RDONLY)
        try:
            setns(there)
            made = socket.socket(socket.AF_INET, kind)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(bound)
            return made
        finally:
            setns(home)
            os.close(home)
            os.close(there)
