#!/usr/bin/env python3
"""A site with an unknown key, of another cluster, or with another wire version never pairs: nothing is
copied, and both sides say why.

    wrong_peers_never_pair.py REPLICATOR
"""

import ctypes
import struct
import sys
import time

from cluster import Cluster, make_keys
from promise import Promise

ZMQ_DEALER, ZMQ_ROUTING_ID, ZMQ_LINGER, ZMQ_RCVTIMEO = 5, 5, 17, 27
ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY, ZMQ_CURVE_SERVERKEY = 48, 49, 50
HELLO = 1
TRIES_SECONDS = 4


def stays_apart(promise, cluster, what, says):
    """Over some seconds nothing arrives; `says` maps a site to what its log or status must hold."""
    deadline = time.monotonic() + TRIES_SECONDS
    states = set()
    while time.monotonic() < deadline:
        for site in cluster.sites.values():
            site.check_alive()
        link = cluster.origin.link()
        states.add(link["state"] if link else "none")
        time.sleep(0.2)
    promise.check("up" not in states, f"{what}: the link was {sorted(states)}")
    promise.check(len(cluster.differences()) == 1, f"{what}: nothing was copied")
    for site, words in says.items():
        link = site.link()
        text = site.log().decode(errors="replace") + (f"{link['reason']} {link['hint']}" if link else "")
        lines = [line for line in text.split("\n") if words in line]
        promise.check(lines, f"{what}: {site.name} says: {lines[-1] if lines else text[-800:]}")


def wrong_configuration(promise, replicator, what, side, changes, words):
    with Cluster(promise, replicator) as cluster:
        cluster.origin.write("secret", b"not for you")
        getattr(cluster, side).configure(**changes(cluster))
        cluster.start()
        stays_apart(promise, cluster, what, {getattr(cluster, where): text for where, text in words.items()})


class RawOrigin:
    """Speaks to a replica with the origin's own key, in whatever words the test likes."""

    def __init__(self, cluster, lane):
        self.zmq = ctypes.CDLL("libzmq.so.5")
        self.zmq.zmq_ctx_new.restype = self.zmq.zmq_socket.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.zmq.zmq_ctx_new())
        self.socket = ctypes.c_void_p(self.zmq.zmq_socket(self.context, ZMQ_DEALER))
        for option, value in ((ZMQ_CURVE_SERVERKEY, cluster.replica.public),
                              (ZMQ_CURVE_PUBLICKEY, cluster.origin.public),
                              (ZMQ_CURVE_SECRETKEY, cluster.origin.secret), (ZMQ_ROUTING_ID, lane)):
            raw = value.encode()
            self.zmq.zmq_setsockopt(self.socket, option, raw, ctypes.c_size_t(len(raw)))
        for option, value in ((ZMQ_LINGER, 0), (ZMQ_RCVTIMEO, 1500)):
            number = ctypes.c_int(value)
            self.zmq.zmq_setsockopt(self.socket, option, ctypes.byref(number), ctypes.c_size_t(4))
        self.zmq.zmq_connect(self.socket, cluster.replica.address.encode())

    def send(self, message):
        self.zmq.zmq_send(self.socket, message, ctypes.c_size_t(len(message)), 0)

    def receive(self):
        buffer = ctypes.create_string_buffer(1 << 16)
        size = self.zmq.zmq_recv(self.socket, buffer, ctypes.c_size_t(len(buffer)), 0)
        return buffer.raw[:size] if size >= 0 else None

    def close(self):
        self.zmq.zmq_close(self.socket)
        self.zmq.zmq_ctx_term(self.context)


def hello(cluster, major):
    """An envelope (common/wire/envelope.h) with a Hello of schemas/replication.proto."""
    texts = ((1, cluster.id.encode()), (2, cluster.origin.name.encode()))
    body = b"".join(bytes([number << 3 | 2, len(text)]) + text for number, text in texts) + b"\x18\x07"
    return b"HR" + struct.pack("<BBHBBIQII", major, 0, HELLO, 0, 0, 0, 0, len(body), len(body)) + body


def wrong_version(promise, replicator):
    with Cluster(promise, replicator) as cluster:
        cluster.origin.write("secret", b"not for you")
        cluster.replica.start()
        cluster.wait("the replica answers", cluster.replica.status, 20)
        for major, welcome in ((1, True), (2, False), (0, False), (255, False)):
            raw = RawOrigin(cluster, cluster.origin.name + "/control")
            try:
                raw.send(hello(cluster, major))
                answer = raw.receive()
            finally:
                raw.close()
            promise.check((answer is not None) == welcome,
                          f"wire version {major}: {'answered' if answer else 'no answer'}")
        raw = RawOrigin(cluster, cluster.origin.name + "/control")
        for _ in range(200):
            raw.send(promise.random.randbytes(promise.random.randrange(1, 200)))
        raw.close()
        promise.check(cluster.replica.status() is not None,
                      "noise from a peer with the right key is survived")
        log = cluster.replica.log().decode(errors="replace").split("\n")
        said = [line for line in log if "link.bad_message" in line]
        promise.check(said, f"it says: {said[0] if said else 'nothing'}")
        # The real one gets in all the same.
        cluster.origin.start()
        cluster.wait_equal(30)
        promise.check(True, "and the real peer pairs")


def main():
    other = make_keys()[0]
    with Promise("unknown keys, other clusters and other wire versions never pair") as promise:
        wrong_configuration(promise, sys.argv[1], "the replica does not know the key", "replica",
                            lambda cluster: {"keys": {cluster.origin.name: other}},
                            {"replica": "link.key_refused", "origin": "does not admit our key"})
        wrong_configuration(promise, sys.argv[1], "the replica has another key than told", "origin",
                            lambda cluster: {"keys": {cluster.replica.name: other}},
                            {"origin": "link.handshake_failed"})
        wrong_configuration(promise, sys.argv[1], "another cluster", "replica",
                            lambda cluster: {"cluster_id": cluster.id + "-other"},
                            {"replica": "link.refused", "origin": "cluster"})
        wrong_version(promise, sys.argv[1])


if __name__ == "__main__":
    main()
