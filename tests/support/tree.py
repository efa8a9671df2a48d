#!/usr/bin/env python3
"""Makes, edits and compares file trees for tests and benchmarks.

Everything made is the same for the same arguments. Run as root for make-awkward and for a full compare.
Exit: 0, 1 when two trees differ, 2 on errors.
"""

import argparse
import os
import sys

import tree_awkward
import tree_compare
import tree_make


def size_of(text):
    units = {"K": 10, "M": 20, "G": 30, "T": 40}
    return int(text[:-1]) << units[text[-1]] if text[-1] in units else int(text)


def parser():
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = top.add_subparsers(dest="verb", required=True)

    def verb(name, what, *places):
        added = verbs.add_parser(name, help=what)
        for place in places:
            added.add_argument(place, type=os.fsencode)
        return added

    verb("make-awkward", "one of everything a copy must keep; DIR.outside gets a hard-link partner", "dir")
    compare = verb("compare", "print every difference that rsync -aHAXS would keep", "a", "b")
    digest = verb("digest", "one hash of all that compare looks at", "dir")
    for added in (compare, digest):
        added.add_argument("--ignore", action="append", default=[], type=os.fsencode, metavar="NAME",
                           help="leave out this name at every depth, or . for the top itself; repeatable")
    many = verb("make-many", "files of random content", "dir")
    many.add_argument("--files", type=int, required=True)
    many.add_argument("--size-min", type=size_of, default=0, help="bytes, or with K, M, G")
    many.add_argument("--size-max", type=size_of, default=64 << 10)
    big = verb("make-big", "one file of random content", "file")
    extents = verb("edit-extents", "rewrite extents at multiples of their size", "file")
    front = verb("insert-front", "insert bytes at the front", "file")
    dots = verb("scatter", "small edits anywhere", "file")
    defaults = ((big, None, None), (extents, 262, "4096"), (front, None, "1M"), (dots, 1000, "16"))
    for added, count, size in defaults:
        added.add_argument("--bytes", type=size_of, default=size, required=size is None)
        if count:
            added.add_argument("--count", type=int, default=count)
    some = verb("edit-some", "change some bytes in some of the files", "dir")
    some.add_argument("--percent", type=float, default=1)
    for added in (many, big, extents, front, dots, some):
        added.add_argument("--seed", type=int, default=1)
    return top


def compare(given):
    found = 0
    first, second = (tree_compare.snapshot(root, given.ignore) for root in (given.a, given.b))
    for line in tree_compare.differences(first, second):
        print(line)
        found += 1
    print(f"{found} differences" if found else f"equal: {len(first.entries)} things")
    return 1 if found else 0


def main():
    given = parser().parse_args()
    run = {
        "make-awkward": lambda: tree_awkward.make_awkward(given.dir),
        "compare": lambda: compare(given),
        "digest": lambda: print(tree_compare.tree_digest(given.dir, given.ignore)),
        "make-many": lambda: tree_make.make_many(given.dir, given.files, given.size_min, given.size_max,
                                                 given.seed),
        "make-big": lambda: tree_make.make_big(given.file, given.bytes, given.seed),
        "edit-extents": lambda: tree_make.edit_extents(given.file, given.count, given.bytes, given.seed),
        "insert-front": lambda: tree_make.insert_front(given.file, given.bytes, given.seed),
        "scatter": lambda: tree_make.scatter(given.file, given.count, given.bytes, given.seed),
        "edit-some": lambda: tree_make.edit_some(given.dir, given.percent, given.seed),
    }
    try:
        return run[given.verb]() or 0
    except (OSError, ValueError) as error:
        print(f"tree: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
