#!/usr/bin/env python3
"""The sensors that ask Asterisk trip when their causes are caused at a real one, and recover when they are
gone: it is stopped, killed, full of calls, its phones and trunks go away, its database is read from outside.

    real_asterisk_sensors.py PBX_TALK SUITE SENSOR_WATCH       SUITE: bullseye (Asterisk 16) or sid (22)

It needs root and what tests/support/asterisk_root makes.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import threading

from asterisk import Asterisk, root_of
from namespaces import setns
from promise import Promise, skip, skip_unless_root
from real_asterisk_is_spoken_to import CONFIGURATION, SECRET, SUITE, USER, ami, ari, put_contact, until
from sensing import Watch

SENSOR_WATCH = os.path.abspath(sys.argv[3])
ROOT = root_of(SUITE)
CALLS = 5
ASTERISK = CONFIGURATION | {
    "asterisk.conf": CONFIGURATION["asterisk.conf"] + f"maxcalls = {CALLS}\n",
    "pjsip.conf": CONFIGURATION["pjsip.conf"].replace(
        "retry_interval = 5", "retry_interval = 1\nforbidden_retry_interval = 1\nmax_retries = 10000") + f"""
[probe]
type = endpoint
context = nowhere
auth = probe
aors = probe
[probe]
type = auth
auth_type = userpass
username = probe
password = {SECRET}
[probe]
type = aor
max_contacts = 2
""",
}


class Provider:
    """Answers SIP requests at a port in the network of an Asterisk."""

    def __init__(self, pbx, port, status="200 OK"):
        self.status = status
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{pbx.pid}/ns/net", os.O_RDONLY)
        try:
            setns(there)
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", port))
        finally:
            setns(home)
            os.close(home)
            os.close(there)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                request, peer = self.socket.recvfrom(65536)
                if peer is None:
                    return
                lines = request.decode(errors="replace").split("\r\n")
                if lines[0].endswith("SIP/2.0"):
                    self.socket.sendto(self.answer(lines).encode(), peer)

    def answer(self, lines):
        out = [f"SIP/2.0 {self.status}"]
        for line in lines[1:]:
            name = line.partition(":")[0].strip().lower()
            if name in ("via", "v", "from", "f", "call-id", "i", "cseq"):
                out.append(line)
            elif name in ("to", "t"):
                out.append(line if ";tag=" in line else line + ";tag=here")
            elif name in ("contact", "m"):
                out.append(re.sub(r">.*", ">;expires=3600", line))
        return "\r\n".join([*out, "Expires: 3600", "Content-Length: 0", "", ""])

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes recvfrom
        self.thread.join()
        self.socket.close()


class Test:
    def __init__(self, promise, pbx, folder):
        self.promise, self.pbx, self.folder = promise, pbx, folder
        self.secret = os.path.join(folder, "secret")
        with open(os.open(self.secret, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as out:
            out.write(SECRET + "\n")

    def watch(self, kind, **options):
        inside = ("nsenter", f"--net=/proc/{self.pbx.pid}/ns/net")
        asked = {} if kind in ("process", "sip.options") else {"user": USER, "secret_file": self.secret}
        return Watch(self.promise, SENSOR_WATCH, kind, inside=inside, **{**asked, **options})

    def contacts(self, rest, first, last, port):
        return [put_contact(rest, f"sip:{number}@127.0.0.1:{port};x={number}")[0]
                for number in range(first, last)]

    # ---------------------------------------------------------------- what it does for callers
    def calls(self):
        with self.watch("call.limit") as watch:
            watch.good(f"0 of {CALLS} calls")
            for _ in range(CALLS):
                self.pbx.cli("channel originate Local/wait@lab application Wait 600")
            watch.trips(f"of {CALLS} calls")
            self.pbx.cli("channel request hangup all")
            watch.good()

    def registrations(self):
        with ari(self.pbx) as rest, self.watch("reg.count_drop", least="5") as count, \
                self.watch("reg.reachable", least="5") as reachable:
            here = self.contacts(rest, 200, 210, 5060)
            reachable.good("11 of 11")
            count.good("11 registrations, of at most 11")
            away = self.contacts(rest, 300, 304, 5999)
            reachable.trips("11 of 15")
            for contact in away + here[:8]:
                rest("delete", contact)
            count.trips("3 registrations, of at most 15")
            self.contacts(rest, 200, 210, 5060)
            self.contacts(rest, 210, 214, 5060)
            count.good()
            reachable.good()

    def trunks(self):
        with self.watch("trunk.qualify", trunks="trunk") as reachable, \
                self.watch("trunk.registration", trunks="nobody") as registered:
            reachable.trips("trunk is unreachable")
            registered.trips("nobody is ")
            with Provider(self.pbx, 5999), Provider(self.pbx, 5998) as provider:
                reachable.good("1 of 1")
                registered.good("1 of 1")
                provider.status = "403 Forbidden"
                self.pbx.cli("pjsip send unregister nobody")
                self.pbx.cli("pjsip send register nobody")
                registered.trips("nobody is Rejected")
                provider.status = "200 OK"
                registered.good()
            reachable.trips("trunk is unreachable")

    def database(self):
        with self.watch("astdb.write", every="2s", timeout="2s", rise="1") as watch, \
                self.watch("sip.register", address="127.0.0.1:5060", user="probe", every="2s", timeout="3s",
                           rise="1") as phone:
            watch.good("was written, and kept")
            phone.good("kept it and took it back")
            reader = sqlite3.connect(os.path.join(self.pbx.folder, "lib/astdb.sqlite3"), isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM astdb").fetchone()
            watch.trips("acknowledged")
            phone.trips("has lost it")
            reader.execute("ROLLBACK")
            reader.close()
            watch.good()
            phone.good()

    # ---------------------------------------------------------------- whether it lives
    def stopped_and_killed(self):
        pidfile = os.path.join(self.folder, "pid")
        with open(pidfile, "w", encoding="ascii") as out:
            out.write(str(self.pbx.pid))
        with contextlib.ExitStack() as stack:
            def watch(kind, **options):
                return stack.enter_context(self.watch(kind, every="500ms", timeout="500ms", **options))

            alive = [watch("pbx.ctl_latency"), watch("pbx.deadlock"), watch("pbx.booted", restart_for="3s"),
                     watch("sip.options", address="127.0.0.1:5060")]
            process = watch("process", process="asterisk", pidfile=pidfile)
            tasks = watch("pbx.taskprocessor")
            for each in (*alive, process):
                each.good()
            tasks.good("tasks wait for")
            os.kill(self.pbx.pid, signal.SIGSTOP)
            for each in (*alive, process):
                each.trips()
            os.kill(self.pbx.pid, signal.SIGCONT)
            for each in (*alive, process):
                each.good()
            self.pbx.cli("core restart now")
            alive[2].warns("was restarted")
            alive[2].good()
            # One that is gone: nobody but those who are about that trips. Its network stays.
            os.kill(self.pbx.pid, signal.SIGKILL)
            process.trips("does not run")
            for each in alive:
                each.trips()
            tasks.good("not known: ")


def main():
    skip_unless_root()
    if ROOT is None:
        skip(f"there is no Asterisk; tests/support/asterisk_root {SUITE} makes one")
    folder = tempfile.mkdtemp(prefix="hareplicate-pbx-")
    try:
        with Promise(f"sensors trip and recover at a real Asterisk ({SUITE})") as promise, \
                Asterisk(ROOT, folder, tempfile.mkdtemp(dir=folder), configuration=ASTERISK) as pbx:
            pbx.start()
            with ami(pbx) as talk:  # its phone is registered and asked
                until(15, lambda: talk("contacts").get("reachable") == 1)
            test = Test(promise, pbx, folder)
            for part in (test.calls, test.registrations, test.trunks, test.database,
                         test.stopped_and_killed):
                promise.say(f"--- {part.__name__}")
                part()
    finally:
        if os.environ.get("HA_KEEP") != "1":
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
