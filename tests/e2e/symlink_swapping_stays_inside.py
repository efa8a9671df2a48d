#!/usr/bin/env python3
"""A process without rights, which owns part of the trees, swaps directories and files for symlinks that lead
outside, on both sides, while the daemons (root) work there: nothing outside is read or written.

    symlink_swapping_stays_inside.py REPLICATOR      (root; without it, skipped)
"""

import ctypes
import os
import random
import signal
import sys
import time

from canary import Canary
from cluster import Cluster
from promise import Promise, count, skip_unless_root

NOBODY = 65534
SECONDS = 60
FOLDERS = [f"d{number}" for number in range(4)] + ["d0/inner", "d1/inner"]
FILES = [f"f{number}" for number in range(8)]
AT_FDCWD, RENAME_EXCHANGE = -100, 2
libc = ctypes.CDLL(None, use_errno=True)


def exchange(first, second):
    return libc.renameat2(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE) == 0


def quietly(call, *arguments, **more):
    try:
        return call(*arguments, **more)
    except OSError:
        return None


def make_link(target, place):
    quietly(os.unlink, place)
    quietly(os.symlink, target, place)


def swap(root, outside, chooser, what):
    """One attack: `what` is a link for a moment, then itself again."""
    place, link = os.path.join(root, what), os.path.join(root, "link")
    relative = chooser.random() < 0.3
    target = os.path.join(outside, what)
    make_link(os.path.relpath(target, os.path.dirname(place)) if relative else target, link)
    if exchange(place, link):
        time.sleep(chooser.choice([0, 0, 0.0005, 0.005, 0.05]))
        if not exchange(place, link):
            # What was put there meanwhile gives way to what was there before.
            quietly(os.unlink, place)
            quietly(os.rename, link, place)


def write_in(root, chooser, folder):
    """A new version of a file, made in whatever directory really is there."""
    descriptor = quietly(os.open, os.path.join(root, folder), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    if descriptor is None:
        return
    try:
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW
        with open(os.open("new", flags, 0o644, dir_fd=descriptor), "wb") as out:
            out.write(b"inside " * chooser.randrange(1, 20000))
        os.rename("new", chooser.choice(FILES), src_dir_fd=descriptor, dst_dir_fd=descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def attack(root, outside, seed, writes, staging):
    """In a child process, as nobody, until SIGTERM."""
    child = os.fork()
    if child:
        return child
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        stopped = []
        signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
        chooser = random.Random(seed)
        while not stopped:
            if writes and chooser.random() < 0.5:
                write_in(root, chooser, chooser.choice(FOLDERS))
            folder = chooser.choice(FOLDERS)
            swap(root, outside, chooser,
                 folder if chooser.random() < 0.6 else os.path.join(folder, chooser.choice(FILES)))
            if staging and chooser.random() < 0.02:
                swap(root, outside, chooser, ".hareplicate")
            time.sleep(0.001)
        quietly(os.unlink, os.path.join(root, "link"))
    finally:
        os._exit(0)


def give_away(root):
    for folder, folders, names in os.walk(root):
        for path in [folder, *(os.path.join(folder, name) for name in names)]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def end(child):
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)


def main():
    skip_unless_root()
    seconds = count(SECONDS)
    with Promise(f"{seconds} s of symlink swapping: nothing outside is read or written") as promise:
        with Cluster(promise, sys.argv[1], check="1s") as cluster:
            canary = Canary(os.path.join(cluster.folder, "outside"), [*FOLDERS, ".hareplicate"], FILES)
            for folder in FOLDERS:
                for name in FILES:
                    cluster.origin.write(os.path.join(folder, name), b"inside")
            give_away(cluster.origin.tree)
            os.chown(cluster.replica.tree, NOBODY, NOBODY)
            cluster.start()
            cluster.wait_equal(60)
            promise.check(not canary.events(), "the canary is quiet before the attack")
            attackers = [attack(cluster.origin.tree, canary.root, promise.seed, True, False),
                         attack(cluster.replica.tree, canary.root, promise.seed + 1, False, True)]
            events, seen, looks = [], [], 0
            try:
                until, restart = time.monotonic() + seconds, time.monotonic() + seconds / 4
                while time.monotonic() < until:
                    time.sleep(0.2)
                    for site in cluster.sites.values():
                        site.check_alive()
                    events += canary.events()
                    seen += canary.seen_in(cluster.replica.tree)
                    looks += 1
                    if time.monotonic() > restart:
                        # A full walk of both sides in the middle of it.
                        restart += seconds / 4
                        cluster.replica.kill()
                        cluster.replica.start()
                        cluster.origin.ask("resync", "tree")
            finally:
                for child in attackers:
                    end(child)
            events += canary.events()
            promise.check(not events, f"nobody opened, read or changed anything outside {events[:5] or ''}")
            promise.check(canary.is_untouched(), "everything outside is as it was, to the change time")
            promise.check(not seen,
                          f"in {looks} looks nothing from outside was on the replica {seen[:3] or ''}")
            published = cluster.replica.log().count(b"set.published")
            promise.check(published > 0, f"the replica published {published} times meanwhile")
            cluster.replica.restart()
            took = cluster.wait_equal(120)
            promise.check(True, f"equal {took:.1f} s after the attack")
            promise.check(not canary.events(), "the canary is quiet after the attack")


if __name__ == "__main__":
    main()
