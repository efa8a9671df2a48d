"""A clean Debian 12 of its own, booted with systemd as its process 1 (debootstrap, systemd-nspawn).

Nothing of the host is touched: debootstrap and nspawn run in mount namespaces of their own, so that their
mounts end with them however that comes, and the booted machine has no network but its loopback.
"""

import glob
import os
import shlex
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from promise import end_with_us  # noqa: E402

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
# The host's /run/systemd would get a folder of each machine.
ALONE = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
         'mount -t tmpfs tmpfs /run && exec "$@"', "alone"]
BOOT_SECONDS = 60
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive"}
APT_OPTIONS = ["-q", "-y", "--no-install-recommends"]


class Failed(Exception):
    pass


def make_cgroups(name):
    """Folders of its own in the host's trees of control groups, where there is no systemd that gives one."""
    if os.path.isdir("/run/systemd/system"):
        return []
    trees = [tree for tree in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")
             if os.path.exists(tree + "/cgroup.procs")]
    folders = [os.path.join(tree, name) for tree in trees]
    for folder in folders:
        os.mkdir(folder)
    return folders


def remove_cgroups(folders):
    for top in folders:
        for folder, _, _ in os.walk(top, topdown=False):
            os.rmdir(folder)


def host_apt_options():
    """How the host reaches its mirror, without its credentials: proxies and what it says of old mirrors."""
    said = subprocess.run(["apt-config", "dump", "Acquire"], stdout=subprocess.PIPE, text=True, check=True)
    names = ("http::Proxy", "https::Proxy", "Check-Valid-Until", "Check-Date")
    wanted = tuple("Acquire::" + name for name in names)
    return "".join(line + "\n" for line in said.stdout.splitlines() if line.startswith(wanted))


class Machine:
    def __init__(self, base=None):
        # Not /tmp: that may be a tmpfs, which has no attributes.
        self.folder = tempfile.mkdtemp(prefix="ha-package-", dir="/var/tmp")
        self.root = os.path.join(self.folder, "root")
        self.base = base
        self.cgroups = make_cgroups(os.path.basename(self.folder))
        self.running = None
        self.leader = None

    def __enter__(self):
        return self

    def make(self):
        if self.base:
            subprocess.run(["cp", "-a", self.base, self.root], check=True)
        else:
            os.mkdir(self.root)
            debootstrap = ["debootstrap", "--variant=minbase", "--include=systemd-sysv,dbus",
                           SUITE, self.root, MIRROR]
            made = subprocess.run([*ALONE, *debootstrap], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False, preexec_fn=end_with_us)
            if made.returncode != 0:
                raise Failed("debootstrap: " + made.stdout[-2000:])
        with open(self.at("/etc/apt/apt.conf.d/99host"), "w", encoding="utf-8") as out:
            out.write(host_apt_options())

    def at(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)
        with open(self.at(path), "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(self.at(path), mode)

    def read(self, path):
        with open(self.at(path), encoding="utf-8") as file:
            return file.read()

    # ------------------------------------------------------------ commands in it
    def nspawn(self, *arguments):
        # On a host with systemd nspawn asks it for a scope; on another there is nobody to ask.
        scope = [] if os.path.isdir("/run/systemd/system") else ["--keep-unit"]
        return [*ALONE, "systemd-nspawn", "--quiet", "--register=no", *scope, "--machine=ha-package",
                "--settings=no", f"--directory={self.root}", *arguments]

    def begin(self):
        """For preexec_fn of nspawn."""
        end_with_us()
        for folder in self.cgroups:
            with open(folder + "/cgroup.procs", "w", encoding="ascii") as procs:
                procs.write("0")

    def command(self, words):
        if self.leader:
            return ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--net", "--pid",
                    "--root", "--wd", *words]
        given = [f"--setenv={name}={value}" for name, value in ENVIRONMENT.items()]
        return self.nspawn("--as-pid2", "--pipe", "--resolv-conf=copy-host", *given, *words)

    def run(self, *words, check=True):
        """A finished command; Failed when it did not end well, unless check=False."""
        done = subprocess.run(self.command(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, env=ENVIRONMENT,
                              errors="replace", preexec_fn=None if self.leader else self.begin)
        if check and done.returncode != 0:
            raise Failed(f"{shlex.join(words)}: {done.returncode}\n{done.stdout[-3000:]}")
        return done

    def apt(self, *words, check=True):
        return self.run("apt-get", *APT_OPTIONS, *words, check=check)

    def answer(self, *words):
        return self.run(*words, check=False).stdout.strip()

    def show(self, unit, name):
        return self.answer("systemctl", "show", "--property", name, "--value", unit)

    # ------------------------------------------------------------ its life
    def boot(self):
        log = open(os.path.join(self.folder, "boot.log"), "wb")
        # All capabilities: what the units may do is said by the units, not by nspawn. Its own filter of
        # system calls would refuse open_by_handle_at, which fanotify needs. Control groups as Debian 12 has
        # them, whatever the host's are: without version 2 nobody enforces DevicePolicy.
        wishes = {"SYSTEMD_SECCOMP": "0", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        self.running = subprocess.Popen(
            self.nspawn("--boot", "--private-network", "--capability=all"), stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, env=os.environ | wishes, preexec_fn=self.begin)
        log.close()
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline and self.running.poll() is None:
            self.leader = self.leader or self.find_leader()
            state = self.answer("systemctl", "is-system-running") if self.leader else ""
            if state in ("running", "degraded"):
                return state
            time.sleep(0.2)
        with open(os.path.join(self.folder, "boot.log"), errors="replace", encoding="utf-8") as log:
            raise Failed("the machine does not boot: " + log.read()[-2000:])

    def find_leader(self):
        """Its process 1, as the host sees it."""
        waiting = [self.running.pid]
        for pid in waiting:
            for path in glob.glob(f"/proc/{pid}/task/*/children"):
                with open(path, encoding="ascii") as file:
                    waiting += [int(child) for child in file.read().split()]
        for pid in waiting[1:]:
            with open(f"/proc/{pid}/status", encoding="utf-8") as status:
                inside = [line.split()[1:] for line in status if line.startswith("NSpid:")]
            with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                if inside and len(inside[0]) > 1 and inside[0][-1] == "1" and comm.read() == "systemd\n":
                    return pid
        return None

    def off(self):
        if self.running is None:
            return
        self.running.terminate()  # nspawn asks the machine to power off
        try:
            self.running.wait(30)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        self.running = self.leader = None

    def __exit__(self, kind, error, trace):
        if kind is not None and self.leader:
            print(self.answer("journalctl", "--no-pager", "-n", "60"), flush=True)
        self.off()
        remove_cgroups(self.cgroups)
        if os.environ.get("HA_KEEP") == "1":
            print(f"kept: {self.folder}")
        else:
            subprocess.run(["rm", "-rf", "--one-file-system", self.folder], check=False)
