#!/usr/bin/env python3
"""The Debian package lives well on a clean Debian 12 with systemd: install, start, upgrade, remove, purge.

    deb_life.py DEB [BASE]     BASE: a folder that debootstrap has filled, instead of a new one

It needs root, debootstrap, systemd-nspawn and a Debian mirror. About a minute
and a half.
"""

import os
import re
import shutil
import subprocess
import sys
import time

from machine import Machine
from sites import FRA, Sites

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from promise import Promise, skip_unless_root  # noqa: E402

UNIT, COORDINATOR = "replicator.service", "failover.service"
PROGRAMS = ["/usr/bin/hareplicate", "/usr/bin/failover", "/usr/sbin/dnsupdater", "/usr/sbin/replicator",
            "/lib/systemd/system/replicator.service", "/lib/systemd/system/failover.service"]
HANDLERS = "/usr/share/hareplicate/handlers"
CONFIGURATION, KEY = "/etc/hareplicate/cluster.toml", "/etc/hareplicate/secrets/site.curve"
# Tenths, of systemd-analyze security; docs/packaging.md names what is left.
EXPOSURE_MAX = {UNIT: "34", COORDINATOR: "49"}
# What changes in a running machine by itself, or is the package manager's own book.
NOT_OURS = re.compile(
    r"/(proc|sys|dev|run|tmp|root|srv|var/(tmp|log|cache|backups|lib/(apt|dpkg))|etc/[a-z]+-)(/|$)"
    r"|/var/lib/systemd/(?!deb-systemd)|/var/spool/asterisk|/etc/asterisk|nyc1")


def higher_version(deb, folder):
    """The same package with a version above, and another unit and other documentation."""
    unpacked, higher = os.path.join(folder, "unpacked"), os.path.join(folder, "higher.deb")
    subprocess.run(["dpkg-deb", "-R", deb, unpacked], check=True)
    control = os.path.join(unpacked, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    version = re.search(r"^Version: (.*)$", text, re.MULTILINE)[1] + "+next"
    with open(control, "w", encoding="utf-8") as file:
        file.write(re.sub(r"^Version: .*$", "Version: " + version, text, flags=re.MULTILINE))
    with open(os.path.join(unpacked, "lib/systemd/system", UNIT), "a", encoding="utf-8") as unit:
        unit.write("# next\n")
    os.remove(os.path.join(unpacked, "DEBIAN", "md5sums"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", unpacked, higher], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(unpacked)
    return higher, version


class Life:
    def __init__(self, promise, machine, deb):
        self.promise, self.machine, self.check = promise, machine, promise.check
        self.deb = self.put(deb, "this.deb")
        higher, self.version = higher_version(deb, machine.folder)
        self.higher = self.put(higher, "next.deb")

    def put(self, deb, name):
        shutil.copy(deb, self.machine.at("/root/" + name))
        return "/root/" + name

    def state(self, unit=UNIT):
        return self.machine.answer("systemctl", "is-active", unit)

    def becomes(self, wanted):
        """Within 10 s: for a moment after a reload it is "reloading"."""
        until = time.monotonic() + 10
        while self.state() != wanted and time.monotonic() < until:
            time.sleep(0.1)
        return self.state() == wanted

    def owner_and_mode(self, path):
        return self.machine.answer("stat", "-c", "%U:%G %a", path)

    def exists(self, path):
        return self.machine.run("test", "-e", path, check=False).returncode == 0

    def indexes(self):
        folder = self.machine.at("/var/lib/hareplicate/index")
        return {name: os.stat(os.path.join(folder, name)).st_ino for name in os.listdir(folder)
                if name.endswith(".sqlite")}

    def files(self):
        """Every path with kind and mode, but what is not ours."""
        found = {}
        for folder, names, others in os.walk(self.machine.root):
            inside = folder[len(self.machine.root):]
            names[:] = [name for name in names if not NOT_OURS.search(inside + "/" + name)]
            for name in names + others:
                if not NOT_OURS.search(inside + "/" + name):
                    found[inside + "/" + name] = os.lstat(os.path.join(folder, name)).st_mode
        return found

    # ------------------------------------------------------------ its chapters
    def without_systemd(self):
        """As an image is built: nothing runs yet."""
        self.machine.apt("update")
        depends = self.machine.run("dpkg-deb", "-f", self.deb, "Depends").stdout.strip()
        self.machine.apt("satisfy", depends)
        before = self.files()
        self.machine.apt("install", self.deb)
        self.check(self.machine.answer("systemctl", "is-enabled", UNIT) == "enabled",
                   "it can be installed where systemd does not run, and is enabled")
        self.machine.apt("purge", "hareplicate")
        self.nothing_left(before)

    def installed(self, when):
        check, machine = self.check, self.machine
        for path, wanted in (("/etc/hareplicate", "root:hareplicate 2750"),
                             ("/etc/hareplicate/secrets", "root:root 700"),
                             ("/run/hareplicate", "root:hareplicate 2750"),
                             ("/usr/bin/failover", "root:root 755"),
                             ("/usr/bin/hareplicate", "root:root 755"),
                             (HANDLERS + "/page", "root:root 755"),
                             ("/usr/sbin/dnsupdater", "root:root 755"),
                             ("/usr/sbin/replicator", "root:root 755")):
            found = self.owner_and_mode(path)
            check(found == wanted, f"{when}: {path} is {found}")
        check(machine.answer("systemctl", "is-enabled", UNIT) == "enabled", f"{when}: the unit is enabled")
        check(machine.answer("systemctl", "is-enabled", COORDINATOR) == "disabled"
              and self.state(COORDINATOR) == "inactive", f"{when}: the coordinator is not, and does not run")
        machine.run("systemctl", "start", UNIT)
        check(self.state() == "inactive", f"{when}: without a configuration it is not started")
        check(not machine.answer("systemctl", "--failed", "--no-legend", "list-units", "replicator*"),
              f"{when}: no unit failed")

    def documented(self):
        check, machine = self.check, self.machine
        check("Keeps sets" in machine.answer("replicator", "--help"), "replicator --help answers")
        check("resync" in machine.answer("hareplicate", "--help"), "hareplicate --help answers")
        check("swap" in machine.answer("dnsupdater", "--help"), "dnsupdater --help answers")
        check("takeover" in machine.answer("failover", "--help"), "failover --help answers")
        for program in ("hareplicate", "dnsupdater", "failover"):
            check(self.exists("/usr/share/bash-completion/completions/" + program),
                  f"{program} has a completion")
        for page in ("man8/hareplicate.8.gz", "man8/dnsupdater.8.gz", "man8/failover.8.gz",
                     "man8/replicator.8.gz", "man5/cluster.toml.5.gz"):
            check(os.path.isfile(machine.at("/usr/share/man/" + page)), f"there is {page}")
        for unit, threshold in EXPOSURE_MAX.items():
            said = machine.run("systemd-analyze", "verify", "--man=no", unit, check=False)
            check(said.returncode == 0 and not said.stdout, f"systemd-analyze verify is silent {said.stdout}")
            said = machine.run("systemd-analyze", "security", "--no-pager", "--threshold=" + threshold, unit,
                               check=False)
            check(said.returncode == 0, "systemd-analyze security: " + said.stdout.splitlines()[-1])

    def wrong_then_right(self, sites):
        check, machine = self.check, self.machine
        sites.configure(FRA, key=sites.new_key("/root/other.curve"))
        started = machine.run("systemctl", "start", UNIT, check=False)
        time.sleep(3)  # longer than RestartSec
        check(started.returncode != 0 and self.state() == "failed" and machine.show(UNIT, "NRestarts") == "0",
              "with a wrong key in cluster.toml it fails at once and is not tried again")
        sites.configure(FRA)
        said = machine.run("replicator", "--check").stdout
        check("configuration is good" in said, "replicator --check: " + said.strip())
        machine.run("systemctl", "start", UNIT)
        check(self.state() == "active" and machine.show(UNIT, "Type") == "notify", "configured, it starts")
        sites.configure(FRA, key="too short")
        reloaded = machine.run("systemctl", "reload", UNIT, check=False).returncode
        check(reloaded != 0 and self.state() == "active",
              "a reload refuses a wrong configuration, and it stays up")
        sites.configure(FRA)
        reloaded = machine.run("systemctl", "reload", UNIT, check=False).returncode
        check(reloaded == 0 and self.becomes("active"), "with a right one it goes through")

    def group(self):
        check, machine = self.check, self.machine
        socket = "/run/hareplicate/replicator.sock"
        found = self.owner_and_mode(socket)
        check(found == "root:hareplicate 660", f"{socket} is {found}")
        machine.run("useradd", "--groups", "hareplicate", "member")
        machine.run("useradd", "stranger")

        def as_user(user, *words):
            return machine.run("runuser", "-u", user, "--", *words, check=False)

        as_member = as_user("member", "hareplicate", "status")
        check(as_member.returncode in (0, 1) and "SET" in as_member.stdout, "a member of the group may ask")
        denied = as_user("member", "hareplicate", "resync", "etc", "--yes")
        check(denied.returncode == 4, "a member of the group may not start a job")
        denied = as_user("stranger", "hareplicate", "status")
        check(denied.returncode not in (0, 1), "others may not ask")
        check(as_user("member", "cat", CONFIGURATION).returncode == 0
              and as_user("member", "cat", KEY).returncode != 0,
              "a member of the group may read the configuration, and not the key")

    def devices(self):
        """The unit's own lines, and a process that tries: it makes a device, and cannot open it."""
        unit = self.machine.read("/lib/systemd/system/" + UNIT)
        lines = ["--property=" + line for line in unit.splitlines() if line.startswith("Device")]
        tries = "mknod /root/disk b 7 0 && test -b /root/disk && ! head -c 1 /root/disk && echo n >/dev/null"
        said = self.machine.run("systemd-run", "--quiet", "--pipe", "--wait", *lines, "sh", "-c", tries,
                                check=False)
        self.check(len(lines) == 3 and said.returncode == 0 and "not permitted" in said.stdout,
                   f"devices can be made and not be opened: {said.stdout!r}")

    def comes_back(self, unit=UNIT, seconds=40):
        """After a kill, and after it hangs."""
        for signal, what in (("KILL", "killed"), ("STOP", "hanging, found by the watchdog")):
            before = self.machine.show(unit, "MainPID")
            begun = time.monotonic()
            self.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=" + signal, unit)
            while time.monotonic() < begun + seconds and (
                    self.machine.show(unit, "MainPID") in (before, "0") or self.state(unit) != "active"):
                time.sleep(0.1)
            took = time.monotonic() - begun
            self.check(took < seconds, f"{unit}: {what}, it is started again, {took:.1f} s")

    def coordinator(self, sites):
        """The arbiter does not answer here: it starts, says so, and comes back within its lease."""
        check, machine = self.check, self.machine
        machine.run("systemctl", "stop", UNIT)
        machine.run("systemctl", "start", COORDINATOR, check=False)
        said = machine.answer("journalctl", "--no-pager", "-u", COORDINATOR)
        check(machine.show(COORDINATOR, "ExecMainStatus") == "2" and "there is no [failover]" in said,
              "without [failover] the coordinator ends with 2, and says so")
        sites.configure(FRA, coordinator=True)
        said = machine.run("failover", "config", "check", check=False).stdout
        check("configuration is good" in said, "failover config check: " + said.strip())
        machine.run("systemctl", "start", COORDINATOR)
        check(self.state(COORDINATOR) == "active", "configured, the coordinator starts, its kernel guard too")
        shown = machine.run("runuser", "-u", "member", "--", "failover", "status", check=False)
        check(shown.returncode == 1 and "SERVICE" in shown.stdout, "a member of the group may ask it")
        denied = machine.run("runuser", "-u", "member", "--", "failover", "pause", check=False)
        check(denied.returncode == 4, "a member of the group may not pause it")
        sensors = machine.answer("failover", "sensor", "list")
        check("not permitted" not in sensors, f"its sensors have the rights that they need {sensors}")
        self.comes_back(COORDINATOR, 9)  # less than a lease
        machine.run("systemctl", "reload", COORDINATOR)
        machine.run("systemctl", "stop", COORDINATOR)
        sites.configure(FRA)
        machine.run("systemctl", "start", UNIT)

    def upgrade(self, sites):
        check, machine = self.check, self.machine
        kept = {path: machine.read(path) for path in (CONFIGURATION, KEY)}
        machine.run("chmod", "0755", "/etc/hareplicate")  # the operator's choice
        before = machine.show(UNIT, "MainPID")
        index = self.indexes()
        machine.apt("install", self.higher)
        check(machine.answer("dpkg-query", "-W", "-f", "${Version}", "hareplicate") == self.version,
              f"upgraded to {self.version}")
        check(self.state() == "active" and machine.show(UNIT, "MainPID") != before, "it was started anew")
        check(machine.read("/lib/systemd/system/" + UNIT).endswith("# next\n")
              and machine.show(UNIT, "NeedDaemonReload") == "no", "with the new unit")
        check(all(machine.read(path) == text for path, text in kept.items()),
              "configuration and key are kept")
        check(len(index) == 2 and self.indexes() == index, "the indexes are kept")
        check(self.owner_and_mode("/etc/hareplicate") == "root:hareplicate 2755",
              "a mode given by hand is kept")
        sites.wait_equal("after the upgrade")

    def remove_and_come_back(self, sites):
        check, machine = self.check, self.machine
        pid = machine.show(UNIT, "MainPID")
        machine.apt("remove", "hareplicate")
        check(not self.exists("/proc/" + pid), "removed: the daemon has ended")
        check(machine.show(UNIT, "LoadState") in ("masked", "not-found"), "removed: the unit is gone")
        left = [path for path in PROGRAMS + ["/run/hareplicate"] if self.exists(path)]
        check(not left, f"removed: the programs are gone {left or ''}")
        check(all(self.exists(path) for path in (CONFIGURATION, KEY, "/var/lib/hareplicate/index")),
              "removed: configuration, key and state are kept")
        machine.apt("install", self.deb)
        check(self.state() == "active", "installed again, it runs with what was kept")
        sites.wait_equal("after removal and installation")

    def purge(self, before):
        said = self.machine.apt("purge", "hareplicate").stdout
        self.check(f"purging the secret key {KEY}" in said, "purge names the key")
        self.nothing_left(before)
        content = os.listdir(self.machine.at("/var/spool/asterisk/voicemail"))
        self.check(len(content) > 5, "purged: the set is left alone")

    def nothing_left(self, before):
        after = self.files()
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        self.check(not changed, f"purged: {len(before)} paths are as before {changed[:10] or ''}")
        known = self.machine.run("dpkg-query", "-W", "hareplicate", check=False).returncode
        self.check(known != 0, "purged: the package is not known any more")


def story(promise, machine, deb):
    machine.make()
    promise.say("there is a clean Debian 12")
    life = Life(promise, machine, deb)
    life.without_systemd()
    promise.say("booted: " + machine.boot())
    before = life.files()
    machine.apt("install", life.deb)
    life.installed("installed")
    life.documented()
    sites = Sites(promise, machine)
    life.wrong_then_right(sites)
    life.group()
    life.coordinator(sites)
    life.devices()
    sites.run()
    life.comes_back()
    sites.wait_equal("after that")
    life.upgrade(sites)
    life.remove_and_come_back(sites)
    sites.end()
    life.purge(before)
    machine.apt("install", life.deb)
    life.installed("installed after purge")
    machine.apt("purge", "hareplicate")
    life.nothing_left(before)


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__.strip())
        return 2
    skip_unless_root()
    with Promise("the package installs, starts, upgrades, goes and purges cleanly") as promise:
        with Machine(*sys.argv[2:]) as machine:
            story(promise, machine, os.path.abspath(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
