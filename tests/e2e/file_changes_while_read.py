#!/usr/bin/env python3
"""Files that grow, shrink, vanish and are overwritten while they are read: the replica shows only what the
origin once had, other files are not kept waiting, and all is equal when it is quiet.

    file_changes_while_read.py REPLICATOR
"""

import os
import sys
import threading
import time

from cluster import Cluster
from promise import Promise, count

SECONDS = 60
BIG_BYTES = 48 << 20
STEP_BYTES = 64 << 10
OTHERS_SECONDS = 25
LINE = b"one more line of the log, number %09d\n"


class Restless:
    """Each method is one thread's loop body; all stop together."""

    def __init__(self, site):
        self.site, self.ending, self.lines, self.turn = site, threading.Event(), 0, 0
        self.errors = []
        self.threads = [threading.Thread(target=self.keep_doing, args=(each,), daemon=True)
                        for each in (self.grow, self.shrink, self.vanish, self.overwrite)]

    def keep_doing(self, body):
        try:
            while not self.ending.is_set():
                body()
        except Exception as error:
            self.errors.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def grow(self):
        with open(self.site.path("growing.log"), "ab") as out:
            out.write(LINE % self.lines)
        self.lines += 1
        time.sleep(0.002)

    def shrink(self):
        with open(self.site.path("shrinking"), "wb") as out:
            out.truncate(20 << 20)
            for size in range(20, 0, -1):
                out.write(b"s" * (1 << 16))
                out.flush()
                out.truncate(size << 20)
                time.sleep(0.01)

    def vanish(self):
        with open(self.site.path("vanishing"), "wb") as out:
            out.write(b"v" * (8 << 20))
        time.sleep(0.2)
        os.unlink(self.site.path("vanishing"))
        time.sleep(0.05)

    def overwrite(self):
        """From the front to the end with one letter, then with the next: at every moment new, then old."""
        self.turn += 1
        block = bytes([65 + self.turn % 26]) * STEP_BYTES
        with open(self.site.path("overwritten"), "r+b") as out:
            for place in range(0, BIG_BYTES, STEP_BYTES):
                os.pwrite(out.fileno(), block, place)
                if self.ending.is_set() and place % (1 << 20) == 0:
                    time.sleep(0)
        time.sleep(0.3)


def is_one_moment(content):
    """At most one border between letters, at a multiple of the step; the letter before is the next one."""
    if not content:
        return True
    letters = [content[place:place + STEP_BYTES] for place in range(0, len(content), STEP_BYTES)]
    if any(each != each[:1] * len(each) for each in letters):
        return False
    runs = [letters[0][0]] + [b[0] for a, b in zip(letters, letters[1:]) if a[0] != b[0]]
    return len(runs) == 1 or (len(runs) == 2 and (runs[0] - 65) % 26 == (runs[1] - 65 + 1) % 26)


def is_log(content):
    size = len(LINE % 0)
    whole = len(content) // size
    return all(content[number * size:(number + 1) * size] == LINE % number for number in range(whole)) and \
        (LINE % whole).startswith(content[whole * size:])


def main():
    seconds = count(SECONDS) * 2
    with Promise("files that change while they are read arrive whole") as promise:
        with Cluster(promise, sys.argv[1], check="2s") as cluster:
            origin, replica = cluster.origin, cluster.replica
            origin.write("overwritten", b"A" * BIG_BYTES)
            origin.write("quiet", b"at first")
            cluster.start()
            cluster.wait_equal(60)
            looks, torn, seen = 0, [], set()
            with Restless(origin) as restless:
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    content = replica.read("overwritten")
                    seen.add((content[:1], content[-1:]))
                    if not is_one_moment(content):
                        torn.append("overwritten")
                    log = replica.read("growing.log") if os.path.exists(replica.path("growing.log")) else b""
                    if not is_log(log):
                        torn.append("growing.log")
                    looks += 1
                    time.sleep(0.2)
                origin.write("quiet", b"while all else changes")
                cluster.wait("a quiet file arrives meanwhile",
                             lambda: replica.read("quiet") == b"while all else changes", OTHERS_SECONDS)
            promise.check(not restless.errors, f"the load ran through {restless.errors or ''}")
            promise.check(not torn, f"{looks} looks, {len(seen)} versions of the overwritten file, "
                          f"none torn {torn[:5] or ''}")
            took = cluster.wait_equal(90)
            promise.check(True, f"equal {took:.1f} s after the last change, "
                          f"{restless.lines} lines, {restless.turn} turns")
            cluster.check_staging()


if __name__ == "__main__":
    main()
