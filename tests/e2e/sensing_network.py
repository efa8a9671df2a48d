"""The part of sensors_trip_and_recover between two hosts: lost, broken and dropped packets, a cut link.

Of a class with promise and watch(kind, **options).
"""

import math
import socket
import sys
import threading
import time

from namespaces import Cable
from promise import FULL


class Network:
    def cable(self):
        with Cable() as cable:
            there, device = cable.addresses["b"], cable.devices["a"]
            inside = cable.inside("a", [])
            with self.watch("net.loss", inside=inside, address=there, window="20", count="10", warn="20%",
                            trip="40%", timeout="500ms") as loss, \
                    self.watch("ping", inside=inside, address=there) as ping:
                loss.good("were lost")
                ping.good("answers after")
                cable.run("b", ["nft", "add table inet lossy; add chain inet lossy in { type filter hook "
                                       "input priority 0; }; add rule inet lossy in meta l4proto icmp "
                                       "numgen random mod 100 < 70 drop"])
                loss.trips("were lost")
                cable.run("b", ["nft", "flush table inet lossy; "
                                       "add rule inet lossy in meta l4proto icmp drop"])
                ping.trips("does not answer")
                cable.run("b", ["nft", "delete table inet lossy"])
                loss.good()
                ping.good()
            cable.ip("a", "route", "add", "default", "via", there)
            with self.watch("net.gateway", inside=inside, timeout="500ms") as gateway, \
                    self.watch("net.link", inside=inside, interface=device) as link:
                gateway.good("answers")
                link.good("has a link")
                cable.ip("b", "link", "set", cable.devices["b"], "down")
                link.trips("has no link")
                gateway.trips(there)
                cable.ip("b", "link", "set", cable.devices["b"], "up")
                link.good()
                gateway.good()
            self.udp_drops(cable, inside)
            self.broken_packets(cable, inside, device)
            if FULL:  # the kernel takes half a minute to forget them
                self.tracked(cable, inside)

    # Packets of a protocol that nobody has are dropped, and counted, by the interface that they come in by.
    def broken_packets(self, cable, inside, device):
        sender = "import socket, time\n" \
                 "out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n" \
                 f"out.bind(({cable.devices['b']!r}, 0))\n" \
                 "while True:\n" \
                 "    out.send(b'\\xff' * 6 + b'\\x02' + bytes(5) + b'\\x88\\xb5' + bytes(50))\n" \
                 "    time.sleep(0.005)\n"
        with self.watch("net.errors", inside=inside, interface=device) as watch:
            watch.good("packets")
            process = cable.popen("b", [sys.executable, "-c", sender])
            try:
                watch.trips("packets")
            finally:
                process.kill()
                process.wait()
            watch.good()

    # Each connection that the kernel tracks takes a place for a while.
    def tracked(self, cable, inside):
        cable.run("a", ["nft", "add table inet track; add chain inet track in { type filter hook input "
                               "priority 0; }; add rule inet track in ct state new accept"])
        cable.run("a", ["sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=1"])
        with open("/proc/sys/net/netfilter/nf_conntrack_max", encoding="ascii") as limit:
            most = int(limit.read())
        some = max(1, math.ceil(20 / most * 100_000))  # thousandths of a per cent
        level = f"{some / 1000:.3f}%"
        with self.watch("net.conntrack", inside=inside, warn=level, trip=level) as watch:
            watch.good("are tracked")
            for _ in range(most * some // 100_000 + 50):
                with cable.socket("b", socket.SOCK_DGRAM) as out:
                    out.sendto(b"x", (cable.addresses["a"], 9999))
            watch.trips("are tracked")
            watch.good()

    def udp_drops(self, cable, inside):
        with cable.socket("a", socket.SOCK_DGRAM, (cable.addresses["a"], 9)) as deaf, \
                cable.socket("b", socket.SOCK_DGRAM) as flood, \
                self.watch("net.udp_drops", inside=inside, trip="50") as watch:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            watch.good("found no room")
            stop = threading.Event()

            def pour():
                while not stop.is_set():
                    for _ in range(100):
                        flood.sendto(b"x" * 1000, (cable.addresses["a"], 9))
                    time.sleep(0.02)

            pouring = threading.Thread(target=pour)
            pouring.start()
            watch.trips("found no room")
            stop.set()
            pouring.join()
            watch.good()
