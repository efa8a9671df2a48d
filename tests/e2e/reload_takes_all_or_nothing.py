#!/usr/bin/env python3
"""SIGHUP: a new configuration is taken as a whole; a wrong one, or one that cannot be run, leaves the old
one in force. A role turns by it, with the same process; nothing is sent anew.

    reload_takes_all_or_nothing.py REPLICATOR
"""

import os
import signal
import sys

from promise import Promise
from turns import TurningCluster


def hang_up(cluster, site, event):
    """SIGHUP, and waits for the event in the log of this process."""
    before = site.log().count(event)
    site.process.send_signal(signal.SIGHUP)
    cluster.wait(f"{site.name} says {event.decode()}", lambda: site.log().count(event) > before, 20)


def rewrite(site, old, new):
    path = os.path.join(site.folder, "cluster.toml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert old in text, old
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


def main():
    with Promise("a reload takes all or nothing") as promise:
        with TurningCluster(promise, sys.argv[1], check="1s") as cluster:
            first, second = cluster.sites.values()
            first.write("a", b"1")
            cluster.start()
            cluster.wait_equal(20)
            pid = first.process.pid

            rewrite(first, 'check = "1s"', 'check = "many"')
            hang_up(cluster, first, b"config.rejected")
            first.write("b", b"2")
            cluster.wait_equal(20)
            promise.check(True, "a wrong configuration: said, and the old one goes on")

            first.configure()
            rewrite(first, first.address, "tcp://192.0.2.1:1")  # not an address of this host
            node = os.path.join(first.folder, "node.toml")
            with open(node, encoding="utf-8") as file:
                text = file.read()
            with open(node, "w", encoding="utf-8") as file:
                file.write('listen = "192.0.2.1"\n' + text)
            hang_up(cluster, first, b"config.rejected")
            first.write("c", b"3")
            cluster.wait_equal(20)
            promise.check(True, "one that cannot be run: said, and the old one goes on")

            sent = first.set_status()["sent_bytes"]
            cluster.holder, cluster.epoch = second.name, 2
            for site in (second, first):
                site.configure()
                hang_up(cluster, site, b"config.loaded")
            cluster.origin, cluster.replica = second, first
            cluster.wait_equal(20)
            second.write("d", b"4")
            cluster.wait_equal(20)
            promise.check(first.read("d") == b"4", f"roles have turned ({sent} bytes were sent before)")
            promise.check(first.process.pid == pid and first.is_running(), "by the same process")
            for _ in range(20):
                first.process.send_signal(signal.SIGHUP)
            second.write("e", b"5")
            cluster.wait_equal(30)
            promise.check(True, "twenty at once are survived")
            cluster.check_staging()


if __name__ == "__main__":
    main()
