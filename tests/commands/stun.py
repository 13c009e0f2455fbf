# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A server of STUN and TURN (RFC 8489, RFC 8656) that answers as it is told, right or not.

import contextlib
import hashlib
import hmac
import socket
import struct
import threading

from tests.node.ports import ADDRESS

COOKIE = 0x2112A442
SUCCESS, FAILURE = 0x100, 0x110
BINDING, ALLOCATE = 1, 3
INTEGRITY, ERROR, REALM, NONCE, RELAYED, MAPPED = 0x08, 0x09, 0x14, 0x15, 0x16, 0x20
USERNAME = 0x06
ITS_REALM = "realm.example"


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def xored(kind, address, port=49152):
    bits = struct.unpack("!I", socket.inet_aton(address))[0] ^ COOKIE
    return attribute(kind, struct.pack("!BBHI", 0, 1, port ^ COOKIE >> 16, bits))


def attributes(request):
    found, at = {}, 20
    while at < len(request):
        kind, length = struct.unpack_from("!HH", request, at)
        found[kind] = request[at + 4:at + 4 + length]
        at += 4 + length + -length % 4
    return found


def refusal(code, *more):
    error = attribute(ERROR, struct.pack("!HBB", 0, code // 100, code % 100))
    return FAILURE, error + b"".join(more)


def challenge(code, nonce):
    return refusal(code, attribute(REALM, ITS_REALM.encode()), attribute(NONCE, nonce.encode()))


class Server:
    """One whose relays are at an address, for who has the password."""

    def __init__(self, password, relayed):
        self.password, self.relayed = password, relayed
        self.refusals = []  # answers to the next requests that have credentials
        self.signs = True
        self.asked = []     # (method, port of the client, whether with credentials)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ADDRESS, 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        with contextlib.closing(self._socket):
            self._socket.sendto(b"", self._socket.getsockname())
            self._thread.join()

    def _answer(self, method, found):
        if method == BINDING:
            return SUCCESS, xored(MAPPED, ADDRESS)
        if INTEGRITY not in found and self.password is not None:
            return challenge(401, "first")
        if self.refusals:
            return self.refusals.pop(0)
        return SUCCESS, xored(RELAYED, self.relayed) if method == ALLOCATE else b""

    def _signed(self, head, body, name):
        key = hashlib.md5(f"{name}:{ITS_REALM}:{self.password}".encode()).digest()
        head = head[:2] + struct.pack("!H", len(body) + 24) + head[4:]
        return head + body + attribute(INTEGRITY, hmac.digest(key, head + body, "sha1"))

    def _serve(self):
        while True:
            request, peer = self._socket.recvfrom(2048)
            if not request:
                return
            method, found = struct.unpack_from("!H", request)[0], attributes(request)
            self.asked.append((method, peer[1], INTEGRITY in found))
            kind, body = self._answer(method, found)
            head = struct.pack("!HH", method | kind, len(body)) + request[4:20]
            answer = head + body
            if kind == SUCCESS and INTEGRITY in found and self.signs:
                answer = self._signed(head, body, found[USERNAME].decode())
            self._socket.sendto(answer, peer)
