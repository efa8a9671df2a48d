#!/usr/bin/env python3
"""A reply is lost, a request is lost, a message comes twice, answers are forged, cut or late, the server is
killed between applying and answering, restarted in the middle of a race, or its zone is frozen: who makes a
change is never told something that is not so, and a change is never made twice.

    dns_never_a_wrong_verdict.py DNS_RACER
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_proxy import DnsProxy  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Knot, PowerDns, Zone  # noqa: E402
from promise import FULL, Promise  # noqa: E402

ZONE = "voice.test"
TIMES = 50 if FULL else 2
# What the first update meets; all after it pass.
WORDS = ["lose-request", "lose-reply", "late-reply", "twice", "twice-request", "wrong-id", "stray",
         "truncated", "unsigned", "bad-mac", "servfail", "garbage", "reset", "kill-server"]
OFTEN = ("lose-request", "lose-reply", "kill-server")


class Racer:
    def __init__(self, program, folder):
        self.program = program
        self.key = os.path.join(folder, "key")
        KEY.write(self.key)

    def run(self, endpoint, rounds=1, site="fra1", timeout_ms=20_000):
        """[(verdict, epoch, nonce, sends, why)]"""
        command = [self.program, endpoint, ZONE, self.key, site, "192.0.2.10", str(rounds), str(timeout_ms)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        rows = [line.split(" ", 4) for line in done.stdout.splitlines()]
        verdicts = ["not sent" if row[0] == "not" else row[0] for row in rows]
        return [(verdict, *row[1:]) for verdict, row in zip(verdicts, rows)]


def guard(server):
    """(epoch, nonce), or None."""
    texts = server.data(f"_ha.pbx.{ZONE}", "TXT")
    found = re.search(r"epoch=(\d+) .* n=([0-9a-f]{32})", texts[0]) if texts else None
    return (int(found.group(1)), found.group(2)) if found else None


def restart_when_killed(server, ended):
    while not ended.is_set():
        if server.process is None:
            time.sleep(0.2)
            server.start()
        time.sleep(0.02)


def faults(promise, racer, server, proxy):
    for word in WORDS:
        bad = []
        sends = 0
        times = TIMES if word in OFTEN else max(1, TIMES // 10)
        ended = threading.Event()
        keeper = threading.Thread(target=restart_when_killed, args=(server, ended))
        keeper.start()
        for _ in range(times):
            before = guard(server)
            proxy.plan(word)
            verdict, epoch, nonce, sent, why = racer.run(proxy.endpoint)[0]
            sends += int(sent)
            while server.process is None or not server.answers():
                time.sleep(0.05)
            now = guard(server)
            if verdict != "won" or now != ((before[0] if before else 0) + 1, nonce) or int(epoch) != now[0]:
                bad.append((verdict, epoch, before, now, why))
        ended.set()
        keeper.join()
        promise.check(not bad, f"{type(server).__name__}: {word}, {times} times: won, once, with "
                               f"{sends / times:.1f} messages {bad[:2] or ''}")


def restarted_in_mid_race(promise, program, racer, server):
    running = [subprocess.Popen([program, server.endpoint, ZONE, racer.key, f"s{number}", "192.0.2.1", "150"],
                                stdout=subprocess.PIPE, text=True) for number in range(2)]
    for _ in range(3):
        time.sleep(0.3)
        server.kill()
        server.start()
    told = {"won": 0, "lost": 0, "overtaken": 0, "overtaken-winner": 0}
    wrong = []
    winners = {}
    for process in running:
        for line in process.communicate(timeout=300)[0].splitlines():
            verdict, epoch, nonce = line.split(" ")[:3]
            if verdict not in told:
                wrong.append(line)
                continue
            told[verdict] += 1
            if verdict in ("won", "overtaken-winner") and winners.setdefault(epoch, nonce) != nonce:
                wrong.append(f"epoch {epoch} won twice")
    promise.check(not wrong, f"{type(server).__name__}: killed three times in mid-race: {told} "
                             f"{wrong[:3] or ''}")


def frozen(promise, racer, server):
    server.rndc("freeze", ZONE)
    before = guard(server)
    verdict, _, _, _, why = racer.run(server.endpoint)[0]
    promise.check(verdict == "refused" and "frozen" in why and guard(server) == before,
                  f"a frozen zone: {verdict}: {why}")
    server.rndc("thaw", ZONE)
    promise.check(racer.run(server.endpoint)[0][0] == "won", "  and after that it goes on")


def main():
    with Promise("nobody is told something about a change that is not so") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        racer = Racer(sys.argv[1], folder)
        for kind in (Bind, Knot, PowerDns):
            with servers.start(kind, Zone(ZONE)) as server, DnsProxy(server, only_updates=True) as proxy:
                faults(promise, racer, server, proxy)
                restarted_in_mid_race(promise, sys.argv[1], racer, server)
                if kind is Bind:
                    frozen(promise, racer, server)


if __name__ == "__main__":
    main()
