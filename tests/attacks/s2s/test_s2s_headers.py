# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The stream headers that we begin with at other servers (RFC 6120 §4.7, §4.8).

from tests.attacks.s2s.servers import SERVER
from tests.node.client import STREAM, TLS

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
START = f"<?xml version='1.0'?><stream:stream xmlns='{SERVER}' xmlns:stream='{STREAM}' "


def check_header(stream, node):
    header = stream.wait_open()
    assert (header["from"], header["to"]) == (node.network, stream.domain)
    assert header["version"] == "1.0"
    assert header[LANG] == "en"
    assert "id" not in header
    assert stream.seen.startswith(START.encode())


def test_in_clear_and_inside_tls(scene, peer, alice):
    alice.send_message(f"romeo@{peer.domain}", "hello")
    stream = peer.accept()
    check_header(stream, scene.node)
    stream.send_header()
    stream.send(f"<stream:features><starttls xmlns='{TLS}'/></stream:features>")
    stream.expect(f"{{{TLS}}}starttls")
    stream.send(f"<proceed xmlns='{TLS}'/>")
    check_header(stream.encrypt(), scene.node)


def test_direct_tls(scene, peers, alice):
    peer = peers(direct=True)
    alice.send_message(f"romeo@{peer.domain}", "hello")
    check_header(peer.accept().encrypt(), scene.node)
