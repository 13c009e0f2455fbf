# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl check web: the WebSocket, BOSH and host-meta through nginx, as pages get there.

import contextlib
import os
import socket

import pytest

from tests.attacks.s2s import zones
from tests.commands.checked import bad, checked, checked_node, dns  # noqa: F401
from tests.harness import program, wait
from tests.node import place

NGINX = """
daemon off;
pid {where}/pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {where}/body;
    proxy_temp_path {where}/proxy;
    fastcgi_temp_path {where}/fastcgi;
    uwsgi_temp_path {where}/uwsgi;
    scgi_temp_path {where}/scgi;
    proxy_set_header Host $host;
    server {{
{listen}
        ssl_certificate {certificate};
        ssl_certificate_key {key};
{locations}
    }}
}}
"""
UPGRADE = """proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;"""
WELL_KNOWN = 443  # where host-meta has to be
ADDRESS = f"127.{100 + os.getpid() % 100}.{os.getpid() // 100 % 250}.1"  # and nobody else is


class Front:
    """nginx in front of the node, for the domain; and a configuration that names it."""

    def __init__(self, checked):
        self.checked = checked
        self.address = ADDRESS
        with socket.create_server((self.address, 0)) as free:
            self.port = free.getsockname()[1]
        self.listens = [self.port, *([WELL_KNOWN] if may_listen(self.address) else [])]
        self.certificate = checked.certificate("issue_server", checked.domain)
        self.locations = {path: self._pass_on(path) for path in (
            "/http-bind", "/.well-known/host-meta", "/.well-known/host-meta.json")}
        self.locations["/xmpp-websocket"] = self._pass_on("/xmpp-websocket", UPGRADE)
        checked.names.put(checked.domain, zones.address(self.address))
        place = f"{checked.domain}:{self.port}"
        checked.change({f'domain "{checked.domain}"': {
            "websocket-url": f"wss://{place}/xmpp-websocket",
            "bosh-url": f"https://{place}/http-bind"}})

    def _pass_on(self, path, more=""):
        host, port = self.checked.node.address("HTTP")
        return f"proxy_pass http://{host}:{port}{path}; {more}"

    @contextlib.contextmanager
    def running(self):
        with program.home("/nonexistent") as where:
            where.write("nginx.conf", NGINX.format(
                where=where.path, certificate=self.certificate[0], key=self.certificate[1],
                listen="\n".join(f"        listen {self.address}:{port} ssl;"
                                 for port in self.listens),
                locations="\n".join(f"        location {path} {{ {text} }}"
                                    for path, text in self.locations.items())))
            with program.running(where, "nginx", "-p", where.path, "-c",
                                 f"{where.path}/nginx.conf"):
                wait.until(lambda: accepts(self.address, self.port), what="nginx")
                yield

    def findings(self):
        with self.running():
            return self.checked.findings("web")


def may_listen(address):
    try:
        with socket.create_server((address, WELL_KNOWN)):
            return True
    except PermissionError:
        return False


def accepts(address, port):
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


@pytest.fixture
def front(checked):  # noqa: F811
    return Front(checked)


def named(found, what):
    return [row for row in found if row["subject"].endswith(what)]


def test_ways_work(front):
    _, found = front.findings()
    for what, said in (("WebSocket", "opens a stream"), ("BOSH", "gives a session")):
        rows = named(found, what)
        assert [row["severity"] for row in rows] == ["ok"] and said in rows[0]["cause"], found


def test_host_meta(front):
    if WELL_KNOWN not in front.listens:
        pytest.skip("nobody but root may listen at port 443")
    domain = front.checked.domain
    _, found = front.findings()
    wrong = bad(found)
    assert [row["subject"] for row in wrong] == [f"{domain} host-meta", f"{domain} host-meta.json"]
    assert all(f"does not name wss://{domain}:{front.port}/xmpp-web" in row["cause"]
               for row in wrong), found
    for name, text in (("host-meta", "<XRD>{}</XRD>"), ("host-meta.json", "[{}]")):
        urls = f"wss://{domain}:{front.port}/xmpp-websocket https://{domain}:{front.port}/http-bind"
        front.locations[f"/.well-known/{name}"] = (
            f'add_header Access-Control-Allow-Origin "*"; return 200 "{text.format(urls)}";')
    status, found = front.findings()
    assert (status, len(found)) == (0, 4), found
    front.locations["/.well-known/host-meta"] = "return 404;"
    status, found = front.findings()
    assert status == 1 and "status 404" in named(found, "host-meta")[0]["cause"], found


def no_upgrade(front):
    front.locations["/xmpp-websocket"] = front.locations["/http-bind"].replace(
        "/http-bind", "/xmpp-websocket")


def no_bosh(front):
    front.locations["/http-bind"] = "return 404;"


def hidden_origin(front):
    front.locations["/http-bind"] += "proxy_hide_header Access-Control-Allow-Origin;"


def other_name(front):
    front.certificate = front.checked.node.authority.issue_server(
        f"{front.checked.directory}/other", ["other.example"])


def not_started(front):
    front.running = contextlib.nullcontext


WRONG = (
    # (what is made wrong, of what, part of the cause, of the remedy)
    (no_upgrade, "WebSocket", "answered with HTTP/1.1 426", "$http_upgrade"),
    (no_bosh, "BOSH", "the status 404", "/http-bind"),
    (hidden_origin, "BOSH", "Access-Control-Allow-Origin", "unaltered"),
    (other_name, "WebSocket", "certificate is not for", "certbot"),
    (not_started, "BOSH", "is not reached", "look at the proxy"),
)


@pytest.mark.parametrize("make_wrong, what, cause, remedy", WRONG,
                         ids=[case[0].__name__ for case in WRONG])
def test_one_is_wrong(front, make_wrong, what, cause, remedy):
    make_wrong(front)
    status, found = front.findings()
    assert status == 2 and any(
        row["severity"] == "error" and cause in row["cause"] and remedy in row["remedy"]
        for row in named(found, what)), found


def test_upload_through_a_proxy(checked):  # noqa: F811
    """Through the name that clients use; one that keeps a header to itself is found."""
    upload, port = checked.node.place.upload, checked.node.address("FILES")[1]
    front = Front(checked)
    front.port, front.listens = port, [port]
    front.certificate = checked.node.authority.issue_server(f"{checked.directory}/up", [upload])
    front.locations = {"/": f"proxy_pass https://{checked.node.address('FILES')[0]}:{port};"}
    checked.names.put(upload, zones.address(front.address))
    with front.running():
        status, found = checked.findings("upload")
    assert (status, len(found)) == (0, 4), found
    front.locations["/"] += "proxy_hide_header Access-Control-Allow-Origin;"
    with front.running():
        status, found = checked.findings("upload")
    assert status == 2 and [row["subject"] for row in bad(found)] == ["OPTIONS"], found
    assert "let the proxy pass OPTIONS on" in bad(found)[0]["remedy"]


def test_no_web(checked):  # noqa: F811
    status, found = checked.findings("web")
    assert (status, [row["severity"] for row in found]) == (0, ["ok"]), found
