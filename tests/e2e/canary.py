"""A tree that nobody may read or write, and that tells when somebody does (inotify)."""

import ctypes
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tree_compare  # noqa: E402

IN_NONBLOCK = 0o4000
IN_ALL_BUT_CLOSE = 0x1 | 0x2 | 0x4 | 0x20 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
NAMES = {0x1: "read", 0x2: "modified", 0x4: "attributes", 0x20: "opened", 0x40: "moved from",
         0x80: "moved to", 0x100: "created", 0x200: "deleted"}
libc = ctypes.CDLL(None, use_errno=True)


class Canary:
    MARK = b"this is outside and must never be seen "

    def __init__(self, root, folders, files):
        """folders and files are names that an attacker's links will be mistaken for."""
        self.root = root
        os.mkdir(root, 0o755)
        for folder in ["", *folders]:
            os.makedirs(os.path.join(root, folder), exist_ok=True)
            for name in [*files, "only-outside"]:
                with open(os.path.join(root, folder, name), "wb") as out:
                    out.write(self.MARK + os.path.join(folder, name).encode() * 50)
        self.before = self.state()
        self.inotify = libc.inotify_init1(IN_NONBLOCK)
        everything = [os.path.join(folder, name)
                      for folder, _, names in os.walk(root) for name in ["", *names]]
        for path in everything:
            if libc.inotify_add_watch(self.inotify, os.fsencode(path), IN_ALL_BUT_CLOSE) < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch " + path)

    def state(self):
        snapshot = tree_compare.snapshot(os.fsencode(self.root))
        changed = {path: os.stat(os.path.join(os.fsencode(self.root), path)).st_ctime_ns
                   for path in snapshot.entries}
        return snapshot.entries, changed

    def events(self):
        """What happened to it, as words."""
        words = []
        try:
            data = os.read(self.inotify, 1 << 16)
        except BlockingIOError:
            return words
        at = 0
        while at < len(data):
            _, mask, _, size = struct.unpack_from("iIII", data, at)
            name = data[at + 16:at + 16 + size].rstrip(b"\0").decode(errors="replace")
            words.append(f"{NAMES.get(mask & 0xFFF, hex(mask))} {name}")
            at += 16 + size
        return words

    def is_untouched(self):
        good = self.state() == self.before
        self.events()  # ours
        return good

    def seen_in(self, root):
        """Paths in the tree whose content or name comes from here; never through a symlink."""
        top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return list(self.walk(top, ""))
        finally:
            os.close(top)

    def walk(self, folder, prefix):
        for name in os.listdir(folder):
            try:
                opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            except OSError:
                continue
            try:
                if os.path.isdir(f"/proc/self/fd/{opened}"):
                    yield from self.walk(opened, prefix + name + "/")
                elif name == "only-outside" or self.MARK in os.read(opened, 1 << 16):
                    yield prefix + name
            except OSError:
                pass
            finally:
                os.close(opened)
