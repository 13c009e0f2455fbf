# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Several domains of ours on one stream to another server (XEP-0220 §2.6.1), and servers that do not
# take that.

import contextlib

import pytest

from tests.attacks.s2s.servers import DIALBACK, SERVER
from tests.node.place import COMPONENT
from tests.router.router import Component


@pytest.fixture
def component(scene):
    part = Component(scene.node.address("COMPONENT"))
    with contextlib.closing(part):
        part.begin(COMPONENT)
        part.prove(scene.node.component_secret())
        yield part


def wait_key(stream):
    """Behind pings that ask whether stanzas have arrived."""
    return stream.wait_for(lambda e: e.tag == f"{{{DIALBACK}}}result")


@pytest.fixture
def shared(peer, alice, component):
    """A stream of the node's own domain, on which the component's key has just come."""
    alice.send_message(f"bob@{peer.domain}", "first")
    stream = peer.accept().serve_keys()
    stream.expect_words("result")
    stream.words("result", type="valid")
    assert stream.next_stanza().findtext(f"{{{SERVER}}}body") == "first"
    component.send(f"<message from='bot@{COMPONENT}' to='bob@{peer.domain}'><body>second</body>"
                   "</message>")
    assert wait_key(stream).get("from") == COMPONENT
    return stream


def take_second(peer, stream):
    assert wait_key(stream).get("from") == COMPONENT
    stream.words("result", type="valid", to=COMPONENT)
    assert stream.next_stanza().findtext(f"{{{SERVER}}}body") == "second"


def test_one_stream_for_both(scene, peer, shared):
    shared.words("result", type="valid", to=COMPONENT)
    assert shared.next_stanza().findtext(f"{{{SERVER}}}body") == "second"
    assert {row["state"] for row in scene.pairs(peer.domain)} == {"ready"}


@pytest.mark.parametrize("answer, text", [
    ("error", "<error type='wait'><resource-constraint "
              "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"),
    ("invalid", ""),
], ids=["error", "invalid"])
def test_refused_on_a_shared_stream(scene, peer, alice, shared, answer, text):
    """It gets one of its own; the first goes on."""
    shared.words("result", text, type=answer, to=COMPONENT)
    own = peer.accept().serve_keys()
    take_second(peer, own)
    alice.send_message(f"bob@{peer.domain}", "third")
    assert shared.next_stanza().findtext(f"{{{SERVER}}}body") == "third"
