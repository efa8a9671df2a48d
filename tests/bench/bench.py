#!/usr/bin/env python3
"""Measures the replicator beside rsync over the same emulated path, and prints one JSON line a result.

    bench.py --replicator BIN --wanem BIN [--congestion bbr] [--loss 0.5%] [--scale 1] CASE...

Cases: r01 tiny ins small moved first nothing state role_turn shelf verify. Times count from the moment the
change is made until the replica's files have the new size and time, the replicator's settle time included;
contents are compared afterwards. Bytes are those of both directions on the wire, headers included.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
sys.path.insert(0, HERE)

import control  # noqa: E402
from contestants import (RSYNC_TUNED, RSYNC_Z, Replicator, Rsync, cpu_seconds,  # noqa: E402
                         facts_of, wait_for, wire_bytes)
from turn_cases import TurnCases  # noqa: E402
from wanem_path import WanemPath, skip_unless_possible  # noqa: E402

TREE = os.path.join(HERE, "..", "support", "tree.py")
GIB = 1 << 30
LIMIT_S = 600
SYSTEM = '[link]\ncongestion = "system"\n'
CHECKED = re.compile(r"equal after (\d+) us")


def tool(*words):
    subprocess.run([sys.executable, TREE, *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def all_files(root):
    out = []
    for folder, folders, names in os.walk(root):
        if ".hareplicate" in folders:
            folders.remove(".hareplicate")
        out += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return out


class Bench(TurnCases):
    def __init__(self, options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="bench-data-", dir=options.folder)

    def path(self):
        return WanemPath(self.options.wanem, "--rtt", self.options.rtt, "--rate", self.options.rate, "--loss",
                         self.options.loss, "--congestion", self.options.congestion, "--seed", "7")

    def show(self, case, who, seconds, sent, floor_s, note=""):
        print(json.dumps({"case": case, "who": who, "congestion": self.options.congestion,
                          "loss": self.options.loss, "seconds": round(seconds, 3), "bytes": sent,
                          "floor_s": round(floor_s, 3), "note": note}), flush=True)

    @staticmethod
    def tool(*words):
        tool(*words)

    @staticmethod
    def copy(source, target):
        tool_copy(source, target)

    def floor(self, changed_bytes):
        return 0.075 + changed_bytes * 8 / 100e6

    def trees(self, make):
        source, target = os.path.join(self.folder, "source"), os.path.join(self.folder, "target")
        for folder in (source, target):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
        make(source)
        return source, target

    def equal(self, source, target):
        tool("compare", source, target, "--ignore", ".hareplicate", "--ignore", ".")

    def edited(self, case, make, edit, changed_bytes, prime=True):
        """One edit to a tree that both ends have: the replicator, then rsync twice from the same state."""
        source, target = self.trees(make)
        tool_copy(source, target)
        before = os.path.join(self.folder, "before")
        shutil.rmtree(before, ignore_errors=True)
        tool_copy(source, before)
        for who in self.options.who:
            restore(before, source)
            restore(before, target)
            with self.path() as path:
                if who.startswith("replicator"):
                    more = SYSTEM if who == "replicator-system" else ""
                    seconds, sent = self.edited_by_us(path, source, target, edit, prime, more)
                else:
                    seconds, sent = self.edited_by_rsync(path, source, target, edit, who)
            self.equal(source, target)
            self.show(case, who, seconds, sent, self.floor(changed_bytes))

    def edited_by_us(self, path, source, target, edit, prime, more):
        with Replicator(path, self.options.replicator, source, target, more) as pair:
            pair.wait_in_sync(LIMIT_S)
            wait_for(target, facts_of(source, all_files(source)), LIMIT_S)
            time.sleep(6)  # young files are looked at twice
            if prime:
                self.touch_up(source, target)
            os.sync()  # the disk is not busy with what the case was made from
            begin_bytes = wire_bytes(path)
            keys = edit(source)
            seconds = wait_for(target, facts_of(source, keys), LIMIT_S)
            sent = wire_bytes(path) - begin_bytes
            if self.options.verbose:
                print(pair.log("a"), pair.log("b"), file=sys.stderr)
            return seconds, sent

    def touch_up(self, source, target):
        """One small edit of each large file, so that what is measured is a file that changes now and then."""
        for key in all_files(source):
            file = os.path.join(source, key)
            if os.path.getsize(file) > 1 << 20:
                tool("scatter", file, "--count", 1, "--bytes", 16, "--seed", 99)
                wait_for(target, facts_of(source, [key]), LIMIT_S)
        time.sleep(8)  # signatures are made when there is nothing better to do

    def edited_by_rsync(self, path, source, target, edit, who):
        with Rsync(path, source, target) as rsync:
            os.sync()
            edit(source)
            begin_bytes = wire_bytes(path)
            seconds = rsync.run(*(RSYNC_Z if who == "rsync-z" else RSYNC_TUNED))
            return seconds, wire_bytes(path) - begin_bytes

    # ------------------------------------------------------------ cases
    def big(self, case, changed_bytes, edit):
        size = int(GIB * self.options.scale)

        def change(source):
            file = os.path.join(source, "big")
            edit(file)
            return ["big"]

        def make(source):
            tool("make-big", os.path.join(source, "big"), "--bytes", size, "--seed", 1)

        self.edited(case, make, change, changed_bytes)

    def r01(self):
        count = max(1, int(262 * self.options.scale))
        self.big("r01", count * 4096,
                 lambda file: tool("edit-extents", file, "--count", count, "--bytes", 4096, "--seed", 2))

    def tiny(self):
        count = max(1, int(1000 * self.options.scale))
        self.big("tiny", count * 16,
                 lambda file: tool("scatter", file, "--count", count, "--bytes", 16, "--seed", 3))

    def ins(self):
        self.big("ins", 1 << 20, lambda file: tool("insert-front", file, "--bytes", 1 << 20, "--seed", 77))

    def small(self):
        count = int(10_000 * self.options.scale)

        def make(source):
            tool("make-many", source, "--files", count, "--size-min", 200, "--size-max", 8000, "--seed", 4)

        def change(source):
            names = sorted(name for name in all_files(source))
            chosen = names[::100]
            for name in chosen:
                with open(os.path.join(source, name), "r+b") as file:
                    file.write(b"changed here")
            return chosen

        self.edited("small", make, change, count // 100 * 4000)

    def moved(self):
        """A folder of 20 large files gets another name."""
        size = int(200_000_000 * self.options.scale)

        def make(source):
            folder = os.path.join(source, "2026-10")
            os.makedirs(folder)
            for i in range(20):
                tool("make-big", os.path.join(folder, f"f{i}"), "--bytes", size // 20, "--seed", i + 50)

        def change(source):
            os.rename(os.path.join(source, "2026-10"), os.path.join(source, "archive"))
            return all_files(source)

        self.edited("moved", make, change, 0, prime=False)

    def first(self):
        size = int(500_000_000 * self.options.scale)
        for who in self.options.who:
            source, target = self.trees(lambda folder: [
                tool("make-big", os.path.join(folder, f"f{i}"), "--bytes", size // 20, "--seed", i + 10)
                for i in range(20)])
            with self.path() as path:
                begin_bytes = wire_bytes(path)
                if who == "replicator":
                    with Replicator(path, self.options.replicator, source, target) as pair:
                        seconds = wait_for(target, facts_of(source, all_files(source)), LIMIT_S)
                        if self.options.verbose:
                            print(pair.log("a"), pair.log("b"), file=sys.stderr)
                else:
                    with Rsync(path, source, target) as rsync:
                        seconds = rsync.run(*(RSYNC_Z if who == "rsync-z" else RSYNC_TUNED))
                sent = wire_bytes(path) - begin_bytes
            self.equal(source, target)
            self.show("first", who, seconds, sent, self.floor(size))

    def nothing(self):
        """One comparison of positions: the bytes of 40 s with a check every 2 s, less those without."""
        count = int(100_000 * self.options.scale)
        source, target = self.trees(lambda folder: tool(
            "make-many", folder, "--files", count, "--size-min", 1, "--size-max", 100, "--seed", 5))
        tool_copy(source, target)
        if "replicator" in self.options.who:
            used, took = {}, []
            for check in ("2s", "14m"):
                with self.path() as path, Replicator(path, self.options.replicator, source, target,
                                                     f'[set_defaults]\ncheck = "{check}"\n') as pair:
                    pair.wait_in_sync(LIMIT_S)
                    time.sleep(30)  # the walk is over, young files have been looked at twice
                    begin_bytes, begin_cpu = wire_bytes(path), cpu_seconds(pair.pid("a"))
                    time.sleep(40)
                    used[check] = wire_bytes(path) - begin_bytes
                    cpu = (cpu_seconds(pair.pid("a")) - begin_cpu) / 40
                    took = took or [float(us) / 1e6 for us in CHECKED.findall(pair.log("a"))]
                    memory = [pair.memory_kb(end) // 1024 for end in "ab"]
            took.sort()
            sent = (used["2s"] - used["14m"]) // 20
            self.show("nothing", "replicator", took[len(took) // 2], sent, 0.15,
                      f"median of {len(took)} checks; idle with {count} files: {memory[0]} and "
                      f"{memory[1]} MiB anonymous memory, {cpu * 100:.2f} % CPU at the origin")
        for who in self.options.who:
            if who != "replicator":
                with self.path() as path, Rsync(path, source, target) as rsync:
                    begin_bytes = wire_bytes(path)
                    seconds = rsync.run(*(RSYNC_Z if who == "rsync-z" else RSYNC_TUNED))
                    self.show("nothing", who, seconds, wire_bytes(path) - begin_bytes, 0.15)

    def state(self):
        """Round trips of 200-byte messages on the state lane, alone and beside a saturating first load."""
        size = int(200_000_000 * self.options.scale)
        source, target = self.trees(lambda folder: None)
        with self.path() as path, Replicator(path, self.options.replicator, source, target) as pair:
            pair.wait_in_sync(LIMIT_S)
            time.sleep(3)
            alone = self.round_trips(pair, lambda count: count >= 300)
            wanted = {}
            for i in range(10):
                tool("make-big", os.path.join(source, f"f{i}"), "--bytes", size // 10, "--seed", i + 30)
            wanted = facts_of(source, all_files(source))
            beside = self.round_trips(pair, lambda _: arrived(target, wanted))
        for name, times in (("state lane alone", alone), ("state lane beside a first load", beside)):
            times.sort()
            self.show("state", name, times[len(times) // 2], 0, 0.15,
                      f"{len(times)} round trips: p50 {times[len(times) // 2] * 1000:.0f} ms, "
                      f"p99 {times[int(len(times) * 0.99)] * 1000:.0f} ms, worst {times[-1] * 1000:.0f} ms")

    def round_trips(self, pair, done):
        """Five at a time, each followed by the next after 20 ms."""
        times, begin = [], time.monotonic()

        def ask():
            while not done(len(times)) and time.monotonic() - begin < LIMIT_S:
                for reply in control.ask(pair.socket("a"), "probe", "b", timeout=60):
                    times.append(reply["probe"]["rtt_ns"] / 1e9)
                time.sleep(0.02)

        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return times


def arrived(root, wanted):
    try:
        return facts_of(root, wanted) == wanted
    except FileNotFoundError:
        return False


def tool_copy(source, target):
    subprocess.run(["rsync", "-aHAXS", "--delete", "--exclude=/.hareplicate", source + "/", target + "/"],
                   check=True)


def restore(before, tree):
    shutil.rmtree(tree)
    os.makedirs(tree)
    tool_copy(before, tree)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicator", required=True)
    parser.add_argument("--wanem", required=True)
    parser.add_argument("--congestion", default="bbr")
    parser.add_argument("--loss", default="0.5%")
    parser.add_argument("--rtt", default="150ms")
    parser.add_argument("--rate", default="100mbit")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--who", action="append",
                        choices=["replicator", "replicator-system", "rsync-z", "rsync-tuned"])
    parser.add_argument("--folder", default=None)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("cases", nargs="+",
                        choices=["r01", "tiny", "ins", "small", "moved", "first", "nothing", "state",
                                 "role_turn", "shelf", "verify"])
    options = parser.parse_args()
    if not options.who:
        own = ["replicator"] if options.congestion == "bbr" else ["replicator", "replicator-system"]
        options.who = [*own, "rsync-z", "rsync-tuned"]
    skip_unless_possible()
    bench = Bench(options)
    try:
        for case in options.cases:
            getattr(bench, case)()
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
