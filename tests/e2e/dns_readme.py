#!/usr/bin/env python3
"""The section of README.md about a name that can move, word for word: its configuration and its commands, on
an empty zone of a real BIND.

    dns_readme.py DNSUPDATER
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import write_site  # noqa: E402
from dns_servers import Bind, DnsServers, Zone  # noqa: E402
from promise import Promise  # noqa: E402

README = os.path.join(HERE, "..", "..", "README.md")
HEADING = "## A name in DNS that can move"
ZONE = "voice.example.net"
SIP, MAINT = f"sip.{ZONE}", f"fra1-maint.{ZONE}"
SERVICE, SPARE = ["192.0.2.10"], ["192.0.2.11"]
# What each command leaves at the two names.
AFTERWARDS = [([], []), (SERVICE, []), (SERVICE, SPARE), (SPARE, SERVICE), (SERVICE, SPARE)]
LIMIT_SECONDS = 120


def blocks():
    with open(README, encoding="utf-8") as file:
        section = file.read().split(HEADING)[1].split("\n## ")[0]
    return re.findall(r"```(toml)?\n(.*?)```", section, re.DOTALL)


def main():
    with Promise("README's way from an empty zone to a name that has moved and come back") as promise, \
            tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        (_, toml), (_, commands) = blocks()
        lines = [shlex.split(line, comments=True) for line in commands.splitlines()]
        promise.check(len(lines) == len(AFTERWARDS) and all(line[0] == "dnsupdater" for line in lines),
                      f"README has {len(lines)} commands")
        with servers.start(Bind, Zone(ZONE)) as server:
            config = write_site(os.path.join(folder, "etc"),
                                'version = 1\n[cluster]\nname = "readme"\nid = "5b1f"\n' +
                                toml.replace("192.0.2.53:53", server.endpoint))
            environment = dict(os.environ, HAREPLICATE_YES="1",  # nobody is there to be asked
                               HAREPLICATE_CONFIG=config)
            for line, wanted in zip(lines, AFTERWARDS):
                done = subprocess.run([sys.argv[1], *line[1:]], env=environment, capture_output=True,
                                      text=True, timeout=LIMIT_SECONDS, check=False)
                found = (server.data(SIP, "A"), server.data(MAINT, "A"))
                promise.check(done.returncode == 0 and found == wanted,
                              f"{' '.join(line)}: {found} {done.stderr.strip()[-300:]}")


if __name__ == "__main__":
    main()
