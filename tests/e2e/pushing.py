"""A cluster whose sites take pushed configurations, for end-to-end tests, and the command that pushes."""

import contextlib
import os
import pty
import subprocess

from cluster import Cluster

LINK_SECONDS = 40
RUN_SECONDS = 120


class PushingCluster(Cluster):
    def __init__(self, promise, replicator, hareplicate, **options):
        super().__init__(promise, replicator, sites=("fra1", "nyc1", "sgp1"), check="1s", **options)
        self.hareplicate = os.path.abspath(hareplicate)
        for site in self.sites.values():
            self.accept(site, True)

    def accept(self, site, yes):
        self.set_node(site, "accept_config", "true" if yes else "false")

    def listen_on(self, site, address):
        self.set_node(site, "listen", f'"{address}"')

    @staticmethod
    def set_node(site, key, value):
        path = os.path.join(site.folder, "node.toml")
        with open(path, encoding="utf-8") as file:
            text = "".join(line for line in file if not line.startswith(key + " ="))
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{key} = {value}\n" + text)

    @staticmethod
    def text(site, name="cluster.toml"):
        with open(os.path.join(site.folder, name), encoding="utf-8") as file:
            return file.read()

    def changed(self, *replacements):
        """A file with a changed copy of what fra1 has; its path."""
        text = self.text(self.origin)
        for old, new in replacements:
            assert old in text, old
            text = text.replace(old, new)
        path = os.path.join(self.folder, "candidate.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run(self, site, *arguments):
        """Exit code, and all that was said."""
        command = [self.hareplicate, "--config", os.path.join(site.folder, "cluster.toml"), *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=RUN_SECONDS, check=False)
        return done.returncode, done.stdout + done.stderr

    def expect(self, site, code, words, *arguments):
        """Runs it, and checks the exit code and that it said so."""
        got, said = self.run(site, *arguments)
        line = next((line for line in said.split("\n") if words in line), "NOT SAID: " + said)
        what = " ".join(os.path.basename(each) for each in arguments)
        self.promise.check(got == code and words in said, f"{site.name}: {what}: exit {got}, {line}")
        return said

    def run_on_terminal(self, site, answer, *arguments):
        """As run(), on a terminal, where `answer` is typed when it asks."""
        program = [self.hareplicate, "--config", os.path.join(site.folder, "cluster.toml")]
        said, asked = b"", False
        child, terminal = pty.fork()
        if child == 0:
            os.execv(program[0], [*program, *arguments])
        with contextlib.suppress(OSError):  # EIO: the program has ended
            while data := os.read(terminal, 4096):
                said += data
                if b"[y/N]" in said and not asked:
                    asked = os.write(terminal, answer) > 0
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode()

    def in_force(self, text):
        """Every site has this file, and what is in force there means the same."""
        if self.files() != {text}:
            return False
        return all(self.run(site, "config", "diff", site.name)[0] == 0 for site in self.sites.values())

    def files(self):
        return {self.text(site) for site in self.sites.values()}

    def linked(self):
        """Every link that there should be is up, and all have the same cluster.toml in force."""
        links = []
        for site in self.sites.values():
            status = site.status()
            if not status:
                return False
            links += status["links"]
        return len(links) == 4 and all(link["state"] == "up" and link["config_equal"] for link in links)

    def wait_linked(self):
        self.wait("all sites are linked, with one cluster.toml", self.linked, LINK_SECONDS)

    def trials(self):
        """What the sites have on trial; a site that does not answer has none."""
        found = [site.status() for site in self.sites.values()]
        return [status["trial"] for status in found if status and status.get("trial")]
