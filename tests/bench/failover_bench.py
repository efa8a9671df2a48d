#!/usr/bin/env python3
"""Measures how long callers are without a PBX when one dies, with hareplicate, keepalived and Pacemaker.

    failover_bench.py --failover BIN --wanem BIN --results FILE [--rounds 30] [--lanes 2]
                      [--case NET/CASE/WHO]...

A case is lan|wan / pbx|site / the name of a contestant, each part may be *; all of them without one. Every
round is one line of JSON in the results file, where a later call goes on; it is also printed. Contestants
take turns of ten rounds on the same machine, as many at a time as there are lanes. A round that fails is a
line, too, with the reason.

"pbx": the PBX's process is killed. "site": nothing of the site is heard any more, and its processes are
killed. Each is done at a random moment of the contestant's own rhythm (renewal, check). Seconds count from
there: "changed" until the authoritative server has the new address, "answered" until a caller who asks for
the name, or calls the floating address, is answered by another site; "direct" the same at that site's own
address; "master" until keepalived says so.
"""

import argparse
import contextlib
import fnmatch
import json
import multiprocessing
import multiprocessing.connection
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from failover_nodes import skip_unless_possible  # noqa: E402
from failover_ours import DEFAULT, LAN, Hareplicate  # noqa: E402
from failover_peers import Keepalived, Pacemaker  # noqa: E402

TURN_ROUNDS = 10
FAILURES_MAX = 5  # of one case; then it is left as it is
PATHS = {"lan": None, "wan": (150, 1)}  # round trip in ms, loss in percent
# name: (kind, its settings, where it can be measured)
CONTESTANTS = {
    "lease": (Hareplicate, (False, DEFAULT), ("lan", "wan")),
    "fast": (Hareplicate, (True, DEFAULT), ("lan", "wan")),
    "lease-lan": (Hareplicate, (False, LAN), ("lan",)),
    "fast-lan": (Hareplicate, (True, LAN), ("lan",)),
    "keepalived": (Keepalived, (False,), ("lan", "wan")),
    "keepalived-tuned": (Keepalived, (True,), ("lan", "wan")),
    "pacemaker": (Pacemaker, (False,), ("lan", "wan")),
    "pacemaker-tuned": (Pacemaker, (True,), ("lan", "wan")),
}
CASES = ("pbx", "site")


def all_cases(patterns=()):
    """(net, case, who) in the order of the tables."""
    found = [(net, case, who) for net in PATHS for case in CASES for who, (_, _, nets) in CONTESTANTS.items()
             if net in nets]
    return [each for each in found
            if not patterns or any(fnmatch.fnmatch("/".join(each), pattern) for pattern in patterns)]


def read_results(path):
    """{(net, case, who): lines}"""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        with open(path, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                found.setdefault((row["net"], row["case"], row["who"]), []).append(row)
    return found


def missing(rows, rounds):
    """How many rounds are to be done, of a case with these lines."""
    failed = sum("failed" in row for row in rows)
    return 0 if failed >= FAILURES_MAX else max(0, rounds - (len(rows) - failed))


class Bench:
    def __init__(self, options):
        self.options, self.random = options, None
        self.running = []

    def note(self, net, case, who, row):
        line = json.dumps({"net": net, "case": case, "who": who, **row})
        with open(self.options.results, "a", encoding="utf-8") as out:
            out.write(line + "\n")
        print(line, flush=True)

    def missing(self, *case):
        return missing(read_results(self.options.results).get(case, []), self.options.rounds)

    def turn(self, net, who, cases):
        """At most ten rounds of each of these cases in one world, until one fails."""
        kind, settings, _ = CONTESTANTS[who]
        folder = tempfile.mkdtemp(prefix="ha-")
        world, case = None, cases[0]
        try:
            world = kind(folder, self.options, PATHS[net], *settings)
            world.start()
            for case in cases:
                for _ in range(min(TURN_ROUNDS, self.missing(net, case, who))):
                    self.note(net, case, who, self.round(world, case))
        except Exception as error:  # whatever it was: it is the result of this round
            self.note(net, case, who, {"failed": f"{type(error).__name__}: {error}"[:300]})
            traceback.print_exc()
            if world is not None:
                print(world.log(), file=sys.stderr)
        finally:
            if world is not None:
                if os.environ.get("HA_KEEP"):
                    print(world.log(), file=sys.stderr)
                world.close()
            shutil.rmtree(folder, ignore_errors=True)

    def round(self, world, case):
        world.settle()
        time.sleep(self.random.uniform(0, world.phase))
        loser = world.loser()
        since = time.monotonic()
        world.fail(case, loser)
        seconds = world.outcome(loser, since)
        world.revive(loser)
        return {name: round(value, 4) for name, value in seconds.items()}

    def start_turn(self, seed, *what):
        self.random = random.Random(seed)
        process = multiprocessing.Process(target=self.turn, args=what)
        process.start()
        self.running.append(process)

    def wait_until_running(self, count):
        while len(self.running) > count:
            multiprocessing.connection.wait([process.sentinel for process in self.running])
            ended = [process for process in self.running if not process.is_alive()]
            self.running = [process for process in self.running if process not in ended]
            if any(process.exitcode for process in ended):  # what goes wrong in a round is a line, no end
                sys.exit(1)

    def run(self, wanted):
        turns = 0
        while True:
            left = [each for each in wanted if self.missing(*each)]
            if not left:
                return
            for net, who in dict.fromkeys((net, who) for net, _, who in left):
                self.wait_until_running(self.options.lanes - 1)
                turns += 1
                self.start_turn(f"{self.options.seed} {turns}", net, who,
                                [case for a_net, case, a_who in left if (a_net, a_who) == (net, who)])
            self.wait_until_running(0)

    def end(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.join()


def end(*_):
    """Everything is put away, and a second signal does not disturb that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--failover", required=True)
    parser.add_argument("--wanem", required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    options = parser.parse_args()
    options.failover, options.wanem = os.path.abspath(options.failover), os.path.abspath(options.wanem)
    skip_unless_possible()
    if options.lanes < 1:
        parser.error("--lanes: at least 1")
    wanted = all_cases(options.case)
    if not wanted:
        sys.exit("no such case; there are:\n  " + "\n  ".join("/".join(each) for each in all_cases()))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    print(f"seed {options.seed}", file=sys.stderr)
    bench = Bench(options)
    try:
        bench.run(wanted)
    finally:
        bench.end()


if __name__ == "__main__":
    main()
