#!/usr/bin/env python3
"""The example handlers of conf/handlers do what they say: an address moves and the neighbours follow, a
firewall's set is filled and emptied, somebody gets a mail. Each may run twice, and leaves other services
alone.

    example_handlers_work.py HANDLERS_FOLDER      (root, nft and arping; without them, skipped)
"""

import json
import os
import shutil
import sys
import tempfile

from namespaces import Cable
from promise import Promise, skip, skip_unless_root

OLD_HOLDER = "02:00:00:00:00:01"


class Test:
    def __init__(self, promise, cable, folder):
        self.promise, self.cable, self.folder = promise, cable, folder

    def handle(self, name, event, *arguments, service="pbx-eu", **more):
        """As the daemon runs it; the finished process."""
        fields = {"event": event, "id": "e-17", "site": "fra1", "role": "holder", "epoch": 41,
                  "service": service, **more}
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                       **{"HA_" + key.upper(): str(value) for key, value in fields.items()}}
        return self.cable.run("a", [os.path.join(self.folder, name), *arguments], check=False,
                              env=environment, input=json.dumps(fields) + "\n", cwd="/")

    def good(self, done, what):
        self.promise.check(done.returncode == 0, f"{what}: exit {done.returncode} {done.stderr.strip()}")

    def neighbour(self, address):
        return self.cable.run("b", ["ip", "neigh", "show", address]).stdout.strip()

    def address_moves(self, address, bits):
        cable, name = self.cable, "floating-address"
        ours = cable.run("a", ["cat", f"/sys/class/net/{cable.devices['a']}/address"]).stdout.strip()
        place = (f"{address}/{bits}", cable.devices["a"])
        cable.ip("b", "neigh", "replace", address, "lladdr", OLD_HOLDER, "dev", cable.devices["b"],
                 "nud", "stale")
        has = lambda: address + "/" in cable.run("a", ["ip", "-o", "address"]).stdout  # noqa: E731
        self.good(self.handle(name, "role.promoted", "pbx-eu", *place, service="pbx-us"), "another service's")
        self.promise.check(not has() and OLD_HOLDER in self.neighbour(address), f"{address} is not here yet")
        for turn in ("promoted", "promoted again"):
            self.good(self.handle(name, "role.promoted", "pbx-eu", *place), turn)
        self.promise.check(has(), f"{address} is here")
        self.promise.check(ours in self.neighbour(address),
                           f"the neighbour knows it: {self.neighbour(address)}")
        for turn in ("demoting", "demoting again"):
            self.good(self.handle(name, "role.demoting", "pbx-eu", *place), turn)
        self.promise.check(not has(), f"{address} is gone")
        done = self.handle(name, "role.promoted", "pbx-eu", place[0], "no-such-device")
        self.promise.check(done.returncode != 0, f"a wrong interface fails: {done.stderr.strip()}")
        self.promise.check(self.handle(name, "role.promoted", "pbx-eu").returncode == 2, "wrong arguments: 2")

    def firewall_opens(self):
        self.cable.run("a", ["nft", "add table inet filter; "
                                    "add set inet filter trunks { type ipv4_addr; flags interval; }"])
        arguments = ("pbx-eu", "inet filter trunks", "198.51.100.0/24", "203.0.113.7")

        def elements():
            listed = self.cable.run("a", ["nft", "list", "set", "inet", "filter", "trunks"]).stdout
            return sorted(word.strip(",") for word in listed.split() if word[0].isdigit())

        for turn in ("promoted", "promoted again"):
            self.good(self.handle("firewall", "role.promoted", *arguments), turn)
        self.promise.check(elements() == ["198.51.100.0/24", "203.0.113.7"], f"the set has {elements()}")
        self.good(self.handle("firewall", "role.demoted", *arguments, service="pbx-us"), "another service's")
        self.promise.check(len(elements()) == 2, "which changes nothing")
        self.good(self.handle("firewall", "role.demoted", *arguments), "demoted")
        self.promise.check(not elements(), "the set is empty")
        done = self.handle("firewall", "role.promoted", "pbx-eu", "inet filter nothing", "192.0.2.1")
        self.promise.check(done.returncode != 0, f"a wrong set fails: {done.stderr.strip()[:60]}")

    def somebody_is_paged(self, folder):
        sendmail = os.path.join(folder, "sendmail")
        with open(sendmail, "w", encoding="utf-8") as out:
            out.write(f'#!/bin/sh\necho "$@" > {folder}/arguments\ncat > {folder}/mail\n')
        os.chmod(sendmail, 0o755)
        done = self.handle("page", "node.failed\nBcc: everybody@example.net", "oncall@example.net",
                           sendmail=sendmail, why="score 130: disk.space, process")
        self.good(done, "paged")
        with open(os.path.join(folder, "mail"), encoding="utf-8") as mail:
            head, body = mail.read().split("\n\n", 1)
        self.promise.check(head.split("\n")[:2] ==
                           ["To: oncall@example.net",
                            "Subject: fra1: node.failed Bcc: everybody@example.net pbx-eu"],
                           f"the head is ours alone: {head.splitlines()[1]}")
        self.promise.check("score 130: disk.space, process" in body and '"epoch": 41' in body,
                           "the body has the reason and the event")
        done = self.handle("page", "node.failed", "oncall@example.net", sendmail="/bin/false")
        self.promise.check(done.returncode == 1, "a mail that is not taken is a failure")


def main():
    skip_unless_root()
    for program in ("nft", "arping"):
        if not shutil.which(program):
            skip(f"it needs {program}")
    with Promise("the example handlers do what they say") as promise, Cable() as cable, \
            tempfile.TemporaryDirectory(prefix="ha-handlers-") as folder:
        test = Test(promise, cable, os.path.abspath(sys.argv[1]))
        test.address_moves("10.78.0.100", 24)
        test.address_moves("fd00:78::100", 64)
        test.firewall_opens()
        test.somebody_is_paged(folder)


if __name__ == "__main__":
    main()
