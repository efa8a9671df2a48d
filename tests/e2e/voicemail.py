"""A PBX's voicemail for tests: writes and renumbers messages as app_voicemail does, under the same lock.

Follows what Asterisk 16.28 and 22.10 were seen to do (docs/units.md, "Asterisk's rules"): a message is
recorded in the mailbox's tmp, then under the folder's lock renamed to the last number + 1, the sound first,
the text last; what a caller saves is copied to Old at once, under Old's lock only; when he hangs up, what he
has heard is copied too, under both locks, and the others move down by renames over what goes; what is left
above is unlinked, text first. A message is a text and a sound that both name it, so that a mixed one is seen.
real_asterisk_voicemail.py does it with Asterisk itself.
"""

import contextlib
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
    """ast_lock_path(), of the kind that asterisk.conf's lockmode says. Asterisk's own flock can be had by two
    at once (docs/units.md); this one cannot, so that what a test finds is ours."""

    def __init__(self, folder, mode="lockfile"):
        self.folder, self.mode, self.fd = folder, mode, None

    def __enter__(self):
        started = time.monotonic()
        if self.mode == "flock":
            while True:
                self.fd = os.open(os.path.join(self.folder, "lock"), os.O_WRONLY | os.O_CREAT, 0o600)
                with contextlib.suppress(BlockingIOError, FileNotFoundError):
                    fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.stat(os.path.join(self.folder, "lock")).st_ino == os.fstat(self.fd).st_ino:
                        return self
                os.close(self.fd)
                if time.monotonic() - started >= LOCK_SECONDS:
                    raise LockTimeout(self.folder)
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
        with open(recorded, "w", encoding="utf-8") as out:
            out.write(f"[message]\norigmailbox=1001\nmsg_id={name}\nduration=3\n")
        folder = self.folder("INBOX")
        try:
            with self.lock(folder):
                numbers = self.numbers(folder)
                stem = os.path.join(folder, f"msg{(numbers[-1] + 1) if numbers else 0:04d}")
                os.rename(recorded + SOUND, stem + SOUND)
                self.pause()
                os.rename(recorded, stem + TEXT)
                os.chmod(stem + TEXT, 0o666)
                self.kept.add(name)
        except LockTimeout:
            self.lost += 1
            os.unlink(recorded + SOUND)
            os.unlink(recorded)

    def listen(self, delete=(), save=(), heard=()):
        """VoiceMailMain(): these numbers of INBOX are deleted, saved to Old, or heard only, which moves them
        to Old at the end of the call. The numbers are those of the moment in which the mailbox was opened:
        what comes during the call is appended."""
        folder = self.folder("INBOX")
        with self.lock(folder):
            numbers = set(self.numbers(folder))
        delete, save, heard = ({*each} & numbers for each in (delete, save, heard))
        for number in save:
            self.save(number)
            self.pause()
        with self.lock(folder):
            for number in heard - save - delete:
                self.save(number)
            for number in delete - save:
                name = name_of(folder, number)
                self.kept.discard(name)
                self.deleted.add(name)
            self.close_gaps(folder, delete | save | heard)

    def save(self, number):
        """save_to_folder(): a copy in Old."""
        folder, old = self.folder("INBOX"), self.folder("Old")
        with self.lock(old):
            there = self.numbers(old)
            target = os.path.join(old, f"msg{(there[-1] + 1) if there else 0:04d}")
            for extension in (SOUND, TEXT):
                with open(os.path.join(folder, f"msg{number:04d}{extension}"), "rb") as source:
                    content = source.read()
                with open(target + extension, "wb") as out:
                    out.write(content)
                self.pause()

    def close_gaps(self, folder, going):
        """close_mailbox(): what stays is renamed over what goes."""
        numbers = self.numbers(folder)
        staying = [number for number in numbers if number not in going]
        for wanted, number in enumerate(staying):
            for extension in (SOUND, TEXT) if wanted != number else ():
                os.rename(os.path.join(folder, f"msg{number:04d}{extension}"),
                          os.path.join(folder, f"msg{wanted:04d}{extension}"))
                self.pause()
        for number in set(numbers) & set(self.numbers(folder)) - set(range(len(staying))):
            os.unlink(os.path.join(folder, f"msg{number:04d}{TEXT}"))
            self.pause()
            os.unlink(os.path.join(folder, f"msg{number:04d}{SOUND}"))


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


class UntilEnded(threading.Thread):
    """Does `leave` again and again, up to `pause` seconds apart. end() raises what it raised."""

    def __init__(self, pause, leave):
        super().__init__(daemon=True)
        self.pause, self.leave = pause, leave
        self.ending, self.error = threading.Event(), None

    def run(self):
        try:
            while not self.ending.wait(self.pause * random.random()):
                self.leave()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def end(self):
        self.ending.set()
        self.join()
        if self.error:
            raise self.error


class Callers(UntilEnded):
    """Leave messages at one site until ended, one every `every` seconds."""

    def __init__(self, mailbox, label, every=0.15):
        super().__init__(2 * every, self.leave_next)
        self.mailbox, self.label, self.number = mailbox, label, 0

    def leave_next(self):
        self.number += 1
        self.mailbox.leave(f"{self.label}-{self.number}")
