"""What a tree holds, as far as rsync -aHAXS keeps it, and how two trees differ.

Everything is read relative to open directories, so that paths may be longer than PATH_MAX. Content is hashed
by its data extents: a hole and written zeros are the same content, and a sparse terabyte is not read as one.
"""

import hashlib
import os
import stat
import sys

BLOCK_BYTES = 64 * 1024
ZEROS = bytes(BLOCK_BYTES)
# A copy may be stored a little less sparsely than the original: by alignment, not by orders.
ALLOCATED_FACTOR, ALLOCATED_SLACK_BYTES = 2, 1 << 20
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
         stat.S_IFSOCK: "socket", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device"}


def content_digest(descriptor, size):
    """Of the blocks that are not all zero, each with its offset, and the size."""
    digest = hashlib.blake2b(size.to_bytes(8, "big"), digest_size=20)
    position = 0
    while position < size:
        try:
            data = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            break
        end = os.lseek(descriptor, data, os.SEEK_HOLE)
        position = max(position, data - data % BLOCK_BYTES)
        while position < end:
            block = os.pread(descriptor, BLOCK_BYTES, position)
            if not block:
                return digest.hexdigest()  # it shrank meanwhile; the size will differ
            if block != ZEROS[:len(block)]:
                digest.update(position.to_bytes(8, "big"))
                digest.update(block)
            position += BLOCK_BYTES
    return digest.hexdigest()


class Snapshot:
    """path -> {property: value}, and path -> allocated bytes of the files."""

    def __init__(self, root, ignore):
        self.entries = {}
        self.allocated = {}
        self.ignore = ignore
        self.inodes = {}  # (dev, ino) of what has several names -> (its lowest path, its content)
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        if b"." not in ignore:
            self.add(b".", os.fstat(descriptor), descriptor, b".")
        self.walk(descriptor, b"")
        os.close(descriptor)

    def walk(self, folder, prefix):
        for name in sorted(os.listdir(f"/proc/self/fd/{folder}".encode())):
            if name in self.ignore:
                continue
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                self.add(prefix + name, status, folder, name)
                if stat.S_ISDIR(status.st_mode):
                    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                    try:
                        self.walk(below, prefix + name + b"/")
                    finally:
                        os.close(below)
            except FileNotFoundError:
                self.entries.pop(prefix + name, None)  # it went away meanwhile, so it is not there

    def add(self, path, status, folder, name):
        kind = stat.S_IFMT(status.st_mode)
        reached = b"/proc/self/fd/%d/%s" % (folder, name)
        entry = {"kind": KINDS.get(kind, "unknown"), "owner": f"{status.st_uid}:{status.st_gid}",
                 "mtime": status.st_mtime_ns}
        if kind != stat.S_IFLNK:
            entry["mode"] = f"{stat.S_IMODE(status.st_mode):04o}"
        for attribute in os.listxattr(reached, follow_symlinks=False):
            entry[f"xattr {attribute}"] = os.getxattr(reached, attribute, follow_symlinks=False).hex()
        if kind == stat.S_IFLNK:
            entry["target"] = os.readlink(name, dir_fd=folder)
        if kind in (stat.S_IFCHR, stat.S_IFBLK):
            entry["device"] = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        first, content = self.inodes.get((status.st_dev, status.st_ino), (path, None))
        if kind == stat.S_IFREG:
            entry["size"] = status.st_size
            entry["content"] = content or self.read(folder, name, status)
            self.allocated[path] = status.st_blocks * 512
        if kind != stat.S_IFDIR and status.st_nlink > 1:
            # The walk is in byte order within a folder, so the first name met is the same in equal trees.
            self.inodes.setdefault((status.st_dev, status.st_ino), (path, entry.get("content")))
            if first != path:
                entry["hard link of"] = first
        self.entries[path] = entry

    @staticmethod
    def read(folder, name, status):
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            return content_digest(descriptor, status.st_size)
        finally:
            os.close(descriptor)


def snapshot(root, ignore=()):
    sys.setrecursionlimit(20000)
    return Snapshot(root, set(ignore))


def differences(a, b):
    """One line per difference; a and b are Snapshots."""
    for path in sorted(a.entries.keys() | b.entries.keys()):
        left, right = a.entries.get(path), b.entries.get(path)
        if left is None or right is None:
            yield f"{path!r}: only in the {'second' if left is None else 'first'}"
            continue
        if left["kind"] != right["kind"]:
            yield f"{path!r}: {left['kind']} / {right['kind']}"
            continue
        for key in sorted(left.keys() | right.keys()):
            if left.get(key) != right.get(key):
                yield f"{path!r}: {key}: {left.get(key)!r} / {right.get(key)!r}"
        limit = ALLOCATED_FACTOR * a.allocated.get(path, 0) + ALLOCATED_SLACK_BYTES
        if b.allocated.get(path, 0) > limit:
            yield f"{path!r}: allocated: {a.allocated[path]} / {b.allocated[path]} bytes"


def tree_digest(root, ignore=()):
    digest = hashlib.blake2b(digest_size=20)
    for path, entry in sorted(snapshot(root, ignore).entries.items()):
        digest.update(repr((path, sorted(entry.items()))).encode())
    return digest.hexdigest()
