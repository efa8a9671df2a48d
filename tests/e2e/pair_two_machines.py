#!/usr/bin/env python3
"""From a machine with a hand-written cluster.toml of one site and an empty machine to equal trees: invite,
join, start. Then every wrong turn: each has its exit code, a sentence and a next command, and changes
nothing.

    pair_two_machines.py REPLICATOR HAREPLICATE WANEM CLOCK_SHIFT.so
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from cluster import STAGING, tree_compare
from pairing import Machine, RawMachine, pair_request, with_other_secret
from promise import Promise, end_with_us, is_sanitized
from wanem_path import WanemPath, skip_unless_possible

HOUR = 3600
EQUAL_SECONDS = 60
NOBODY = 65534

CLUSTER = """# our cluster: this comment stays
version = 1
[cluster]
name = "acme-voice"
id   = "e2e-pair"

[[site]]
name    = "fra1"       # and this one
address = ["tcp://{address}:7400"]
key     = "{key}"

# ---- what callers reach
[[service]]
name   = "pbx"
sites  = ["fra1"]      # by preference
holder = "fra1"

[[set]]
name = "tree"
path = "{tree}"
"""


class Pairing:
    def __init__(self, promise, path, folder, arguments):
        self.promise, self.path, self.folder = promise, path, folder
        self.replicator, self.hareplicate, _, self.clock_shift = map(os.path.abspath, arguments)
        self.count = 0
        self.inviter = None

    def machine(self, end, name=None):
        self.count += 1
        return Machine(self.path, end, self.hareplicate,
                       os.path.join(self.folder, f"{self.count:02}-{name or 'empty'}"))

    def site(self, name="fra1", tree="/nonexistent/tree"):
        """A machine that can invite: a key and a cluster.toml with itself."""
        made = self.machine("a", name)
        key = made.make_key()
        made.write("cluster.toml", CLUSTER.format(address=made.address, key=key, tree=tree))
        made.write("node.toml", self.node(made, tree, 'site = "fra1"\n'))
        return made

    @staticmethod
    def node(machine, tree, first=""):
        return (f'{first}state_dir = "{machine.file("state")}"\nrun_dir = "{machine.file("run")}"\n'
                f'[override]\n"set.tree.path" = "{tree}"\n')

    def sees(self, what, outcome, code, *words):
        """The exit code, the words, and a next command."""
        got, said = outcome
        missing = [word for word in words if word not in said]
        line = next((line for line in said.split("\n") if words and words[0] in line), said[-500:])
        hinted = code == 0 or code == 130 or "next: " in said
        self.promise.check(got == code and not missing and hinted,
                           f"{what}: exit {got}, {line.strip()}" +
                           (f"; wanted {code} and {missing}, in: {said}" if got != code or missing else "") +
                           ("" if hinted else "; no next command"))

    # ------------------------------------------------------------ the good way
    def log(self, end):
        return os.path.join(self.folder, f"log-{end}")

    def start(self, machine, log):
        os.makedirs(machine.file("state"), exist_ok=True)
        os.makedirs(machine.file("run"), exist_ok=True)
        with open(log, "wb") as out, self.path.inside(machine.end):
            command = [self.replicator, "--config", machine.file("cluster.toml"), "--log-format", "text"]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    preexec_fn=end_with_us)

    def good_way(self):
        trees = [os.path.join(self.folder, name) for name in ("tree-a", "tree-b")]
        for tree in trees:
            os.makedirs(tree)
        for number in range(200):
            with open(os.path.join(trees[0], f"file-{number}"), "wb") as out:
                out.write(self.promise.random.randbytes(5000))
        first, second = self.site(tree=trees[0]), self.machine("b", "nyc1")
        second.write("node.toml", "# of this host\n" + self.node(second, trees[1]))
        before = first.read()
        began = time.monotonic()
        with first.invite("nyc1", "--eligible", "pbx") as invitation:
            self.promise.check(len(invitation.token) < 250,
                               f"the token has {len(invitation.token)} characters")
            self.promise.check(invitation.line == "hareplicate join " + invitation.token,
                               "it is printed as the line to paste")
            self.sees("join, dry run", second.run("join", invitation.token, "--dry-run"), 0, "would be made",
                      "the token was not used")
            self.promise.check(second.read() is None and not os.path.exists(second.file("secrets")),
                               "the dry run has written nothing")
            self.sees("join", second.run("join", invitation.token), 0, "this machine is site nyc1",
                      f"tcp://{second.address}:7400", "systemctl start replicator")
            self.sees("invite", invitation.end(), 0, "nyc1 has joined", second.address,
                      "systemctl start replicator")  # it does not run yet
            secret = invitation.token[60:90]
            self.promise.check(secret not in invitation.said(), "the token is only on standard output")
        self.promise.check(first.read() == second.read(), "both have the same cluster.toml")
        self.check_edit(before, first.read(), second)
        mode = os.stat(second.file("secrets/site.curve")).st_mode & 0o7777
        self.promise.check(mode == 0o600, f"the new key has mode {mode:04o}")
        self.promise.check("# of this host\nsite = \"nyc1\"\n" in second.read("node.toml"),
                           "node.toml names the site and keeps the rest")
        self.sees("config check there", second.run("config", "check"), 0, "configuration is good")
        daemons = [self.start(machine, self.log(machine.end)) for machine in (first, second)]
        try:
            self.wait_equal(trees)
            self.promise.check(True, f"equal trees {time.monotonic() - began:.1f} s after invite")
        finally:
            for daemon in daemons:
                daemon.terminate()
                daemon.wait()
        self.inviter, self.member = first, second

    def check_edit(self, before, after, second):
        added = [line for line in after.split("\n") if line not in before.split("\n")]
        kept = [line for line in before.split("\n") if line not in after.split("\n")]
        self.promise.check(kept == ['sites  = ["fra1"]      # by preference'] and
                           'sites  = ["fra1", "nyc1"]      # by preference' in added,
                           f"only the list of eligible sites is another line: {kept}")
        self.promise.check(f'address = ["tcp://{second.address}:7400"]' in added and len(added) == 5,
                           f"the new lines are those of the new site: {added}")

    def wait_equal(self, trees):
        deadline = time.monotonic() + EQUAL_SECONDS
        while True:
            first, second = (tree_compare.snapshot(os.fsencode(tree), (STAGING, b".")) for tree in trees)
            left = list(tree_compare.differences(first, second))
            if not left:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"not equal: {len(left)}: {left[:5]}; HA_KEEP=1 keeps the logs")
            time.sleep(0.2)

    # ------------------------------------------------------------ wrong turns without a network
    def nothing_sent(self):
        first = self.site()
        with first.invite("nyc1") as invitation:
            good = invitation.token
            typed = good[:40] + ("a" if good[40] != "a" else "b") + good[41:]
            for what, token in (("a cut token", good[:-5]), ("a mistyped token", typed)):
                fresh = self.machine("b")
                self.sees(what, fresh.run("join", token), 2, "cut or mistyped", "copy the whole line")
                self.promise.check(not os.path.exists(fresh.folder), f"{what}: nothing was written")
            self.sees("no token at all", self.machine("b").run("join", "nyc1"), 2, "not a token",
                      "hareplicate invite")
            self.sees("a token for another site", self.machine("b").run("--site", "syd1", "join", good), 4,
                      "for site nyc1, not for syd1")
            wrong = self.machine("b")
            with open(wrong.folder, "w", encoding="utf-8"):
                pass
            self.sees("a file where the folder should be", wrong.run("join", good), 2, "is not a directory",
                      "--config-dir")
            self.sees("join on the inviter itself", first.run("join", good), 4, "is site fra1 already",
                      "the new machine")
            self.sees("two invitations on one port", first.run("invite", "syd1"), 4, "port 7401 is taken",
                      "--listen")
            self.sees("^C", invitation.stop(), 130, "has ended")
        self.sees("invite without a configuration", self.machine("a").run("invite", "nyc1"), 2,
                  "does not exist", "hareplicate init")
        self.sees("a name that is none", first.run("invite", "NYC 1"), 2, "is not a name")
        self.sees("the own name", first.run("invite", "fra1"), 4, "is this one")
        self.sees("a service that is not there", first.run("invite", "nyc1", "--eligible", "pbxx"), 2,
                  'no service is called "pbxx"')
        self.sees("a port that is none", first.run("invite", "nyc1", "--listen", "tcp://*:80000"), 2,
                  "not an address to listen on")
        self.sees("a time without unit", first.run("invite", "nyc1", "--for", "15"), 2, "--for 15")
        self.sees("an address that is none", first.run("invite", "nyc1", "--address", "nyc1"), 2, "tcp://")
        os.chown(first.file("secrets/site.curve"), NOBODY, NOBODY)
        os.chmod(first.file("secrets"), 0o755)
        self.sees("a cluster.toml that cannot be written", first.run("invite", "nyc1", user=NOBODY), 4,
                  "cluster.toml cannot be written", "root")

    # ------------------------------------------------------------ wrong turns on the way
    def interrupted(self):
        first, fresh = self.site(), self.machine("b")
        with first.invite("nyc1") as invitation:
            invitation.process.send_signal(signal.SIGSTOP)
            with self.path.inside("b"):
                join = subprocess.Popen(fresh.command("join", invitation.token), stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
            deadline = time.monotonic() + EQUAL_SECONDS
            while not os.path.exists(fresh.file("secrets/site.curve")) and time.monotonic() < deadline:
                time.sleep(0.01)
            join.send_signal(signal.SIGINT)
            said = join.communicate(timeout=EQUAL_SECONDS)[1]
            self.sees("^C in join", (join.returncode, said), 130, "interrupted",
                      "next: the same command again")
            self.promise.check(os.listdir(fresh.folder) == ["secrets"], "only the key was made")
            invitation.process.send_signal(signal.SIGCONT)
            self.sees("the same command again", fresh.run("join", invitation.token), 0, "is site nyc1")

    def no_way_there(self):
        first, fresh = self.site(), self.machine("b")
        with first.invite("nyc1") as invitation:
            token = invitation.token
            self.path.ctl("set both partition on")
            self.sees("a way that is closed", fresh.run("join", token), 3,
                      "no answer from the inviter: 10.77.0.1:7401: Connection timed out", "let TCP port 7401")
            self.path.ctl("set both partition off")
            invitation.stop()
        self.sees("a closed port", fresh.run("join", token), 3, "10.77.0.1:7401: Connection refused",
                  "was used, was stopped, or its port is closed", "hareplicate invite nyc1")
        with first.invite("nyc1", "--at", "no-such-host.invalid") as invitation:
            self.sees("a name that does not resolve", fresh.run("join", invitation.token), 3,
                      "does not resolve here: no-such-host.invalid:7401", "getent hosts no-such-host.invalid")
        with first.invite("nyc1") as invitation:
            self.sees("a token of an older invitation", fresh.run("join", token), 4, "is not this invitation",
                      "newest token")
            with self.path.inside("b"), socket.create_connection((first.address, 7401)) as noise:
                noise.sendall(self.promise.random.randbytes(2000))
            self.sees("the right one after that", fresh.run("join", invitation.token), 0, "is site nyc1",
                      "next: mkdir -p /nonexistent/tree")
            self.sees("invite", invitation.end(), 0, "nyc1 has joined")

    def times(self):
        first, fresh = self.site(), self.machine("b")
        before = first.read()
        with first.invite("nyc1", "--for", "1s") as invitation:
            self.sees("nobody comes", invitation.end(), 1, "nobody has joined within 1s",
                      "hareplicate invite nyc1")
            time.sleep(1.1)  # the token has whole seconds
            self.sees("out of time", fresh.run("join", invitation.token), 4, "has expired: it was good until",
                      "clock says")
        self.promise.check(first.read() == before and fresh.read() is None, "and nothing was written")
        if is_sanitized(self.hareplicate):
            self.promise.say("     no clocks that are off: a library cannot be put before the sanitizer's")
            return
        self.sees("out of time, by a clock that is behind", self.shifted(fresh, -HOUR, invitation.token), 3,
                  "was used, was stopped")
        with first.invite("nyc1") as invitation:
            self.sees("a clock an hour ahead", self.shifted(fresh, HOUR, invitation.token), 0,
                      "the clocks differ by", "by this clock the invitation has expired", "timedatectl",
                      "is site nyc1")
            self.sees("invite", invitation.end(), 0, "the clocks differ by", "nyc1 has joined")

    def shifted(self, machine, seconds, token):
        return machine.run("join", token, environment={"LD_PRELOAD": self.clock_shift,
                                                       "HA_CLOCK_SHIFT": str(seconds)})

    # ------------------------------------------------------------ wrong turns that the inviter decides
    def refused(self):
        first = self.site()
        before = first.read()
        with first.invite("nyc1") as invitation:
            raw = RawMachine(self.machine("b"), invitation.token, invitation.port)
            answer = raw.ask(pair_request(invitation.token, wire=9))
            self.promise.check(b"versions do not fit" in (answer or b"") and b"wire 9" in answer,
                               "another version is told both versions")
            raw.close()
            copied = first.copy(os.path.join(self.folder, "copied"))
            for name in ("cluster.toml", "node.toml"):
                os.unlink(copied.file(name))
            self.sees("a copied disk", copied.run("join", invitation.token), 4, "has the key of site fra1",
                      "copied disk")
            other = self.machine("b")
            other.write("cluster.toml", before.replace('"e2e-pair"', '"another"'))
            theirs = other.read()
            self.sees("the cluster.toml of another cluster", other.run("join", invitation.token), 4,
                      'id "another"', "mv ")
            self.promise.check(other.read() == theirs and first.read() == before,
                               "and both cluster.toml are as they were")
            taken = ("--address", f"tcp://{first.address}:7400")
            self.sees("an address that is taken", self.machine("b").run("join", invitation.token, *taken), 2,
                      "is that of site", "--address")
            self.promise.check(first.read() == before, "and the inviter's cluster.toml is as it was")
            invitation.stop()
        broken = self.machine("b")
        broken.write("cluster.toml", "not toml [")
        with first.invite("nyc1") as invitation:
            self.sees("a cluster.toml that is none", broken.run("join", invitation.token), 4, "is not good",
                      "mv ")

    def taken(self):
        """After the good way: nyc1 is in the cluster of self.inviter."""
        first, before = self.inviter, self.inviter.read()
        with first.invite("nyc1") as invitation:
            self.promise.check("only the machine with its key" in invitation.said(),
                               "invite says that nyc1 is there")
            self.sees("a name that is taken", self.machine("b").run("join", invitation.token), 4,
                      "already, with another key", "invite another name")
            self.sees("a member again", self.member.run("join", invitation.token), 0, "as it was before")
            self.sees("invite", invitation.end(), 0, "was a site already")
            self.sees("a member again, late", self.member.run("join", invitation.token), 0, "already",
                      "The token was not used")
        self.promise.check(first.read() == before, "and cluster.toml is as it was")

    def pushed_meanwhile(self):
        """What is written into cluster.toml during a trial would be lost when it goes back."""
        first = self.site()
        trial = first.file("state/config-trial")
        before = first.read()
        with first.invite("nyc1") as invitation:
            os.makedirs(first.file("state"), exist_ok=True)
            with open(trial, "w", encoding="ascii"):
                pass
            self.sees("a push began meanwhile", self.machine("b").run("join", invitation.token), 4,
                      "is on trial here", "hareplicate config confirm")
            self.promise.check(first.read() == before, "and cluster.toml is as it was")
            os.unlink(trial)
            self.sees("when it is over", self.machine("b").run("join", invitation.token), 0, "is site nyc1")
            self.sees("invite", invitation.end(), 0, "nyc1 has joined")

    def used_twice(self):
        first = self.site()
        with first.invite("nyc1") as invitation:
            raw = RawMachine(self.machine("b"), invitation.token, invitation.port)
            welcome = raw.ask(pair_request(invitation.token))
            self.promise.check(b"acme-voice" in (welcome or b""), "a machine has used the token")
            second = self.machine("b")
            self.sees("used twice", second.run("join", invitation.token), 4, "used already",
                      "hareplicate invite nyc1")
            self.promise.check(second.read() is None, "and the second has no cluster.toml")
            again = raw.ask(pair_request(invitation.token))
            self.promise.check(again is not None and b"acme-voice" in again,
                               "the first gets its answer once more")
            raw.close()
            self.sees("^C before the first has stored it", invitation.stop(), 130,
                      "has not said that it has stored", "used already")

    def guessed(self):
        first = self.site()
        with first.invite("nyc1") as invitation:
            raw = RawMachine(self.machine("b"), invitation.token, invitation.port)
            for _ in range(3):
                answer = raw.ask(pair_request(invitation.token, secret=b"0123456789abcdef"))
                self.promise.check(answer is not None and b"not that of the invitation" in answer,
                                   "a wrong secret")
            raw.close()
            forged = with_other_secret(invitation.token)
            for words in ("is not that of the invitation", "for the fifth time"):
                self.sees("a forged token", self.machine("b").run("join", forged), 4, words,
                          "hareplicate invite")
            self.sees("invite", invitation.end(), 4, "5 wrong secrets", "another channel")


def main():
    skip_unless_possible()
    folder = tempfile.mkdtemp(prefix="ha-pair-")
    os.chmod(folder, 0o755)
    try:
        with Promise("one pasted line pairs two machines, wrong turns say where to go") as promise, \
                WanemPath(sys.argv[3], "--rtt", "80ms") as path:
            pairing = Pairing(promise, path, folder, sys.argv[1:])
            pairing.good_way()
            pairing.taken()
            pairing.nothing_sent()
            pairing.no_way_there()
            pairing.interrupted()
            pairing.times()
            pairing.refused()
            pairing.pushed_meanwhile()
            pairing.used_twice()
            pairing.guessed()
    finally:
        if os.environ.get("HA_KEEP") != "1":
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
