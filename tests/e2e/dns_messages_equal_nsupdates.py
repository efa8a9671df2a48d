#!/usr/bin/env python3
"""The UPDATE messages of dnsupdater are nsupdate's, for every kind of prerequisite, deletion and addition:
nsupdate is given what --dry-run prints, and its message is caught on loopback. Its ID and the time of its
signature are then given to ours.

Byte for byte they are equal in five of the eleven cases (EXACT). In the other six they say the same and are
equal once all names are written out: ours is compressed by ldns, and BIND points otherwise in two ways. Of a
name it looks for two suffixes only, so that the zone is written out below a deeper one, and it points into
SRV records. A server reads both alike. In all eleven ours signs nsupdate's own bytes as nsupdate did.

    dns_messages_equal_nsupdates.py DNS_MESSAGES
"""

import os
import select
import socket
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_servers import DnsServers  # noqa: E402

KEYS = {"hmac-sha256": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "hmac-sha512": "c2l4dGVlbiBieXRlcy4uLg=="}
SECONDS_MAX = 20
# Types with a name in their rdata, and how many bytes come before it: NS, CNAME, PTR, MX, SRV.
NAMES = {2: 0, 5: 0, 12: 0, 15: 2, 33: 6}
# In which nothing of that shows.
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


def catch(servers, script, key):
    """The first message that nsupdate sends for `script`, and how it came."""
    udp, tcp = sockets()
    command = [servers.program("nsupdate"), "-k", key]
    with udp, tcp, subprocess.Popen(command, env=servers.environment, stdin=subprocess.PIPE,
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


def compare(servers, run, case, key):
    """Whether both are what they should be, how the message came, and whether each byte is the same."""
    theirs, way = catch(servers, run("script", case), key)
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
    return good, way, equal


def main(tool):
    def run(*words):
        return subprocess.run([tool, *words], check=True, stdout=subprocess.PIPE).stdout.decode()

    cases = run("list").split()
    missing = EXACT - set(cases)
    with tempfile.TemporaryDirectory() as folder:
        servers = DnsServers(folder)
        results = [compare(servers, run, case, write_key(folder, kind)) for kind in KEYS for case in cases]
    ways = {way for _, way, _ in results}
    print(f"{sum(equal for _, _, equal in results)} of {len(results)} are equal byte for byte")
    if missing or ways != {"UDP", "TCP"}:
        print(f"cases that are missing: {missing or 'none'}; seen over {ways}, and it should be UDP and TCP")
        return 1
    return 0 if all(good for good, _, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
