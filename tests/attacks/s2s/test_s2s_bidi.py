# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Streams in both directions (XEP-0288): only for the pair that is proven in both directions (S17 of
# docs/ATTACKS.md), and only where both have said so.

import select

import pytest

from tests.attacks.answers import check_stream_error
from tests.attacks.s2s.conftest import federation, user_of
from tests.attacks.s2s.servers import (DIALBACK_FEATURE, EXTERNAL, SASL, SERVER, SM, SM_FEATURE,
                                       check_end_of_ours, peers_of)
from tests.node.client import PING

BIDI = "urn:xmpp:bidi"
FEATURE = "<bidi xmlns='urn:xmpp:features:bidi'/>"


def text_of(stanza):
    return stanza.findtext(f"{{{SERVER}}}body")


def nobody_connects(peer):
    return not select.select([peer.listener], [], [], 0)[0]


def dial(peer, ask=True):
    """A stream on which we have asked for both directions, and proved ourselves."""
    stream = peer.dial().secure(peer.certify())
    assert stream.features.find("{urn:xmpp:features:bidi}bidi") is not None
    if ask:
        stream.send(f"<bidi xmlns='{BIDI}'/>")
    return stream.external()


def accept(peer, alice, proof=EXTERNAL, more=""):
    """A stream of the node on which it asks for both directions, as far as its proof."""
    alice.send_message(f"nobody@{peer.domain}", "open", "headline")
    stream = peer.accept().accept_starttls().greet(proof + DIALBACK_FEATURE + FEATURE + more)
    assert stream.receive().tag == f"{{{BIDI}}}bidi"
    return stream


def prove(stream, more=""):
    assert stream.receive().tag == f"{{{SASL}}}auth"
    stream.send(f"<success xmlns='{SASL}'/>")
    stream.greet(more)
    return stream


def message(sender, to, body="x"):
    return f"<message type='chat' from='{sender}' to='{to}'><body>{body}</body></message>"


def next_h(stream):
    return stream.wait_for(lambda e: e.tag == f"{{{SM}}}a").get("h")


def wait_h(stream, h):
    """What nobody has taken yet is told by another answer, when it has been."""
    while next_h(stream) != h:
        pass


# They connect.

def test_what_is_for_them_comes_on_their_stream(peer, alice):
    stream = dial(peer)
    stream.send(message(f"bob@{peer.domain}", alice.full, "hello"))
    alice.wait_message("hello")
    alice.send_message(f"bob@{peer.domain}", "hello too")
    assert text_of(stream.next_stanza()) == "hello too"
    ping = stream.next_stanza("iq")  # nothing is acknowledged
    assert ping.find(f"{{{PING}}}ping") is not None
    stream.send(f"<iq type='result' from='{peer.domain}' to='{stream.other}' "
                f"id='{ping.get('id')}'/>")
    assert nobody_connects(peer)


def test_acknowledged_in_both_directions(peer, alice):
    stream = dial(peer)
    stream.send(f"<enable xmlns='{SM}'/>")
    assert stream.receive().tag == f"{{{SM}}}enabled"
    stream.send(message(f"bob@{peer.domain}", alice.full, "hello") + f"<r xmlns='{SM}'/>")
    wait_h(stream, "1")
    alice.wait_message("hello")
    alice.send_message(f"bob@{peer.domain}", "1")
    assert text_of(stream.next_stanza()) == "1"
    stream.expect(f"{{{SM}}}r")
    stream.acknowledge(1)
    alice.send_message(f"bob@{peer.domain}", "2")
    assert text_of(stream.next_stanza()) == "2"
    assert nobody_connects(peer)


def test_who_has_not_asked_gets_nothing(peer, alice):
    stream = dial(peer, ask=False)
    stream.send(message(f"bob@{peer.domain}", alice.full, "hello"))
    alice.wait_message("hello")
    alice.send_message(f"bob@{peer.domain}", "hello too")
    assert text_of(peer.accept().serve().next_stanza()) == "hello too"


def test_not_asked_for_behind_the_proof(peer):
    stream = dial(peer, ask=False)
    assert stream.features.find("{urn:xmpp:features:bidi}bidi") is None
    stream.send(f"<bidi xmlns='{BIDI}'/>")
    check_stream_error(stream.read_to_end(), "not-authorized", SERVER)


def test_nothing_before_it_is_proven(peer, alice):
    stream = peer.dial().secure(peer.certify())
    stream.send(f"<bidi xmlns='{BIDI}'/>")
    alice.send_message(f"bob@{peer.domain}", "1")
    ours = peer.accept().serve()  # not on that one
    assert text_of(ours.next_stanza()) == "1"
    stream.ping()


def test_it_ends_while_something_is_on_its_way(peer, alice):
    """That comes again on a stream of ours."""
    stream = dial(peer)
    stream.send(message(f"bob@{peer.domain}", alice.full, "hello"))
    alice.wait_message("hello")
    alice.send_message(f"bob@{peer.domain}", "1")
    assert text_of(stream.next_stanza()) == "1"
    stream.close()
    assert text_of(peer.accept(60).serve().next_stanza()) == "1"


# We connect.

def test_they_answer_on_our_stream(peer, alice):
    stream = prove(accept(peer, alice))
    stream.send(message(f"bob@{peer.domain}", alice.full, "hello"))
    assert alice.wait_message("hello").get("from") == f"bob@{peer.domain}"


def test_they_are_acknowledged(peer, alice):
    stream = prove(accept(peer, alice), SM_FEATURE).enable()
    stream.send(f"<r xmlns='{SM}'/>")
    assert next_h(stream) == "0"
    stream.send(message(f"bob@{peer.domain}", alice.full, "hello") + f"<r xmlns='{SM}'/>")
    wait_h(stream, "1")
    alice.wait_message("hello")


FORGED = [
    ("S17-another-domain", "bob@other.example", "alice@{our}", "invalid-from"),
    ("S17-sub-domain", "bob@sub.{peer}", "alice@{our}", "invalid-from"),
    ("S17-our-domain", "alice@{our}", "alice@{our}", "invalid-from"),
    ("S17-to-another-of-ours", "bob@{peer}", "alice@alpha.{our}", "invalid-from"),
    ("S17-to-nobody-of-ours", "bob@{peer}", "alice@other.example", "invalid-from"),
]


@pytest.mark.parametrize("sender, to, condition", [row[1:] for row in FORGED],
                         ids=[row[0] for row in FORGED])
def test_only_the_pair(peer, alice, sender, to, condition):
    names = {"peer": peer.domain, "our": peer.node.network}
    stream = prove(accept(peer, alice))
    stream.send(message(sender.format(**names), to.format(**names)))
    check_end_of_ours(stream.read_to_end(), condition)


def test_S17_before_we_are_proven(peer, alice):
    stream = accept(peer, alice)
    stream.send(message(f"bob@{peer.domain}", alice.full))
    check_end_of_ours(stream.read_to_end(), "not-authorized")


def test_S17_where_we_have_not_asked(peer, alice):
    """Not offered, not asked for, not heard."""
    alice.send_message(f"nobody@{peer.domain}", "open", "headline")
    stream = peer.accept().serve()
    stream.send(message(f"bob@{peer.domain}", alice.full))
    check_end_of_ours(stream.read_to_end(), "not-authorized")


def test_S17_not_without_a_certificate(tmp_path_factory):
    """Dialback proves us to them; nothing but the DNS says that they are who they are."""
    with federation(tmp_path_factory.mktemp("lax"),
                    {"s2s": {"require-certificate": "no", "ca-file": None}}) as scene, \
            user_of(scene) as alice, peers_of(scene) as peers:
        peer = peers()
        alice.send_message(f"nobody@{peer.domain}", "open", "headline")
        stream = peer.accept().accept_starttls().greet(DIALBACK_FEATURE + FEATURE)
        stream.expect_words("result")
        stream.words("result", type="valid")
        stream.next_stanza()
        stream.send(message(f"bob@{peer.domain}", alice.full))
        check_end_of_ours(stream.read_to_end(), "not-authorized")
