#!/usr/bin/env python3
"""The kernel guard cuts a service's SIP port when its time is over, without anybody's help, and being opened
again and again leaves no gap; nothing of other services and other tables is touched.

    guard_cuts_at_the_lease.py GUARD_KEEPER      (root and nft; without them, skipped)
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from namespaces import Cable
from promise import FULL, Promise, count, skip, skip_unless_root

EVERY = 0.005  # a probe
CUT_SECONDS = 0.05  # the most that may lie between the end of the time and the cut
EU, US = 5060, 5070
CHAIN = "input"
SERVICES = (f"pbx-eu=udp:{EU},tcp:{EU}%10.78.0.0/24", f"pbx-us=udp:{US}")


class Keeper:
    """guard_keeper in the namespace a; every answer is kept with its time."""

    def __init__(self, cable, program, *services):
        self.process = cable.popen("a", [program, *services], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, bufsize=1)
        self.answers = []
        self.news = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        self.wait_for(1)

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.answers.append(line.strip())
                self.news.notify_all()

    def wait_for(self, number, seconds=20):
        with self.news:
            if not self.news.wait_for(lambda: len(self.answers) >= number, seconds):
                raise RuntimeError(f"no answer; the last was {self.answers[-1:]}")
            return self.answers[-1]

    def send(self, line):
        self.process.stdin.write(line + "\n")

    def ask(self, line):
        """The answer; for open its time's end, in seconds of CLOCK_MONOTONIC."""
        seen = len(self.answers)
        self.send(line)
        answer = self.wait_for(seen + 1)
        if not answer.startswith("ok"):
            raise RuntimeError(f"{line}: {answer}")
        return float(answer.split()[1]) if " " in answer else None

    def last_until(self):
        with self.news:
            return float(self.answers[-1].split()[1])

    def kill(self):
        self.process.kill()
        self.process.wait()


class Echo:
    """Answers every datagram to a port of the namespace a with itself."""

    def __init__(self, cable, port):
        self.socket = cable.socket("a", socket.SOCK_DGRAM, ("", port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, peer = self.socket.recvfrom(2048)
            try:
                self.socket.sendto(data, peer)
            except PermissionError:  # the guard drops what goes out, too
                pass


class Probe:
    """Datagrams from b to a port of a, one every 5 ms; which of them came back."""

    def __init__(self, cable, port):
        self.socket = cable.socket("b", socket.SOCK_DGRAM)
        self.socket.connect((cable.addresses["a"], port))
        self.socket.settimeout(0.2)
        self.sent, self.back = [], {}
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.send, self.hear)]
        for thread in self.threads:
            thread.start()

    def send(self):
        due = time.monotonic()
        while not self.stop.is_set():
            self.sent.append(time.monotonic())
            self.socket.send(str(len(self.sent) - 1).encode())
            due = max(due + EVERY, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))

    def hear(self):
        while not self.stop.is_set():
            try:
                self.back[int(self.socket.recv(64))] = time.monotonic()
            except (TimeoutError, ConnectionRefusedError):
                pass

    def between(self, begin, end):
        """(sent, came back) of that time, by when they were sent."""
        numbers = [n for n, at in enumerate(list(self.sent)) if begin <= at < end]
        return len(numbers), sum(n in self.back for n in numbers)

    def last(self):
        """When the last one that came back was sent, and when the first after it was that did not."""
        last = max(self.back, default=-1)
        after = self.sent[last + 1] if last + 1 < len(self.sent) else None
        return self.sent[last] if last >= 0 else 0.0, after

    def end(self):
        time.sleep(0.3)  # what is under way
        self.stop.set()
        for thread in self.threads:
            thread.join()
        self.socket.close()


class Test:
    def __init__(self, promise, cable, program):
        self.promise, self.cable, self.program = promise, cable, program

    def keeper(self, *services):
        return Keeper(self.cable, self.program, *(services or SERVICES))

    def rules(self, *words):
        return self.cable.run("a", ["nft", *(words or ("list", "ruleset"))], check=False).stdout

    def cut_at(self, until, probe, what):
        """Waits for the end of the time; whether the cut came then."""
        time.sleep(max(0.0, until - time.monotonic()) + 0.5)
        last, first_lost = probe.last()
        early = until - first_lost if first_lost else 0.0
        late = last - until
        self.promise.check(late <= CUT_SECONDS and early <= CUT_SECONDS,
                           f"{what}: the last packet that passed was sent {late * 1000:+.0f} ms, the "
                           f"first that did not {-early * 1000:+.0f} ms from the end")

    def closed_at_first(self):
        keeper = self.keeper()
        probe = Probe(self.cable, EU)
        time.sleep(0.5)
        probe.end()
        self.promise.check(not probe.back, f"closed: none of {len(probe.sent)} packets passes")
        with self.cable.socket("a", socket.SOCK_DGRAM) as here:
            here.settimeout(2)
            here.sendto(b"0", ("127.0.0.1", EU))
            self.promise.check(here.recv(10) == b"0", "closed: this host itself reaches its PBX")
        keeper.kill()

    def cuts_in_time(self):
        for time_ms in (300, 1000, 3000) if FULL else (300, 1000):
            for turn in range(3):
                keeper = self.keeper()
                until = keeper.ask(f"open pbx-eu {time_ms}")
                probe = Probe(self.cable, EU)
                what = ("", "stopped, ", "killed, ")[turn]
                if turn == 1:
                    keeper.process.send_signal(signal.SIGSTOP)
                elif turn == 2:
                    keeper.kill()
                self.cut_at(until, probe, f"{what}open for {time_ms} ms")
                probe.end()
                keeper.kill()

    def no_gap(self):
        seconds = count(50)
        keeper = self.keeper()
        keeper.ask("open pbx-eu 1000")
        probe = Probe(self.cable, EU)
        keeper.send("hold pbx-eu 1000 200")
        begin = time.monotonic()
        time.sleep(seconds)
        end = time.monotonic()
        keeper.process.send_signal(signal.SIGSTOP)
        until = keeper.last_until()
        refreshes = len(keeper.answers) - 2
        time.sleep(0.3)
        sent, back = probe.between(begin, end)
        self.promise.check(sent == back, f"opened again {refreshes} times in {seconds} s: {back} of {sent} "
                                         "packets pass")
        self.cut_at(until, probe, "stopped while it is being held")
        keeper.process.send_signal(signal.SIGCONT)
        keeper.ask("open pbx-eu 2000")
        begin = time.monotonic()
        time.sleep(1)
        sent, back = probe.between(begin, begin + 0.5)
        self.promise.check(sent == back > 0, "and opens again afterwards")
        probe.end()
        keeper.kill()

    def services_are_their_own(self):
        keeper = self.keeper()
        keeper.ask("open pbx-eu 60000")
        keeper.ask("open pbx-us 60000")
        eu, us = Probe(self.cable, EU), Probe(self.cable, US)
        time.sleep(0.3)
        begin = time.monotonic()
        keeper.ask("close pbx-us")
        closed = time.monotonic()
        time.sleep(0.5)
        keeper.ask("close pbx-eu")
        keeper.ask("local pbx-us")  # it has no local networks
        keeper.ask("local pbx-eu")
        opened = time.monotonic()
        time.sleep(0.5)
        eu.end()
        us.end()
        self.promise.check(us.between(closed, opened + 1)[1] == 0, "one service is closed at once")
        sent, back = eu.between(begin, closed + 0.4)
        self.promise.check(sent == back > 0, f"the other loses none of {sent} packets")
        sent, back = eu.between(opened, opened + 0.4)
        self.promise.check(sent == back > 0, "kept for local networks, these pass")
        keeper.ask("close pbx-eu")
        keeper.kill()

    def others_are_untouched(self):
        self.cable.run("a", ["nft", "add table inet admin; "
                                    "add set inet admin s { type inet_service; elements = { 1 } ; }; "
                                    "add chain inet admin in { type filter hook input priority 5; }; "
                                    "add rule inet admin in tcp dport @s counter drop"])
        before = self.rules("list", "table", "inet", "admin")
        keeper = self.keeper()
        for line in ("open pbx-eu 60000", "open pbx-eu 60000", "close pbx-us", "ensure"):
            keeper.ask(line)
        self.promise.check(self.rules("list", "table", "inet", "admin") == before,
                           "another table is as it was")
        second = self.keeper()  # as after a crash
        probe = Probe(self.cable, EU)
        time.sleep(0.3)
        second.ask("ensure")
        right = self.rules("--stateless", "list", "chain", "inet", "hareplicate", CHAIN)
        self.cable.run("a", ["nft", f"insert rule inet hareplicate {CHAIN} accept"])
        second.ask("ensure")
        self.promise.check(self.rules("--stateless", "list", "chain", "inet", "hareplicate", CHAIN) == right,
                           "a rule that somebody has put into the table is taken out")
        second.ask("ensure")
        self.cable.run("a", ["nft", "flush", "ruleset"])
        second.ask("ensure")
        ensured = time.monotonic()
        time.sleep(0.3)
        probe.end()
        sent, back = probe.between(0, ensured - 0.1)
        self.promise.check(sent == back > 0, "a second keeper finds open what the first has opened")
        self.promise.check(probe.between(ensured, ensured + 1)[1] == 0 and "open_pbx-eu" in self.rules(),
                           "flushed by somebody: the table is back, closed")
        self.cable.run("a", ["nft", "flush", "ruleset"])
        second.ask("open pbx-eu 60000")
        self.promise.check("expires" in self.rules(), "flushed by somebody: opening puts it back")
        second.ask("remove")
        self.promise.check("hareplicate" not in self.rules(), "removed when it is asked for")
        keeper.kill()
        second.kill()

    def says_what_is_missing(self):
        done = self.cable.run("a", ["setpriv", "--bounding-set=-all", "--inh-caps=-all", self.program,
                                    *SERVICES], check=False, input="")
        self.promise.check("needs root or CAP_NET_ADMIN" in done.stdout,
                           f"without rights: {done.stdout.strip()}")

    def how_long_it_takes(self):
        keeper = self.keeper()
        took = []
        for _ in range(count(1000)):
            begin = time.monotonic()
            keeper.ask("open pbx-eu 10000")
            took.append(time.monotonic() - begin)
        took.sort()
        middle, most = took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000
        self.promise.say(f"     opening again: {middle:.2f} ms median, {most:.2f} ms of 99 in 100, there and "
                         "back by a pipe")
        keeper.ask("remove")
        keeper.kill()


def main():
    skip_unless_root()
    if not shutil.which("nft"):
        skip("it needs nft (package nftables)")
    with Promise("the kernel guard cuts at the end of the lease, and never before") as promise, \
            Cable() as cable:
        test = Test(promise, cable, os.path.abspath(sys.argv[1]))
        Echo(cable, EU)
        Echo(cable, US)
        test.closed_at_first()
        test.cuts_in_time()
        test.no_gap()
        test.services_are_their_own()
        test.others_are_untouched()
        test.says_what_is_missing()
        test.how_long_it_takes()


if __name__ == "__main__":
    main()
