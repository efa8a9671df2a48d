#!/usr/bin/env python3
"""Wrong turns at the command line, as a shell sees them: each has its exit code, a sentence and a next
command. No answer is lost in silence.

    command_line_test.py HAREPLICATE HAREPLICATE.BASH REPLICATOR
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM, REPLICATOR = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[3])
LIMIT_SECONDS = 120


def run(*words, program=PROGRAM, **more):
    return subprocess.run([program, *words], text=True, timeout=LIMIT_SECONDS, check=False,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          **{"stdout": subprocess.PIPE, **more})


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.file(name), "w", encoding="utf-8") as out:
            out.write(text)

    def site(self):
        """A site alone, with a set "tree"; -c and its cluster.toml."""
        for name in ("state", "run", "tree"):
            os.mkdir(self.file(name))
        key = run("keys", "new", self.file("secrets/site.curve")).stdout
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.write("cluster.toml",
                   f'[cluster]\nname = "c"\nid = "i"\n[[site]]\nname = "fra1"\n'
                   f'address = ["tcp://127.0.0.1:{port}"]\n{key}'
                   '[[service]]\nname = "pbx"\nsites = ["fra1"]\nholder = "fra1"\n'
                   f'[[set]]\nname = "tree"\npath = "{self.folder}/tree"\n')
        self.write("node.toml", f'site = "fra1"\nlisten = "127.0.0.1"\nstate_dir = "{self.folder}/state"\n'
                                f'run_dir = "{self.folder}/run"\n')
        return "-c", self.file("cluster.toml")

    def refused(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        for word in (*words, "\n  next: "):
            self.assertIn(word, done.stderr)

    # ------------------------------------------------------------ answers that do not get out
    def test_an_answer_that_cannot_be_written_is_an_error(self):
        config = self.site()
        for words in (("config", "show"), ("help", "states"), ("--help",), ("completion", "bash"),
                      ("keys", "show"), ("config", "check")):
            with open("/dev/full", "w", encoding="utf-8") as full:
                self.refused(run(*config, *words, stdout=full), 6, "could not be written")

    def test_config_check_knows_what_the_tables_of_dns_mean_together(self):
        config = self.site()
        zone = '[[dns.zone]]\nname = "voice.test"\nprimary = ["192.0.2.53"]\n'
        with open(self.file("cluster.toml"), encoding="utf-8") as file:
            text = file.read()
        self.write("cluster.toml", text + zone)
        self.assertEqual(run(*config, "config", "check").returncode, 0)
        self.write("cluster.toml", text + zone + '[[dns.record]]\nservice = "fax"\nname = "sip.voice.test"\n')
        done = run(*config, "config", "check")
        self.assertEqual(done.returncode, 2)
        self.assertIn('no service is called "fax"', done.stdout)
        # What is wrong by itself is told once, whoever finds it.
        self.write("cluster.toml", text + zone + 'servers = "192.0.2.54"\n')
        done = run(*config, "config", "check")
        self.assertIn("1 error,", done.stdout)

    def test_a_file_is_never_taken_for_a_closed_output(self):
        key = self.file("secrets/site.curve")
        done = run(program="/bin/sh", *("-c", f'"{PROGRAM}" keys new "{key}" <&- >&- 2>&-'))
        self.assertEqual(done.returncode, 0)
        with open(key, encoding="ascii") as file:
            self.assertEqual(len(file.read().strip()), 40)

    # ------------------------------------------------------------ what was meant?
    def test_a_file_to_push_or_compare_that_is_not_there(self):
        config = self.site()
        for name in ("none.toml", self.folder):
            self.refused(run(*config, "config", "push", name), 2, name)
        self.refused(run(*config, "config", "diff", "./none.toml"), 2, "none.toml")
        self.refused(run(*config, "config", "diff", "fra2"), 2, 'did you mean "fra1"?')
        self.refused(run(*config, "config", "push", "--without", "fra2"), 2, 'did you mean "fra1"?')
        for span in ("1s", "2d", "5", "soon"):
            self.refused(run(*config, "config", "push", "--confirm", span), 2, f"--confirm {span}")

    def test_a_configuration_that_is_not_there_or_not_right(self):
        self.refused(run("-c", self.file("none.toml"), "status"), 2, "does not exist", "help first-hour")
        self.refused(run("-c", self.file("none.toml"), program=REPLICATOR), 2, "does not exist", "first-hour")
        config = self.site()
        self.refused(run(*config, "--node", self.file("none.toml"), "--check", program=REPLICATOR), 2,
                     "none.toml does not exist")
        self.write("cluster.toml", "version =")
        self.refused(run(*config, "status"), 2, f"hareplicate -c {self.file('cluster.toml')} config check")

    def test_monitoring_gets_unknown_for_a_limit_that_cannot_be_read(self):
        done = run(*self.site(), "status", "--oneline", "--warning", "5")
        self.assertEqual(done.returncode, 3)
        self.assertIn("HAREPLICATE UNKNOWN - --warning", done.stdout)

    def test_names_are_asked_back(self):
        config = self.site()
        with subprocess.Popen([REPLICATOR, *config], stderr=subprocess.DEVNULL) as daemon:
            try:
                deadline = time.monotonic() + LIMIT_SECONDS
                while run(*config, "status").returncode == 3:
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.05)
                for verb in ("verify", "diff", "resync", "hold", "release", "history"):
                    self.refused(run(*config, verb, "treee"), 2, 'did you mean "tree"?')
                self.refused(run(*config, "status", "treee"), 2, 'no set "treee"')
                asked = run(*config, "diff", "tree", r"caf\xe9")  # not UTF-8
                self.refused(asked, 1, "this site is the origin of no set")
            finally:
                daemon.terminate()

    def test_doctor_misses_the_coordinator_where_failover_is_configured(self):
        config = self.site()

        def coordinator():
            checks = json.loads(run(*config, "--json", "doctor").stdout)["rows"]
            return [check["health"] for check in checks if check["check"] == "coordinator"]

        self.assertEqual(coordinator(), [])
        with open(self.file("cluster.toml"), encoding="utf-8") as file:
            text = "".join(line for line in file if not line.startswith(("holder", "epoch")))
        self.write("cluster.toml", text + "[failover]\n")
        self.assertEqual(coordinator(), [])  # a site without heartbeat only keeps copies
        heartbeat = 'heartbeat = ["tcp://127.0.0.1:1"]\n[[service]]'
        self.write("cluster.toml", text.replace("[[service]]", heartbeat) + "[failover]\n")
        self.assertEqual(coordinator(), ["BAD"])

    # ------------------------------------------------------------ keys
    def test_keys_are_shown_as_json(self):
        made = json.loads(run("--json", "keys", "new", self.file("k")).stdout)
        self.assertEqual(made["schema"], "hareplicate.key/1")
        self.assertEqual(json.loads(run("--json", "keys", "show", self.file("k")).stdout), made)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
