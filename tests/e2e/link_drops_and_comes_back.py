#!/usr/bin/env python3
"""The wide-area link is cut, stalls, loses packets and comes back during a first load: it is gone on with
where it stopped, and all is equal.

    link_drops_and_comes_back.py REPLICATOR WANEM      (root; without it, skipped)
"""

import sys
import time

from cluster import Cluster
from promise import FULL, Promise
from wanem_path import WanemPath, skip_unless_possible

CONTENT_BYTES = (120 if FULL else 40) << 20
OVERHEAD_MAX = 1.5  # sent in all, over the content


def sent(cluster):
    return cluster.origin.link()["sent_bytes"]


def is_up(site):
    link = site.link()
    return link is not None and link["state"] == "up"


def main():
    skip_unless_possible()
    with Promise("a link that drops, stalls and comes back is gone on with") as promise:
        with WanemPath(sys.argv[2], "--rtt", "60ms", "--rate", "50mbit", "--seed", "3") as path, \
                Cluster(promise, sys.argv[1], path=path) as cluster:
            origin, replica = cluster.origin, cluster.replica
            for number in range(8):
                origin.write(f"large-{number}", promise.random.randbytes(CONTENT_BYTES // 10))
            for number in range(200):
                origin.write(f"small/{number}", promise.random.randbytes(CONTENT_BYTES // 1000))
            cluster.start()

            def trouble(what, words, seconds):
                before = sent(cluster)
                for each in words:
                    path.ctl(each)
                time.sleep(seconds)
                path.ctl("set both partition off")
                path.ctl("set both stall off")
                path.ctl("set both loss 0%")
                promise.say(f"{what}: {seconds} s, {sent(cluster) - before} bytes were sent meanwhile")
                link = origin.link()
                promise.say(f"     link {link['state']}, {link['reconnects']} reconnects, {link['reason']}")
                cluster.wait("the link is up", lambda: is_up(origin), 60)
                time.sleep(1.5)

            time.sleep(1.5)
            trouble("cut for a moment", ["set both partition on"], 2)
            trouble("stalled", ["set both stall on"], 4)
            trouble("one direction cut", ["set b-a partition on"], 4)
            trouble("5 % lost", ["set both loss 5%"], 4)
            trouble("cut until both sides have given up", ["set both partition on"], 25)
            trouble("reset", ["reset"], 0.1)
            took = cluster.wait_equal(180)
            promise.check(True, f"equal {took:.1f} s after the last trouble")
            share = sent(cluster) / CONTENT_BYTES
            promise.check(share < OVERHEAD_MAX, f"{share:.2f} times the content was sent in all")
            # Found and lost while nothing is to do: the change made meanwhile arrives.
            path.ctl("set both partition on")
            origin.write("made while cut", b"new")
            down = cluster.wait_state(replica, "down", 60)
            behind = down["behind_ns"] / 1e9
            promise.check(15 < behind < 40, f"the replica alone says that it is {behind:.1f} s behind")
            replica.stop()
            replica.start()
            restarted = cluster.wait_state(replica, "down", 60)["behind_ns"] / 1e9
            promise.check(behind < restarted < behind + 30, f"after a restart it says {restarted:.1f} s")
            path.ctl("set both partition off")
            cluster.wait_equal(60)
            promise.check(replica.read("made while cut") == b"new",
                          "a change made while it was cut has arrived")
            found = cluster.wait_state(replica, "in sync", 10)
            promise.check(found["behind_ns"] == 0, "and the replica says that it is in sync")
            cluster.check_staging()


if __name__ == "__main__":
    main()
