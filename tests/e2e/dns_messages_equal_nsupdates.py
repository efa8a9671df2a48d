#!/usr/bin/env python3
"""The UPDATE messages of dnsupdater are nsupdate's, byte for byte, for every kind of prerequisite, deletion
and addition: nsupdate is given what --dry-run prints, and its message is caught on loopback. Its ID and the
time of its signature are then given to ours.

BIND's pointers differ from ldns's in two ways: of a name it looks for two suffixes only, so that the zone is
written out below a deeper one, and it points into SRV records. In the cases where that shows, the messages
are compared with all names written out; and in all cases ours signs nsupdate's own message as nsupdate did.

    dns_messages_equal_nsupdates.py DNS_MESSAGES
"""

import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

KEYS = {"hmac-sha256": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "hmac-sha512": "c2l4dGVlbiBieXRlcy4uLg=="}
SECONDS_MAX = 20
# Types with a name in their rdata, and how many bytes come before it: NS, CNAME, PTR, MX, SRV.
NAMES = {2: 0, 5: 0, 12: 0, 15: 2, 33: 6}
# In which none of that shows.
EXACT = {"prerequisites", "deletions", "additions", "apex", "root"}


def write_key(folder, algorithm):
    path = os.path.join(folder, algorithm)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
        out.write(f'key "fra.key" {{\n\talgorithm {algorithm};\n\tsecret "{KEYS[algorithm]}";\n}};\n')
    return path


def sockets():
    """A UDP and a listening TCP socket of one port that the kernel has chosen."""
    for _ in range(20):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.bind(udp.getsockname())
        except OSError:  # somebody has that port
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        udp.settimeout(SECONDS_MAX)
        tcp.settimeout(SECONDS_MAX)
        return udp, tcp
    raise OSError("no port is free for both UDP and TCP")


def receive(connection, count):
    out = b""
    while len(out) < count:
        piece = connection.recv(count - len(out))
        if not piece:
            raise EOFError("the connection ended within a message")
        out += piece
    return out


def catch(script, key):
    """The first message that nsupdate sends for `script`, and how it came."""
    udp, tcp = sockets()
    with udp, tcp, subprocess.Popen(["nsupdate", "-k", key], stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as nsupdate:
        try:
            port = udp.getsockname()[1]
            nsupdate.stdin.write(f"server 127.0.0.1 {port}\n{script}".encode())
            nsupdate.stdin.close()
            ready = select.select([udp, tcp], [], [], SECONDS_MAX)[0]
            if udp in ready:
                return udp.recv(65535), "UDP"
            if tcp in ready:
                connection = tcp.accept()[0]
                with connection:
                    connection.settimeout(SECONDS_MAX)
                    return receive(connection, struct.unpack(">H", receive(connection, 2))[0]), "TCP"
            nsupdate.kill()
            raise TimeoutError("nsupdate sent nothing: " + nsupdate.stderr.read().decode(errors="replace"))
        finally:
            nsupdate.kill()


def name_at(message, at):
    """The labels of the name at `at`, and where it ends."""
    labels, end = [], None
    while message[at]:
        if message[at] >= 192:
            end = at + 2 if end is None else end
            at = struct.unpack(">H", message[at:at + 2])[0] & 0x3fff
        else:
            labels.append(message[at + 1:at + 1 + message[at]])
            at += 1 + message[at]
    return labels, at + 1 if end is None else end


def written_out(message):
    """The header, the question, the RRs with all names in full, and where the last RR begins."""
    question, at = name_at(message, 12)
    parts = [message[:12], question, message[at:at + 4]]
    at += 4
    for _ in range(sum(struct.unpack(">HHH", message[6:12]))):
        last = at
        owner, at = name_at(message, at)
        kind, length = struct.unpack(">H6xH", message[at:at + 10])
        rdata, end = at + 10, at + 10 + length
        parts.append([owner, message[at:at + 8]])
        before = NAMES.get(kind)
        if before is None or length == 0:
            parts.append(message[rdata:end])
        else:
            parts.append([message[rdata:rdata + before], name_at(message, rdata + before)[0]])
        at = end
    assert at == len(message), "bytes after the last RR"
    return parts, last


def without_signature(message):
    """The message before it was signed, and the time of the signature."""
    last = written_out(message)[1]
    at = name_at(message, last)[1] + 10
    at = name_at(message, at)[1]
    count = struct.unpack(">H", message[10:12])[0] - 1
    plain = message[:10] + struct.pack(">H", count) + message[12:last]
    return plain, int.from_bytes(message[at:at + 6], "big")


def compare(run, case, key):
    """Whether both are what they should be, and how the message came."""
    theirs, way = catch(run("script", case), key)
    plain, seconds = without_signature(theirs)
    number = struct.unpack(">H", theirs[:2])[0]
    ours = bytes.fromhex(run("message", case, key, str(number), str(seconds)))
    signed = bytes.fromhex(run("sign", key, str(seconds), plain.hex()))
    equal = ours == theirs
    names = equal or written_out(without_signature(ours)[0])[0] == written_out(plain)[0]
    good = names and signed == theirs and (equal or case not in EXACT)
    what = "equal" if equal else "equal with names written out" if names else "DIFFERENT"
    print(f"{case}, {os.path.basename(key)}: {len(theirs)} bytes over {way}: {what}"
          f"{'' if signed == theirs else ', SIGNED OTHERWISE'}")
    if not good:
        print(f"  nsupdate   {theirs.hex()}\n  dnsupdater {ours.hex()}")
    return good, way


def main(tool):
    if shutil.which("nsupdate") is None:
        print("skipped: nsupdate is not installed (bind9-dnsutils)")
        return 77

    def run(*words):
        return subprocess.run([tool, *words], check=True, stdout=subprocess.PIPE).stdout.decode()

    cases = run("list").split()
    missing = EXACT - set(cases)
    with tempfile.TemporaryDirectory() as folder:
        results = [compare(run, case, write_key(folder, kind)) for kind in KEYS for case in cases]
    ways = {way for _, way in results}
    if missing or ways != {"UDP", "TCP"}:
        print(f"cases that are missing: {missing or 'none'}; seen over {ways}, and it should be UDP and TCP")
        return 1
    return 0 if all(good for good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
