# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A DNS server that knows no name, for nodes in tests: no test asks the DNS of the Internet.

import socket
import struct
import threading

from tests.node.ports import ADDRESS

NO_SUCH_NAME = 0x8183  # a response, recursion desired and available, RCODE 3 (RFC 1035 §4.1.1)
HEADER = struct.Struct("!HHHHHH")


def answer(query):
    """The header and question of the query again, and that there is no such name."""
    number, _, questions, *_ = HEADER.unpack_from(query)
    end = HEADER.size
    while query[end]:
        end += query[end] + 1
    return HEADER.pack(number, NO_SUCH_NAME, questions, 0, 0, 0) + query[HEADER.size:end + 5]


class EmptyDns:
    """Serves from the beginning until close()."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ADDRESS, 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def server(self):
        """For [s2s] dns-server."""
        host, port = self._socket.getsockname()
        return f"{host}@{port}"

    def _serve(self):
        while True:
            query, peer = self._socket.recvfrom(4096)
            if not query:
                return
            try:
                reply = self.answer(query)
                if reply:
                    self._socket.sendto(reply, peer)
            except (struct.error, IndexError):
                pass  # no query

    def answer(self, query):
        """For those who know more; None: it keeps silent."""
        return answer(query)

    def close(self):
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()
