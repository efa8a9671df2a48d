"""Two sites in one machine: fra1 is the package as installed, nyc1 the same unit with the example drop-in.

Each is origin of one set and replica of the other, and both sets are awkward trees of foreign owners: what
arrives equal shows that the rights in the units suffice.
"""

import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import tree_awkward  # noqa: E402
import tree_compare  # noqa: E402

FRA, NYC = "fra1", "nyc1"
FOLDERS = {FRA: "/etc/hareplicate", NYC: "/etc/hareplicate-nyc1"}
PATHS = {"voicemail": {FRA: "/var/spool/asterisk/voicemail", NYC: "/srv/nyc1/voicemail"},
         "etc": {FRA: "/etc/asterisk", NYC: "/srv/nyc1/etc"}}
HOLDERS = {"voicemail": FRA, "etc": NYC}
UNITS = {FRA: "replicator.service", NYC: "replicator-nyc1.service"}
EXAMPLES = "/usr/share/doc/hareplicate/examples"
ASTERISK = 5000  # owner of the trees
TSIG = 'key "ha-fra1" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0ISE="; };\n'
EQUAL_SECONDS = 60


class Sites:
    def __init__(self, promise, machine):
        self.promise, self.machine, self.check = promise, machine, promise.check
        self.keys = {}
        for site, folder in FOLDERS.items():
            os.makedirs(machine.at(folder + "/secrets"), exist_ok=True)
            self.keys[site] = self.new_key(folder + "/secrets/site.curve")
        for name, paths in PATHS.items():
            for path in paths.values():
                os.makedirs(machine.at(path))
            tree_awkward.make_awkward(os.fsencode(machine.at(paths[HOLDERS[name]])))
            os.chown(machine.at(paths[HOLDERS[name]]), ASTERISK, ASTERISK)
        for site in FOLDERS:
            self.configure(site)

    def new_key(self, path):
        """Its public part."""
        return re.search(r'key *= *"(.{40})"', self.machine.run("hareplicate", "keys", "new", path).stdout)[1]

    def configure(self, site, key=None, coordinator=False):
        """The shipped example with the keys, addresses and services of this test."""
        text = self.machine.read(EXAMPLES + "/cluster.toml")
        top = text[:text.index("[[site]]")]
        for port, (name, public) in enumerate(self.keys.items(), 7400):
            public = key if key and name == site else public
            top += f'[[site]]\nname = "{name}"\naddress = ["tcp://127.0.0.1:{port}"]\nkey = "{public}"\n'
            top += f'heartbeat = ["tcp://127.0.0.1:{port + 10}"]\n' if coordinator else ""
        for name, holder in HOLDERS.items():
            top += f'[[service]]\nname = "{name}"\nsites = ["{FRA}", "{NYC}"]\n'
            top += "" if coordinator else f'holder = "{holder}"\n'
        top += '[set_defaults]\ncheck = "5s"\nwalk = "1d"\n'
        for name in PATHS:
            top += f'[[set]]\nname = "{name}"\nservice = "{name}"\npath = "{PATHS[name][FRA]}"\n'
        if coordinator:
            self.machine.write(FOLDERS[site] + "/secrets/tsig", TSIG, 0o600)
            top += '[failover]\n[arbiter]\nkind = "dns"\nzone = "voice.example.net"\n'
            top += '[[dns.zone]]\nname = "voice.example.net"\nprimary = ["127.0.0.1:53"]\n'
            top += 'servers = ["127.0.0.1:53"]\n'
        self.machine.write(FOLDERS[site] + "/cluster.toml", top)
        node = f'site = "{site}"\nlisten = "127.0.0.1"\n'
        if site == NYC:
            node += 'state_dir = "/var/lib/hareplicate-nyc1"\nrun_dir = "/run/hareplicate-nyc1"\n[override]\n'
            node += "".join(f'"set.{name}.path" = "{paths[NYC]}"\n' for name, paths in PATHS.items())
        self.machine.write(FOLDERS[site] + "/node.toml", node)

    def second_unit(self, also=""):
        """The package's unit for nyc1, with the example drop-in for its paths."""
        unit = self.machine.read("/lib/systemd/system/replicator.service")
        config = FOLDERS[NYC] + "/cluster.toml"
        unit = (unit.replace("/usr/sbin/replicator", "/usr/sbin/replicator --config " + config)
                .replace(FOLDERS[FRA] + "/cluster.toml", config)
                .replace("StateDirectory=hareplicate", "StateDirectory=hareplicate-nyc1"))
        drop_in = self.machine.read(EXAMPLES + "/sets.conf")
        for old, new in (("/run/hareplicate", "/run/hareplicate-nyc1"),
                         ("/var/spool/asterisk", PATHS["voicemail"][NYC]),
                         ("/etc/asterisk", PATHS["etc"][NYC])):
            drop_in = drop_in.replace(old, new)
        self.machine.write("/etc/systemd/system/" + UNITS[NYC], unit)
        self.machine.write(f"/etc/systemd/system/{UNITS[NYC]}.d/sets.conf", drop_in + also)
        self.machine.run("mkdir", "-p", "/run/hareplicate-nyc1")
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", UNITS[NYC])

    # ------------------------------------------------------------ what is seen
    def differences(self):
        found = []
        for name, paths in PATHS.items():
            origin = HOLDERS[name]
            trees = [tree_compare.snapshot(os.fsencode(self.machine.at(paths[site])), (b".hareplicate", b"."))
                     for site in (origin, NYC if origin == FRA else FRA)]
            found += [f"{name}: {each}" for each in tree_compare.differences(*trees)]
        return found

    def ask(self, site, *words):
        config = FOLDERS[site] + "/cluster.toml"
        return self.machine.run("hareplicate", "--config", config, *words, check=False)

    def good(self):
        return all(self.ask(site, "status", "--oneline").returncode == 0 for site in FOLDERS)

    def wait_equal(self, when):
        started = time.monotonic()
        left = ["not in sync"]
        while left and time.monotonic() < started + EQUAL_SECONDS:
            time.sleep(0.3)
            if self.good():
                left = self.differences()
        self.check(not left,
                   f"{when}: both sets are equal, {time.monotonic() - started:.1f} s {left[:5] or ''}")
        if left:
            for site in FOLDERS:
                self.promise.say(self.ask(site, "status", "--problems").stdout)

    def watches(self, site):
        """What tells the daemon of changes: fanotify, inotify."""
        pid = self.machine.show(UNITS[site], "MainPID")
        seen = self.machine.answer("sh", "-c", f"ls -l /proc/{pid}/fd")
        return {kind for kind in ("fanotify", "inotify") if re.search(rf"anon_inode:\[?{kind}", seen)}

    def live_change(self, what):
        for name, paths in PATHS.items():
            path = os.path.join(self.machine.at(paths[HOLDERS[name]]), "live")
            with open(path, "a", encoding="ascii") as out:
                out.write(what)
            os.chown(path, ASTERISK, ASTERISK + 1)
            os.chmod(path, 0o4750)
        self.wait_equal(f"a change {what}")

    # ------------------------------------------------------------ the story
    def run(self):
        self.second_unit()
        self.check(self.machine.show(UNITS[NYC], "ProtectSystem") == "strict",
                   "nyc1 runs with the example drop-in")
        self.wait_equal("the first load")
        for site in FOLDERS:
            seen = self.watches(site)
            self.check(seen == {"fanotify"}, f"{site} is told of changes by {seen}")
            self.capabilities(site)
        self.live_change("with fanotify")
        self.second_unit("CapabilityBoundingSet=~CAP_SYS_ADMIN\n")
        self.live_change("without CAP_SYS_ADMIN at nyc1")
        self.check(self.watches(NYC) == {"inotify"}, f"then it is told by {self.watches(NYC)}")
        self.second_unit()

    def capabilities(self, site):
        pid = self.machine.show(UNITS[site], "MainPID")
        status = self.machine.answer("cat", f"/proc/{pid}/status")
        effective = int(re.search(r"CapEff:\s*(\w+)", status)[1], 16)
        wanted = sum(1 << bit for bit in (0, 1, 2, 3, 4, 21, 27, 31))  # linux/capability.h
        self.check(effective == wanted and "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status,
                   f"{site} has the unit's capabilities ({effective:x}), no new privileges, and a filter")

    def end(self):
        self.machine.run("systemctl", "stop", UNITS[NYC])
