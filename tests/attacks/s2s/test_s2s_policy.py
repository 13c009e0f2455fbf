# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What the configuration says about domains ([s2s], [peer]), and that a reload is enough (S7, T15 of
# docs/ATTACKS.md).

import os
import signal

import pytest

from tests.attacks.answers import check_stanza_error, check_stream_error
from tests.attacks.s2s.conftest import looked_after
from tests.attacks.s2s.servers import (DIALBACK_FEATURE, EXTERNAL, SASL, SERVER, STARTTLS,
                                       check_end_of_ours, free_address, key_of)
from tests.harness import wait
from tests.node import place
from tests.node.client import TLS, Closed

DENIED = ("cancel", "remote-server-not-found")
QUICK = {"stanza_expiry": "5s", "retry_min": "100ms", "retry_max": "1s"}


@pytest.fixture
def scene(changed_federation, change):
    change(**QUICK)
    with looked_after(changed_federation):
        yield changed_federation


def call(alice, peer, body="x"):
    alice.send_message(f"bob@{peer.domain}", body, "headline")


def for_peer(peer, **settings):
    """A [peer] section."""
    return {f'peer "{peer.domain}"': {key.replace("_", "-"): value
                                      for key, value in settings.items()}}


def check_denied(alice, peer):
    """Both directions: what alice sends comes back, what the peer begins ends."""
    call(alice, peer)
    answer = alice.wait_for(lambda e: e.get("from") == f"bob@{peer.domain}")
    check_stanza_error(answer, *DENIED)
    assert "not allowed here" in answer.findtext("{*}error/{*}text")
    stream = peer.dial()
    stream.open(peer.node.network, **{"from": peer.domain})
    check_stream_error(stream.read_to_end(), "policy-violation", SERVER)


def check_allowed(alice, peer):
    stream = peer.dial_proven()
    stream.send(f"<message from='bob@{peer.domain}' to='{alice.full}'><body>in</body></message>")
    assert alice.wait_message("in") is not None
    call(alice, peer, "out")
    assert peer.accept().serve(more="").next_stanza().findtext("{*}body") == "out"


def test_deny(scene, alice, change, peers):
    denied, other = peers(), peers()
    change(deny=denied.domain, **QUICK)
    check_denied(alice, denied)
    check_allowed(alice, other)


def test_allow(scene, alice, change, peers):
    """With a list, nobody else."""
    allowed, other = peers(), peers()
    change(allow=allowed.domain, **QUICK)
    check_denied(alice, other)
    check_allowed(alice, allowed)


def test_deny_is_stronger(scene, alice, change, peer):
    change(allow=peer.domain, deny=peer.domain, **QUICK)
    check_denied(alice, peer)


@pytest.mark.parametrize("write", (str.upper, lambda domain: f"sub.{domain}"),
                         ids=("in-capitals", "sub-domain"))
def test_deny_names_are_whole(scene, alice, change, peer, write):
    """As everywhere: prepared, and compared from end to end."""
    change(deny=write(peer.domain), **QUICK)
    if write is str.upper:
        check_denied(alice, peer)
    else:
        check_allowed(alice, peer)


def test_deny_keys_of_others(scene, change, peers):
    """A denied domain is not proven on the stream of another one either."""
    denied, other = peers(), peers()
    change(deny=denied.domain, **QUICK)
    stream, _ = other.dial_by_key()
    stream.words("result", "key", **{"from": denied.domain})
    answer = stream.expect_words("result")
    assert answer.get("type") == "error" and answer.find("{*}error/{*}not-allowed") is not None


@pytest.mark.parametrize("way", ("control", "signal"))
def test_reload_ends_streams(scene, alice, change, peers, way):
    """Of domains that are not allowed any more, in both directions, and also where such a domain is
    not the one of the header; what waits for them goes back. Others go on."""
    denied, further, other, dead = peers(), peers(), peers(), peers()
    inward, stays = denied.dial_proven(), other.dial_proven()
    shared, _ = peers().dial_by_key()
    shared.words("result", "key", **{"from": further.domain})
    further.answer_key()
    assert shared.expect_words("result").get("type") == "valid"
    call(alice, denied)
    outward = denied.accept().serve(more="")
    outward.next_stanza()
    call(alice, dead)
    dead.accept()
    names = [denied.domain, further.domain, dead.domain]
    reload(scene, change, way, deny=names, **QUICK)
    check_stream_error(inward.read_to_end(), "policy-violation", SERVER)
    check_stream_error(shared.read_to_end(), "policy-violation", SERVER)
    check_end_of_ours(outward_end(outward), None)
    answer = alice.wait_for(lambda e: e.get("from") == f"bob@{dead.domain}")
    check_stanza_error(answer, *DENIED)
    stays.ping()
    change(**QUICK)
    check_allowed(alice, denied)


def outward_end(stream):
    """We close our direction too."""
    with pytest.raises((Closed, TimeoutError)):
        stream.receive(20)
    stream.send("</stream:stream>")
    return stream.read_to_end()


def reload(scene, change, way, **settings):
    """By a signal: what it does shows when it is done. The log need not tell, if there were many
    reloads in this second."""
    if way == "control":
        change(**settings)
        return
    node = scene.node
    node.settings["s2s"].update({key.replace("_", "-"): value for key, value in settings.items()})
    node.configure()
    scene.s2s.send(signal.SIGHUP)


def test_broken_reload(scene, alice, change, peer):
    """It is refused as a whole; what was there before goes on."""
    stream = peer.dial_proven()
    with pytest.raises(place.Error):
        change(deny=peer.domain, ca_file="/nowhere/ca.pem", **QUICK)
    stream.ping()
    check_allowed(alice, peer)


# Per peer.

def test_tls_is_not_required_of_one(scene, alice, change, peers):
    """Then, and only then, dialback does in clear; in both directions."""
    clear, other = peers(), peers()
    change(for_peer(clear, require_tls="no", require_certificate="no"), **QUICK)
    stream = clear.dial().open_stream()
    stream.words("result", "key")
    asked = clear.accept().greet(DIALBACK_FEATURE)
    clear.answer_key(asked)
    assert stream.expect_words("result").get("type") == "valid"
    stream = other.dial().open_stream()
    stream.words("result", "key")
    check_stream_error(stream.read_to_end(), "policy-violation", SERVER)
    call(alice, other)
    check_end_of_ours(other.accept().greet(DIALBACK_FEATURE).read_to_end(), None)


def test_S7_no_external_in_clear(scene, alice, change, peer):
    """Nobody can make us prove ourselves by a certificate that TLS does not protect."""
    change(for_peer(peer, require_tls="no", require_certificate="no"), **QUICK)
    call(alice, peer)
    stream = peer.accept().greet(EXTERNAL + DIALBACK_FEATURE)
    stream.expect_words("result")


def test_features_twice_in_clear(scene, alice, change, peer):
    """TLS was asked for; features without it do not take that back (it crashed the daemon)."""
    change(for_peer(peer, require_tls="no", require_certificate="no"), **QUICK)
    call(alice, peer)
    stream = peer.accept().greet(STARTTLS)
    stream.expect(f"{{{TLS}}}starttls")
    stream.send(f"<stream:features>{DIALBACK_FEATURE}</stream:features><proceed xmlns='{TLS}'/>")
    check_end_of_ours(stream.read_to_end(), "policy-violation")


def test_keys_before_tls_are_forgotten(scene, alice, change, peer):
    """What was in question in clear proves nothing inside TLS (RFC 6120 §5.4.3.3)."""
    change(for_peer(peer, require_tls="no", require_certificate="no"), **QUICK)
    stream = peer.dial().open_stream()
    stream.words("result", "key")
    asked = peer.accept().greet(DIALBACK_FEATURE)
    question = asked.expect_words("verify")
    stream.send(f"<starttls xmlns='{TLS}'/>")
    stream.expect(f"{{{TLS}}}proceed")
    stream.encrypt().open_stream()
    asked.words("verify", id=question.get("id"), type="valid")
    stream.ping()
    stream.send(f"<message from='bob@{peer.domain}' to='{alice.full}'><body>x</body></message>")
    check_stream_error(stream.read_to_end(), "not-authorized", SERVER)


def test_certificate_is_not_required_of_one(scene, alice, change, peers):
    lax, other = peers(), peers()
    for peer in (lax, other):
        peer.certificate = scene.authority.issue(peer.domain, self_signed=True)
    change(for_peer(lax, require_certificate="no"), **QUICK)
    call(alice, lax)
    stream = lax.accept().serve_keys()
    stream.expect_words("result")
    call(alice, other)
    stream = other.accept().accept_starttls()
    stream.forget()
    assert stream.read_to_end().header is None


def test_certificate_is_required_of_one(scene, alice, change, peers):
    strict, other = peers(), peers()
    for peer in (strict, other):
        peer.certificate = scene.authority.issue("elsewhere.example")
    change(for_peer(strict, require_certificate="yes"), require_certificate="no", **QUICK)
    call(alice, other)
    other.accept().serve_keys().expect_words("result")
    call(alice, strict)
    stream = strict.accept().accept_starttls()
    stream.forget()
    assert stream.read_to_end().header is None


@pytest.mark.parametrize("key, direct", (("address", False), ("address_tls", True)))
def test_address_by_hand(scene, alice, change, peer, key, direct):
    """The DNS is not asked."""
    scene.zones.rows.clear()
    scene.zones.asked.clear()
    change(for_peer(peer, **{key: f"{peer.host}:{peer.port}"}), **QUICK)
    call(alice, peer)
    stream = peer.accept()
    if direct:
        stream.encrypt().greet(EXTERNAL).expect(f"{{{SASL}}}auth")
    else:
        assert stream.serve(more="").next_stanza() is not None
    assert not any(name.endswith(peer.domain) for name, _ in scene.zones.asked)


def test_several_addresses_by_hand(scene, alice, change, peer):
    """One after the other."""
    host, port = free_address()
    change(for_peer(peer, address=[f"{host}:{port}", f"{peer.host}:{peer.port}"]), **QUICK)
    call(alice, peer)
    assert peer.accept().serve(more="").next_stanza() is not None


def test_S3_secret_from_a_file(scene, alice, change, peer):
    """XEP-0185: any server of the domain could verify the key."""
    path = f"{scene.node.place.secrets}/dialback"
    place.write(path, "s3cr3tf0rd14lb4ck\n")
    change(dialback_secret_file=path, **QUICK)
    call(alice, peer)
    stream = peer.accept().serve_keys()
    key = stream.expect_words("result").text
    assert key == key_of("s3cr3tf0rd14lb4ck", peer.domain, peer.node.network, stream.id)
    os.unlink(path)


def test_S2_secret_that_is_made(scene, alice, change, peers):
    """Kept over a reload, or keys in question would fail; another one after a restart."""
    peer = peers()
    call(alice, peer)
    stream = peer.accept().serve_keys()
    key = stream.expect_words("result").text
    change(**QUICK)
    asking = peer.dial().secure()
    asking.words("verify", key, id=stream.id)
    assert asking.expect_words("verify").get("type") == "valid"
    wait.until(lambda: scene.state(peer.domain) == "proving")
