"""File systems for one test, mounted and taken away again: lossyfs (forgets what was not synced) and
tmpfs."""

import contextlib
import os
import signal
import subprocess

STOP_SECONDS = 20


@contextlib.contextmanager
def lossyfs(program, mount_point):
    """Yields ctl(words…): lose [SEED], sync, capacity BYTES."""
    process = subprocess.Popen([program, mount_point], stdout=subprocess.PIPE, text=True)
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


@contextlib.contextmanager
def tmpfs(mount_point, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", mount_point], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", mount_point], check=False)
