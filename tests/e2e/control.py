"""Asks a running replicator on its local control socket, as `hareplicate` does.

    for reply in ask("/run/x/replicator.sock", "status"): print(reply["status"]["links"])

Replies are dictionaries with the field names of schemas/control.proto, which is read here, so that a new
field needs no change. The frame is that of common/wire/control.h. """

import os
import re
import socket
import struct

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "schemas", "control.proto")
REQUEST, MESSAGE, END, FAILURE = 1, 2, 3, 4
FIELD = re.compile(r"^\s*(repeated |optional |)(map<[^>]*>|\w+)\s+(\w+)\s*=\s*(\d+);")


class ControlError(Exception):
    """The daemon's own error: the sentence, and what to type next."""


def read_schema():
    """message -> field number -> (name, type, repeated)."""
    messages, current = {}, None
    with open(PROTO, encoding="utf-8") as text:
        for line in text:
            if opened := re.match(r"^message (\w+)", line):
                current = messages.setdefault(opened[1], {})
            elif current is not None and (field := FIELD.match(line)):
                current[int(field[4])] = (field[3], field[2], field[1] == "repeated ")
    return messages


SCHEMA = read_schema()


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def put_varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def scalar(kind, value):
    if kind == "string":
        return value.decode("utf-8", "replace")
    if kind == "bool":
        return bool(value)
    if kind in ("int64", "int32") and value >= 1 << 63:
        return value - (1 << 64)
    return value


def decode(message, data):
    fields, at = SCHEMA[message], 0
    out = {name: [] if repeated else "" if kind == "string" else 0 if kind not in SCHEMA else None
           for name, kind, repeated in fields.values()}
    present = set()
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7} in {message}")
        if tag >> 3 not in fields:
            continue
        name, kind, repeated = fields[tag >> 3]
        value = decode(kind, value) if kind in SCHEMA else scalar(kind, value)
        present.add(name)
        if repeated:
            out[name].append(value)
        else:
            out[name] = value
    out["present"] = present
    return out


def text(number, value):
    raw = value if isinstance(value, bytes) else value.encode()
    return put_varint(number << 3 | 2) + put_varint(len(raw)) + raw


def number_field(number, value):
    return put_varint(number << 3) + put_varint(value) if value else b""


def encode_order(service, holder, epoch, valid=2.0, send=True):
    """A RoleOrder, for ask(…, roles=[…]); `valid` in seconds."""
    return (text(1, service) + text(2, holder) + number_field(3, epoch) +
            number_field(4, int(valid * 1e9)) + number_field(5, int(send)))


def encode_request(verb, arguments, flags, roles=()):
    body = text(1, verb) + b"".join(text(2, each) for each in arguments)
    body += b"".join(text(3, text(1, name) + text(2, value)) for name, value in flags.items())
    return body + b"".join(text(21, order) for order in roles)


def read_exactly(client, count):
    out = b""
    while len(out) < count:
        more = client.recv(count - len(out))
        if not more:
            raise ConnectionError("the daemon closed the connection")
        out += more
    return out


def ask(path, verb, *arguments, timeout=10, roles=(), **flags):
    """All replies. ControlError, or OSError when nobody answers there."""
    replies = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout)
        client.connect(path)
        body = encode_request(verb, arguments, flags, roles)
        client.sendall(struct.pack("<IB", len(body) + 1, REQUEST) + body)
        while True:
            length, kind = struct.unpack("<IB", read_exactly(client, 5))
            body = read_exactly(client, length - 1)
            if kind == MESSAGE:
                replies.append(decode("Reply", body))
            elif kind == END:
                return replies
            else:
                size = struct.unpack_from("<I", body, 1)[0]
                raise ControlError(body[5:5 + size].decode(), body[5 + size:].decode())
