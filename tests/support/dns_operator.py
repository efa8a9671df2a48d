"""Somebody who uses dnsupdater, with a configuration of their own; and a client that sends any update.

    operator = Operator(program, folder, [zone_table("voice.test", [server.endpoint])])
    code, out, error = operator.run("set", "sip.voice.test", "A", "192.0.2.10", "--yes")
"""

import ctypes
import json
import os
import re
import select
import struct
import subprocess
import time

from dns_servers import KEY
from promise import end_with_us

LIMIT_SECONDS = 60
IN_MOVED_TO = 0x80  # inotify(7)
# A site with a spare machine, and a service that is held by it.
CLUSTER = """version = 1
[cluster]
name = "test"
id = "5b1f"
[[site]]
name = "fra1"
address = ["tcp://127.0.0.1:7400"]
key = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR"
public_ip = ["192.0.2.10"]
maintenance_ip = ["192.0.2.11"]
@MAINTENANCE_NAME@
[[service]]
name = "pbx"
sites = ["fra1"]
holder = "fra1"
[dns]
timeout = "@TIMEOUT@"
"""


def zone_table(name, primary, servers=None, key_file="secrets/tsig"):
    """A [[dns.zone]]; its servers are the primary's addresses unless told."""
    def text(endpoints):
        return ", ".join(f'"{each}"' for each in endpoints)
    return (f'[[dns.zone]]\nname = "{name}"\nprimary = [{text(primary)}]\n'
            f'servers = [{text(primary if servers is None else servers)}]\nkey_file = "{key_file}"\n')


def record_table(name, ttl="30s"):
    return f'[[dns.record]]\nservice = "pbx"\nname = "{name}"\nttl = "{ttl}"\n'


def write_site(folder, cluster, site="fra1", key=KEY):
    """A site's folder: cluster.toml with that text, node.toml, the key, and a state directory. What
    cluster.toml is called."""
    for each in ("secrets", "state"):
        os.makedirs(os.path.join(folder, each), exist_ok=True)
    key.write(os.path.join(folder, "secrets", "tsig"))
    texts = {"cluster.toml": cluster, "node.toml": f'site = "{site}"\nstate_dir = "{folder}/state"\n'}
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write(text)
    return os.path.join(folder, "cluster.toml")


class Operator:
    """`zones` and `records`: tables. `environment` is added to that of the program."""

    def __init__(self, program, folder, zones, records=(), timeout="20s", maintenance_name=None,
                 key=KEY, environment=None):
        self.program, self.folder = program, folder
        self.environment = dict(os.environ, **(environment or {}))
        self.key = os.path.join(folder, "secrets", "tsig")
        self.state = os.path.join(folder, "state")
        spare = f'maintenance_name = "{maintenance_name}"' if maintenance_name else ""
        text = CLUSTER.replace("@TIMEOUT@", timeout).replace("@MAINTENANCE_NAME@", spare)
        self.config = write_site(folder, text + "".join(zones) + "".join(records), key=key)

    def limit_swaps(self, timeout):
        with open(self.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(re.sub(r'\ntimeout = ".*"', f'\ntimeout = "{timeout}"', text))

    def start(self, *words, **options):
        return subprocess.Popen([self.program, "--config", self.config, *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment, **{"preexec_fn": end_with_us, **options})

    def run(self, *words, **options):
        """(exit code, output, errors)"""
        process = self.start(*words, **options)
        out, error = process.communicate(timeout=LIMIT_SECONDS)
        return process.returncode, out, error

    def set(self, name, kind, *data, ttl="30s"):
        return self.run("set", name, kind, *data, "--ttl", ttl, "--yes")

    def journal(self):
        """Its rows: id, done, state, …"""
        code, out, _ = self.run("journal", "--output", "json")
        return json.loads(out)["rows"] if code == 0 and out.startswith("{") else []

    def open_steps(self):
        """How many steps of what stands open are done; none without."""
        rows = self.journal()
        return rows[-1]["done"] if rows and "OPEN" in rows[-1]["state"] else None

    def undo_open(self):
        rows = self.journal()
        if rows and "OPEN" in rows[-1]["state"]:
            return self.run("undo", rows[-1]["id"], "--yes")
        return 0, "", ""


def killed_at_write(operator, words, number, wait_seconds):
    """Starts it with `words`, and kills it that long after the journal was written for the `number`th time;
    it may have ended before."""
    libc = ctypes.CDLL(None, use_errno=True)
    notify = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    journal = os.path.join(operator.state, "dns")
    os.makedirs(journal, mode=0o700, exist_ok=True)
    if libc.inotify_add_watch(notify, journal.encode(), IN_MOVED_TO) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    process = operator.start(*words)
    seen, end = 0, time.monotonic() + LIMIT_SECONDS
    while seen < number and process.poll() is None and time.monotonic() < end:
        if not select.select([notify], [], [], 0.05)[0]:
            continue
        events, at = os.read(notify, 65536), 0
        while at < len(events):
            size = struct.unpack_from("iIII", events, at)[3]
            seen += events[at + 16:at + 16 + size].startswith(b"d-")
            at += 16 + size
    os.close(notify)
    if wait_seconds:
        time.sleep(wait_seconds)
    process.kill()
    process.communicate(timeout=LIMIT_SECONDS)


class Sender:
    """tests/support/dns_sender: its commands in, what it makes of each answer out."""

    def __init__(self, program, endpoint, zone, key_file):
        self.program = program
        self.process = subprocess.Popen([program, endpoint, zone], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=end_with_us)
        self.say("key " + key_file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def say(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines))

    def send(self, *lines, transport="udp"):
        """What came of it: rcode, tsig, tsig_error, cause, said, wire; or error."""
        self.say(*lines, "send " + transport)
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())
