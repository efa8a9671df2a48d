#!/usr/bin/env python3
"""A real Asterisk is spoken to as the daemons do it: AMI and ARI say what is so, each question has an end,
and what is wrong is told apart.

    real_asterisk_is_spoken_to.py PBX_TALK [SUITE]     SUITE: bullseye (Asterisk 16) or sid (22)

It needs root and what tests/support/asterisk_root makes. The phone is Asterisk itself: a registration of its
own registers at its own AOR, and its contact answers to OPTIONS.
"""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import asterisk
from asterisk import Asterisk, root_of
from promise import FULL, Promise, end_with_us, skip, skip_unless_root

PBX_TALK = os.path.abspath(sys.argv[1])
SUITE = sys.argv[2] if len(sys.argv) > 2 else "bullseye"
ROOT = root_of(SUITE)
PINGS, CONTACTS = (1000, 5000) if FULL else (200, 500)
USER, SECRET = "ha", "s3cret"
AGENT = "Jörg's \"phone\" \\ 100 %"
LEFT_OUT = ("chan_sip chan_iax2 chan_skinny chan_unistim chan_mgcp pbx_dundi res_snmp cdr_csv cdr_custom "
            "cdr_manager cdr_sqlite3_custom cel_custom cel_sqlite3_custom").split()
CONFIGURATION = {
    "asterisk.conf": asterisk.CONFIGURATION["asterisk.conf"] + "systemname = here\n",
    "modules.conf": "[modules]\nautoload = yes\n" + "".join(f"noload = {name}.so\n" for name in LEFT_OUT),
    "manager.conf": f"""[general]
enabled = yes
port = 5038
bindaddr = 127.0.0.1
[{USER}]
secret = {SECRET}
read = system,call,user,reporting,command
write = system,call,user,reporting,command,originate
[blind]
secret = {SECRET}
read = call
write = call
""",
    "http.conf": "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = 8088\n",
    "ari.conf": f"[general]\nenabled = yes\n[{USER}]\ntype = user\nread_only = no\npassword = {SECRET}\n",
    "extensions.conf": "[lab]\nexten => wait,1,Answer()\n same => n,Wait(600)\n",
    "pjsip.conf": """[udp]
type = transport
protocol = udp
bind = 127.0.0.1:5060
[100]
type = endpoint
context = lab
auth = 100
aors = 100
disallow = all
allow = ulaw
[100]
type = auth
auth_type = userpass
username = 100
password = p100
[100]
type = aor
max_contacts = 10000
qualify_frequency = 2
[trunk]
type = endpoint
context = lab
aors = trunk
disallow = all
allow = ulaw
[trunk]
type = aor
contact = sip:127.0.0.1:5999
qualify_frequency = 2
qualify_timeout = 1
[self]
type = registration
outbound_auth = 100
server_uri = sip:127.0.0.1:5060
client_uri = sip:100@127.0.0.1:5060
contact_user = 100
retry_interval = 5
[nobody]
type = registration
outbound_auth = 100
server_uri = sip:127.0.0.1:5998
client_uri = sip:100@127.0.0.1:5998
retry_interval = 5
""",
}


class Talk:
    """A pbx_talk in the network of an Asterisk. Called with words, it gives the answer."""

    def __init__(self, pbx, kind, port, *rest):
        self.process = subprocess.Popen(
            ["nsenter", f"--target={pbx.pid}", "--net", PBX_TALK, kind, f"127.0.0.1:{port}", *map(str, rest)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_us)
        self.opened = self.read()

    def read(self):
        return json.loads(self.process.stdout.readline() or '{"ok":false,"code":"gone"}')

    def __call__(self, *words):
        self.process.stdin.write("\t".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def ami(pbx, user=USER, secret=SECRET, events="off", limit_ms=5000):
    return Talk(pbx, "ami", 5038, user, secret, events, limit_ms)


def ari(pbx, secret=SECRET):
    return Talk(pbx, "ari", 8088, USER, secret, 5000)


def until(seconds, look):
    deadline = time.monotonic() + seconds
    while not look() and time.monotonic() < deadline:
        time.sleep(0.1)
    return look()


def milliseconds(values):
    values = sorted(value / 1e6 for value in values)
    return f"median {statistics.median(values):.3f} ms, most {values[-1]:.3f} ms of {len(values)}"


def questions(promise, pbx):
    with ami(pbx) as talk:
        promise.say(f"AMI {talk('session')['version']}, {pbx.cli('core show version').splitlines()[-1]}")
        pings = [talk("ping")["took_ns"] for _ in range(PINGS)]
        promise.check(max(pings) < 1e9, f"ping: {milliseconds(pings)}")
        promise.check(talk("booted")["ok"], "it has booted")
        started = talk("status")
        promise.check(started["ok"] and started["calls"] == 0, f"it started at {started.get('started')}")
        seen = until(15, lambda: talk("contacts").get("reachable") == 1) and talk("contacts")
        promise.check(seen and seen["all"] == 1, f"its phone is registered and reachable {seen}")
        trunk = until(10, lambda: talk("contacts", "trunk").get("unreachable") == 1)
        promise.check(trunk, "a trunk that nobody answers for is unreachable")
        promise.check(talk("contacts", "nosuch")["code"] == "not found", "an unknown endpoint is not found")
        states = talk("registrations")
        promise.check(states["self"] == "Registered" and states["nobody"] in ("Rejected", "Unregistered"),
                      f"registrations: {states}")
        lines = talk("command", "core show uptime seconds").get("lines", [])
        promise.check(len(lines) == 2 and lines[0].startswith("System uptime: "), f"a command prints {lines}")
        promise.check(talk("command", "nosuch thing")["code"] == "invalid", "an unknown command is invalid")
        calls(promise, pbx, talk)
    with ami(pbx, events="system") as talk:
        promise.check(until(5, lambda: talk("ping") and talk("session")["booted"]),
                      "who hears events of the system hears that it has booted")


def calls(promise, pbx, talk):
    empty = talk("channels")
    for _ in range(3):
        pbx.cli("channel originate Local/wait@lab application Wait 600")
    until(5, lambda: talk("channels")["answered"] == 6)
    busy = talk("channels")
    promise.check(empty["channels"] == 0 and (busy["channels"], busy["answered"], busy["calls"]) == (6, 6, 3),
                  f"three calls of two channels each are counted: {busy}")
    with ari(pbx) as rest:
        promise.check(rest("channels").get("channels") == 6, "by ARI as well")
    pbx.cli("channel request hangup all")
    promise.check(until(5, lambda: talk("channels")["channels"] == 0), "and none when they have ended")


def own_events(promise, pbx):
    with ami(pbx, events="user") as ears, ami(pbx) as mouth:
        mouth("event", "holder", "Service=pbx-eu", "Epoch=7")
        heard = ears("next")
        promise.check(heard.get("UserEvent") == "hareplicate::holder" and heard.get("Epoch") == "7",
                      f"an event of ours is heard by others: {heard}")
        refused = mouth("event", "holder", "Service=a\rAction: Command")
        promise.check(refused.get("code") == "invalid",
                      f"a line break in it is refused: {refused.get('what')}")


def astdb(promise, pbx):
    with ami(pbx) as talk:
        put = talk("put", "ha", "k", "v: 1")["ok"]
        promise.check(put and talk("tree", "ha")["rows"] == {"/ha/k": "v: 1"}, "a row that is put is there")
        longest = "x" * (1000 - len("Val: "))
        put = talk("put", "ha", "k", longest)["ok"]
        promise.check(put and talk("tree", "ha")["rows"] == {"/ha/k": longest}, "so is the longest that can")
        promise.check(talk("put", "ha", "k", longest + "x")["code"] == "invalid", "a longer is refused")
        promise.check(talk("put", "ha", "k", " v")["code"] == "invalid", "as is one that Asterisk would trim")
        put = talk("put", "ha", "k", "v  ")["ok"]
        promise.check(put and talk("tree", "ha")["rows"] == {"/ha/k": "v  "}, "blanks at its end arrive")
        erased = talk("erase", "ha", "k")["ok"]
        promise.check(erased and talk("tree", "ha")["rows"] == {}, "it is deleted")
        promise.check(talk("erase", "ha", "k")["code"] == "not found", "once")
        probe = talk("probe", "ha", "probe", "1")
        promise.check(probe["ok"],
                      f"the write probe is kept; the write took {probe.get('took_ns', 0) / 1e6:.2f} ms")
        # A reader of the live file, as a careless backup would be one.
        reader = sqlite3.connect(os.path.join(pbx.folder, "lib/astdb.sqlite3"), isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM astdb").fetchone()
        lost = talk("probe", "ha", "probe", "2")
        reader.execute("ROLLBACK")
        reader.close()
        promise.check(lost.get("code") == "conflict",
                      f"with a reader of its file Asterisk loses it, which is seen: {lost.get('what')}")
        kept = until(10, lambda: talk("probe", "ha", "probe", "3")["ok"])
        promise.check(kept, "without the reader it is kept again")


def contact_fields(uri, seconds):
    return dict(uri=uri, expiration_time=int(time.time()) + seconds, endpoint="100", reg_server="elsewhere",
                via_addr="127.0.0.1", via_port=5060, call_id="x", path="", user_agent=AGENT,
                outbound_proxy="", qualify_frequency=2, qualify_timeout="3.0", authenticate_qualify="no",
                prune_on_boot="no")


def put_contact(rest, uri, seconds=600):
    contact = f"100;@{hashlib.md5(uri.encode()).hexdigest()}"
    fields = (f"{name}={value}" for name, value in contact_fields(uri, seconds).items())
    return contact, rest("put", contact, *fields)


def contacts_by_ari(promise, pbx):
    with ari(pbx, "wrong") as stranger:
        promise.check(stranger("info")["code"] == "denied", "ARI refuses a wrong password")
    with ari(pbx) as rest, ami(pbx) as talk:
        info = rest("info")
        promise.check(info["ok"], f"ARI: {info}")
        before = talk("contacts")["all"]
        contact, made = put_contact(rest, "sip:101@127.0.0.1:5060")
        promise.check(made["ok"] and made["user_agent"] == AGENT, "a contact is put, with its text as it was")
        promise.check(until(10, lambda: talk("contacts")["reachable"] == before + 1), "and is reachable soon")
        promise.check(rest("delete", contact)["ok"] and talk("contacts")["all"] == before, "and deleted")
        promise.check(rest("delete", contact)["code"] == "not found", "once")
        promise.check(rest("contact", contact)["code"] == "not found", "and is not found then")
        time.sleep(16)  # longer than Asterisk keeps a connection
        promise.check(rest("info")["ok"], "a connection that Asterisk has closed meanwhile is made anew")
        took = []
        for number in range(CONTACTS):
            took.append(put_contact(rest, f"sip:{number}@127.0.0.1:5999;x=1")[1]["took_ns"])
        promise.say(f"PUT of a contact: {milliseconds(took)}")
        all_of_them = talk("contacts")
        promise.check(all_of_them["all"] == before + CONTACTS,
                      f"{all_of_them['all']} contacts are counted in {all_of_them['took_ns'] / 1e6:.1f} ms")


def wrong_logins(promise, pbx):
    begin = time.monotonic()
    with ami(pbx, secret="wrong") as talk:
        promise.check(talk.opened["code"] == "denied", f"a wrong secret is denied after "
                      f"{time.monotonic() - begin:.2f} s: {talk.opened.get('what')}")
    with ami(pbx, user="blind") as talk:
        promise.check(talk("status")["code"] == "denied", "so is a question without the right to ask it")
    with Talk(pbx, "ami", 5039, USER, SECRET, "off", 1000) as talk:
        promise.check(talk.opened["code"] == "unavailable", "a port that is closed is unavailable")
    with Talk(pbx, "ami", 8088, USER, SECRET, "off", 1000) as talk:
        promise.check(talk.opened["code"] == "timed out", f"one that says nothing: {talk.opened.get('what')}")
    with Talk(pbx, "ari", 5038, USER, SECRET, 5000) as rest:
        promise.check(rest("info")["code"] == "corrupt", "and one that speaks something else is corrupt")


def stop(pbx):
    """SIGSTOP, and wait until no thread of it runs any more."""
    os.kill(pbx.pid, signal.SIGSTOP)
    states = ""
    while set(states) != {"T"}:
        states = ""
        for task in os.listdir(f"/proc/{pbx.pid}/task"):
            with open(f"/proc/{pbx.pid}/task/{task}/stat", encoding="ascii") as file:
                states += file.read().rpartition(") ")[2][0]


def a_stop_and_a_death(promise, pbx):
    with ami(pbx, limit_ms=500) as talk:
        stop(pbx)
        begin = time.monotonic()
        silent = talk("ping")
        promise.check(silent["code"] == "timed out" and time.monotonic() - begin < 2,
                      f"an Asterisk that is stopped is known after {time.monotonic() - begin:.2f} s")
        promise.check(talk("session")["unanswered"] == 1, "its answer is still owed")
        os.kill(pbx.pid, signal.SIGCONT)
        promise.check(until(5, lambda: talk("ping")["ok"]), "it answers again on the same connection")
        promise.check(talk("session")["unanswered"] == 0, "and owes nothing")
        first = talk("status")["started"]
        os.kill(pbx.pid, signal.SIGKILL)
        pbx.process.wait()
        promise.check(talk("ping")["code"] == "unavailable" and talk("session")["over"],
                      "one that is killed is unavailable")
    for name in ("asterisk.pid", "asterisk.ctl"):
        if os.path.exists(f"{pbx.folder}/run/{name}"):
            os.remove(f"{pbx.folder}/run/{name}")
    again(promise, pbx, first)


def again(promise, pbx, first):
    pbx.launch()
    begin, talk, asked = time.monotonic(), None, 0
    while talk is None and time.monotonic() < begin + 30:
        if pbx.is_there():
            asked += 1
            talk = ami(pbx, limit_ms=10000)
            if not talk.opened["ok"]:
                talk.__exit__()
                talk = None
        time.sleep(0.01)
    opened = time.monotonic() - begin
    promise.check(talk is not None, f"one that starts lets us in after {opened:.2f} s, {asked} tries")
    booted = talk("booted")
    promise.check(booted["ok"], f"and says when it has booted, {time.monotonic() - begin - opened:.2f} s "
                  f"later {booted.get('what', '')}")
    promise.check(talk("status").get("started", first) != first, "it started at another time than before")
    talk.__exit__()


def main():
    skip_unless_root()
    if ROOT is None:
        skip(f"there is no Asterisk; tests/support/asterisk_root {SUITE} makes one")
    folder = tempfile.mkdtemp(prefix="hareplicate-pbx-")
    try:
        with Promise(f"a real Asterisk ({SUITE}) is spoken to") as promise, \
                Asterisk(ROOT, folder, tempfile.mkdtemp(dir=folder), configuration=CONFIGURATION) as pbx:
            pbx.start()
            for part in (questions, own_events, astdb, contacts_by_ari, wrong_logins, a_stop_and_a_death):
                part(promise, pbx)
    finally:
        if os.environ.get("HA_KEEP") != "1":
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
