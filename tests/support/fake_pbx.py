#!/usr/bin/env python3
"""A PBX as far as a coordinator sees one: answers SIP OPTIONS on UDP port 5060, as HA_SITE.

    fake_pbx.py start FOLDER     in the background, FOLDER/pbx.pid has its process id
    fake_pbx.py stop FOLDER      waits until it is gone; not while FOLDER/will-not-stop is there
    fake_pbx.py serve FOLDER     in the foreground

It starts in FOLDER/start-seconds (default 0.2), not while FOLDER/will-not-start is there, and answers nobody
while FOLDER/hang is.
"""

import os
import signal
import socket
import subprocess
import sys
import time

PORT = 5060
WAIT_SECONDS = 5


def number_in(path, otherwise):
    try:
        with open(path, encoding="ascii") as file:
            return float(file.read())
    except FileNotFoundError:
        return otherwise


def answer(request, name):
    lines = request.decode(errors="replace").split("\r\n")
    wanted = ("via:", "from:", "to:", "call-id:", "cseq:")
    kept = [line for line in lines if line.lower().startswith(wanted)]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, f"Server: {name}", "Content-Length: 0", "", ""]).encode()


def serve(folder):
    name = os.environ.get("HA_SITE", "?")
    stubborn, hang = os.path.join(folder, "will-not-stop"), os.path.join(folder, "hang")
    signal.signal(signal.SIGTERM, lambda *_: None if os.path.exists(stubborn) else sys.exit(0))
    time.sleep(number_in(os.path.join(folder, "start-seconds"), 0.2))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", PORT))
        open(os.path.join(folder, "ready"), "w").close()
        while True:
            request, caller = listener.recvfrom(65536)
            if os.path.exists(hang):
                continue
            try:
                listener.sendto(answer(request, name), caller)
            except PermissionError:
                pass  # the guard drops what we send, too


def running(folder):
    try:
        with open(os.path.join(folder, "pbx.pid"), encoding="ascii") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return 0 if file.read().split()[2] == "Z" else pid  # dead, its parent has not noticed
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return 0


def start(folder):
    if running(folder):
        return 0
    if os.path.exists(os.path.join(folder, "will-not-start")):
        print("told not to start")
        return 1
    ready = os.path.join(folder, "ready")
    if os.path.exists(ready):
        os.unlink(ready)
    with open(os.path.join(folder, "pbx.log"), "ab") as log:
        child = subprocess.Popen([sys.executable, os.path.abspath(__file__), "serve", folder],
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    with open(os.path.join(folder, "pbx.pid"), "w", encoding="ascii") as out:
        out.write(str(child.pid))
    until = time.monotonic() + WAIT_SECONDS
    while not os.path.exists(ready) and time.monotonic() < until:
        time.sleep(0.01)
    return 0 if os.path.exists(ready) else 1


def stop(folder):
    pid = running(folder)
    if not pid:
        return 0
    os.kill(pid, signal.SIGTERM)
    while running(folder):
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    verb, place = sys.argv[1:3]
    if verb == "serve":
        serve(place)
    sys.exit(start(place) if verb == "start" else stop(place))
