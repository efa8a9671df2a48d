#!/usr/bin/env python3
"""`hareplicate support-bundle`: what is in it, with and without a daemon, and that no secret ever is.

    support_bundle_test.py HAREPLICATE HAREPLICATE.BASH REPLICATOR
"""

import json
import os
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

PROGRAM, REPLICATOR = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[3])
NAMES = {"status.json", "events.jsonl", "cluster.toml", "node.toml", "config-check.txt", "history.jsonl",
         "doctor.txt", "host.txt", "journal.txt"}


def run(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL)


class Bundle(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.cluster = os.path.join(self.folder, "cluster.toml")
        self.key = os.path.join(self.folder, "secrets", "site.curve")
        self.bundle = os.path.join(self.folder, "b.tar.gz")
        for name in ("state", "run", "tree"):
            os.mkdir(os.path.join(self.folder, name))
        made = run("keys", "new", self.key)
        self.assertEqual(made.returncode, 0, made.stderr)
        with open(self.key, encoding="ascii") as file:
            self.secret = file.read().strip()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.write(f'[cluster]\nname = "c"\nid = "i"\n[[site]]\nname = "fra1"\n'
                   f'address = ["tcp://127.0.0.1:{port}"]\n{made.stdout}'
                   '[[service]]\nname = "pbx"\nsites = ["fra1"]\nholder = "fra1"\n'
                   f'[[set]]\nname = "tree"\npath = "{self.folder}/tree"\n')
        with open(os.path.join(self.folder, "node.toml"), "w", encoding="utf-8") as out:
            out.write(f'site = "fra1"\nlisten = "127.0.0.1"\nstate_dir = "{self.folder}/state"\n'
                      f'run_dir = "{self.folder}/run"\n')

    def write(self, text):
        with open(self.cluster, "w", encoding="utf-8") as out:
            out.write(text)

    def pack(self):
        """{name: text} of a bundle."""
        done = run("-c", self.cluster, "support-bundle", self.bundle)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(stat.S_IMODE(os.stat(self.bundle).st_mode), 0o600)
        self.assertIn("No secret key is in it", done.stdout)
        out = {}
        with tarfile.open(self.bundle) as archive:
            for member in archive.getmembers():
                if member.isfile():
                    name = os.path.basename(member.name)
                    out[name] = archive.extractfile(member).read().decode(errors="replace")
                    self.assertIn(name, done.stdout)
        self.assertEqual(set(out), NAMES)
        for name, text in out.items():
            self.assertNotIn(self.secret, text, name)
        self.assertNotIn(os.path.basename(self.key), " ".join(out))
        return out

    def test_without_a_daemon_it_says_so_inside(self):
        texts = self.pack()
        self.assertIn("not there: ", texts["status.json"])
        self.assertIn("not there: ", texts["history.jsonl"])
        self.assertIn("BAD\treplicator", texts["doctor.txt"])
        self.assertIn("kernel\tLinux", texts["host.txt"])
        self.assertIn("set tree\t", texts["host.txt"])
        self.assertIn('name = "tree"', texts["cluster.toml"])

    def test_with_a_daemon_it_has_status_and_events(self):
        with open(os.path.join(self.folder, "state", "history.jsonl"), "w", encoding="utf-8") as out:
            out.write('{"time_ns":1,"set":"tree"}\n' * 20_000)
        daemon = subprocess.Popen([REPLICATOR, "--config", self.cluster], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 30
            while run("-c", self.cluster, "status").returncode == 3 and time.monotonic() < deadline:
                time.sleep(0.1)
            texts = self.pack()
        finally:
            daemon.terminate()
            daemon.wait(30)
        self.assertEqual(json.loads(texts["status.json"])["site"], "fra1")
        events = [json.loads(line) for line in texts["events.jsonl"].splitlines()]
        self.assertIn("node.started", str(events))
        lines = texts["history.jsonl"].splitlines()
        self.assertLess(len(lines), 20_000)
        self.assertTrue(all(json.loads(line)["set"] == "tree" for line in lines))

    def test_a_secret_in_the_wrong_place_is_taken_out(self):
        with open(self.cluster, encoding="utf-8") as file:
            text = file.read()
        self.write(text + f"# my note: {self.secret}\n")
        self.assertIn("a secret key stood here", self.pack()["cluster.toml"])

    def test_a_secret_that_others_may_read_is_taken_out_too(self):
        next_key = self.key + ".next"
        made = run("keys", "new", next_key)
        self.assertEqual(made.returncode, 0, made.stderr)
        with open(next_key, encoding="ascii") as file:
            other = file.read().strip()
        os.rename(self.key, os.path.join(self.folder, "my.curve"))
        os.rename(next_key, os.path.join(self.folder, "my.curve.next"))
        os.chmod(os.path.join(self.folder, "my.curve"), 0o644)
        node = os.path.join(self.folder, "node.toml")
        with open(node, encoding="utf-8") as file:
            text = file.read()
        with open(node, "w", encoding="utf-8") as out:
            out.write(f'# {self.secret} {other}\nsecret_key_file = "my.curve"\n' + text)
        self.assertNotIn(other, self.pack()["node.toml"])

    def test_what_overlays_put_in_is_left_out(self):
        with open(self.cluster, encoding="utf-8") as file:
            text = file.read()
        self.write(text + '[[overlay]]\nsite = "fra1"\nset = "tree"\nfile = "a.conf"\n'
                          "replace = [{ match = '^secret=.*', with = 'secret=hunter2' }]\n")
        texts = self.pack()
        self.assertIn("0 errors", texts["config-check.txt"])
        self.assertIn('with = "(left out)"', texts["cluster.toml"])
        self.assertNotIn("hunter2", str(texts))

    def test_a_configuration_beside_and_behind_a_link_is_read(self):
        os.rename(self.cluster, os.path.join(self.folder, "real.toml"))
        os.symlink("real.toml", self.cluster)
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        self.cluster = "cluster.toml"
        self.assertIn('name = "tree"', self.pack()["cluster.toml"])

    def test_a_broken_configuration_is_packed_too(self):
        self.write(f"not [ toml {self.secret}\n")
        texts = self.pack()
        self.assertIn("error", texts["config-check.txt"])
        self.assertIn("not [ toml", texts["cluster.toml"])

    def test_it_never_overwrites(self):
        self.pack()
        done = run("-c", self.cluster, "support-bundle", self.bundle)
        self.assertEqual(done.returncode, 1)
        self.assertIn("never overwritten", done.stderr)
        os.unlink(self.bundle)
        os.symlink("/nowhere", self.bundle)
        self.assertNotEqual(run("-c", self.cluster, "support-bundle", self.bundle).returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
