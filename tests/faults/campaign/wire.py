# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The XML stream of one client of the crowd: asyncio, TLS from the first byte, SCRAM. It can break
# at any moment; then every wait ends with Broken.

import asyncio
import base64
import contextlib
import ssl
import xml.etree.ElementTree as ElementTree

from tests.node.client import SASL, STREAM, encode
from tests.node.scram import Scram

SECONDS = 15
CHUNK = 65536


class Broken(Exception):
    """The connection is gone, or the server ended the stream; args[0] says why."""


class Server:
    """Where a server of ours is: host and port of direct TLS."""

    mechanism = "SCRAM-SHA-256"

    def __init__(self, address, ca):
        self._address = address
        self._context = authority_context(ca)

    async def open(self, domain):
        """(reader, writer)"""
        return await asyncio.open_connection(*self._address, ssl=self._context,
                                             server_hostname=domain)


class PlainServer:
    """A server in a namespace of its own, where nobody listens."""

    mechanism = "SCRAM-SHA-1"

    def __init__(self, connect):
        """connect(): a connected socket."""
        self._connect = connect

    async def open(self, _domain):
        return await asyncio.open_connection(sock=self._connect())


def authority_context(path):
    context = ssl.create_default_context(cafile=path)
    context.set_alpn_protocols(["xmpp-client"])
    return context


class Wire:
    def __init__(self, server, domain):
        """server: a Server."""
        self._server = server
        self.domain = domain
        self.features = None
        self._arrived = asyncio.Queue()
        self._writer = None
        self._reading = None
        self._parser = None
        self._depth = 0

    # Elements in.

    def _reset(self):
        self._parser = ElementTree.XMLPullParser(("start", "end"))
        self._depth = 0

    def _feed(self, data):
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            if event == "start":
                self._depth += 1
                continue
            self._depth -= 1
            if self._depth == 1:
                self._arrived.put_nowait(element)
            elif self._depth == 0:
                raise Broken("the server closed the stream")

    async def _read(self, reader):
        why = "end of connection"
        try:
            while data := await reader.read(CHUNK):
                self._feed(data)
        except (OSError, ElementTree.ParseError, Broken) as problem:
            why = str(problem)
        self._arrived.put_nowait(Broken(why))

    async def receive(self, seconds=None):
        """The next element of the first level."""
        try:
            element = await asyncio.wait_for(self._arrived.get(), seconds)
        except asyncio.TimeoutError:
            raise Broken("the server said nothing") from None
        if isinstance(element, Broken):
            self._arrived.put_nowait(element)
            raise element
        if element.tag == f"{{{STREAM}}}error":
            raise Broken(f"stream error {element[0].tag if len(element) else ''}")
        return element

    async def expect(self, tag):
        element = await self.receive(SECONDS)
        if element.tag != tag:
            raise Broken(f"{tag} expected: {ElementTree.tostring(element).decode()}")
        return element

    # Bytes out.

    def send(self, text):
        """Never waits: how much is on its way is bounded by what the crowd says."""
        if self._writer is None or self._writer.is_closing():
            raise Broken("not connected")
        self._writer.write(text.encode())

    # The stream.

    async def connect(self, user, password):
        self._reset()
        try:
            reader, self._writer = await asyncio.wait_for(self._server.open(self.domain), SECONDS)
        except (OSError, asyncio.TimeoutError) as problem:
            raise Broken(f"no connection: {problem}") from problem
        self._reading = asyncio.create_task(self._read(reader))
        await self._begin()
        mechanism = self._server.mechanism
        scram = Scram(mechanism, user, password)
        self.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{encode(scram.first())}</auth>")
        challenge = await self.expect(f"{{{SASL}}}challenge")
        answer = scram.final(base64.b64decode(challenge.text))
        self.send(f"<response xmlns='{SASL}'>{encode(answer)}</response>")
        scram.verify(base64.b64decode((await self.expect(f"{{{SASL}}}success")).text))
        await self._begin()

    async def _begin(self):
        self._reset()
        self.send(f"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
                  f"xmlns:stream='{STREAM}' to='{self.domain}' version='1.0'>")
        self.features = await self.expect(f"{{{STREAM}}}features")

    def cut(self):
        """As if the network had gone: no footer, no close_notify."""
        if self._writer:
            self._writer.transport.abort()

    def lose(self):
        """As if the network swallowed everything from now on: the connection stays, and nobody
        reads it."""
        self.pause(True)
        self._arrived.put_nowait(Broken("the network is gone"))

    def pause(self, yes):
        """Stops or goes on reading from the socket."""
        if self._writer and not self._writer.is_closing():
            with contextlib.suppress(RuntimeError):
                (self._writer.transport.pause_reading if yes
                 else self._writer.transport.resume_reading)()

    async def close(self):
        self.cut()
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
