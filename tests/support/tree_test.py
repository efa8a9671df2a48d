#!/usr/bin/env python3
"""tree.py itself: two awkward trees are equal, and every kind of difference is found and named.

Needs root (devices, owners, trusted attributes); without it, skipped.
"""

import os
import shutil
import subprocess
import sys
import tempfile

import tree_compare

SKIPPED = 77
TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tree.py")


def tree(*arguments):
    done = subprocess.run([sys.executable, TREE, *arguments], capture_output=True, text=True,
                          errors="replace")
    return done.returncode, done.stdout + done.stderr


def rewrite(path, data, offset=0):
    """Changes content but not the time."""
    before = os.stat(path)
    with open(path, "r+b") as out:
        out.seek(offset)
        out.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path, make):
    os.unlink(path)
    make(path)


def unlink_pair(path):
    """The same file, no longer a hard link of the other."""
    shutil.copy2(path, path + b".copy")
    os.rename(path + b".copy", path)


def deep_file(root):
    here = os.open(root, os.O_RDONLY)
    for name in [b"deep"] + [b"d"] * 300:
        here = os.open(name, os.O_RDONLY, dir_fd=here)
    with os.fdopen(os.open(b"bottom", os.O_WRONLY, dir_fd=here), "wb") as out:
        out.write(b"!")


# What is done to the second tree, and what compare must say of it.
CHANGES = [
    (lambda r: rewrite(r + b"/sizes/1048577", b"!", 1048576), "content"),
    (lambda r: rewrite(r + b"/sparse/1 TB", b"!", 700 << 30), "content"),
    (deep_file, "d/bottom': content"),
    (lambda r: os.truncate(r + b"/sparse/only a hole", (8 << 20) + 2), "size"),
    (lambda r: os.utime(r + b"/times/2446", ns=(0, 15032385534999999997)), "mtime"),
    (lambda r: os.utime(r + b"/symlinks/00", ns=(0, 1), follow_symlinks=False), "mtime"),
    (lambda r: os.utime(r + b"/empty", ns=(0, 1)), "mtime"),
    (lambda r: os.chmod(r + b"/modes/0000", 0o1), "mode: '0000' / '0001'"),
    (lambda r: os.chmod(r + b"/modes/dir 1777", 0o777), "mode: '1777' / '0777'"),
    (lambda r: os.chown(r + b"/owners/highest", 4294967293, 4294967294), "owner"),
    (lambda r: os.chown(r + b"/symlinks/01", 1, 1, follow_symlinks=False), "owner"),
    (lambda r: os.removexattr(r + b"/acls/file", "system.posix_acl_access"), "xattr system.posix_acl_access"),
    (lambda r: os.removexattr(r + b"/acls/folder", "system.posix_acl_default"), "posix_acl_default"),
    (lambda r: os.removexattr(r + b"/xattrs/capabilities", "security.capability"), "security.capability"),
    (lambda r: os.setxattr(r + b"/xattrs/user", "user.empty", b"x"), "xattr user.empty: '' / '78'"),
    (lambda r: os.setxattr(r + b"/symlinks/with attributes", "trusted.of.link", b"", follow_symlinks=False),
     "trusted.of.link"),
    (lambda r: unlink_pair(r + b"/links/second"), "hard link of"),
    (lambda r: unlink_pair(r + b"/links/partner outside, and a second name"), "hard link of"),
    (lambda r: replace(r + b"/nodes/fifo, second name", os.mkfifo), "hard link of"),
    (lambda r: replace(r + b"/symlinks/02", lambda p: os.symlink(b"..", p)), "target"),
    (lambda r: replace(r + b"/nodes/null", lambda p: os.mknod(p, 0o20666, os.makedev(1, 5))),
     "device: '1:3' / '1:5'"),
    (lambda r: replace(r + b"/names/case", os.mkdir), "file / directory"),
    (lambda r: os.unlink(r + b"/names/CASE"), "only in the first"),
    (lambda r: os.rmdir(r + b"/empty"), "only in the first"),
    (lambda r: open(r + b"/names/added", "wb").close(), "only in the second"),
    (lambda r: rewrite(r + b"/sparse/1 TB", bytes(4 << 20), 2 << 30), "allocated"),
]


def main():
    if os.geteuid() != 0:
        print("skipped: tree_test.py needs root")
        return SKIPPED
    failures = 0

    def check(good, what):
        nonlocal failures
        failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {what}")

    with tempfile.TemporaryDirectory(prefix="tree-") as folder:
        first, second = folder + "/first", folder + "/second"
        check(tree("make-awkward", first)[0] == 0, "an awkward tree is made")
        check(tree("make-awkward", first)[0] == 2, "it is not made where something is")
        tree("make-awkward", second)
        code, said = tree("compare", first, second)
        check(code == 0, f"two of them are equal: {said.strip()}")
        check(tree("digest", first) == tree("digest", second), "and have the same digest")
        open(second + "/.staging", "wb").close()
        ignoring = ("--ignore", ".staging", "--ignore", ".")
        check(tree("compare", first, second, *ignoring)[0] == 0, "names are ignored")
        changes_are_found(os.fsencode(first), os.fsencode(second), check)
        code, said = tree("compare", first, second)
        check(code == 1 and "differences" in said, "differences exit with 1")
        check(tree("digest", first) != tree("digest", second), "and have another digest")
        edits(folder, check)
    return 1 if failures else 0


def changes_are_found(first, second, check):
    """One after the other, each seen by the line that it adds."""
    original = tree_compare.snapshot(first)
    before = set()
    for change, expected in CHANGES:
        change(second)
        after = set(tree_compare.differences(original, tree_compare.snapshot(second)))
        said = [line for line in after - before if expected in line]
        check(said, f"{expected}: {(said or sorted(after - before))[:1]}"[:110])
        before = after


def edits(folder, check):
    one, two = folder + "/one", folder + "/two"
    for root in (one, two):
        tree("make-many", root, "--files", "500", "--size-max", "20K")
        tree("make-big", root + "/big", "--bytes", "5M")
    compare = ("compare", one, two, "--ignore", ".")

    def contents():
        return [line for line in tree(*compare)[1].splitlines() if ": mtime:" not in line][:-1]

    check(not contents(), "the same seed makes the same files")
    verbs = (("edit-extents", "/big"), ("scatter", "/big"), ("insert-front", "/big"), ("edit-some", ""))
    for verb, file in verbs:
        for root, seed in ((one, "3"), (two, "4")):
            tree(verb, root + file, "--seed", seed)
        check(contents(), f"{verb} changes something: {len(contents())} lines")
        for root in (one, two):
            shutil.rmtree(root)
            tree("make-many", root, "--files", "500", "--size-max", "20K")
            tree("make-big", root + "/big", "--bytes", "5M")
            tree(verb, root + file, "--seed", "3")
        check(not contents(), f"{verb} is the same for the same seed")


if __name__ == "__main__":
    sys.exit(main())
