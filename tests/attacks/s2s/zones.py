# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A DNS server that says what a test wants, right or wrong (RFC 1035), by UDP and TCP.

import socket
import struct
import threading
from dataclasses import dataclass, field

from tests.node.ports import ADDRESS

A, NS, CNAME, SOA, TXT, AAAA, SRV, OPT = 1, 2, 5, 6, 16, 28, 33, 41
NO_ERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
RESPONSE, TRUNCATED, RECURSION = 0x8000, 0x0200, 0x0180
HEADER = struct.Struct("!HHHHHH")
AS_ASKED = b"\xc0\x0c"  # a pointer to the name in the question (RFC 1035 §4.1.4)


def wire_name(name):
    """Labels; names are text without the last dot, "" is the root."""
    labels = [label.encode("latin-1") for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def srv(port, target, priority=0, weight=0):
    return SRV, struct.pack("!HHH", priority, weight, port) + wire_name(target)


def address(text):
    if ":" in text:
        return AAAA, socket.inet_pton(socket.AF_INET6, text)
    return A, socket.inet_aton(text)


def alias(name):
    return CNAME, wire_name(name)


@dataclass
class Query:
    number: int
    name: str
    kind: int
    question: bytes
    tcp: bool


@dataclass
class Reply:
    """What is answered. answers, additional: (kind, data) of the name that was asked for, or
    (name, kind, data)."""

    answers: list = field(default_factory=list)
    additional: list = field(default_factory=list)
    code: int = NO_ERROR
    flags: int = 0
    number: int = None  # None: that of the query
    question: bytes = None

    def pack(self, query):
        number = query.number if self.number is None else self.number
        head = HEADER.pack(number, RESPONSE | RECURSION | self.flags | self.code, 1,
                           len(self.answers), 0, len(self.additional))
        records = b"".join(self._record(query, row) for row in self.answers + self.additional)
        return head + (self.question or query.question) + records

    @staticmethod
    def _record(query, row):
        name, kind, data = row if len(row) == 3 else (None, *row)
        owner = wire_name(name) if name else AS_ASKED
        return owner + struct.pack("!HHIH", kind, 1, 0, len(data)) + data


def read_query(data, tcp):
    number, _, _, *_ = HEADER.unpack_from(data)
    labels, at = [], HEADER.size
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1").lower())
        at += data[at] + 1
    kind = struct.unpack_from("!H", data, at + 1)[0]
    return Query(number, ".".join(labels), kind, data[HEADER.size:at + 5], tcp)


def sockets(tries=100):
    """UDP and TCP, on a port that is free for both."""
    for _ in range(tries):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((ADDRESS, 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError:
            udp.close()
    raise OSError("no port is free for both UDP and TCP")


class Zones:
    """Serves until close(). Rows: {(name, kind): Reply, bytes, or a function of the query that
    returns one of them, a list of them, or None}. A name without rows does not exist."""

    UDP_MAX = 1232

    def __init__(self):
        self.rows = {}
        self.below = {}  # {domain: function of the query} for all names that end so
        self.asked = []  # (name, kind), in order
        self._udp, self._tcp = sockets()
        self._threads = [threading.Thread(target=work, daemon=True)
                         for work in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    @property
    def server(self):
        """For [s2s] dns-server."""
        host, port = self._udp.getsockname()
        return f"{host}@{port}"

    # What there is.

    def put(self, name, *records, **reply):
        """Records of one name: (kind, data). Further arguments as of Reply."""
        for kind in {kind for kind, _ in records} or {A}:
            answers = [record for record in records if record[0] == kind]
            self.rows[name.lower(), kind] = Reply(answers, **reply)

    def put_server(self, domain, host, port, direct=False):
        """A domain whose one server is at an address."""
        service = "_xmpps-server" if direct else "_xmpp-server"
        self.put(f"{service}._tcp.{domain}", srv(port, f"host.{domain}"))
        self.put(f"host.{domain}", address(host))

    def find(self, query):
        row = self.rows.get((query.name, query.kind)) or self.rows.get((query.name, CNAME))
        for domain, answer in self.below.items():
            if row is None and query.name.endswith("." + domain):
                return answer(query)
        if row is None:
            known = any(name == query.name for name, _ in self.rows)
            row = Reply(code=NO_ERROR if known else NXDOMAIN)
        return row

    # Serving.

    def _packets(self, data, tcp):
        query = read_query(data, tcp)
        self.asked.append((query.name, query.kind))
        found = self.find(query)
        if callable(found):
            found = found(query)
        for one in found if isinstance(found, list) else [found]:
            if one is not None:
                yield query, one if isinstance(one, bytes) else one.pack(query)

    def _serve_udp(self):
        while True:
            data, peer = self._udp.recvfrom(4096)
            if not data:
                return
            for query, packet in self._packets(data, False):
                if len(packet) > self.UDP_MAX:
                    packet = Reply(flags=TRUNCATED).pack(query)
                self._udp.sendto(packet, peer)

    def _serve_tcp(self):
        while True:
            stream, _ = self._tcp.accept()
            with stream:
                try:
                    stream.settimeout(5)
                    length = stream.recv(2)
                    if length == b"\0\0":
                        return
                    data = stream.recv(int.from_bytes(length, "big"))
                    for _, packet in self._packets(data, True):
                        stream.sendall(len(packet).to_bytes(2, "big") + packet)
                except (OSError, struct.error, IndexError):
                    pass  # whoever asked has gone

    def close(self):
        self._udp.sendto(b"", self._udp.getsockname())
        with socket.create_connection(self._tcp.getsockname()) as stream:
            stream.sendall(b"\0\0")
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()
