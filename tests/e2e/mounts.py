"""File systems for one test, mounted and taken away again: lossyfs (forgets what was not synced) and
tmpfs."""

import contextlib
import os
import signal
import subprocess

from promise import end_with_us

STOP_SECONDS = 20


@contextlib.contextmanager
def lossyfs(program, mount_point):
    """Yields ctl(words…): lose [SEED], sync, capacity BYTES."""
    process = subprocess.Popen([program, mount_point], stdout=subprocess.PIPE, text=True,
                               preexec_fn=end_with_us)
    try:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("lossyfs did not start")
        yield lambda *words: os.setxattr(mount_point, "user.lossyfs", " ".join(map(str, words)).encode())
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if os.path.ismount(mount_point):
            subprocess.run(["umount", "-l", mount_point], check=False)
        with contextlib.suppress(OSError):
            os.removedirs(mount_point)  # the cluster has left it, as it was not empty then


@contextlib.contextmanager
def tmpfs(mount_point, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", mount_point], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", mount_point], check=False)


@contextlib.contextmanager
def frozen(mount_point):
    """Nothing below it is written meanwhile."""
    subprocess.run(["fsfreeze", "--freeze", mount_point], check=True)
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", mount_point], check=True)


@contextlib.contextmanager
def disk_that_hangs(folder):
    """Yields a block device, and the mount point of what it lies on: while that is frozen it does nothing."""
    os.mkdir(folder)
    below, image = os.path.join(folder, "below"), os.path.join(folder, "image")
    os.mkdir(below)
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with contextlib.ExitStack() as stack:
        subprocess.run(["mount", "-o", "loop", image, below], check=True)
        stack.callback(subprocess.run, ["umount", "-l", below], check=False)
        disk = os.path.join(below, "disk")
        with open(disk, "wb") as file:
            file.truncate(8 << 20)
        device = subprocess.run(["losetup", "--find", "--show", disk], check=True, stdout=subprocess.PIPE,
                                text=True).stdout.strip()
        stack.callback(subprocess.run, ["losetup", "--detach", device], check=False)
        yield device, below
