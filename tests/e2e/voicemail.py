"""A PBX's voicemail for tests: writes and renumbers messages as app_voicemail does, under the same lock.

Follows Asterisk 16.28: main/app.c, ast_lock_path_lockfile() and ast_lock_path_flock(); apps/app_voicemail.c,
leave_voicemail() (recorded in the mailbox's tmp, then under the folder's lock renamed to last number + 1: the
sound first, the text last), close_mailbox() and vm_delete() (the text is unlinked first, then the sound; the
others move down by renames) and save_to_folder() (a copy into Old, then a deletion). A message is a text and
a sound that both name it, so that a mixed one is seen.
"""

import fcntl
import os
import random
import re
import threading
import time

LOCK_SECONDS = 5  # as long as Asterisk waits before it gives a message up
TEXT, SOUND = ".txt", ".wav"
MESSAGE = re.compile(r"^msg(\d{4})\.(txt|wav)$")


class LockTimeout(Exception):
    """Asterisk would say: Couldn't lock directory. Voicemail will be lost."""


class FolderLock:
    """ast_lock_path(), of the kind that asterisk.conf's lockmode says."""

    def __init__(self, folder, mode="lockfile"):
        self.folder, self.mode, self.fd = folder, mode, None

    def __enter__(self):
        started = time.monotonic()
        if self.mode == "flock":
            while True:
                self.fd = os.open(os.path.join(self.folder, "lock"), os.O_WRONLY | os.O_CREAT, 0o600)
                try:
                    fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return self
                except BlockingIOError:
                    os.close(self.fd)
                    if time.monotonic() - started >= LOCK_SECONDS:
                        raise LockTimeout(self.folder) from None
                    time.sleep(0.001)
        made = os.path.join(self.folder, f".lock-{random.getrandbits(32):08x}")
        os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            while True:
                try:
                    os.link(made, os.path.join(self.folder, ".lock"))
                    return self
                except FileExistsError:
                    if time.monotonic() - started >= LOCK_SECONDS:
                        raise LockTimeout(self.folder) from None
                    time.sleep(0)
        finally:
            os.unlink(made)

    def __exit__(self, *unused):
        if self.mode == "flock":
            os.unlink(os.path.join(self.folder, "lock"))
            os.close(self.fd)
        else:
            os.unlink(os.path.join(self.folder, ".lock"))


class Mailbox:
    def __init__(self, tree, mailbox="default/1001", mode="lockfile", slow=0.0):
        self.path, self.mode, self.slow = os.path.join(tree, mailbox), mode, slow
        self.kept = set()  # left and never deleted
        self.deleted = set()
        self.lost = 0
        self.counter = 0

    def folder(self, name):
        path = os.path.join(self.path, name)
        os.makedirs(path, exist_ok=True)
        return path

    def lock(self, folder):
        return FolderLock(folder, self.mode)

    def pause(self):
        if self.slow:
            time.sleep(self.slow * random.random())

    @staticmethod
    def numbers(folder):
        return sorted(int(found[1]) for found in map(MESSAGE.match, os.listdir(folder))
                      if found and found[2] == "txt")

    def leave(self, name, size=4000):
        """leave_voicemail() of the message called `name`."""
        self.counter += 1
        recorded = os.path.join(self.folder("tmp"), f"{random.getrandbits(24):06x}{self.counter}")
        with open(recorded + SOUND, "wb") as out:
            out.write(f"sound of {name}\n".encode() + random.randbytes(size))
        with open(recorded + TEXT, "w", encoding="utf-8") as out:
            out.write(f"[message]\norigmailbox=1001\nmsg_id={name}\nduration=3\n")
        folder = self.folder("INBOX")
        try:
            with self.lock(folder):
                numbers = self.numbers(folder)
                stem = os.path.join(folder, f"msg{(numbers[-1] + 1) if numbers else 0:04d}")
                os.rename(recorded + SOUND, stem + SOUND)
                self.pause()
                os.rename(recorded + TEXT, stem + TEXT)
                self.kept.add(name)
        except LockTimeout:
            self.lost += 1
            os.unlink(recorded + SOUND)
            os.unlink(recorded + TEXT)

    def listen(self, delete=(), save=()):
        """open_mailbox(), then close_mailbox() of INBOX: these numbers are deleted, or saved to Old. What was
        opened is what is there under the lock: a caller sees no replication in between."""
        folder, old = self.folder("INBOX"), self.folder("Old")
        with self.lock(folder):
            numbers = self.numbers(folder)
            for number in set(save) & set(numbers):
                with self.lock(old):
                    there = self.numbers(old)
                    target = os.path.join(old, f"msg{(there[-1] + 1) if there else 0:04d}")
                    for extension in (SOUND, TEXT):
                        with open(os.path.join(folder, f"msg{number:04d}{extension}"), "rb") as source:
                            content = source.read()
                        with open(target + extension, "wb") as out:
                            out.write(content)
                        self.pause()
            for number in set(delete) & set(numbers):
                name = name_of(folder, number)
                self.kept.discard(name)
                self.deleted.add(name)
            for number in (set(delete) | set(save)) & set(numbers):
                os.unlink(os.path.join(folder, f"msg{number:04d}{TEXT}"))
                self.pause()
                os.unlink(os.path.join(folder, f"msg{number:04d}{SOUND}"))
            for wanted, number in enumerate(self.numbers(folder)):
                if wanted != number:
                    for extension in (SOUND, TEXT):
                        os.rename(os.path.join(folder, f"msg{number:04d}{extension}"),
                                  os.path.join(folder, f"msg{wanted:04d}{extension}"))
                        self.pause()


def name_of(folder, number):
    with open(os.path.join(folder, f"msg{number:04d}{TEXT}"), encoding="utf-8") as text:
        return re.search(r"^msg_id=(.*)$", text.read(), re.M)[1]


def read_folder(folder):
    """Names of the messages in it, and what is wrong with them."""
    names, wrong = [], []
    stems = {}
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if found := MESSAGE.match(file):
            stems.setdefault(found[1], set()).add(found[2])
    for number, parts in stems.items():
        if parts != {"txt", "wav"}:
            wrong.append(f"{folder}/msg{number} has only {parts}")
            continue
        name = name_of(folder, int(number))
        with open(os.path.join(folder, f"msg{number}{SOUND}"), "rb") as sound:
            if sound.readline() != f"sound of {name}\n".encode():
                wrong.append(f"{folder}/msg{number} is mixed: the text of {name}, the sound of another")
        names.append(name)
    return names, wrong


def read_mailbox(path):
    names, wrong = [], []
    for folder in ("INBOX", "Old"):
        more, bad = read_folder(os.path.join(path, folder))
        names += more
        wrong += bad
    return names, wrong


class Callers(threading.Thread):
    """Leave messages at one site until stopped, one every `every` seconds."""

    def __init__(self, mailbox, label, every=0.15):
        super().__init__(daemon=True)
        self.mailbox, self.label, self.every = mailbox, label, every
        self.ending, self.number, self.error = threading.Event(), 0, None

    def run(self):
        try:
            while not self.ending.wait(self.every * random.random() * 2):
                self.number += 1
                self.mailbox.leave(f"{self.label}-{self.number}")
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def end(self):
        self.ending.set()
        self.join()
        if self.error:
            raise self.error
