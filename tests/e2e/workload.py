"""A mixed load on an origin's tree that knows every version a path has ever had, and looks at a replica.

Every version is noted before anybody can see it, so that whatever a replica shows must be one of them: a
directory, a symlink with its target, or the digest of a content. Paths are relative and bytes-free text.
"""

import hashlib
import os
import random
import shutil
import stat
import threading
import time

FOLDERS = ["", "a", "a/deep/er", "b", "c.d", "swing"]
SMALL_FILES = 12        # in each folder
BIG_BYTES = 6 << 20
SMALL_BYTES_MAX = 40 << 10
PENDING = ".pending"    # where new versions are made, in no set


def digest(content):
    return hashlib.blake2b(content, digest_size=16).hexdigest()


class Load(threading.Thread):
    """Changes `root` until stop(); `rest` is the mean pause between two changes in seconds."""

    def __init__(self, root, seed, rest=0.02, big_files=2):
        super().__init__(daemon=True)
        self.root, self.random, self.rest, self.big_files = root, random.Random(seed), rest, big_files
        self.aside = root + PENDING
        os.makedirs(self.aside, exist_ok=True)
        self.versions = {}   # path -> set of what it has ever been
        self.now = {}        # path -> what it is
        self.bigs = {}       # path -> bytearray
        self.guard = threading.Lock()
        self.ending = threading.Event()
        self.changes = 0
        self.error = None
        for folder in FOLDERS[1:]:
            self.make_folder(folder)
        for folder in FOLDERS:
            for number in range(SMALL_FILES):
                self.rewrite(os.path.join(folder, f"small-{number}"))
        for number in range(big_files):
            self.make_big(f"big-{number}")

    # ------------------------------------------------------------ what it knows
    def note(self, path, version):
        with self.guard:
            self.versions.setdefault(path, set()).add(version)
            self.now[path] = version

    def allowed(self, path, version):
        with self.guard:
            return version in self.versions.get(path, ())

    def under(self, folder):
        return [path for path in self.now if path.startswith(folder + "/")]

    def full(self, path):
        return os.path.join(self.root, path)

    # ------------------------------------------------------------ changes
    def make_folder(self, folder):
        parts = folder.split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            if self.now.get(path) != "directory":
                self.note(path, "directory")
                os.mkdir(self.full(path))

    def make_big(self, path):
        content = bytearray(self.random.randbytes(BIG_BYTES))
        self.note(path, digest(content))
        self.bigs[path] = content
        with open(self.full(path), "wb") as out:
            # Seen half-written by nobody: made before the daemons run.
            out.write(content)

    def put(self, path, content):
        pending = os.path.join(self.aside, "file")
        with open(pending, "wb") as out:
            out.write(content)
        self.note(path, digest(content))
        os.rename(pending, self.full(path))

    def rewrite(self, path):
        size = int(SMALL_BYTES_MAX ** self.random.random())
        self.put(path, self.random.randbytes(size))

    def edit_big(self):
        """One write of some bytes in place: before and after are versions."""
        path = self.random.choice(sorted(self.bigs))
        content = self.bigs[path]
        edit = self.random.randbytes(self.random.choice([16, 4096]))
        place = self.random.randrange(len(content) - len(edit)) // 4096 * 4096
        content[place:place + len(edit)] = edit
        self.note(path, digest(content))
        with open(self.full(path), "r+b") as out:
            os.pwrite(out.fileno(), edit, place)

    def shift_big(self):
        """Some bytes inserted at the front, put in place by a rename."""
        path = self.random.choice(sorted(self.bigs))
        content = self.bigs[path]
        content[0:0] = self.random.randbytes(1000)
        del content[BIG_BYTES:]
        self.put(path, bytes(content))

    def create_or_delete(self):
        path = f"{self.random.choice(FOLDERS[1:5])}/fleeting-{self.random.randrange(8)}"
        if path in self.now:
            os.unlink(self.full(path))
            del self.now[path]
        else:
            self.rewrite(path)

    def move_file(self):
        source = f"b/moving-{self.random.randrange(3)}"
        target = f"{self.random.choice(['a', 'c.d'])}/moved-{self.random.randrange(3)}"
        if source not in self.now:
            self.rewrite(source)
        self.note(target, self.now.pop(source))
        os.rename(self.full(source), self.full(target))

    def move_folder(self):
        source, target = ("swing", "swung") if "swing" in self.now else ("swung", "swing")
        inside = self.under(source)
        self.note(target, "directory")
        for path in inside:
            self.note(target + path[len(source):], self.now[path])
        os.rename(self.full(source), self.full(target))
        for path in [*inside, source]:
            del self.now[path]

    def change_kind(self):
        """A directory becomes a file, a symlink, a directory again."""
        path = "changeling"
        before = self.now.get(path)
        for below in self.under(path):
            del self.now[below]
        if before == "directory":
            shutil.rmtree(self.full(path))
            self.rewrite(path)
        elif before is not None and not before.startswith("symlink"):
            os.unlink(self.full(path))
            target = f"small-{self.random.randrange(SMALL_FILES)}"
            self.note(path, "symlink " + target)
            os.symlink(target, self.full(path))
        else:
            if before is not None:
                os.unlink(self.full(path))
            self.make_folder(path)
            self.rewrite(path + "/inner")

    def change(self):
        folder = self.random.choice([each for each in FOLDERS if each == "" or each in self.now])
        small = os.path.join(folder, f"small-{self.random.randrange(SMALL_FILES)}")
        kinds = [(lambda: self.rewrite(small), 10),
                 (self.create_or_delete, 4), (self.move_file, 2), (self.move_folder, 1),
                 (self.change_kind, 1)]
        if self.bigs:
            kinds += [(self.edit_big, 3), (self.shift_big, 1)]
        self.random.choices([each for each, _ in kinds], [weight for _, weight in kinds])[0]()
        self.changes += 1

    def run(self):
        try:
            while not self.ending.is_set():
                self.change()
                time.sleep(self.random.expovariate(1 / self.rest))
        except Exception as error:  # shown by stop()
            self.error = error

    def stop(self):
        self.ending.set()
        self.join()
        shutil.rmtree(self.aside, ignore_errors=True)
        if self.error:
            raise self.error


def version_of(folder, name, status):
    if stat.S_ISDIR(status.st_mode):
        return "directory"
    if stat.S_ISLNK(status.st_mode):
        return "symlink " + os.readlink(name, dir_fd=folder)
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    with open(descriptor, "rb") as file:
        return digest(file.read())


def look(root, load, ignore=(".hareplicate",)):
    """What a replica shows now that its origin never had: a list of (path, version)."""
    wrong, seen = [], 0

    def walk(folder, prefix):
        nonlocal seen
        for name in os.listdir(folder):
            if name in ignore and not prefix:
                continue
            try:
                version = version_of(folder, name, os.stat(name, dir_fd=folder, follow_symlinks=False))
                seen += 1
                if not load.allowed(prefix + name, version):
                    wrong.append((prefix + name, version))
                if version == "directory":
                    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                    try:
                        walk(below, prefix + name + "/")
                    finally:
                        os.close(below)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                pass  # replaced between the two looks
            except OSError as error:
                if error.errno not in (40, 116):  # ELOOP: a symlink now; ESTALE: gone
                    raise

    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        walk(top, "")
    finally:
        os.close(top)
    return wrong, seen
