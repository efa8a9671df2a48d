"""Cases about many files that stay as they are: a change of holder, a shelved tree that is put in its
place, and a comparison of everything."""

import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import control  # noqa: E402
from contestants import RSYNC_Z, Replicator, Rsync, wire_bytes  # noqa: E402

LIMIT_S = 600
TOOK = re.compile(r'"set\.placed".*"took":"?([0-9.]+)')
QUIET = '[set_defaults]\ncheck = "14m"\nwalk = "14m"\n'


class TurnCases:
    """Mixed into Bench, whose helpers it uses."""

    def many(self, count, size_max):
        source, target = self.trees(lambda folder: self.tool(
            "make-many", folder, "--files", count, "--size-min", 1, "--size-max", size_max, "--seed", 5))
        self.copy(source, target)
        return source, target

    def rsync_finds_nothing(self, case, source, target, note, *more):
        if "rsync-z" in self.options.who:
            with self.path() as path, Rsync(path, source, target) as rsync:
                begin_bytes = wire_bytes(path)
                seconds = rsync.run(*RSYNC_Z, *more)
                self.show(case, "rsync-z", seconds, wire_bytes(path) - begin_bytes, 0.15, note)

    def role_turn(self):
        """From the reload of both sites until the new holder knows that the old one has everything."""
        count = int(100_000 * self.options.scale)
        source, target = self.many(count, 100)
        if "replicator" in self.options.who:
            with self.path() as path, Replicator(path, self.options.replicator, source, target,
                                                 QUIET) as pair:
                pair.wait_in_sync(LIMIT_S)
                time.sleep(30)  # the walk is over, young files have been looked at twice
                begin_bytes, begin = wire_bytes(path), time.monotonic()
                pair.turn("b")
                pair.wait_event("b", "set.in_sync", LIMIT_S)
                seconds, sent = time.monotonic() - begin, wire_bytes(path) - begin_bytes
                own = control.ask(pair.socket("b"), "status")[0]["status"]["sets"][0]["link_bytes"]
            self.show("role_turn", "replicator", seconds, sent, 0.15,
                      f"{own} B are about the set, the rest is connecting: TCP, CURVE, greetings")
        self.rsync_finds_nothing("role_turn", source, target, "a run in which nothing has changed")

    def shelf(self):
        """10,000 files from the shelf to their path; the peer is a copy on the same file system."""
        count = int(10_000 * self.options.scale)
        if "replicator" in self.options.who:
            source, target = self.many(count, 8000)
            shutil.rmtree(target)
            os.makedirs(target)
            with self.path() as path, Replicator(path, self.options.replicator, source, target, QUIET,
                                                 'place = "shelf"\n') as pair:
                pair.wait_in_sync(LIMIT_S)
                os.sync()
                begin = time.monotonic()
                pair.turn("b")
                pair.wait_event("b", "config.loaded", LIMIT_S)
                seconds = time.monotonic() - begin
                took = float(TOOK.findall(pair.log("b"))[-1])
            placed = sum(len(names) for _, _, names in os.walk(target))
            self.show("shelf", "replicator", took, 0, 0, f"{placed} entries; reload with all {seconds:.2f} s")
        if "rsync-z" in self.options.who:
            source, target = self.many(count, 8000)
            shutil.rmtree(target)
            os.makedirs(target)
            os.sync()
            begin = time.monotonic()
            subprocess.run(["rsync", "-aHAXS", "--delete", source + "/", target + "/"], check=True)
            os.sync()
            self.show("shelf", "rsync-z", time.monotonic() - begin, 0, 0, "rsync -a on this host, and sync")

    def verify(self):
        """Everything compared, from the sums and from the content; the peer is a dry run with checksums."""
        count = int(100_000 * self.options.scale)
        source, target = self.many(count, 8000)
        if "replicator" in self.options.who:
            with self.path() as path, Replicator(path, self.options.replicator, source, target,
                                                 QUIET) as pair:
                pair.wait_in_sync(LIMIT_S)
                time.sleep(10)
                for name, flags in (("replicator", {}), ("replicator --deep", {"deep": ""})):
                    begin_bytes, begin = wire_bytes(path), time.monotonic()
                    replies = control.ask(pair.socket("a"), "verify", "tree", timeout=LIMIT_S, **flags)
                    job = replies[-1]["job"]
                    if not job["good"] or job["differences"]:
                        raise RuntimeError(f"verify: {job['result']}")
                    self.show("verify", name, time.monotonic() - begin, wire_bytes(path) - begin_bytes, 0.15,
                              f"{job['parts'][0]['items']:,} items are equal")
        self.rsync_finds_nothing("verify", source, target, "--checksum --dry-run", "--checksum", "--dry-run")
