"""Stands between a client and a real name server and does to their messages what networks and bad servers do.

    with DnsProxy(server) as proxy:
        proxy.plan("lose-reply", "pass")      # one word for each request that comes; then "pass"
        ... the client talks to proxy.endpoint ...
        proxy.seen                           # [(transport, request, [replies])], as they went through

Words: pass, lose-request, late-request (the server gets it LATE_SECONDS later), lose-reply, late-reply (held
back for LATE_SECONDS), twice (the reply), twice-request (the server gets it again after it has answered:
a replay), wrong-id, stray (another server's datagram first), truncated (TC, no records), unsigned (the TSIG
is cut off), bad-mac, servfail, garbage, reset (TCP: RST instead of an answer; UDP: a closed port), half (TCP:
half an answer, then the end), kill-server and freeze-server (SIGSTOP; after it has answered, before the
client hears it), mangle (the request has a record less than its header says). A function instead of a word
is called before the server gets the request.
"""

import os
import signal
import socket
import struct
import threading
import time

from dns_servers import free_port

LATE_SECONDS = 1.5
HEADER = struct.Struct("!6H")
REPLY, TRUNCATED = 0x8000, 0x0200
SERVFAIL = 2
TSIG = 250
UPDATE = 5


def skip_name(message, at):
    while True:
        length = message[at]
        if length == 0:
            return at + 1
        if length >= 0xC0:
            return at + 2
        at += 1 + length


def last_record(message):
    """Where the last record begins and where its rdata ends; None if there is none."""
    counts = HEADER.unpack_from(message)
    at = HEADER.size
    for _ in range(counts[2]):
        at = skip_name(message, at) + 4
    begin = None
    for _ in range(sum(counts[3:])):
        begin = at
        at = skip_name(message, at)
        at += 10 + struct.unpack_from("!H", message, at + 8)[0]
    return None if begin is None else (begin, at)


def without_tsig(message):
    found = last_record(message)
    if found is None or struct.unpack_from("!H", message, skip_name(message, found[0]))[0] != TSIG:
        return message
    fields = list(HEADER.unpack_from(message))
    fields[5] -= 1
    return HEADER.pack(*fields) + message[HEADER.size:found[0]]


def with_bad_mac(message):
    found = last_record(message)
    if found is None or without_tsig(message) == message:
        return message
    at = skip_name(message, found[0]) + 10
    at = skip_name(message, at) + 6 + 2 + 2 + 4  # algorithm, time, fudge, size; into the MAC
    return message[:at] + bytes([message[at] ^ 0xFF]) + message[at + 1:]


def mangled(request):
    fields = list(HEADER.unpack_from(request))
    fields[4] += 1
    return HEADER.pack(*fields) + request[HEADER.size:]


def answer_to(request, code, flags=0):
    """A reply of nothing but a header and the question."""
    fields = list(HEADER.unpack_from(request))
    end = HEADER.size
    for _ in range(fields[2]):
        end = skip_name(request, end) + 4
    return HEADER.pack(fields[0], (fields[1] | REPLY | flags) & ~0xF | code, fields[2], 0, 0, 0) + \
        request[HEADER.size:end]


class DnsProxy:
    def __init__(self, server, address="127.0.0.1", only_updates=False):
        self.server, self.address, self.only_updates = server, address, only_updates
        self.port = free_port(address)
        self.words = []
        self.ever = "pass"
        self.seen = []
        self.lock = threading.Lock()
        self.ended = False
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, self.port))
        self.tcp.listen(64)
        self.threads = [threading.Thread(target=self.serve_udp, daemon=True),
                        threading.Thread(target=self.serve_tcp, daemon=True)]

    @property
    def endpoint(self):
        return f"{self.address}:{self.port}"

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wake:
            wake.sendto(b"", (self.address, self.port))
        try:
            socket.create_connection((self.address, self.port), 1).close()
        except OSError:
            pass
        for thread in self.threads:
            thread.join(5)
        self.udp.close()
        self.tcp.close()

    def plan(self, *words, ever=None):
        """`ever`: what all that come after those meet."""
        with self.lock:
            self.words = list(words)
            self.ever = ever or "pass"

    def next_word(self, request):
        if self.only_updates and request[2] >> 3 & 0xF != UPDATE:
            return "pass"
        with self.lock:
            return self.words.pop(0) if self.words else self.ever

    # ---- to the server
    def ask_udp(self, request):
        family = socket.AF_INET6 if ":" in self.server.address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as out:
            out.settimeout(10)
            out.connect((self.server.address, self.server.port))
            out.send(request)
            try:
                return out.recv(65535)
            except OSError:  # it has been killed, or drops it
                return b""

    def ask_tcp(self, request):
        try:
            with socket.create_connection((self.server.address, self.server.port), 10) as out:
                out.sendall(struct.pack("!H", len(request)) + request)
                return read_message(out)
        except OSError:
            return b""

    def replies(self, word, request, ask):
        """What the client gets for it, in order; None is a moment of waiting."""
        if word == "lose-request":
            return []
        if word == "servfail":
            return [answer_to(request, SERVFAIL)]
        if word == "garbage":
            return [os.urandom(64)]
        if callable(word):
            word()
        if word == "late-request":
            time.sleep(LATE_SECONDS)
        reply = ask(mangled(request) if word == "mangle" else request)
        if word == "twice-request":
            time.sleep(0.05)
            ask(request)
        if word == "kill-server":
            self.server.kill()
        if word == "freeze-server":
            self.server.process.send_signal(signal.SIGSTOP)
        if not reply or word in ("lose-reply", "kill-server", "freeze-server"):
            return []
        return {
            "late-reply": [None, reply],
            "twice": [reply, reply],
            "wrong-id": [bytes([reply[0] ^ 0xFF]) + reply[1:]],
            "stray": [answer_to(bytes([request[0] ^ 0x55]) + request[1:], 0), reply],
            "truncated": [answer_to(request, reply[3] & 0xF, TRUNCATED)],
            "unsigned": [without_tsig(reply)],
            "bad-mac": [with_bad_mac(reply)],
        }.get(word, [reply])

    def note(self, transport, request, replies):
        with self.lock:
            self.seen.append((transport, request, [each for each in replies if each is not None]))

    # ---- from the client
    def serve_udp(self):
        while not self.ended:
            try:
                request, client = self.udp.recvfrom(65535)
            except OSError:
                continue
            if len(request) >= HEADER.size:
                threading.Thread(target=self.one_udp, args=(request, client), daemon=True).start()

    def one_udp(self, request, client):
        word = self.next_word(request)
        replies = [] if word == "reset" else self.replies(word, request, self.ask_udp)
        self.note("udp", request, replies)
        for reply in replies:
            if reply is None:
                time.sleep(LATE_SECONDS)
            else:
                self.udp.sendto(reply, client)

    def serve_tcp(self):
        while not self.ended:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self.one_tcp, args=(connection,), daemon=True).start()

    def one_tcp(self, connection):
        with connection:
            while not self.ended:
                request = read_message(connection)
                if len(request) < HEADER.size:
                    return
                word = self.next_word(request)
                replies = [] if word == "reset" else self.replies(word, request, self.ask_tcp)
                self.note("tcp", request, replies)
                if word == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                for reply in replies:
                    if reply is None:
                        time.sleep(LATE_SECONDS)
                        continue
                    framed = struct.pack("!H", len(reply)) + reply
                    if word == "half":
                        connection.sendall(framed[:len(framed) // 2])
                        return
                    try:
                        connection.sendall(framed)
                    except OSError:
                        return


def read_message(connection):
    """One message of a TCP stream; b"" at its end."""
    def exactly(count):
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            if not more:
                return b""
            data += more
        return data

    try:
        head = exactly(2)
        return exactly(struct.unpack("!H", head)[0]) if head else b""
    except OSError:
        return b""
