#!/usr/bin/env python3
"""dnsupdater probe on real resolvers (Unbound) in front of a real BIND: it tells one that honours the TTL
from one that clamps it, one that serves expired data, one that cannot reach the zone, and one that is silent;
and it leaves nothing behind.

    dns_resolvers_are_told_apart.py DNSUPDATER
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_operator import write_site  # noqa: E402
from dns_servers import Bind, DnsServers, KEY, Unbound, Zone, free_port  # noqa: E402
from promise import Promise, end_with_us  # noqa: E402

ZONE = "voice.test"
LIMIT_SECONDS = 90
CLUSTER = """version = 1
[cluster]
name = "test"
id = "5b1f"
[[site]]
name = "fra1"
address = ["tcp://127.0.0.1:7400"]
key = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR"
[[dns.zone]]
name = "voice.test"
primary = ["@PRIMARY@"]
"""
KINDS = {
    "plain": ("", "honours", 5),
    "clamp": ("    cache-min-ttl: 60", "clamps", 60),
    "stale": ("    serve-expired: yes", "serves-expired", None),
    "right": ("    serve-expired: yes\n    serve-expired-client-timeout: 1800", "honours", 5),
}


class Lost:
    """What a resolver is pointed at that cannot reach the zone."""

    zones = (Zone(ZONE),)
    address = "127.0.0.1"

    def __init__(self):
        self.port = free_port()


class LostUnbound(Unbound):
    def answers(self):
        done = self.servers.run("dig", *self.dig_flags(), "+time=1", "+tries=1", "localhost", check=False)
        return "status: " in done.stdout


def start(program, config, *words):
    return subprocess.Popen([program, "--config", config, "probe", *words], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=end_with_us)


def run(program, config, *words):
    process = start(program, config, *words)
    out, error = process.communicate(timeout=LIMIT_SECONDS)
    return process.returncode, out, error


def scratch_names(primary):
    return sorted({row[0] for row in primary.transfer(ZONE) if "probe" in row[0]})


def told_apart(promise, program, config, primary, resolvers, lost, silent):
    begin = time.monotonic()
    endpoints = {name: each.endpoint for name, each in resolvers.items()}
    code, out, error = run(program, config, "-o", "json", *endpoints.values(), lost.endpoint, silent)
    took = time.monotonic() - begin
    if not promise.check(out.startswith("{"), f"it answers {code} {error.strip()[-300:]}"):
        return
    rows = {row["resolver"]: row for row in json.loads(out)["rows"]}
    promise.check(code == 1 and json.loads(out)["schema"] == "dnsupdater.probe/1" and len(rows) == 6,
                  f"six resolvers in one run, {took:.0f} s {error.strip()[-200:]}")
    for name, (_, habit, follows) in KINDS.items():
        row = rows[endpoints[name]]
        promise.check((row["habit"], row["follows_s"]) == (habit, follows),
                      f"  {name}: {row['habit']}, {row['follows_s']}: {row['meaning']}")
    row = rows[lost.endpoint]
    promise.check(row["habit"] == "cannot-find" and
                  row["meaning"].endswith(("SERVFAIL", "nothing in time")), f"  lost: {row['meaning']}")
    row = rows[silent]
    promise.check(row["habit"] == "silent", f"  silent: {row['meaning']}")
    promise.check("asked again in 7 s" in error, "  it says what it waits for")
    promise.check(not scratch_names(primary), f"  nothing is left behind {scratch_names(primary)}")


def codes(promise, program, config, resolvers, silent):
    code, out, _ = run(program, config, resolvers["plain"].endpoint, resolvers["right"].endpoint)
    promise.check(code == 0 and "follow when the TTL is over" in out, f"all honour: {code}")
    code, out, _ = run(program, config, silent)
    promise.check(code == 3 and "does not answer" in out, f"none could be asked: {code}")
    code, _, error = run(program, config, "resolver.example")
    promise.check(code == 2 and "no address and port" in error, f"no address: {code}")
    code, _, error = run(program, config, resolvers["plain"].endpoint, "--zone", "elsewhere.test")
    promise.check(code == 2 and "is no [[dns.zone]]" in error, f"no zone of ours: {code}")


def given_up(promise, program, config, primary, resolver):
    for number, name in ((signal.SIGINT, "^C"), (signal.SIGTERM, "SIGTERM")):
        process = start(program, config, resolver.endpoint)
        until = time.monotonic() + 20
        while not scratch_names(primary) and time.monotonic() < until:
            time.sleep(0.02)
        there = scratch_names(primary)
        process.send_signal(number)
        _, error = process.communicate(timeout=LIMIT_SECONDS)
        promise.check(there and process.returncode == 130 and not scratch_names(primary),
                      f"{name} in the middle: {process.returncode}, {there} is gone {error.strip()[-100:]}")


def refused(promise, program, config, folder, resolver):
    key_file = os.path.join(folder, "etc", "secrets", "tsig")
    other = KEY.__class__(name="ha-other")
    other.write(key_file)
    code, _, error = run(program, config, resolver.endpoint)
    promise.check(code == 12 and "left behind" not in error,
                  f"a key that is not known: {code} {error.strip()}")
    KEY.write(key_file)


def main():
    with Promise("resolvers are told apart") as promise, tempfile.TemporaryDirectory() as folder, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        silent = f"127.0.0.1:{mute.getsockname()[1]}"
        servers = DnsServers(folder)
        running = []
        try:
            primary = servers.start(Bind, Zone(ZONE))
            running.append(primary)
            config = write_site(os.path.join(folder, "etc"), CLUSTER.replace("@PRIMARY@", primary.endpoint))
            resolvers = {}
            for name, (options, _, _) in KINDS.items():
                resolvers[name] = servers.start(Unbound, upstream=primary, options=options)
                running.append(resolvers[name])
            lost = servers.start(LostUnbound, upstream=Lost())
            running.append(lost)
            told_apart(promise, sys.argv[1], config, primary, resolvers, lost, silent)
            codes(promise, sys.argv[1], config, resolvers, silent)
            given_up(promise, sys.argv[1], config, primary, resolvers["plain"])
            refused(promise, sys.argv[1], config, folder, resolvers["plain"])
        finally:
            for each in running:
                each.stop()


if __name__ == "__main__":
    main()
