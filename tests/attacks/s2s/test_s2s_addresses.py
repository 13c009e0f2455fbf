# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Who may say what on streams from other servers: the F rows of docs/ATTACKS.md.

import pytest

from tests.attacks.answers import check_stanza_error, check_stream_error
from tests.attacks.s2s.servers import SERVER, check_end_of_ours
from tests.node import place

PARTS = 1023  # bytes of each part of an address at most (RFC 7622 §3.1)


@pytest.fixture
def stream(peer):
    """From a domain that is proven by its certificate."""
    return peer.dial_proven()


@pytest.fixture
def way_back(peer, alice):
    """What the node sends to the peer."""
    # of a kind that nobody answers for, or a ping would come behind it
    alice.send_message(f"nobody@{peer.domain}", "open", "headline")
    stream = peer.accept().serve(more="")
    assert stream.next_stanza().findtext(f"{{{SERVER}}}body") == "open"
    return stream


def fill(text, peer):
    return text and text.format(peer=peer.domain, our=peer.node.network,
                                component=place.COMPONENT)


def message(peer, sender, to, more=""):
    given = [f" {name}='{fill(value, peer)}'" for name, value in (("from", sender), ("to", to))
             if value is not None]
    return f"<message{''.join(given)}{more}><body>forged</body></message>"


FORGED = [
    ("F3-other-domain", "bob@other.example", "alice@{our}", "invalid-from"),
    ("F3-sub-domain", "bob@sub.{peer}", "alice@{our}", "invalid-from"),
    ("F3-super-domain", "bob@example", "alice@{our}", "invalid-from"),
    ("F3-longer-label", "bob@evil{peer}", "alice@{our}", "invalid-from"),
    ("F3-further-label", "bob@{peer}.evil.example", "alice@{our}", "invalid-from"),
    ("F3-cyrillic-twin", "bob@\u0440{peer}", "alice@{our}", "invalid-from"),
    ("F3-escaped-twin", "bob@xn--{peer}", "alice@{our}", "invalid-from"),
    ("F3-address-literal", "bob@127.0.0.1", "alice@{our}", "invalid-from"),
    ("F3-in-local-part", "{peer}@other.example", "alice@{our}", "invalid-from"),
    ("F3-in-resource", "bob@other.example/{peer}", "alice@{our}", "invalid-from"),
    ("F3-malformed", "bob@@{peer}", "alice@{our}", "invalid-from"),
    ("F3-nul-label", "bob@.{peer}", "alice@{our}", "invalid-from"),
    ("F4-our-domain", "bob@{our}", "alice@{our}", "invalid-from"),
    ("F4-our-domain-alone", "{our}", "alice@{our}", "invalid-from"),
    ("F4-our-domain-in-capitals", "bob@EXAMPLE.TEST", "alice@{our}", "invalid-from"),
    ("F4-our-component", "bob@{component}", "alice@{our}", "invalid-from"),
    ("F4-below-our-domain", "bob@sub.{our}", "alice@{our}", "invalid-from"),
    ("F5-no-from", None, "alice@{our}", "improper-addressing"),
    ("F5-no-to", "bob@{peer}", None, "improper-addressing"),
    ("F5-neither", None, None, "improper-addressing"),
    ("F5-empty-from", "", "alice@{our}", ("improper-addressing", "invalid-from")),
    ("S9-other-domain-of-ours", "bob@{peer}", "x@{component}", "invalid-from"),
    ("S9-nobodys-domain", "bob@{peer}", "x@elsewhere.example", "invalid-from"),
]


@pytest.mark.parametrize("sender, to, condition", [row[1:] for row in FORGED],
                         ids=[row[0] for row in FORGED])
def test_forged(scene, peer, stream, sender, to, condition):
    """It ends the stream, and nobody gets it."""
    with scene.survives(lines=2):  # that it was forged, and that the stream ended
        answer = stream.exchange(message(peer, sender, to))
        check_stream_error(answer, condition, SERVER)


SAME = [("F3-in-capitals", str.upper), ("F3-trailing-dot", lambda domain: domain + "."),
        ("F3-full-width", lambda domain: domain.replace("p", "\uff50", 1))]


@pytest.mark.parametrize("write", [row[1] for row in SAME], ids=[row[0] for row in SAME])
def test_written_otherwise(scene, peer, alice, stream, write):
    """The same domain once prepared (RFC 7622 §3.2); what arrives is written as it is proven."""
    stream.send(f"<message from='bob@{write(peer.domain)}' to='{alice.full}'>"
                f"<body>{write.__hash__()}</body></message>")
    got = alice.wait_message(str(write.__hash__()))
    assert got.get("from") == f"bob@{peer.domain}"


def test_F3_international_name(scene, peers, alice):
    """Proven with its A-labels or with its U-labels, it is one domain."""
    peer = peers("b\u00fccher.example")
    stream = peer.dial_proven()
    for name in ("b\u00fccher.example", "xn--bcher-kva.example"):
        stream.send(f"<message from='bob@{name}' to='{alice.full}'><body>{name}</body></message>")
        assert alice.wait_message(name).get("from") == "bob@b\u00fccher.example"
    stream.send(f"<message from='bob@bucher.example' to='{alice.full}'/>")
    check_stream_error(stream.read_to_end(), "invalid-from", SERVER)


def test_F4_header(scene, peer):
    """Nobody even begins a stream as a domain of ours."""
    for name in (scene.node.network, scene.node.network.upper(), place.COMPONENT):
        stream = peer.dial()
        stream.open(scene.node.network, **{"from": name})
        check_stream_error(stream.read_to_end(), "invalid-from", SERVER)


HEADERS = [("P6-no-to", {"to": None}, "improper-addressing"),
           ("P6-empty-to", {"to": ""}, "improper-addressing"),
           ("P6-unknown-to", {"to": "nobody.example"}, "host-unknown"),
           ("P6-malformed-to", {"to": "a@@b"}, "host-unknown"),
           ("P6-host-name", {"to": "alpha.example.test"}, "host-unknown"),
           ("P8-no-version", {"version": None}, "unsupported-version"),
           ("P8-old-version", {"version": "0.9"}, "unsupported-version"),
           ("F3-malformed-header-from", {"from": "a@@b"}, "invalid-from")]


@pytest.mark.parametrize("changes, condition", [row[1:] for row in HEADERS],
                         ids=[row[0] for row in HEADERS])
def test_header(scene, peer, changes, condition):
    stream = peer.dial()
    with scene.survives():
        stream.open(**{"to": peer.node.network, "from": peer.domain, **changes})
        check_stream_error(stream.read_to_end(), condition, SERVER)


@pytest.mark.parametrize("changes, condition", [({"from": "other.example"}, "invalid-from"),
                                                ({"to": place.COMPONENT}, "host-unknown"),
                                                ({"from": None}, "invalid-from")],
                         ids=("from", "to", "no-from"))
def test_P7_changed_behind_restart(scene, peer, changes, condition):
    """What was proven belongs to the names of the first header."""
    stream = peer.dial().secure(peer.certify())
    stream.auth()
    stream.forget()
    with scene.survives():
        stream.open(**{"to": peer.node.network, "from": peer.domain, **changes})
        check_stream_error(stream.read_to_end(), condition, SERVER)


def test_F11_results_nobody_asked_for(scene, peer, stream, way_back):
    """They are dropped, whoever they are for."""
    with scene.survives(lines=0):
        for to in ("{our}", "nobody@{our}", "nobody@{our}/x", "{our}/1/x"):
            for kind in ("result", "error"):
                stream.send(f"<iq type='{kind}' id='1' from='{peer.domain}' "
                            f"to='{fill(to, peer)}'/>")
        check_next_is_pong(peer, stream, way_back)


def check_next_is_pong(peer, stream, way_back, sender=None):
    """Nothing of what was sent before has been answered."""
    sender = sender or f"bob@{peer.domain}/x"
    stream.send(f"<iq type='get' id='last' from='{sender}' to='{peer.node.network}'>"
                "<ping xmlns='urn:xmpp:ping'/></iq>")
    answer = way_back.receive()
    assert answer.get("id") == "last" and answer.get("to") == sender


ENDLESS = [("message-to-nobody", "message", "nobody@{our}"),
           ("message-to-domain", "message", "{our}"),
           ("presence-to-nobody", "presence", "nobody@{our}"),
           ("iq-to-nobody", "iq", "nobody@{our}/x"),
           ("malformed-to", "message", "a@@{our}")]


@pytest.mark.parametrize("name, to", [row[1:] for row in ENDLESS], ids=[r[0] for r in ENDLESS])
def test_F13_errors_end(scene, peer, stream, way_back, name, to):
    """An error is never answered (RFC 6120 §8.3.1)."""
    with scene.survives(lines=0):
        for _ in range(3):
            stream.send(f"<{name} type='error' id='1' from='bob@{peer.domain}' "
                        f"to='{fill(to, peer)}'><error type='cancel'>"
                        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                        f"</{name}>")
        check_next_is_pong(peer, stream, way_back)


MALFORMED = ["@{our}", "/x", "@", "/", "a@", "a@/x", "alice@{our}/", "a@@{our}", "a@b@{our}",
             "a b@{our}", "a:b@{our}", "a&quot;b@{our}", "a&amp;b@{our}", "a&apos;b@{our}",
             "a&lt;b@{our}", "a>b@{our}", " alice@{our}", "a\u202eb@{our}",
             "a\u00a0b@{our}", "a\ue000b@{our}", "a\ufffdb@{our}", "\u0627a@{our}",
             "alice@{our}/a\u202eb", "alice@{our}/a\x7fb", "alice@a..b", "alice@-a.{our}",
             "alice@a_b!.{our}", "alice@{our}..", "alice@{our} ", "a" * (PARTS + 1) + "@{our}",
             "alice@{our}/" + "r" * (PARTS + 1), "alice@" + "d" * (PARTS + 1),
             "\u00e4" * (PARTS // 2 + 1) + "@{our}", "\U0001f600" * 256 + "@{our}", "", "\t"]


def test_F14_malformed_to(scene, peer, stream, way_back):
    """The mistake of one user of the peer: his stanza comes back, the stream goes on."""
    with scene.survives(lines=0):
        for number, to in enumerate(MALFORMED):
            stream.send(f"<message id='{number}' from='bob@{peer.domain}' to='{fill(to, peer)}'>"
                        "<body>x</body></message>")
        for number in range(len(MALFORMED)):
            answer = way_back.next_stanza()
            assert answer.get("id") == str(number), MALFORMED[int(answer.get("id"))]
            assert answer.get("from") == peer.node.network
            assert answer.get("to") == f"bob@{peer.domain}"
            check_stanza_error(answer, "modify", "jid-malformed")


LEGAL = ["a" * PARTS + "@{our}", "alice@{our}/" + "r" * PARTS, "\u00e4" * (PARTS // 2) + "@{our}",
         "nobody@{our}/\U0001f600", "nobody@{our}."]


@pytest.mark.parametrize("to", LEGAL, ids=("local", "resource", "two-bytes", "emoji", "dot"))
def test_F15_longest(scene, peer, stream, way_back, to):
    """As long as an address may be: there is no such user, nothing worse."""
    with scene.survives(lines=0):
        stream.send(f"<iq type='get' id='1' from='bob@{peer.domain}/x' to='{fill(to, peer)}'>"
                    "<query xmlns='jabber:iq:version'/></iq>")
        check_stanza_error(way_back.next_stanza("iq"), "cancel", "service-unavailable")


def test_F15_longest_sender(scene, peer, stream, way_back):
    sender = f"{'a' * PARTS}@{peer.domain}/{'r' * PARTS}"
    with scene.survives(lines=0):
        check_next_is_pong(peer, stream, way_back, sender)


def test_S17_stanza_on_a_stream_of_ours(scene, peer, alice, way_back):
    """It has one direction unless two were agreed on (XEP-0288)."""
    with scene.survives():
        way_back.send(f"<message from='bob@{peer.domain}' to='{alice.full}'>"
                      "<body>backwards</body></message>")
        check_end_of_ours(way_back.read_to_end(), "not-authorized")
