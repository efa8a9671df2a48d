"""Trees and files from a seed, and edits of them. The same seed gives the same bytes."""

import os
import random

BLOCK_BYTES = 1 << 20
FOLDER_FILES = 200


def seeded_bytes(seed, count):
    return random.Random(seed).randbytes(count)


def make_big(path, size, seed):
    source = random.Random(seed)
    with open(path, "wb") as out:
        left = size
        while left > 0:
            left -= out.write(source.randbytes(min(left, BLOCK_BYTES)))
    print(f"wrote {size} bytes")


def make_many(root, files, size_min, size_max, seed):
    """Files of sizes spread evenly over the orders of magnitude, FOLDER_FILES to a directory, two levels."""
    source = random.Random(seed)
    total = 0
    for number in range(files):
        folder_number = number // FOLDER_FILES
        folder = os.path.join(root, b"%03d" % (folder_number // 50), b"%05d" % folder_number)
        if number % FOLDER_FILES == 0:
            os.makedirs(folder, exist_ok=True)
        size = min(size_max, int((size_min + 1) * ((size_max + 1) / (size_min + 1)) ** source.random()) - 1)
        size = max(size_min, size)
        with open(os.path.join(folder, b"file-%07d" % number), "wb") as out:
            out.write(source.randbytes(size))
        total += size
    print(f"wrote {files} files, {total} bytes")


def edit_extents(path, count, size, seed):
    """Rewrites `count` different extents of `size` bytes, each at a multiple of its size."""
    source = random.Random(seed)
    with open(path, "r+b") as out:
        places = os.fstat(out.fileno()).st_size // size
        for place in source.sample(range(places), count):
            os.pwrite(out.fileno(), source.randbytes(size), place * size)
    print(f"rewrote {count} extents, {count * size} bytes")


def scatter(path, count, size, seed):
    """`count` small writes of `size` bytes anywhere."""
    source = random.Random(seed)
    with open(path, "r+b") as out:
        last = os.fstat(out.fileno()).st_size - size
        for _ in range(count):
            os.pwrite(out.fileno(), source.randbytes(size), source.randint(0, last))
    print(f"made {count} edits of {size} bytes")


def insert_front(path, size, seed):
    """Shifts the whole file by `size` bytes, in place."""
    with open(path, "r+b") as file:
        end = os.fstat(file.fileno()).st_size
        while end > 0:
            start = max(0, end - 8 * BLOCK_BYTES)
            os.pwrite(file.fileno(), os.pread(file.fileno(), end - start, start), start + size)
            end = start
        os.pwrite(file.fileno(), seeded_bytes(seed, size), 0)
    print(f"inserted {size} bytes")


def edit_some(root, percent, seed):
    """Changes up to 100 bytes in `percent` of the files, at least in one; an empty file gets some."""
    source = random.Random(seed)
    files = []
    for folder, folders, names in os.walk(root):
        folders.sort()
        files += [os.path.join(folder, name) for name in sorted(names)
                  if not os.path.islink(os.path.join(folder, name))]
    chosen = source.sample(files, max(1, round(len(files) * percent / 100)))
    for path in chosen:
        with open(path, "r+b") as out:
            size = os.fstat(out.fileno()).st_size
            edit = min(100, size) or 100
            os.pwrite(out.fileno(), source.randbytes(edit), source.randint(0, max(0, size - edit)))
    print(f"edited {len(chosen)} of {len(files)} files")
