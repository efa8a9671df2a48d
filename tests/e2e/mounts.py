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
