#!/usr/bin/env python3
"""A holder is deposed with changes that nobody has; they are stranded. `hareplicate stranded merge` brings
texts together: a file to take to the holder while another site is it, the live file itself once this site is.

    stranded_texts_are_merged.py REPLICATOR HAREPLICATE
"""

import os
import stat
import subprocess
import sys

from promise import Promise
from turns import TurningCluster

BASE = "".join(f"line {number}\n" for number in range(20))


class Sites:
    def __init__(self, promise, cluster, program):
        self.promise, self.cluster, self.program = promise, cluster, program
        self.fra1, self.nyc1 = cluster.sites.values()
        self.incident = None

    def merge(self, *words, site=None):
        site = site or self.fra1
        config = os.path.join(site.folder, "cluster.toml")
        return subprocess.run([self.program, "--config", config, "stranded", "merge", self.incident, *words],
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def check(self, good, what, done=None):
        tail = ""
        if not good and done is not None:
            tail = f": {done.returncode} {done.stdout[-600:]} {done.stderr[-300:]}"
        self.promise.check(good, what + tail)

    def diverge(self):
        """What fra1 writes while it is cut off, and nyc1 once it holds the service."""
        cluster, fra1, nyc1 = self.cluster, self.fra1, self.nyc1
        for name in ("clean.conf", "conflict.conf", "msg0001.txt", "link.conf", "gone.conf"):
            fra1.write(name, BASE.encode())
        fra1.write("binary", b"\0one")
        os.chmod(fra1.path("clean.conf"), 0o640)
        os.chown(fra1.path("clean.conf"), 1234, 2345)
        cluster.start()
        cluster.wait_equal(30)
        for site in (fra1, nyc1):
            site.kill()
        changed = BASE.replace("line 3\n", "line 3\nstranded\n").encode()
        for name in ("clean.conf", "msg0001.txt", "link.conf", "gone.conf"):
            fra1.write(name, changed)
        fra1.write("conflict.conf", BASE.replace("line 5\n", "x = fra1\n").encode())
        fra1.write("binary", b"\0fra1")
        cluster.turn(nyc1.name, [nyc1])
        live = BASE.replace("line 15\n", "line 15\nlive\n").encode()
        for name in ("clean.conf", "msg0001.txt", "link.conf", "gone.conf"):
            nyc1.write(name, live)
        nyc1.write("conflict.conf", BASE.replace("line 5\n", "x = nyc1\n").encode())
        nyc1.write("binary", b"\0nyc1")
        cluster.join([fra1])
        cluster.all_equal([fra1, nyc1], 40)
        folder = os.path.join(fra1.tree, ".hareplicate", "stranded")
        self.incident = os.listdir(folder)[0]

    def at_a_replica(self):
        done = self.merge()
        self.check(done.returncode == 1 and "nyc1 holds it" in done.stdout and "+stranded" in done.stdout,
                   "at a replica it shows the diff and who holds it", done)
        out = os.path.join(self.fra1.folder, "merged")
        done = self.merge("clean.conf", "--out", out)
        with open(out, encoding="utf-8") as file:
            text = file.read()
        self.check("stranded\n" in text and "live\n" in text and "scp" in done.stdout,
                   "  --out makes a file with both, to be taken there", done)
        live = self.fra1.read("clean.conf")
        self.check(b"stranded\n" not in live, "  the live file is as it was")
        done = self.merge("clean.conf", "--out", out)
        self.check(done.returncode != 0, "  a file that exists is not overwritten", done)

    def at_the_holder(self):
        cluster, fra1, nyc1 = self.cluster, self.fra1, self.nyc1
        cluster.turn(fra1.name, [fra1, nyc1])
        cluster.all_equal([fra1, nyc1], 40)
        os.unlink(fra1.path("link.conf"))
        os.symlink("clean.conf", fra1.path("link.conf"))
        os.unlink(fra1.path("gone.conf"))
        done = self.merge("--dry-run")
        self.check("+stranded" in done.stdout and "merged" in done.stdout and
                   b"stranded\n" not in fra1.read("clean.conf"), "at the holder --dry-run shows it", done)
        refused = self.merge()
        self.check(refused.returncode == 4, "  nothing is written unasked", refused)
        done = self.merge("--yes")
        text = fra1.read("clean.conf")
        self.check(b"stranded\n" in text and b"live\n" in text, "  --yes writes what has no conflict", done)
        found = os.stat(fra1.path("clean.conf"))
        self.check((stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, 1234, 2345),
                   "  with the owner and mode that it had")
        self.check(done.returncode == 1, "  the rest is left to do, and exit code 1 says so", done)
        rows = {line.split()[1]: line for line in done.stdout.splitlines() if line.startswith("tree ")}
        self.check("conflict" in rows["conflict.conf"], "  a conflict")
        self.check("numbered message" in rows["msg0001.txt"] and "stranded keep" in rows["msg0001.txt"],
                   "  a message is for stranded keep")
        self.check("not a text" in rows["binary"], "  so is what is no text")
        self.check("not a regular file" in rows["link.conf"] and os.path.islink(fra1.path("link.conf")),
                   "  a symbolic link is not followed")
        self.check("deleted since" in rows["gone.conf"] and not os.path.exists(fra1.path("gone.conf")),
                   "  what was deleted stays deleted")

    def conflict(self):
        cluster, fra1, nyc1 = self.cluster, self.fra1, self.nyc1
        out = os.path.join(fra1.folder, "conflict")
        done = self.merge("conflict.conf", "--out", out)
        with open(out, encoding="utf-8") as file:
            text = file.read()
        self.check("<<<<<<< live\nx = nyc1\n=======\nx = fra1\n>>>>>>> stranded\n" in text,
                   "a conflict is marked in the file that --out makes", done)
        refused = self.merge("conflict.conf", "--with", out, "--yes")
        self.check(refused.returncode == 4 and "marks" in refused.stderr, "  with marks: refused", refused)
        decided = BASE.replace("line 5\n", "x = both\n")
        with open(out, "w", encoding="utf-8") as file:
            file.write(decided)
        done = self.merge("conflict.conf", "--with", out, "--yes")
        self.check(done.returncode == 0 and fra1.read("conflict.conf") == decided.encode(),
                   "  without marks it is written", done)
        done = self.merge("conflict.conf", "--with", out, "--yes")
        self.check(done.returncode == 0 and "nothing to do" in done.stdout, "  once", done)
        cluster.all_equal([fra1, nyc1], 40)
        everywhere = b"stranded\n" in nyc1.read("clean.conf")
        self.check(everywhere and nyc1.read("conflict.conf") == decided.encode(),
                   "all of it has gone to the other site")


def main():
    with Promise("stranded texts are merged") as promise:
        with TurningCluster(promise, sys.argv[1], check="1s") as cluster:
            sites = Sites(promise, cluster, os.path.abspath(sys.argv[2]))
            sites.diverge()
            sites.at_a_replica()
            sites.at_the_holder()
            sites.conflict()


if __name__ == "__main__":
    main()
