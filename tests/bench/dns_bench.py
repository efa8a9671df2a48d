#!/usr/bin/env python3
"""Measures dnsupdater beside nsupdate and knsupdate on real name servers, and prints one JSON line a result.

    dns_bench.py --dnsupdater BIN --racer BIN [--rounds 200]

"process": one update as a whole process, from the moment it is started until it has ended, in turn with the
others; dnsupdater reads, journals, reads back and asks the server as callers do, the others send and hear.
"stream": updates one after the other in one process, a second.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from dns_operator import write_site  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Knot, PowerDns, Zone  # noqa: E402

ZONE = "voice.test"
CLUSTER = """version = 1
[cluster]
name = "bench"
id = "5b1f"
[[site]]
name = "fra1"
address = ["tcp://127.0.0.1:7400"]
key = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR"
[[dns.zone]]
name = "voice.test"
primary = ["@SERVER@"]
servers = ["@SERVER@"]
"""


def timed(words, environment):
    """Milliseconds. Spawned, not forked: what is measured is the program, not this one's memory."""
    nothing = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, nothing, number) for number in range(3)]
    begin = time.perf_counter()
    child = os.posix_spawn(words[0], words, environment, file_actions=actions)
    _, status = os.waitpid(child, 0)
    took = time.perf_counter() - begin
    os.close(nothing)
    if status != 0:
        raise RuntimeError(f"{' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    return took * 1000


def script(server, name, numbers):
    lines = [f"server {server.address} {server.port}", f"zone {ZONE}"]
    for number in numbers:
        lines += [f"update delete {name}.{ZONE} A",
                  f"update add {name}.{ZONE} 30 A 192.0.2.{number % 250 + 1}", "send"]
    return "\n".join(lines) + "\n"


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.servers = DnsServers(folder)
        self.key = os.path.join(folder, "key")
        KEY.write(self.key)

    def configured(self, server):
        """The folder of a site whose zone is on that server."""
        etc = os.path.join(self.folder, f"etc-{type(server).__name__}")
        return write_site(etc, CLUSTER.replace("@SERVER@", server.endpoint))

    def write(self, server, name, numbers):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(script(server, name, numbers))
        return path

    def process(self, server):
        config = self.configured(server)
        ours, theirs = dict(os.environ), self.servers.environment
        took = {"dnsupdater": [], "nsupdate": [], "knsupdate": []}
        for number in range(self.options.rounds):
            address = f"192.0.2.{number % 250 + 1}"
            took["dnsupdater"].append(timed([self.options.dnsupdater, "--config", config, "set", f"a.{ZONE}",
                                             "A", address, "--yes"], ours))
            for name in ("nsupdate", "knsupdate"):
                took[name].append(timed([self.servers.program(name), "-y", KEY.flag(),
                                         self.write(server, name, [number])], theirs))
        return [{"who": who, "median": statistics.median(all_), "low": min(all_),
                 "high": sorted(all_)[len(all_) * 95 // 100]} for who, all_ in took.items()]

    def stream(self, server):
        count = self.options.rounds
        commands = {
            "dnsupdater's library": ([self.options.racer, server.endpoint, ZONE, self.key, "fra1",
                                      "192.0.2.10", str(count)], dict(os.environ)),
        }
        for name in ("nsupdate", "knsupdate"):
            commands[name] = ([self.servers.program(name), "-y", KEY.flag(),
                               self.write(server, name, range(count))], self.servers.environment)
        rows = []
        for who, (words, environment) in commands.items():
            rows.append({"who": who, "a_second": count / (timed(words, environment) / 1000)})
        return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dnsupdater", required=True)
    parser.add_argument("--racer", required=True)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, folder)
        for kind in (Bind, Knot, PowerDns):
            for case in ("process", "stream"):
                with bench.servers.start(kind, Zone(ZONE)) as server:
                    for row in getattr(bench, case)(server):
                        print(json.dumps({"case": case, "server": kind.__name__, **row}), flush=True)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(str(error))
