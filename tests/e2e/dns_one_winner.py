#!/usr/bin/env python3
"""Two and four clients race for one service on a real BIND, Knot and PowerDNS: each epoch has one winner, and
losers know it.

    dns_one_winner.py DNS_RACER
"""

import collections
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_servers import Bind, DnsServers, KEY, Knot, PowerDns, Zone  # noqa: E402
from promise import Promise, count  # noqa: E402

ZONE = "voice.test"
ROUNDS = count(2000)  # of each client


def race(promise, racer, server, folder, clients):
    key = os.path.join(folder, "key")
    KEY.write(key)
    running = []
    for number in range(clients):
        command = [racer, server.endpoint, ZONE, key, f"s{number}", f"192.0.2.{number + 1}",
                   str(ROUNDS)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    verdicts = collections.Counter()
    winners = collections.defaultdict(set)
    problems = []
    for process in running:
        out, error = process.communicate(timeout=900)
        problems += [error.strip()] if process.returncode != 0 else []
        for line in out.splitlines():
            words = line.split(" ", 4)
            verdicts[words[0]] += 1
            if words[0] in ("won", "overtaken-winner"):
                winners[int(words[1])].add(words[2])
            elif words[0] not in ("lost", "overtaken"):
                problems.append(line)
    what = f"{type(server).__name__}, {clients} clients, {ROUNDS} rounds"
    told = ", ".join(f"{n} {verdict}" for verdict, n in sorted(verdicts.items()))
    promise.check(not problems, f"{what}: {told} {problems[:3] or ''}")
    promise.check(verdicts["lost"] + verdicts["overtaken"] > 0, "  they really raced")
    twice = [epoch for epoch, nonces in winners.items() if len(nonces) != 1]
    promise.check(not twice and sorted(winners) == list(range(1, max(winners) + 1)),
                  f"  one winner for each of {len(winners)} epochs {twice[:3] or ''}")
    last = server.data(f"_ha.pbx.{ZONE}", "TXT")
    promise.check(len(last) == 1 and f"epoch={max(winners)} " in last[0], f"  at the end: {last[0][:60]}")
    owner = last[0].split("owner=s")[1].split(" ")[0]
    promise.check(server.data(f"sip.{ZONE}", "A") == [f"192.0.2.{int(owner) + 1}"],
                  "  and callers are led to its owner")


def main():
    with Promise("each epoch has one winner, and losers know it") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        for kind in (Bind, Knot, PowerDns):
            for clients in (2, 4):
                with servers.start(kind, Zone(ZONE)) as server:
                    race(promise, sys.argv[1], server, folder, clients)


if __name__ == "__main__":
    main()
