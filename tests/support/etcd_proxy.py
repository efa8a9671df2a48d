"""Stands between a client and a real etcd, and does to transactions what networks and bad servers do.

    with EtcdProxy(server) as proxy:
        proxy.plan("lose-reply")       # one word for each transaction that comes; then `ever`
        ... the client talks to proxy.endpoint ...

Words: pass, lose-request, lose-reply. A function instead of a word is called with `send`, a function that
gives the request to the server and waits for its answer; the client gets none, and what it asks on another
connection waits until the function has returned.
"""

import re
import socket
import threading

from dns_servers import free_port

LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)


class EtcdProxy:
    def __init__(self, server):
        self.server = server
        self.port = free_port()
        self.words, self.ever = [], "pass"
        self.lock = threading.Lock()
        self.ended = False
        self.free = threading.Event()
        self.free.set()
        self.listening = socket.socket()
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listening.bind(("127.0.0.1", self.port))
        self.listening.listen(64)
        self.thread = threading.Thread(target=self.serve, daemon=True)

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            pass
        self.thread.join(5)
        self.listening.close()

    def plan(self, *words, ever="pass"):
        with self.lock:
            self.words, self.ever = list(words), ever

    def next_word(self, request):
        if not request.startswith(b"POST /v3/kv/txn "):
            return "pass"
        with self.lock:
            return self.words.pop(0) if self.words else self.ever

    def serve(self):
        while not self.ended:
            client, _ = self.listening.accept()
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def send(self, request):
        """To the server on a connection of its own; its answer, b"" if there is none."""
        try:
            with socket.create_connection(("127.0.0.1", self.server.port), 10) as out:
                out.sendall(request)
                return read_message(out)
        except OSError:
            return b""

    def one(self, client):
        with client:
            while not self.ended:
                try:
                    request = read_message(client)
                except OSError:
                    return
                if not request:
                    return
                word = self.next_word(request)
                if callable(word):
                    self.free.clear()
                    try:
                        word(lambda: self.send(request))
                    finally:
                        self.free.set()
                    return
                self.free.wait(10)
                reply = b"" if word == "lose-request" else self.send(request)
                if word == "lose-request" or word == "lose-reply":
                    # Silence, not an end: until the client has had enough.
                    try:
                        client.recv(1)
                    except OSError:
                        pass
                    return
                if not reply:  # the server is away: so are we
                    return
                try:
                    client.sendall(reply)
                except OSError:
                    return


def read_message(connection):
    """One HTTP message with its body, as etcd and we write them; b"" at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    if length is None:  # chunked
        while not body.endswith(b"0\r\n\r\n") and not re.search(rb"0\r\n(\S+: .*\r\n)*\r\n$", body):
            more = connection.recv(65536)
            if not more:
                return b""
            body += more
    while length is not None and len(body) < int(length.group(1)):
        more = connection.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body
