# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Dialback (XEP-0220) with servers that lie: the S rows of docs/ATTACKS.md on keys and pairs.

import contextlib

import pytest

from tests.attacks.answers import check_stream_error
from tests.attacks.s2s.servers import (DIALBACK, DIALBACK_FEATURE, EXTERNAL, SASL, SERVER, STANZAS,
                                       key_of)
from tests.attacks.s2s.zones import A, SRV, Reply, address, srv
from tests.attacks.vitals import MIB
from tests.harness import wait
from tests.node import place
from tests.node.client import Closed

PENDING_PAIRS, PENDING_ALL = 20, 50  # the defaults of pending-pairs and pending-verifications


def send_forged(stream, alice):
    stream.send(f"<message from='bob@{stream.domain}' to='{alice.full}'><body>x</body></message>")
    check_stream_error(stream.read_to_end(), "not-authorized", SERVER)


def condition_of(element):
    """Of an error of dialback."""
    assert element.get("type") == "error", element.attrib
    return element.find("{*}error")[0].tag.removeprefix(f"{{{STANZAS}}}")


# On the stream that they opened: what proves nothing.

UNASKED = {
    "S1-result-valid": lambda stream, peer: stream.words("result", type="valid"),
    "S1-verify-valid": lambda stream, peer: stream.words("verify", type="valid", id="1"),
    "S1-verify-of-this-stream": lambda stream, peer: stream.words(
        "verify", type="valid", id=stream.header["id"]),
    "S1-result-with-key": lambda stream, peer: stream.words("result", "key", type="valid"),
    "S1-result-from-us": lambda stream, peer: stream.words(
        "result", type="valid", to=peer.domain, **{"from": stream.other}),
    "S1-result-empty-type": lambda stream, peer: stream.words("result", "key", type=""),
    "S7-header-alone": lambda stream, peer: None,
    "S7-features": lambda stream, peer: stream.offers_external(),
}


@pytest.mark.parametrize("prove", UNASKED.values(), ids=UNASKED.keys())
def test_nothing_is_proven_by(scene, peer, alice, prove):
    """CVE-2012-3525, CVE-2021-32919: an answer nobody asked for, or a certificate alone."""
    stream = peer.dial().secure(peer.certify())
    prove(stream, peer)
    with scene.survives():
        send_forged(stream, alice)


def test_S1_answer_on_the_stream_of_the_key(scene, peer, alice):
    """Who shows a key does not confirm it himself."""
    stream = peer.dial().secure()
    stream.words("result", "key")
    asked = peer.accept().serve_keys()
    asked.expect_words("verify")
    stream.words("verify", type="valid", id=stream.header["id"])
    send_forged(stream, alice)


WRONG_ANSWERS = {
    "S1-other-id": {"id": "other"},
    "S1-no-id": {"id": None},
    "S1-other-from": {"from": "other.example"},
    "S1-other-to": {"to": place.COMPONENT},
    "S1-no-type": {"type": None},
    "S1-from-our-domain": {"from": "example.test"},
}


@pytest.mark.parametrize("changes", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS.keys())
def test_wrong_answer_is_none(scene, peer, changes):
    """Another question has been asked; the right answer still counts."""
    stream = peer.dial().secure()
    stream.words("result", "key")
    asked = peer.accept().serve_keys()
    question = asked.expect_words("verify")
    right = {"id": question.get("id"), "type": "valid"}
    asked.words("verify", **{**right, **changes})
    asked.words("verify", **{**right, "type": "invalid"})
    assert stream.expect_words("result").get("type") == "invalid"


def test_S1_second_answer_is_none(scene, peer):
    stream = peer.dial().secure()
    stream.words("result", "key")
    asked, question = peer.answer_key()
    assert stream.expect_words("result").get("type") == "valid"
    for kind in ("invalid", "valid", "error"):
        asked.words("verify", id=question.get("id"), type=kind)
    asked.words("result", type="valid")
    stream.ping()


def test_S1_answer_on_another_stream(scene, peers, alice):
    """A domain cannot answer what another one was asked."""
    victim, mallory = peers(), peers()
    there, there_asked = mallory.dial_by_key()
    stream = victim.dial().secure()
    stream.words("result", "key")
    asked = victim.accept().serve_keys()
    number = asked.expect_words("verify").get("id")
    there_asked.words("verify", id=number, type="valid", **{"from": victim.domain})
    there.words("verify", id=number, type="valid", **{"from": victim.domain})
    there.ping()
    send_forged(stream, alice)


ANSWERS = {"invalid": "invalid", "error": "error", "nonsense": "error"}


@pytest.mark.parametrize("kind, told", ANSWERS.items())
def test_refused(scene, peer, kind, told):
    """A wrong key ends the stream (XEP-0220 §2.1.2), an error does not."""
    stream = peer.dial().secure()
    stream.words("result", "key")
    peer.answer_key(kind=kind)
    assert stream.expect_words("result").get("type") == told
    if told == "invalid":
        with pytest.raises(Closed):
            stream.receive()
    else:
        stream.ping()


def test_S5_unknown_domain(scene, peer):
    """Told so; the stream stays and may prove another pair."""
    stream = peer.dial().secure()
    for to in ("nobody.example", f"sub.{peer.node.network}", "alpha.example.test"):
        stream.words("result", "key", to=to)
        assert condition_of(stream.expect_words("result")) == "item-not-found"
        stream.words("verify", "key", to=to, id="1")
        assert condition_of(stream.expect_words("verify")) == "item-not-found"
    stream.words("result", "key")
    peer.answer_key()
    assert stream.expect_words("result").get("type") == "valid"


NOBODY = {"F4-our-domain": {"from": "example.test"}, "F4-our-component": {"from": place.COMPONENT}}


@pytest.mark.parametrize("changes", NOBODY.values(), ids=NOBODY.keys())
def test_our_domains_are_not_proven(scene, peer, changes):
    stream = peer.dial().secure()
    stream.words("result", "key", **changes)
    assert condition_of(stream.expect_words("result")) == "not-allowed"


BAD_NAMES = {"F5-no-from": {"from": None}, "F5-no-to": {"to": None}, "F5-empty": {"from": ""},
             "F5-malformed": {"from": "a@@b"}, "F5-full-address": {"from": "bob@peer.example/x"}}


@pytest.mark.parametrize("name", ("result", "verify"))
@pytest.mark.parametrize("changes", BAD_NAMES.values(), ids=BAD_NAMES.keys())
def test_bad_names(scene, peer, name, changes):
    stream = peer.dial().secure()
    with scene.survives():
        stream.words(name, "key", **{"id": "1", **changes})
        check_stream_error(stream.read_to_end(), "improper-addressing", SERVER)


@pytest.mark.parametrize("name", ("result", "verify"))
def test_S7_encryption_is_required(scene, peer, name):
    stream = peer.dial().open_stream()
    with scene.survives():
        stream.words(name, "key", id="1")
        check_stream_error(stream.read_to_end(), "policy-violation", SERVER)


def test_S9_further_domain(scene, peers, alice):
    """On a stream with one pair, another one counts only once it is proven (XEP-0220 §2.6)."""
    first, second = peers(), peers()
    stream, _ = first.dial_by_key()
    stream.words("result", "key", **{"from": second.domain})
    second.answer_key()
    answer = stream.expect_words("result")
    assert (answer.get("to"), answer.get("type")) == (second.domain, "valid")
    for peer in (first, second):
        stream.send(f"<message from='bob@{peer.domain}' to='{alice.full}'>"
                    f"<body>{peer.domain}</body></message>")
        assert alice.wait_message(peer.domain).get("from") == f"bob@{peer.domain}"
    third = peers()
    stream.words("result", "key", **{"from": third.domain})
    third.accept().serve_keys().expect_words("verify")
    stream.send(f"<message from='bob@{third.domain}' to='{alice.full}'/>")
    check_stream_error(stream.read_to_end(), "invalid-from", SERVER)


# Keys of ours, which a peer may have confirmed once.

@pytest.fixture
def shown(peer, alice):
    """A stream on which the node has shown a key, and the key."""
    alice.send_message(f"nobody@{peer.domain}", "key", "headline")
    stream = peer.accept().serve_keys()
    return stream, stream.expect_words("result").text


def verify(peer, number, key, **names):
    stream = peer.dial().secure()
    stream.words("verify", key, id=number, **names)
    return stream.expect_words("verify").get("type")


def test_S4_used_twice(scene, peer, shown):
    stream, key = shown
    assert verify(peer, stream.id, key) == "valid"
    assert verify(peer, stream.id, key) == "invalid"


def test_S4_other_stream(scene, peer, shown):
    """The key is for one stream; another id is not in question."""
    stream, key = shown
    assert verify(peer, stream.id + "x", key) == "invalid"
    assert verify(peer, "", key) == "invalid"
    assert verify(peer, stream.id, key) == "valid"


def test_S4_other_pair(scene, peers, peer, shown):
    stream, key = shown
    assert verify(peers(), stream.id, key) == "invalid"
    assert verify(peer, stream.id, key, to=place.COMPONENT) == "invalid"
    assert verify(peer, stream.id, key) == "valid"


def test_S4_stream_has_gone(scene, peer, shown):
    stream, key = shown
    stream.close()
    wait.until(lambda: scene.state(peer.domain) != "proving")
    assert verify(peer, stream.id, key) == "invalid"


WRONG_KEYS = {"empty": "", "shorter": "{half}", "other": "{other}", "longer": "{key}0",
              "in-capitals": "{capitals}", "with-blank": " {key}"}


@pytest.mark.parametrize("pattern", WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_S4_wrong_key(scene, peer, shown, pattern):
    stream, key = shown
    other = key_of("", peer.domain, peer.node.network, stream.id)
    wrong = pattern.format(key=key, half=key[:32], other=other, capitals=key.upper())
    assert verify(peer, stream.id, wrong) == "invalid"
    assert verify(peer, stream.id, key) == "valid"


def test_S2_keys_differ(scene, peers, peer, shown):
    """Each part of it counts, and the secret is no known one."""
    stream, key = shown
    guesses = {key_of(secret, peer.domain, peer.node.network, stream.id)
               for secret in ("", "0", "secret", peer.node.network, "\0" * 32)}
    assert len(key) == 64 and key not in guesses


# Too much of it.

def deaf_domains(scene, host, port):
    """Names below flood.example lead to an address where somebody accepts and says nothing."""
    def answer(query):
        if query.kind == SRV:
            return Reply([srv(port, query.name.removeprefix("_xmpp-server._tcp."))]) \
                if query.name.startswith("_xmpp-server.") else Reply()
        return Reply([address(host)] if query.kind == A else [])
    scene.zones.below["flood.example"] = answer


@contextlib.contextmanager
def flooding(scene, peer):
    deaf_domains(scene, peer.host, peer.port)
    try:
        yield
    finally:
        del scene.zones.below["flood.example"]


def ask_for(stream, names):
    """How many keys are in question, of one for each name: the others have been refused."""
    stream.send("".join(f"<db:result xmlns:db='{DIALBACK}' from='{name}.flood.example' "
                        f"to='{stream.other}'>key</db:result>" for name in names))
    stream.words("verify", "0", id="last")
    refused = 0
    while (answer := stream.receive()).get("id") != "last":
        assert condition_of(answer) == "resource-constraint"
        refused += 1
    return len(names) - refused


@pytest.mark.memory
def test_S6_flood(scene, peer, volume):
    """Ten thousand domains on one stream: some are asked about, the others are told so at once, and
    in all there are no more questions than the limit says."""
    count = max(200, volume(10_000))
    with flooding(scene, peer), scene.survives(growth=8 * MIB):
        streams = [peer.dial().secure() for _ in range(4)]
        pending = [ask_for(stream, [f"s{number}n{i}" for i in range(count)])
                   for number, stream in enumerate(streams)]
        assert pending == [PENDING_PAIRS, PENDING_PAIRS, PENDING_ALL - 2 * PENDING_PAIRS, 0]
        for stream in streams:
            stream.ping()


@pytest.mark.memory
def test_S6_answers_nobody_reads(scene, peer):
    """Questions that anybody may ask, from somebody who does not read the answers: at some point
    nothing more is read from him, and what waits for him is bounded."""
    stream = peer.dial().secure()
    question = (f"<db:verify xmlns:db='{DIALBACK}' from='{peer.domain}' to='{stream.other}' "
                "id='1'>key</db:verify>").encode() * 500
    life = scene.lives["s2s"]
    with scene.survives(growth=4 * MIB):
        life.reset_peak()
        stream.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                stream.socket.sendall(question)
        assert life.peak() < 4 * MIB
        stream.close()


def test_dialback_behind_a_refused_certificate(scene, peer, alice):
    """EXTERNAL was refused: dialback follows on the same stream (XEP-0178 §3), and only once."""
    alice.send_message(f"nobody@{peer.domain}", "again", "headline")
    stream = peer.accept().accept_starttls().greet(EXTERNAL + DIALBACK_FEATURE)
    stream.expect(f"{{{SASL}}}auth")
    for _ in range(3):
        stream.send(f"<failure xmlns='{SASL}'><not-authorized/></failure>")
    stream.expect_words("result")
    stream.words("result", type="valid")
    assert stream.next_stanza().findtext(f"{{{SERVER}}}body") == "again"
    assert scene.pairs(peer.domain)[0]["proof"] == "dialback"
