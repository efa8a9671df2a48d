"""Machines that invite and join, for end-to-end tests: real commands in the ends of a path, tokens taken
apart and forged, and a machine that speaks the protocol in words of its own.
"""

import base64
import ctypes
import os
import shutil
import signal
import struct
import subprocess
import time
import zlib

from cluster import Deadline, make_keys
from promise import end_with_us

ZMQ_DEALER, ZMQ_LINGER, ZMQ_RCVTIMEO = 5, 17, 27
ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY, ZMQ_CURVE_SERVERKEY = 48, 49, 50
WIRE_MAJOR = 1
COMMAND_SECONDS = 60


# ---------------------------------------------------------------- tokens, docs/pairing.md
def unpack(token):
    text = token.removeprefix("hr1.").upper()
    return base64.b32decode(text + "=" * (-len(text) % 8))


def pack(raw):
    """With a checksum that fits, whatever it says."""
    body = raw[:-4]
    whole = body + struct.pack("<I", zlib.crc32(body))
    return "hr1." + base64.b32encode(whole).decode().rstrip("=").lower()


def with_other_secret(token):
    raw = bytearray(unpack(token))
    raw[33] ^= 1
    return pack(bytes(raw))


# ---------------------------------------------------------------- a machine in the test's own words
def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def pair_request(token, secret=None, wire=WIRE_MAJOR):
    """Pairing{request}, schemas/pairing.proto."""
    body = field(1, 1) + field(2, unpack(token)[33:49] if secret is None else secret) + field(3, wire)
    return field(1, body + field(4, b"0.0.test") + field(7, b"raw"))


class RawMachine:
    def __init__(self, machine, token, port):
        self.zmq = ctypes.CDLL("libzmq.so.5")
        self.zmq.zmq_ctx_new.restype = self.zmq.zmq_socket.restype = ctypes.c_void_p
        self.public, secret = make_keys()
        with machine.path.inside(machine.end):  # its I/O thread, which makes the connections, is started here
            self.context = ctypes.c_void_p(self.zmq.zmq_ctx_new())
            self.socket = ctypes.c_void_p(self.zmq.zmq_socket(self.context, ZMQ_DEALER))
        for option, value in ((ZMQ_CURVE_SERVERKEY, unpack(token)[1:33]),
                              (ZMQ_CURVE_PUBLICKEY, self.public.encode()),
                              (ZMQ_CURVE_SECRETKEY, secret.encode())):
            self.zmq.zmq_setsockopt(self.socket, option, value, ctypes.c_size_t(len(value)))
        for option, value in ((ZMQ_LINGER, 0), (ZMQ_RCVTIMEO, 5000)):
            number = ctypes.c_int(value)
            self.zmq.zmq_setsockopt(self.socket, option, ctypes.byref(number), ctypes.c_size_t(4))
        self.zmq.zmq_connect(self.socket, f"tcp://{port}".encode())

    def ask(self, message):
        """The bytes of the answer; None when there is none."""
        self.zmq.zmq_send(self.socket, message, ctypes.c_size_t(len(message)), 0)
        buffer = ctypes.create_string_buffer(1 << 21)
        size = self.zmq.zmq_recv(self.socket, buffer, ctypes.c_size_t(len(buffer)), 0)
        return buffer.raw[:size] if size >= 0 else None

    def close(self):
        self.zmq.zmq_close(self.socket)
        self.zmq.zmq_ctx_term(self.context)


# ---------------------------------------------------------------- machines
class Machine:
    """A folder that stands for /etc/hareplicate of one host, at one end of the path."""

    def __init__(self, path, end, hareplicate, folder):
        self.path, self.end, self.hareplicate, self.folder = path, end, hareplicate, folder
        self.address = path.addresses[end]

    def file(self, name):
        return os.path.join(self.folder, name)

    def read(self, name="cluster.toml"):
        try:
            with open(self.file(name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.file(name)), exist_ok=True)
        with open(self.file(name), "w", encoding="utf-8") as out:
            out.write(text)

    def command(self, *arguments):
        return [self.hareplicate, "--config", self.file("cluster.toml"), *arguments]

    def run(self, *arguments, environment=None, user=None):
        """(exit code, what it says on both streams)."""
        with self.path.inside(self.end):
            done = subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=COMMAND_SECONDS, env=os.environ | (environment or {}),
                                  user=user)
        return done.returncode, done.stdout + done.stderr

    def make_key(self):
        os.makedirs(self.folder)
        code, said = self.run("keys", "new", self.file("secrets/site.curve"))
        assert code == 0, said
        return said.split('key = "')[1].split('"')[0]

    def invite(self, site, *arguments):
        return Invitation(self, site, arguments)

    def copy(self, folder):
        """The same files in another folder, as a copied disk."""
        shutil.copytree(self.folder, folder)
        return Machine(self.path, self.end, self.hareplicate, folder)


class Invitation:
    """`hareplicate invite` while it waits."""

    def __init__(self, machine, site, arguments):
        self.error_path = machine.folder + ".invite"
        with open(self.error_path, "w", encoding="utf-8") as errors, machine.path.inside(machine.end):
            self.process = subprocess.Popen(machine.command("invite", site, *arguments), text=True,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                            preexec_fn=end_with_us)
        self.line = self.process.stdout.readline().strip()
        self.token = self.line.rsplit(" ", 1)[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def port(self):
        raw = unpack(self.token)
        at = 53
        for _ in range(2):
            at += 1 + raw[at]
        return raw[at + 1:at + 1 + raw[at]].decode().split(",")[0]

    def stop(self):
        """As ^C; what end() gives."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self, seconds=30):
        """(exit code, what it has said); it must end by itself."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise Deadline(f"invite does not end: {self.said()}")
            time.sleep(0.05)
        return self.process.returncode, self.said() + self.process.stdout.read()

    def said(self):
        with open(self.error_path, encoding="utf-8") as file:
            return file.read()
