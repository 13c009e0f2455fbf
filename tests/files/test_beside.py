# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalk-files behind a reverse proxy as docs/FILES.md has it, and as a component of Prosody.

import os
import pathlib
import re
import socket
from types import SimpleNamespace

from tests.files import upload
from tests.files.beside import (SECRET, accepts, directory, free_port, run,  # noqa: F401
                                write_prosody)
from tests.files.upload import CONTENT
from tests.harness import wait
from tests.node import certificates, configuration, place
from tests.node.ports import ADDRESS
from tests.peers.foreign import PeerClient

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "FILES.md"
NGINX = """
daemon off;
pid {directory}/pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
{server}
}}
"""


def snippet():
    """The configuration of nginx in the document."""
    return re.search(r"<!-- nginx -->\n```\n(.*?)```", DOCUMENT.read_text("utf-8"), re.S)[1]


def server_of(node, port, behind):
    """The snippet with our ports and files."""
    pair = f"{node.place.tls}/{node.place.upload}"
    text = snippet()
    for old, new in (("listen 443 ssl", f"listen {ADDRESS}:{port} ssl"),
                     ("upload.example.net;", f"{node.place.upload};"),
                     ("/etc/letsencrypt/live/upload.example.net/fullchain.pem", f"{pair}.pem"),
                     ("/etc/letsencrypt/live/upload.example.net/privkey.pem", f"{pair}.key"),
                     ("127.0.0.1:5282", f"{ADDRESS}:{behind}")):
        assert old in text
        text = text.replace(old, new)
    return text


def test_behind_nginx(make_node, login, directory, run):
    behind, front = free_port(), free_port()
    node = make_node(files=True, settings={"files": {
        "listen": f"{ADDRESS}:{behind}", "listen-tls": [],
        "public-url": f"https://upload.example.test:{front}"}})
    text = NGINX.format(directory=directory, server=server_of(node, front, behind))
    place.write(f"{directory}/nginx.conf", text)
    node.ports["FILES"] = front
    run("nginx", "-p", directory, "-c", f"{directory}/nginx.conf")
    wait.until(lambda: accepts(front))
    client = login(where=node)
    large = os.urandom(3 * 1024 * 1024)  # more than nginx takes by itself
    granted = upload.slot(client, node, size=len(large))
    assert upload.put(node, granted, large).status == 201
    assert upload.get(node, granted).body == large
    assert upload.get(node, granted, Range="bytes=0-9").body == large[:10]
    assert upload.put(node, granted, large).status == 409


def configure_files(directory, component):
    """kontalk-files alone: no other daemon of ours."""
    authority = certificates.Authority(f"{directory}/ca")
    os.mkdir(f"{directory}/ca")
    authority.ensure()
    certificate, key = authority.issue_server(f"{directory}/upload", ("upload.example.test",))
    place.write(f"{directory}/secret", f"{SECRET}\n")
    port = free_port()
    place.write(f"{directory}/kontalk.conf", configuration.text({
        "node": {"host": "alpha.example.test", "network": "example.test",
                 "run-directory": directory},
        "files": {"router": f"{ADDRESS}:{component}", "secret-file": f"{directory}/secret",
                  "directory": f"{directory}/files", "listen": [],
                  "listen-tls": f"{ADDRESS}:{port}", "certificate": certificate, "key": key,
                  "public-url": f"https://upload.example.test:{port}"}}))
    return SimpleNamespace(place=SimpleNamespace(upload="upload.example.test"),
                           ca=authority.certificate, address=lambda _: (ADDRESS, port))


def test_component_of_prosody(directory, run):
    component = free_port()
    c2s = write_prosody(directory, "upload.example.test", component)
    there = configure_files(directory, component)
    run("prosody", "-F", "--config", f"{directory}/prosody.cfg.lua")
    run(os.path.abspath(f"{os.environ.get('BIN', 'build')}/kontalk-files"),
        "-c", f"{directory}/kontalk.conf")
    wait.until(lambda: accepts(c2s))
    client = PeerClient((ADDRESS, c2s), "alice@example.test", socket.create_connection,
                        "r").login()
    # Prosody answers for a component that is not there yet.
    wait.until(lambda: upload.request(client, there).get("type") == "result")
    items = client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>",
                       to="example.test")[0]
    assert upload.service(there) in {item.get("jid") for item in items}
    granted = upload.slot(client, there)
    assert upload.put(there, granted).status == 201
    assert upload.get(there, granted).body == CONTENT
    client.logout()
