"""The awkward tree: one of everything a copy must keep (names, links, rights, times, holes, attributes).

Everything is made relative to open directories, so that paths may be longer than PATH_MAX. The result is the
same on every run, times included. What a file system cannot hold is named on stderr and left out.
"""

import errno
import hashlib
import os
import resource
import stat
import struct
import sys

from tree_make import seeded_bytes

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
UID_MAX = 4294967294
ODD_NAMES = [
    b"new\nline", b"tab\tname", b"carriage\rreturn", bytes(range(1, 32)), b"\x7fdelete",
    b"bell\x07escape\x1b[31m", b"\xff", b"\xff\xfe latin", b"\xed\xa0\x80surrogate", b"\xc3",
    "bidi \u202etxt.exe".encode(),
    "zero\u200bwidth".encode(), "caf\u00e9".encode(), "cafe\u0301".encode(), "\U0001f4de".encode(),
    b"-rf", b"--",
    b" leading and trailing ", b"*", b"?[a-z]{b,c}", b"back\\slash", b"quote'\"`", b"$(id)", b"%s%n", b"~",
    b"#hash#", b"...", b"..hidden", b".hidden", b"semi;colon&", b"name.tmp", b"\\012", b"n" * 255,
    "\u00fc".encode() * 127 + b"x", b"\xff" * 255, b"case", b"Case", b"CASE",
    b"dir", b"dir-", b"dir.b", b"dir0",  # around "dir/x" in byte order; "dir" is a file here
]
SIZES = [0, 1, 2, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 7]
MTIMES = {
    b"1901": (-(1 << 31), 0), b"1901 and more": (-(1 << 31) + 1, 999999999), b"before 1970": (-2, 500000000),
    b"minus one ns": (-1, 999999999), b"epoch": (0, 0), b"epoch and one ns": (0, 1),
    b"2038": ((1 << 31) - 1, 999999999),
    b"after 2038": (1 << 31, 123456789), b"2106": (1 << 32, 7), b"2446": (15032385534, 999999998),
    b"the last second of ext4": (15032385535, 0),  # Linux drops the nanoseconds of the first and the last
}


def acl(entries):
    """The xattr of a POSIX ACL: (tag, permissions, id) with the tags of linux/posix_acl.h."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER, NO_ID = 1, 2, 4, 8, 16, 32, 0xFFFFFFFF
ACL_ACCESS = acl([(USER_OBJ, 6, NO_ID), (USER, 4, 12345), (USER, 6, UID_MAX), (GROUP_OBJ, 4, NO_ID),
                  (GROUP, 1, 54321), (MASK, 6, NO_ID), (OTHER, 0, NO_ID)])
ACL_DEFAULT = acl([(USER_OBJ, 7, NO_ID), (USER, 5, 12345), (GROUP_OBJ, 5, NO_ID), (MASK, 5, NO_ID),
                   (OTHER, 5, NO_ID)])
# cap_net_raw and cap_net_bind_service, permitted and effective: struct vfs_cap_data, revision 2.
CAPABILITIES = struct.pack("<IIIII", 0x02000001, (1 << 13) | (1 << 10), 0, 0, 0)


class Builder:
    def __init__(self, root):
        self.folders = {b"": os.open(root, os.O_RDONLY | os.O_DIRECTORY)}  # all stay open: paths get too long
        self.times = {}
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def folder(self, path):
        """The open directory; made, with those above it, where it is missing."""
        if path not in self.folders:
            above, name = self.parent(path)
            try:
                os.mkdir(name, 0o755, dir_fd=above)
                self.times.setdefault(path, None)
            except FileExistsError:
                pass
            self.folders[path] = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
        return self.folders[path]

    def parent(self, path):
        """The open directory above `path`, and its last name."""
        above, _, name = path.rpartition(b"/")
        return self.folder(above), name

    def make(self, path, create, mode=None, owner=None, xattrs=None, mtime=None):
        """create(dirfd, name) makes it; then owner, mode and attributes in the order that keeps them all."""
        here, name = self.parent(path)
        create(here, name)
        self.times[path] = mtime
        if owner:
            os.chown(name, *owner, dir_fd=here, follow_symlinks=False)
        if mode is not None:
            os.chmod(name, mode, dir_fd=here)
        for attribute, value in (xattrs or {}).items():
            reached = b"/proc/self/fd/%d/%s" % (here, name)
            try:
                os.setxattr(reached, attribute, value, follow_symlinks=False)
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.ENOSPC, errno.E2BIG):
                    raise
                print(f"left out: {attribute!r} of {path!r}: {error.strerror}", file=sys.stderr)

    def file(self, path, data=b"content", **more):
        """data: bytes, or a list of (offset, bytes) and a last (size, b"") with holes between."""
        pieces = [(0, data)] if isinstance(data, bytes) else data

        def create(here, name):
            out = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=here)
            for offset, piece in pieces:
                os.pwrite(out, piece, offset)
            os.ftruncate(out, pieces[-1][0] + len(pieces[-1][1]))
            os.close(out)

        self.make(path, create, **more)

    def directory(self, path, mode=0o755, **more):
        self.make(path, lambda here, name: os.mkdir(name, 0o755, dir_fd=here), mode=mode, **more)

    def symlink(self, path, target, **more):
        self.make(path, lambda here, name: os.symlink(target, name, dir_fd=here), **more)

    def node(self, path, kind, device=0, mode=0o640, **more):
        self.make(path, lambda here, name: os.mknod(name, kind | mode, device, dir_fd=here), mode, **more)

    def link(self, path, to):
        source_folder, source = self.parent(to)
        folder, name = self.parent(path)
        os.link(source, name, src_dir_fd=source_folder, dst_dir_fd=folder, follow_symlinks=False)

    def finish(self):
        """Times last: making anything inside a directory changes that directory's."""
        for path, mtime in self.times.items():
            if mtime is None:
                number = int.from_bytes(hashlib.blake2b(path, digest_size=8).digest(), "big")
                mtime = (946684800 + number % 800000000, number % 1000000000)
            moment = mtime[0] * 1000000000 + mtime[1]
            here, name = self.parent(path)
            os.utime(name, ns=(moment, moment), dir_fd=here, follow_symlinks=False)
        os.utime(self.folders[b""], ns=(1234567890123456789, 1234567890123456789))
        for folder in self.folders.values():
            os.close(folder)


def names_and_sizes(build):
    for name in ODD_NAMES:
        build.file(b"names/" + name, b"called " + name)
        build.file(b"folders/" + name + b"/inside", b"in " + name)
    for size in SIZES:
        build.file(b"sizes/%d" % size, seeded_bytes(size, size))
    build.file(b"sizes/zeros 2 MiB", bytes(2 * MIB))
    build.file(b"sizes/zeros 64 KiB", bytes(64 * KIB))
    build.file(b"order/dir/x")
    for name in (b"dir-", b"dir.b", b"dir0", b"a", b"a b"):
        build.file(b"order/" + name)
    build.directory(b"empty")
    build.directory(b"empty too/a/b/c")


def long_paths(build):
    folder = b"/".join(b"%02d" % level + b"l" * 248 for level in range(20))  # 5 KiB; PATH_MAX is 4 KiB
    build.file(folder + b"/the bottom", b"deep")
    build.symlink(folder + b"/link", b"the bottom")
    build.directory(folder + b"/empty")
    build.file(folder[:251 * 10] + b"half way", b"half way")
    build.file(b"/".join([b"deep"] + [b"d"] * 300 + [b"bottom"]), b"300 levels down")
    build.link(b"links/of the bottom", folder + b"/the bottom")


def links(build, outside):
    for number, target in enumerate([b"nowhere", b"/etc/passwd", b".", b"..", b"../../../../../..", b"itself",
                                     b"new\nline\xff", b"/" + b"t" * 254 + b"/x", b"t/" * 2047 + b"t", b" ",
                                     b"../names/case", b"//double//slash/", b"trailing/"]):
        build.symlink(b"symlinks/%02d" % number, target)
    build.symlink(b"symlinks/itself", b"itself")
    build.symlink(b"symlinks/owned", b"x", owner=(12345, UID_MAX), mtime=(1000000000, 1))
    build.symlink(b"symlinks/with attributes", b"x",
                  xattrs={"trusted.of.link": b"1", "security.of.link": b"2"})
    build.link(b"symlinks/hard link of owned", b"symlinks/owned")
    build.file(b"links/first", b"three names", mode=0o604)
    build.link(b"links/second", b"links/first")
    build.link(b"a link in front", b"links/first")
    build.file(b"links/empty", b"")
    build.link(b"links/empty too", b"links/empty")
    build.file(b"links/partner outside", b"its other name is not in this tree")
    os.makedirs(outside, exist_ok=True)
    folder, name = build.parent(b"links/partner outside")
    os.link(name, os.path.join(outside, b"partner"), src_dir_fd=folder)
    build.link(b"links/partner outside, and a second name", b"links/partner outside")


def rights_and_times(build):
    for mode in (0, 0o111, 0o200, 0o400, 0o777, 0o4755, 0o2755, 0o6711, 0o1644, 0o7777, 0o4000):
        build.file(b"modes/%04o" % mode, b"mode", mode=mode, owner=(12345, 54321))
    for mode in (0, 0o111, 0o1777, 0o2775, 0o3700, 0o7777):
        build.directory(b"modes/dir %04o" % mode, mode=mode, owner=(12345, 54321))
        build.file(b"modes/dir %04o/inside" % mode)
    build.file(b"owners/highest", owner=(UID_MAX, UID_MAX))
    build.file(b"owners/over 31 bits", owner=(1 << 31, (1 << 31) + 1), mode=0o4711)
    build.directory(b"owners/folder", owner=(UID_MAX, 0))
    for name, mtime in MTIMES.items():
        build.file(b"times/" + name, mtime=mtime)
        build.directory(b"times/folder " + name, mtime=mtime)
        build.symlink(b"times/link " + name, b"x", mtime=mtime)


def attributes(build):
    build.file(b"xattrs/user", xattrs={"user.empty": b"", "user.binary": bytes(range(256)),
                                       b"user.\xff\n name": b"x"})
    build.file(b"xattrs/big", xattrs={"user.big": seeded_bytes(5, 3000)})
    build.file(b"xattrs/many", xattrs={f"user.number.{n}": b"%d" % n for n in range(40)})
    build.file(b"xattrs/privileged", xattrs={"trusted.ha": b"\0trusted\0", "security.ha": b"secure"})
    build.directory(b"xattrs/folder", xattrs={"user.on.folder": b"1", "trusted.on.folder": b"2"})
    build.file(b"xattrs/read only", mode=0o444, xattrs={"user.a": b"b"})
    build.file(b"xattrs/capabilities", owner=(12345, 0), mode=0o755,
               xattrs={"security.capability": CAPABILITIES})
    build.file(b"acls/file", mode=0o640, xattrs={"system.posix_acl_access": ACL_ACCESS})
    build.directory(b"acls/folder", xattrs={"system.posix_acl_access": ACL_ACCESS,
                                            "system.posix_acl_default": ACL_DEFAULT})
    build.file(b"acls/folder/inherits")
    build.directory(b"acls/only default", xattrs={"system.posix_acl_default": ACL_DEFAULT})
    build.directory(b"acls/only default/inherits")


def holes(build):
    islands = [(0, b"first"), (GIB + 4096, seeded_bytes(1, 100 * KIB)), (500 * GIB + 123, b"odd offset"),
               (999 * GIB, seeded_bytes(2, 4096)), (TIB, b"")]
    build.file(b"sparse/1 TB", islands)
    build.file(b"sparse/only a hole", [(8 * MIB + 1, b"")])
    build.file(b"sparse/hole first", [(4 * MIB, seeded_bytes(3, 70 * KIB))])
    build.file(b"sparse/hole last", [(0, seeded_bytes(4, 70 * KIB)), (4 * MIB + 5, b"")])
    build.file(b"sparse/holes of a page", [(n * 8 * KIB, seeded_bytes(n, 4 * KIB)) for n in range(300)])


def nodes(build):
    build.node(b"nodes/fifo", stat.S_IFIFO, mode=0o622, owner=(12345, 54321))
    build.link(b"nodes/fifo, second name", b"nodes/fifo")
    build.node(b"nodes/socket", stat.S_IFSOCK)
    build.node(b"nodes/null", stat.S_IFCHR, os.makedev(1, 3), mode=0o666)
    build.node(b"nodes/whiteout", stat.S_IFCHR, os.makedev(0, 0))
    build.node(b"nodes/large numbers", stat.S_IFCHR, os.makedev(4095, 1048575))
    build.node(b"nodes/block", stat.S_IFBLK, os.makedev(7, 200), mode=0o660, xattrs={"trusted.on.node": b"1"})


def make_awkward(root):
    """Makes the tree in `root`, which must be empty or absent; `root`.outside holds a hard-link partner."""
    os.umask(0o022)
    os.makedirs(root, exist_ok=True)
    if os.listdir(root):
        raise ValueError(f"{os.fsdecode(root)} is not empty")
    build = Builder(root)
    names_and_sizes(build)
    long_paths(build)
    links(build, root.rstrip(b"/") + b".outside")
    rights_and_times(build)
    attributes(build)
    holes(build)
    nodes(build)
    build.finish()
    print(f"made {len(build.times)} things in {os.fsdecode(root)}")
