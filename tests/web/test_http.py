# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The HTTP side of c2s: requests, origins, proxies, where clients find what (XEP-0156).

import json
import xml.etree.ElementTree as ElementTree

import pytest

from tests.harness import web
from tests.harness.web import HttpConnection, Refused, WebSocket, dial

XRD = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"


@pytest.fixture
def http(node, source):
    opened = []

    def connect(service="HTTP", where=node, **options):
        options.setdefault("source", source())
        opened.append(HttpConnection(dial(where, service, **options)))
        return opened[-1]
    yield connect
    for connection in opened:
        connection.close()


def test_host_meta(node, http):
    """Both forms, on both listeners, for any page (XEP-0156 §3)."""
    port = node.address("HTTPS")[1]
    expected = {
        "urn:xmpp:alt-connections:websocket": f"wss://{node.network}:{port}/xmpp-websocket",
        "urn:xmpp:alt-connections:xbosh": f"https://{node.network}:{port}/http-bind",
    }
    for service in ("HTTP", "HTTPS"):
        connection = http(service)
        found = connection.ask("GET", "/.well-known/host-meta", host=node.network)
        assert found.headers["access-control-allow-origin"] == "*"
        assert found.headers["content-type"] == "application/xrd+xml"
        links = ElementTree.fromstring(found.body).findall(f"{XRD}Link")
        assert {link.get("rel"): link.get("href") for link in links} == expected
        found = connection.ask("GET", "/.well-known/host-meta.json", host=node.network)
        assert found.headers["content-type"] == "application/json"
        links = json.loads(found.body)["links"]
        assert {link["rel"]: link["href"] for link in links} == expected


def test_host_meta_configured(make_node, http):
    node = make_node(settings={'domain "example.test"': {
        "websocket-url": "wss://chat.example/ws?a&b", "bosh-url": "https://chat.example/bosh"}})
    found = http(where=node).ask("GET", "/.well-known/host-meta?x", host="example.test:443")
    assert b"href='wss://chat.example/ws?a&amp;b'" in found.body
    assert b"href='https://chat.example/bosh'" in found.body


@pytest.mark.parametrize("request_line, status", [
    ("GET / HTTP/1.1\r\nHost: a", 404),
    ("GET /xmpp-websocket HTTP/1.1\r\nHost: a", 426),
    ("POST /xmpp-websocket HTTP/1.1\r\nHost: a", 405),
    ("DELETE /.well-known/host-meta HTTP/1.1\r\nHost: a", 405),
    ("GET /.well-known/host-meta HTTP/1.1", 400),
    ("GET /.well-known/host-meta HTTP/1.1\r\nHost: a\r\nHost: b", 400),
    ("GET / HTTP/2.0\r\nHost: a", 501),
    ("CONNECT a:1 HTTP/1.1\r\nHost: a", 501),
    ("nonsense", 400),
    ("\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 400),
    ("GET / HTTP/1.1\r\nHost : a", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 1", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked, identity", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "y" * 9000, 431),
    ("GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 64 + "X: y", 431),
    ("GET /" + "x" * 9000 + " HTTP/1.1\r\nHost: a", 431),
])
def test_requests(http, request_line, status):
    connection = http()
    connection.send(request_line.encode("latin-1") + b"\r\n\r\n")
    assert connection.response().status == status


def test_bytes_one_by_one(node, http):
    connection = http()
    for byte in f"GET /.well-known/host-meta HTTP/1.1\r\nHost: {node.network}\r\n\r\n".encode():
        connection.send(bytes([byte]))
    assert connection.response().status == 200


def test_pipelined(node, http):
    """Answers in the order of the requests, as many as there are."""
    connection = http()
    one = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n"
    connection.send("".join(one.format(path) for path in
                            ["/.well-known/host-meta", "/"] * 50).encode())
    for _ in range(50):
        assert connection.response().status == 200
        assert connection.response().status == 404


def test_head_and_options(http):
    connection = http()
    connection.request("HEAD", "/.well-known/host-meta")
    status, headers = connection.head()
    assert status == 200 and int(headers["content-length"]) > 0
    found = connection.ask("OPTIONS", "/xmpp-websocket", Origin="https://page.example")
    assert found.status == 204
    assert found.headers["access-control-allow-origin"] == "https://page.example"


def test_body_that_nobody_wants(http):
    connection = http()
    connection.send(b"POST /.well-known/host-meta HTTP/1.1\r\nHost: a\r\n"
                    b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000)
    found = connection.response()
    assert found.status == 405 and found.headers["connection"] == "close"


HANDSHAKES = {
    "no-key": ({"Sec-WebSocket-Key": None}, 400),
    "short-key": ({"Sec-WebSocket-Key": "abcd"}, 400),
    "old-version": ({"Sec-WebSocket-Version": "8"}, 400),
    "no-version": ({"Sec-WebSocket-Version": None}, 400),
    "no-subprotocol": ({"Sec-WebSocket-Protocol": None}, 400),
    "other-subprotocol": ({"Sec-WebSocket-Protocol": "chat"}, 400),
    "other-upgrade": ({"Upgrade": "h2c"}, 400),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_handshakes(node, source, name):
    fields, status = HANDSHAKES[name]
    with pytest.raises(Refused) as refused:
        WebSocket(node, "WS", source(), **fields)
    assert refused.value.args == (status,)


def test_handshake_of_several(node, source):
    """Tokens in any case, among others; the subprotocol is said back (RFC 6455 §4.2.2)."""
    socket = WebSocket(node, "WS", source(), Upgrade="WebSocket",
                       **{"Sec-WebSocket-Protocol": "chat, xmpp",
                          "Connection": "keep-alive, Upgrade"})
    assert socket.headers["sec-websocket-protocol"] == "xmpp"
    socket.close()


def test_origins(make_node, source):
    """Pages of other origins are refused; what is no page has none."""
    node = make_node(settings={"c2s": {"http-origin": "https://chat.example"}})
    for origin in ("https://chat.example", None):
        WebSocket(node, "WS", source(), Origin=origin).close()
    for origin in ("https://evil.example", "null", "https://chat.example.evil.example"):
        with pytest.raises(Refused) as refused:
            WebSocket(node, "WS", source(), Origin=origin)
        assert refused.value.args == (403,)


def addresses(node):
    return {line.split()[1] for line in node.control("ask", "c2s", "show", "sessions").splitlines()}


def test_forwarded(make_node):
    """A proxy says who is behind it; nobody else does."""
    node = make_node(settings={"c2s": {"http-proxy": ["127.0.0.1", "192.0.2.0/24"]}})
    said = {"X-Forwarded-For": "203.0.113.1, 198.51.100.7, 192.0.2.9"}
    open_sockets = [WebSocket(node, "WS", "127.0.0.1", **said),
                    WebSocket(node, "WS", "127.0.0.2", **said)]
    assert "198.51.100.7" in addresses(node)
    assert "127.0.0.2" in addresses(node)
    for one in open_sockets:
        one.close()


def test_connections_behind_a_proxy_are_counted(make_node):
    """Each client has the limits of its own address."""
    node = make_node(settings={"c2s": {"http-proxy": "127.0.0.1", "connections-per-address": 2}})
    first = {"X-Forwarded-For": "198.51.100.7"}
    opened = [WebSocket(node, "WS", "127.0.0.1", **first) for _ in range(2)]
    with pytest.raises(Refused) as refused:
        WebSocket(node, "WS", "127.0.0.1", **first)
    assert refused.value.args == (503,)
    opened.append(WebSocket(node, "WS", "127.0.0.1", **{"X-Forwarded-For": "198.51.100.8"}))
    for one in opened:
        one.close()


def test_slow_request(make_node, source):
    """It has as long as any login, idle or not."""
    node = make_node(settings={"c2s": {"unauthenticated-timeout": "200ms"}})
    connection = HttpConnection(dial(node, "HTTP", source()))
    with pytest.raises(ConnectionError):
        connection.send(b"GET / HTTP/1.1\r\n")
        connection.response()


def test_no_login_in_time(make_node, source):
    node = make_node(settings={"c2s": {"unauthenticated-timeout": "1s"}})
    socket = web.WebSocket(node, "WS", source())
    socket.read_to_end()
    assert b"connection-timeout" in socket.ready
