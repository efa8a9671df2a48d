"""A sensor that is watched while the causes of trouble are caused.

    with Watch(promise, program, "disk.space", path=disk) as watch:
        watch.good()
        fill(disk)
        watch.trips("0 B")        # with a part of the sentence that it says
        ...
"""

import contextlib
import json
import subprocess
import sys
import threading
import time

from promise import end_with_us

WAIT_SECONDS = 90  # a busy machine; what is waited for usually takes one


@contextlib.contextmanager
def child(code, *arguments, first=end_with_us):
    """A Python program that obeys lines; its name is `ha-child` to the kernel."""
    named = "import ctypes, sys, threading, time\nctypes.CDLL(None).prctl(15, b'ha-child')\n"
    process = subprocess.Popen([sys.executable, "-c", named + code, *arguments], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, bufsize=1, preexec_fn=first)

    def order(line):
        process.stdin.write(line + "\n")
        return process.stdout.readline().strip()

    try:
        yield process, order
    finally:
        process.kill()
        process.wait()


class Watch:
    """Readings every 200 ms; two in a row count."""

    def __init__(self, promise, program, kind, *, inside=(), environment=None, **options):
        self.promise, self.kind = promise, kind
        keys = {"every": "200ms", "timeout": "2s", "rise": "2", "fall": "2", "weight": "100", **options}
        self.command = [*inside, program, kind, *(f"{key}={value}" for key, value in keys.items())]
        self.environment = environment
        self.lines = []
        self.news = threading.Condition()

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=self.environment, preexec_fn=end_with_us)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(json.loads(line))
                self.news.notify_all()
        with self.news:
            self.lines.append(None)  # it has ended
            self.news.notify_all()

    def until(self, counted, part=""):
        """The first line from now on that counts as that, or has ended."""
        begin = time.monotonic()
        with self.news:
            seen = len(self.lines) - (self.lines[-1:] == [None])

            def found():
                return next((line for line in self.lines[seen:] if line is None or
                             (line["counted"] == counted and part in line["text"])), False)

            self.news.wait_for(lambda: found() is not False, WAIT_SECONDS)
            line = found()
            last = self.lines[-1] if self.lines else None
        text = line["text"] if line else f"waited for {counted} \"{part}\", last: {last}"
        took = time.monotonic() - begin
        self.promise.check(bool(line), f"{self.kind} {counted} after {took:.1f} s: {text}")
        return line or None

    def good(self, part=""):
        return self.until("ok", part)

    def warns(self, part=""):
        return self.until("warn", part)

    def trips(self, part=""):
        return self.until("trip", part)
