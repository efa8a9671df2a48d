"""What every end-to-end test says: what it promises, each thing it saw, and how it ended.

    with Promise("a full disk is survived") as promise:
        promise.check(seen == wanted, "the old content is intact")

The program ends with 0 when every check was good, 1 when one was not or anything was raised, 77 when skipped.
"""

import ctypes
import os
import random
import signal
import sys
import time
import traceback

SKIPPED = 77
FULL = os.environ.get("HA_FULL") == "1"


def count(full):
    """The full number under HA_FULL=1, else a tenth of it."""
    return full if FULL else max(1, full // 10)


def skip(reason):
    print(f"skipped: {os.path.basename(sys.argv[0])}: {reason}", flush=True)
    sys.exit(SKIPPED)


def skip_unless_root(*devices):
    if os.geteuid() != 0:
        skip("it needs root")
    for device in devices:
        if not os.access(device, os.R_OK | os.W_OK):
            skip(f"it needs {device}")


libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def end_with_us():
    """For preexec_fn: the child gets SIGTERM when this test is gone, however that came."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def is_sanitized(program):
    """Whether the program was built with a sanitizer: then memory and times say nothing about it."""
    with open(program, "rb") as binary:
        data = binary.read()
    return b"__asan_init" in data or b"__tsan_init" in data


class Promise:
    def __init__(self, what):
        self.what = what
        self.bad = 0
        self.seed = int(os.environ.get("HA_SEED", random.SystemRandom().randrange(1 << 31)))
        self.random = random.Random(self.seed)
        self.started = time.monotonic()

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is put away
        print(f"promise: {self.what}  (HA_SEED={self.seed}{', full' if FULL else ''})", flush=True)
        return self

    def say(self, text):
        print(f"{time.monotonic() - self.started:7.1f}  {text}", flush=True)

    def check(self, good, what):
        self.bad += not good
        self.say(f"{'ok  ' if good else 'FAIL'} {what}")
        return good

    def __exit__(self, kind, error, trace):
        if kind is not None and issubclass(kind, (SystemExit, KeyboardInterrupt)):
            return False
        if kind is not None:
            traceback.print_exception(kind, error, trace)
            self.bad += 1
        self.say("kept" if self.bad == 0 else f"BROKEN: {self.bad} checks, HA_SEED={self.seed}")
        sys.stdout.flush()
        sys.exit(1 if self.bad else 0)
