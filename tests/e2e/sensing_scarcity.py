"""The part of sensors_trip_and_recover that needs memory and processors until they are short.

Of a class with put(name, content) and watch(kind, **options).
"""

import contextlib
import os
import subprocess
import sys

from promise import FULL, end_with_us
from sensing import child

READ_AGAIN_AND_AGAIN = """
import mmap
open(sys.argv[1], "w").write("0")
with open(sys.argv[2], "rb") as wanted:
    pages = mmap.mmap(wanted.fileno(), 0, access=mmap.ACCESS_READ)
pages.madvise(mmap.MADV_RANDOM)
while True:
    for page in range(0, len(pages), 4096):
        pages[page]
"""


@contextlib.contextmanager
def memory_group(most):
    """Yields the file to write "0" to: who does may have no more than `most` bytes, cached files included."""
    root = "/sys/fs/cgroup/memory" if os.path.isdir("/sys/fs/cgroup/memory") else "/sys/fs/cgroup"
    group = os.path.join(root, f"ha-sensors-{os.getpid()}")
    os.mkdir(group)
    try:
        limit = "memory.limit_in_bytes" if root.endswith("memory") else "memory.max"
        with open(os.path.join(group, limit), "w", encoding="ascii") as out:
            out.write(str(most))
        yield os.path.join(group, "cgroup.procs")
    finally:
        os.rmdir(group)


class Scarcity:
    def short_of_memory(self):
        with open("/proc/meminfo", encoding="ascii") as file:
            kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in file}
        free = 100 * kilobytes["MemAvailable"] / kilobytes["MemTotal"]
        with self.watch("mem.available", warn=f"{free - 6:.1f}%", trip=f"{free - 7:.1f}%") as watch:
            watch.good("are available")
            with child("x = b'x' * int(sys.argv[1])\nprint(1, flush=True)\nsys.stdin.read()",
                       str(kilobytes["MemTotal"] * 1024 // 10)):
                watch.trips("are available")
            watch.good()

    def short_of_processors(self):
        if not FULL:  # both are means of ten seconds and more
            return
        cores = os.cpu_count()
        load = os.getloadavg()[0] / cores
        with self.watch("cpu.pressure") as pressure, \
                self.watch("cpu.load", warn=f"{load + 0.2:.2f}", trip=f"{load + 0.4:.2f}") as watch, \
                contextlib.ExitStack() as spinning:
            watch.good()
            pressure.good()
            for _ in range(4 * cores):
                spinning.enter_context(child("while True: pass"))
            pressure.trips("something waited for cpu")
            watch.trips()
            spinning.close()
            pressure.good()
            watch.good()

    def killed_for_memory(self):
        if not FULL:  # it is remembered for a minute at least
            return
        with memory_group(32 << 20) as door, self.watch("mem.oom_kill", window="1m") as watch:
            watch.good()
            greedy = f"open({door!r}, 'w').write('0'); x = bytearray(256 << 20)"
            subprocess.run([sys.executable, "-c", greedy], check=False, preexec_fn=end_with_us)
            watch.trips()
            watch.good()

    def waits_for_memory(self):
        if not FULL:  # a mean of ten seconds, and nobody else may have anything to do
            return
        file = self.put("wanted", os.urandom(128 << 20))
        with open(file, "rb") as wanted, memory_group(32 << 20) as door, \
                self.watch("mem.pressure", warn="0.3%", trip="0.6%") as watch:
            watch.good()
            os.fsync(wanted.fileno())
            os.posix_fadvise(wanted.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            with child(READ_AGAIN_AND_AGAIN, door, wanted.name):
                watch.trips("everything waited for memory")
            watch.good()
