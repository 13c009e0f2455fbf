# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The two sides of an upload: slots over XMPP (XEP-0363), and HTTP with a verified certificate.

import http.client
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from tests.node.client import SECONDS

UPLOAD = "urn:xmpp:http:upload:0"
PURPOSE = "urn:xmpp:http:upload:purpose:0"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
CONTENT = b"0123456789" * 10


@dataclass
class Slot:
    put: str
    get: str
    headers: dict


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Connection(http.client.HTTPSConnection):
    """To where the service of a node is, whatever the name in the URL leads to."""

    def __init__(self, node, host):
        super().__init__(host, context=ssl.create_default_context(cafile=node.ca), timeout=SECONDS)
        self._address = node.address("FILES")
        self._host = host

    def connect(self):
        plain = socket.create_connection(self._address, timeout=SECONDS)
        self.sock = self._context.wrap_socket(plain, server_hostname=self._host)


def service(node):
    return node.place.upload


def request(client, node, name="a.jpg", size=len(CONTENT), kind=None, inside=""):
    """The answer to a request for a slot."""
    attributes = {"filename": name, "size": size, "content-type": kind}
    text = " ".join(f"{key}={quoteattr(str(value))}" for key, value in attributes.items()
                    if value is not None)
    return client.ask("get", f"<request xmlns='{UPLOAD}' {text}>{inside}</request>",
                      to=service(node))


def slot(client, node, **wish):
    answer = request(client, node, **wish)
    assert answer.get("type") == "result", error(answer)
    put = answer.find(f"{{{UPLOAD}}}slot/{{{UPLOAD}}}put")
    return Slot(put.get("url"), answer.find(f"{{{UPLOAD}}}slot/{{{UPLOAD}}}get").get("url"),
                {header.get("name"): header.text for header in put})


def error(answer):
    """(type, condition)"""
    element = answer.find("{jabber:client}error")
    if element is None:
        return None
    names = [child.tag.removeprefix(f"{{{STANZAS}}}") for child in element
             if child.tag.startswith(f"{{{STANZAS}}}")]
    return element.get("type"), next(name for name in names if name != "text")


def send(node, method, url, body=None, headers=None):
    """One exchange on a connection of its own."""
    parts = urlsplit(url)
    connection = Connection(node, parts.hostname)
    try:
        connection.request(method, parts.path, body, headers or {})
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def put(node, granted, content=CONTENT, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(node, "PUT", granted.put, content, {**granted.headers, **fields})


def get(node, granted, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(node, "GET", granted.get, headers=fields)
