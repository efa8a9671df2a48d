"""Somebody who asks every site's PBX all the time, for coordinators.py."""

import contextlib
import socket
import threading
import time

ASK_EVERY = 0.02
# Nobody stops, is taken over from, and serves again within that.
TURN_SECONDS = 0.4


class Caller(threading.Thread):
    """Asks every site's PBX from the hub; `answers` by site: (when asked, when answered)."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.ended = world, False
        self.names = {site.address: name for name, site in world.sites.items()}
        self.answers = {name: [] for name in world.sites}
        self.asked = []  # when: every site each time

    def whom(self, address, _answer):
        """The site that has answered from there."""
        return self.names.get(address)

    def run(self):
        with self.world.hub.inside():
            line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.settimeout(ASK_EVERY / 4)
        asked, number, next_at = {}, 0, time.monotonic()
        while not self.ended:
            now = time.monotonic()
            if now >= next_at:
                next_at = now + ASK_EVERY
                self.asked.append(now)
                for address in self.names:
                    number += 1
                    asked[number] = now
                    with contextlib.suppress(OSError):
                        line.sendto(self.request(address, number), (address, 5060))
            try:
                answer, (address, _) = line.recvfrom(65536)
            except (socket.timeout, OSError):
                continue
            call = next((part for part in answer.split(b"\r\n") if part.lower().startswith(b"call-id:")), b"")
            sent = asked.pop(int(call.split(b":")[1]), None)
            name = self.whom(address, answer)
            if sent is not None and name in self.answers:
                self.answers[name].append((sent, time.monotonic()))

    @staticmethod
    def request(address, number):
        return (f"OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP 10.79.0.1;branch=z9hG4bK{number}\r\n"
                f"From: <sip:caller@test>;tag=1\r\nTo: <sip:{address}>\r\nCall-ID:{number}\r\n"
                f"CSeq: 1 OPTIONS\r\nMax-Forwards: 1\r\nContent-Length: 0\r\n\r\n").encode()

    def end(self):
        self.ended = True
        self.join(5)

    def last(self, site):
        return self.answers[site][-1][1] if self.answers[site] else 0

    def first_after(self, site, moment):
        return next((got for sent, got in list(self.answers[site]) if sent >= moment), None)

    def longest_gap(self, site):
        """The longest time that it left callers without an answer, from its first one on until now. Where
        this thread was held up itself nobody asked."""
        answered = {sent for sent, _ in list(self.answers[site])}
        asked = [each for each in list(self.asked) if answered and each >= min(answered)]
        longest = silent = 0
        for before, each in zip(asked, asked[1:]):
            silent = 0 if each in answered else silent + min(each - before, 5 * ASK_EVERY)
            longest = max(longest, silent)
        return longest

    def overlaps(self):
        """Two sites that served at the same time: one answered between two answers of the other."""
        rows = sorted((got, sent, site) for site, all_of in self.answers.items() for sent, got in all_of)
        found = []
        for i in range(1, len(rows)):
            got, sent, site = rows[i]
            if site == rows[i - 1][2]:
                continue
            later = range(i + 1, min(i + 200, len(rows)))
            back = next((j for j in later if rows[j][2] == rows[i - 1][2]), None)
            if back is not None and rows[back][1] > sent and rows[back][0] - rows[i - 1][0] < TURN_SECONDS \
                    and sent > rows[i - 1][0]:
                found.append((rows[i - 1][2], site, rows[back][0] - rows[i - 1][0]))
        return found
