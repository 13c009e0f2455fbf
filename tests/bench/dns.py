# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A DNS server for benchmarks of federation: it knows where the servers are, and thousands of
# domains that lead nowhere.

import socket
import struct

from tests.harness.empty_dns import HEADER, EmptyDns
from tests.node.ports import ADDRESS

A, SRV = 1, 33
SUCCESS, NO_SUCH_NAME = 0x8180, 0x8183  # responses, recursion desired and available
POINTER_TO_QUESTION = 0xC00C
TTL = 3600
HOST = "host."


def read_question(query):
    """(name, type, the question's bytes)"""
    labels, at = [], HEADER.size
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii"))
        at += query[at] + 1
    return ".".join(labels).lower(), struct.unpack_from("!H", query, at + 1)[0], \
        query[HEADER.size:at + 5]


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def srv_record(port, target):
    return struct.pack("!HHH", 0, 0, port) + name_bytes(target)


class BenchDns(EmptyDns):
    """Its members may be changed at any time."""

    def __init__(self):
        super().__init__()
        self.ports = {}     # {domain: where its server listens for others}
        self.suffixes = {}  # {suffix: (address, port) of the server of all domains with it}
        self.mute = ()      # suffixes of names that are never answered

    def _server_of(self, domain):
        if domain in self.ports:
            return ADDRESS, self.ports[domain]
        return self.suffixes.get(domain.partition(".")[2])

    def answer(self, query):
        number, *_ = HEADER.unpack_from(query)
        name, kind, question = read_question(query)
        if name.endswith(tuple(self.mute)):
            return None
        known, data = self._look_up(name, kind)
        flags = SUCCESS if known else NO_SUCH_NAME
        reply = HEADER.pack(number, flags, 1, len(data), 0, 0) + question
        for record in data:
            reply += struct.pack("!HHHIH", POINTER_TO_QUESTION, kind, 1, TTL, len(record)) + record
        return reply

    def _look_up(self, name, kind):
        """(whether there is such a name, its records of that kind)"""
        if name.startswith("_xmpp-server._tcp."):
            domain = name.split(".", 2)[2]
            server = self._server_of(domain)
            records = [srv_record(server[1], HOST + domain)] if server and kind == SRV else []
            return server is not None, records
        server = self._server_of(name.removeprefix(HOST)) if name.startswith(HOST) else None
        records = [socket.inet_aton(server[0])] if server and kind == A else []
        return server is not None, records
