# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Streams by WebSocket (RFC 7395) for clients that know TCP only: what looks like a socket takes the
# bytes of a stream apart into elements, one for each frame, and makes a stream of the frames that
# come. Whole elements have to be given to sendall() at once.

import base64
import os
import re
import socket
import ssl
import struct
import time
import xml.parsers.expat

STREAM = "http://etherx.jabber.org/streams"
FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
CLIENT = "jabber:client"
# What tests may name in place of C2S, and the listener that it is behind.
SERVICES = {"WS": "HTTP", "WSS": "HTTPS", "BOSH": "HTTP", "BOSHS": "HTTPS"}
WRAPPER = f"<w xmlns='{CLIENT}' xmlns:stream='{STREAM}'>".encode()
HEADER = re.compile(rb"\s*(?:<\?xml[^>]*\?>)?\s*<stream:stream([^>]*)>")
FOOTER = b"</stream:stream>"
SECONDS = 60
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class _Spans:
    """Where the elements of the first level begin and end."""

    def __init__(self, data):
        self.spans = []
        self._depth = 0
        parser = xml.parsers.expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        self._parser = parser
        parser.Parse(WRAPPER + data + b"</w>", True)

    def _start(self, *_):
        if self._depth == 1:
            self._begin = self._parser.CurrentByteIndex - len(WRAPPER)
        self._depth += 1

    def _end(self, *_):
        self._depth -= 1
        if self._depth == 1:
            self.spans.append(self._begin)
        elif self._depth == 0:
            self.end = self._parser.CurrentByteIndex - len(WRAPPER)


def declared(element):
    """An element that says its namespace itself."""
    start = re.match(rb"<[^>]*?(/?>)", element, re.DOTALL)
    if element.startswith(b"<stream:"):
        missing = b"" if b"xmlns:stream" in start[0] else f" xmlns:stream='{STREAM}'".encode()
    else:
        missing = b"" if re.search(rb"\sxmlns=", start[0]) else f" xmlns='{CLIENT}'".encode()
    name = re.match(rb"<[^\s/>]*", element).end()
    return element[:name] + missing + element[name:]


def elements(data):
    """The elements of a piece of a stream; ("open", attributes) and ("close",) for its ends; what
    is no XML stays as it is."""
    found = []
    while data.strip():
        header = HEADER.match(data)
        if header:
            found.append(("open", re.sub(rb"\sxmlns(:stream)?=('[^']*'|\"[^\"]*\")", b"",
                                         header[1])))
            data = data[header.end():]
            continue
        if data.strip().startswith(FOOTER):
            found.append(("close",))
            break
        rest = b""
        if FOOTER in data:
            data, _, rest = data.partition(FOOTER)
            rest = FOOTER + rest
        try:
            spans = _Spans(data)
            ends = [*spans.spans[1:], spans.end]
            found += [("element", declared(data[a:b].strip()))
                      for a, b in zip(spans.spans, ends)]
        except xml.parsers.expat.ExpatError:
            found.append(("element", data))
        data = rest
    return found


def to_frames(data):
    """What goes into a frame each."""
    for kind, *content in elements(data):
        if kind == "open":
            yield f"<open xmlns='{FRAMING}'".encode() + content[0] + b"/>"
        elif kind == "close":
            yield f"<close xmlns='{FRAMING}'/>".encode()
        else:
            yield content[0]


def from_frame(frame):
    """The bytes of a stream that a frame stands for."""
    opening = re.fullmatch(rb"<open xmlns='[^']*'(.*)/>", frame, re.DOTALL)
    if opening:
        return (f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}'"
                f" xmlns:stream='{STREAM}'").encode() + opening[1] + b">"
    return FOOTER if frame.startswith(b"<close ") else frame


def frame(opcode, payload, fin=True, masked=True, rsv=0, length=None):
    """The bytes of a WebSocket frame (RFC 6455 §5.2), or of what looks like one."""
    size = len(payload) if length is None else length
    head = bytes([fin << 7 | rsv << 4 | opcode])
    mask = masked << 7
    if size < 126:
        head += bytes([mask | size])
    elif size < 65536:
        head += bytes([mask | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    stream = (key * (len(payload) // 4 + 1))[:len(payload)]
    value = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return head + key + value.to_bytes(len(payload), "big")


def secured(plain, node, name=None):
    context = ssl.create_default_context(cafile=node.ca)
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(plain, server_hostname=name or node.network)


def dial(node, service, source=None, seconds=SECONDS):
    """A connection to the listener of a service, under TLS if it has it."""
    listener = SERVICES.get(service, service)
    plain = socket.create_connection(node.address(listener), seconds,
                                     source_address=(source, 0) if source else None)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return secured(plain, node) if listener == "HTTPS" else plain


class Response:
    """An HTTP response: status, headers (lower case), body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class HttpConnection:
    """Requests and responses as they are on the wire."""

    def __init__(self, plain):
        self.socket = plain
        self.unread = b""

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, path, body=b"", host="localhost", **fields):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def _more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        self.unread += piece

    def head(self):
        while b"\r\n\r\n" not in self.unread:
            self._more()
        head, _, self.unread = self.unread.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(first.split()[1]), headers

    def response(self):
        status, headers = self.head()
        size = int(headers.get("content-length", 0))
        while len(self.unread) < size:
            self._more()
        body, self.unread = self.unread[:size], self.unread[size:]
        return Response(status, headers, body)

    def ask(self, method, path, body=b"", **fields):
        self.request(method, path, body, **fields)
        return self.response()

    def close(self):
        self.socket.close()


class Refused(Exception):
    """The WebSocket was refused, with this status."""


class WebSocket:
    """What looks like a connected socket to a client's stream."""

    PATH = "/xmpp-websocket"

    def __init__(self, node, service, source=None, **fields):
        self.http = HttpConnection(dial(node, service, source))
        self.socket = self.http.socket
        headers = {"Upgrade": "websocket", "Connection": "Upgrade",
                   "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "xmpp",
                   "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **fields}
        self.http.request("GET", self.PATH, host=node.network,
                          **{k: v for k, v in headers.items() if v is not None})
        status, self.headers = self.http.head()
        if status != 101:
            raise Refused(status)
        self.bytes = self.http.unread
        self.ready = b""  # bytes of the stream
        self.pongs = []
        self.code = None  # of its closing frame
        self._message = b""

    # What a stream needs of a socket.

    def setsockopt(self, *_):
        pass

    def settimeout(self, seconds):
        self.socket.settimeout(seconds)

    def fileno(self):
        return self.socket.fileno()

    def pending(self):
        return len(self.ready) + getattr(self.socket, "pending", lambda: 0)()

    def sendall(self, data):
        for one in to_frames(bytes(data)):
            self.send_frame(TEXT, one)

    def send(self, data):
        self.sendall(data)
        return len(data)

    def recv(self, size):
        while not self.ready or self._has_frame():
            if not self._read_frame():
                break
        piece, self.ready = self.ready[:size], self.ready[size:]
        return piece

    def close(self):
        self.socket.close()

    # Frames.

    def send_frame(self, opcode, payload, **how):
        self.socket.sendall(frame(opcode, payload, **how))

    def _has_frame(self):
        """One that can be read without waiting, so that nobody waits for it by select(2)."""
        size = self.bytes[1] if len(self.bytes) > 1 else 0
        begin = {126: 4, 127: 10}.get(size, 2)
        if begin > 2:
            size = int.from_bytes(self.bytes[2:begin], "big")
        return len(self.bytes) >= begin + size

    def _need(self, size):
        """False: the connection ends before. What came stays if the time is up."""
        while len(self.bytes) < size:
            piece = self.socket.recv(65536)
            if not piece:
                return False
            self.bytes += piece
        return True

    def _read_frame(self):
        """False: the end of the connection."""
        if not self._need(2):
            return False
        first, size = self.bytes[0], self.bytes[1]
        assert not size & 128, "a server does not mask"
        begin = {126: 4, 127: 10}.get(size, 2)
        if not self._need(begin):
            return False
        if begin > 2:
            size = int.from_bytes(self.bytes[2:begin], "big")
        if not self._need(begin + size):
            return False
        payload, self.bytes = self.bytes[begin:begin + size], self.bytes[begin + size:]
        self._on_frame(first & 15, payload, first >> 7)
        return True

    def _on_frame(self, opcode, payload, fin):
        if opcode == PONG:
            self.pongs.append(payload)
        elif opcode == PING:
            self.send_frame(PONG, payload)
        elif opcode == CLOSE:
            self.code = struct.unpack("!H", payload[:2])[0] if payload else None
        else:
            self._message += payload
            if fin:
                self.ready += from_frame(self._message)
                self._message = b""

    def read_to_end(self, seconds=SECONDS):
        """Until the server closes the connection."""
        deadline = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                if not self._read_frame():
                    return
            except ConnectionError:
                return

    def wait_pong(self):
        while not self.pongs:
            assert self._read_frame(), "closed"
        return self.pongs.pop(0)


def connector(node, service):
    """For a Stream: what makes its socket."""
    def connect(_, __, source_address=None):
        source = source_address[0] if source_address else None
        return WebSocket(node, service, source)
    return connect
