#!/usr/bin/env python3
"""wanem does what it was asked to: delay, loss, rate, stall, partition and congestion control.

    wanem_accuracy.py WANEM      (root; without it, skipped)
"""

import selectors
import socket
import statistics
import struct
import sys
import time

from wanem_path import WanemPath, skip_unless_possible

SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER_BYTES = 256 << 20
HEADER_BYTES = 28  # IPv4 and UDP
failures = 0


def check(what, measured, low, high):
    global failures
    good = low <= measured <= high
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}: {measured:.4f}, wanted {low:.4f} to {high:.4f}", flush=True)


def receiver(path, end):
    made = path.socket(end, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return made


def drain(receiving, quiet_s=0.5):
    """Everything that arrives until it has been quiet: a list of (arrival in seconds, bytes)."""
    receiving.settimeout(quiet_s)
    arrivals = []
    while True:
        try:
            data, ancillary, _, _ = receiving.recvmsg(65536, 64)
        except TimeoutError:
            return arrivals
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
        arrivals.append((seconds + nanoseconds / 1e9, len(data)))


def send_paced(sending, target, count, payload_bytes, packets_per_s):
    payload = bytes(payload_bytes)
    started = time.monotonic()
    sent = 0
    while sent < count:
        allowed = min(count, int((time.monotonic() - started) * packets_per_s) + 1)
        for _ in range(allowed - sent):
            sending.sendto(payload, target)
        sent = allowed
        time.sleep(0.001)


def stream(path, start, count, payload_bytes, packets_per_s):
    """Sends from one end to the other and returns the arrivals."""
    end = "b" if start == "a" else "a"
    receiving = receiver(path, end)
    sending = path.socket(start, socket.SOCK_DGRAM)
    send_paced(sending, receiving.getsockname(), count, payload_bytes, packets_per_s)
    return drain(receiving)


def round_trips(path, count, every_s):
    """Echoes small packets from a to b and back; the round trips in milliseconds."""
    asking, echoing = path.socket("a", socket.SOCK_DGRAM), path.socket("b", socket.SOCK_DGRAM)
    selector = selectors.DefaultSelector()
    selector.register(asking, selectors.EVENT_READ)
    selector.register(echoing, selectors.EVENT_READ)
    results, sent, started = [], 0, time.monotonic()
    while len(results) < count and time.monotonic() < started + count * every_s + 5:
        if sent < count and time.monotonic() >= started + sent * every_s:
            asking.sendto(struct.pack("d", time.monotonic()), echoing.getsockname())
            sent += 1
        for key, _ in selector.select(every_s / 4):
            data, sender = key.fileobj.recvfrom(100)
            if key.fileobj is echoing:
                echoing.sendto(data, sender)
            else:
                results.append((time.monotonic() - struct.unpack("d", data)[0]) * 1000)
    return results


def delay_loss_and_rate(wanem):
    with WanemPath(wanem, "--rtt", "150ms", "--rate", "100mbit", "--loss", "0.5%", "--seed", "7") as path:
        trips = round_trips(path, 300, 0.01)
        check("round trip p50, ms", statistics.median(trips), 149.9, 152)
        for start in "ab":
            arrived = len(stream(path, start, 40000, 200, 15000))
            check(f"loss from {start}, %", 100 * (1 - arrived / 40000), 0.4, 0.6)
        path.ctl("set both loss 0%")
        for start in "ab":
            arrived = len(stream(path, start, 20000, 1000, 8000))
            check(f"packets lost from {start} at 0 %", 20000 - arrived, 0, 0)
        arrivals = stream(path, "a", 40000, 1400, 13000)
        seconds = arrivals[-1][0] - arrivals[0][0]
        bits = 8 * sum(size + HEADER_BYTES for _, size in arrivals[1:])
        check("rate, Mbit/s", bits / seconds / 1e6, 97, 103)
        direction = path.stats()["a-b"]
        check("packets that overflowed the queue", direction["overflowed_packets"], 1000, 40000)
        check("queue limit, bytes", direction["queue_bytes"], 1875000, 1875000)
        check("packets refused by a device", path.stats()["unwritable_packets"], 0, 0)


def switches(wanem):
    with WanemPath(wanem, "--rtt", "20ms") as path:
        path.ctl("set a-b partition on")
        check("packets through a partition", len(stream(path, "a", 100, 100, 1000)), 0, 0)
        check("packets the other way", len(stream(path, "b", 100, 100, 1000)), 100, 100)
        path.ctl("set a-b partition off")
        check("packets after a partition", len(stream(path, "a", 100, 100, 1000)), 100, 100)

        path.ctl("set both stall on")
        receiving, sending = receiver(path, "b"), path.socket("a", socket.SOCK_DGRAM)
        send_paced(sending, receiving.getsockname(), 100, 100, 1000)
        check("packets through a stall", len(drain(receiving)), 0, 0)
        path.ctl("reset")
        check("packets released by the stall's end", len(drain(receiving)), 100, 100)

        for wrong in ("set a-b loss 5", "set c-d loss 5%", "set both wind 5%", "lose"):
            try:
                path.ctl(wrong)
                check(f"refusals of \"{wrong}\"", 0, 1, 1)
            except ValueError:
                check(f"refusals of \"{wrong}\"", 1, 1, 1)


def congestion(wanem):
    for name in ("bbr", "cubic"):
        with open("/proc/sys/net/ipv4/tcp_available_congestion_control", encoding="ascii") as known:
            if name not in known.read().split():
                print(f"skipped: this kernel has no {name}")
                continue
        with WanemPath(wanem, "--congestion", name) as path:
            listening = path.socket("b", socket.SOCK_STREAM)
            listening.listen()
            connecting = path.socket("a", socket.SOCK_STREAM)
            connecting.connect(listening.getsockname())
            for end in (connecting, listening.accept()[0]):
                used = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()
                check(f"ends that use {name} ({used})", used == name, 1, 1)


def main():
    skip_unless_possible()
    wanem = sys.argv[1]
    delay_loss_and_rate(wanem)
    switches(wanem)
    congestion(wanem)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
