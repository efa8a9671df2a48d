#!/usr/bin/env python3
"""dnsupdater show --servers on real name servers: a signed zone at its primary, a secondary that follows, one
that has stayed behind and has no signatures, and one that is dead.

    dns_servers_side_by_side.py DNSUPDATER
"""

import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import write_site  # noqa: E402
from dns_servers import Bind, DnsServers, Nsd, Zone, free_port  # noqa: E402
from promise import Promise, end_with_us  # noqa: E402

ZONE, SIP = "voice.test", "sip.voice.test"
LIMIT_SECONDS = 60
CLUSTER = """version = 1
[cluster]
name = "test"
id = "5b1f"
[[site]]
name = "fra1"
address = ["tcp://127.0.0.1:7400"]
key = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR"
public_ip = ["192.0.2.10"]
[[service]]
name = "pbx"
sites = ["fra1"]
holder = "fra1"
[[dns.zone]]
name = "voice.test"
primary = ["@PRIMARY@"]
servers = [@SERVERS@]
[[dns.record]]
service = "pbx"
name = "sip.voice.test"
"""


def operator(program, folder, primary, servers):
    """A function that runs dnsupdater."""
    config = write_site(folder, CLUSTER.replace("@PRIMARY@", primary.endpoint).replace(
        "@SERVERS@", ", ".join(f'"{each}"' for each in servers)))

    def run(*words):
        done = subprocess.run([program, "--config", config, "--yes", *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
                              preexec_fn=end_with_us)
        return done.returncode, done.stdout, done.stderr
    return run


def wait_for_signatures(primary, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if primary.query(ZONE, "SOA", "+dnssec", "+edns=0"):
            if any(row[2] == "RRSIG" for row in primary.query(ZONE, "SOA", "+dnssec", "+edns=0")):
                return True
        time.sleep(0.2)
    return False


def main():
    with Promise("servers are shown side by side") as promise, tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        dead = f"127.0.0.1:{free_port()}"
        signed = Zone(ZONE, options="dnssec-policy default; inline-signing yes;")
        with servers.start(Bind, signed) as primary, \
                servers.start(Bind, Zone(ZONE), secondary_of=primary,
                              options="min-refresh-time 1; max-refresh-time 1;") as secondary, \
                servers.start(Nsd, Zone(ZONE)) as behind:
            promise.check(wait_for_signatures(primary), "the primary signs its zone")
            run = operator(sys.argv[1], os.path.join(folder, "etc"), primary,
                           [primary.endpoint, secondary.endpoint, behind.endpoint, dead])
            primary.update(f"update add {SIP} 30 A 192.0.2.10")
            until = time.monotonic() + 20
            while secondary.data(SIP, "A") != ["192.0.2.10"] and time.monotonic() < until:
                time.sleep(0.1)
            code, out, error = run("show", SIP, "--servers", "-o", "json")
            answer = json.loads(out) if out.startswith("{") else {"rows": []}
            rows = {row["server"]: row for row in answer["rows"] if row["type"] == "A"}
            promise.check(code == 1 and answer["schema"] == "dnsupdater.servers/1" and len(rows) == 4,
                          f"a line for each server; two are not right {error.strip()[-200:]}")
            one = rows[primary.endpoint]
            promise.check(one["answer"] == "same" and one["behind"] == 0 and one["ttl_s"] == 30 and
                          one["signature"].startswith("20"), f"  primary: {one}")
            two = rows[secondary.endpoint]
            promise.check(two["answer"] == "same" and two["behind"] == 0 and
                          two["signature"] == one["signature"], f"  secondary: {two}")
            late = rows[behind.endpoint]
            promise.check(late["answer"] == "differs" and late["behind"] > 0 and late["serial"] == 1,
                          f"  behind: {late}")
            promise.check(rows[dead]["answer"] == "silent" and rows[dead]["serial"] is None,
                          f"  dead: {rows[dead]}")
            _, out, _ = run("show", SIP, "--servers")
            promise.check("✓ 192.0.2.10" in out and "✗ nothing" in out and "silent" in out and
                          "until 20" in out, f"the same for people:\n{out}")


if __name__ == "__main__":
    main()
