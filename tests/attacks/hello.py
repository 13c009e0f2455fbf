# SPDX-License-Identifier: AGPL-3.0-or-later
#
# ClientHello messages (RFC 5246 §7.4.1.2, RFC 8446 §4.1.2) byte by byte, for what no library sends
# any more; and what comes back.

from dataclasses import dataclass

HANDSHAKE, ALERT = 22, 21
SERVER_HELLO = 2
FATAL = 2
TLS10, TLS11, TLS12, SSL3 = 0x0301, 0x0302, 0x0303, 0x0300

# Alerts (RFC 8446 §6.2)
HANDSHAKE_FAILURE, PROTOCOL_VERSION, INSUFFICIENT_SECURITY = 40, 70, 71
INAPPROPRIATE_FALLBACK, NO_APPLICATION_PROTOCOL = 86, 120


def vector(data, size):
    return len(data).to_bytes(size, "big") + data


def number(value):
    return value.to_bytes(2, "big")


def extension(kind, data):
    return number(kind) + vector(data, 2)


def server_name(name):
    return extension(0, vector(b"\0" + vector(name, 2), 2))


def alpn(*names):
    return extension(16, vector(b"".join(vector(name, 1) for name in names), 2))


GROUPS = extension(10, vector(number(29) + number(23), 2))
SIGNATURES = extension(13, vector(number(0x0403) + number(0x0804) + number(0x0401) +
                                  number(0x0203), 2))
MASTER_SECRET = extension(23, b"")
RENEGOTIATION = extension(0xff01, b"\0")
USUAL = GROUPS + SIGNATURES + MASTER_SECRET + RENEGOTIATION


def client_hello(ciphers, version=TLS12, extensions=USUAL, compressions=b"\0"):
    body = (number(version) + bytes(range(32)) + vector(b"", 1) +
            vector(b"".join(number(cipher) for cipher in ciphers), 2) +
            vector(compressions, 1) + (vector(extensions, 2) if extensions else b""))
    message = b"\x01" + vector(body, 3)
    return bytes([HANDSHAKE]) + number(min(version, TLS10)) + vector(message, 2)


@dataclass
class Reply:
    """The first record that came back; kind None: the connection was closed without one."""

    kind: int = None
    body: bytes = b""

    @property
    def is_server_hello(self):
        return self.kind == HANDSHAKE and self.body[0] == SERVER_HELLO

    @property
    def alert(self):
        """Of a fatal one its description."""
        return self.body[1] if self.kind == ALERT and self.body[0] == FATAL else None


def read_exactly(stream, size):
    data = b""
    while len(data) < size:
        piece = stream.recv(size - len(data))
        if not piece:
            return None
        data += piece
    return data


def reply_of(stream):
    stream.settimeout(20)
    try:
        head = read_exactly(stream, 5)
        body = read_exactly(stream, int.from_bytes(head[3:], "big")) if head else None
    except ConnectionError:
        return Reply()
    return Reply(head[0], body) if body else Reply()
