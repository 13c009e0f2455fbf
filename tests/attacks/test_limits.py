# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Limits at their defaults, at n and at n + 1: of stanzas before and after authentication (rows X29
# to X32), of tries to authenticate (P4), of connections from one address (P5). A node for the
# latter has its other limits of connections lifted, since one would hide the other.

import time

import pytest

from tests.attacks import positions
from tests.attacks.answers import (APP_ERRORS, SASL, check_end_at, check_failure, check_silent_end,
                                   check_stream_error)
from tests.attacks.vitals import KIB, MIB, other_scene
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node import place
from tests.node.client import Closed

BEFORE = {"bytes": 16384, "elements": 64, "depth": 8, "attributes": 16, "namespaces": 8}
AFTER = {"bytes": 262144, "elements": 4096, "depth": 64, "attributes": 64, "namespaces": 32}
# Of the router; its limits before the handshake are those of strangers.
JOINED = {"bytes": 655360, "elements": 8192, "depth": 128, "attributes": 64, "namespaces": 32}
LIMITS = {"plain": BEFORE, "tls": BEFORE, "bound": AFTER, "component": BEFORE, "joined": JOINED}
# A component that was let in leaves a route behind, which is told too.
LINES = {"plain": 1, "tls": 1, "bound": 1, "component": 1, "joined": 2}
NOISE = 256 * KIB
HEADER_BYTES = 10240


def of_bytes(stanza, n):
    return stanza % (b"<b>" + b"x" * (n - len(stanza % b"<b></b>")) + b"</b>")


def of_elements(stanza, n):
    return stanza % (b"<a/>" * (n - 1))


def of_depth(stanza, n):
    return stanza % (b"<a>" * (n - 1) + b"</a>" * (n - 1))


def of_attributes(stanza, n):
    return stanza % (b"<a " + b" ".join(b"a%d=''" % i for i in range(n)) + b"/>")


def of_namespaces(stanza, n):
    return stanza % (b"<a " + b" ".join(b"xmlns:p%d='u'" % i for i in range(n)) + b"/>")


MAKERS = {"bytes": of_bytes, "elements": of_elements, "depth": of_depth,
          "attributes": of_attributes, "namespaces": of_namespaces}
APPLICATION = {"bytes": f"{{{APP_ERRORS}}}stanza-too-big"}


def stanza_for(position):
    """A stanza whose content is to be filled in; it is answered, but goes to nobody."""
    if position != "joined":
        return b"<iq type='get' id='limit'>%s</iq>"
    return f"<iq type='get' id='limit' from='{place.COMPONENT}' to=''>%s</iq>".encode()


def cases():
    for position, limits in LIMITS.items():
        for what, n in limits.items():
            row = {"bytes": "X32", "elements": "X31", "depth": "X29"}.get(what, "X30")
            yield pytest.param(position, what, n, id=f"{row}-{what}-{position}")


def check_accepted(scene, stream, position):
    """Strangers may not send stanzas, but this is known only behind the whole of it."""
    if LIMITS[position] is BEFORE:
        check_end_at(position, scene.node, stream.read_to_end(), "not-authorized")
        return
    answer = stream.wait_for(lambda e: e.get("id") == "limit")
    assert answer.get("type") == "error"


@pytest.mark.parametrize("position, what, n", cases())
def test_stanza(scene, attacker, position, what, n):
    stream = getattr(attacker, position)()
    with scene.survives(lines=1):
        stream.send(MAKERS[what](stanza_for(position), n))
        check_accepted(scene, stream, position)
    stream.close()
    stream = getattr(attacker, position)()
    with scene.survives(lines=LINES[position]):
        answer = stream.exchange(MAKERS[what](stanza_for(position), n + 1))
        stream.close()
        check_end_at(position, scene.node, answer, "policy-violation", APPLICATION.get(what))


FAR_BEYOND = {
    "X29-depth": of_depth(b"<message>%s</message>", 10_000)[:30_000],
    "X29-depth-huge": b"<message>" + b"<a>" * 100_000,
    "X30-attributes": of_attributes(b"<message>%s</message>", 29_000),
    "X31-elements": b"<message>" + b"<a/>" * 65_000 + b"</message>",
    "X32-bytes": b"<message><body>" + b"x" * MIB,
}


@pytest.mark.memory
@pytest.mark.parametrize("position", positions.INSIDE)
@pytest.mark.parametrize("data", FAR_BEYOND.values(), ids=FAR_BEYOND.keys())
def test_far_beyond(scene, attacker, position, data):
    stream = getattr(attacker, position)()
    limit = LIMITS[position]["bytes"]
    with scene.survives(lines=LINES[position]):
        life = scene.lives[positions.daemon_of(position)]
        life.reset_peak()
        answer = stream.exchange(data)
        stream.close()
        assert answer.error == "policy-violation" and answer.closed
        assert life.peak() <= 2 * limit + NOISE


# What is passed on is written anew, and gets attributes on its way: what would be too much for the
# next one then is refused here, so that nobody closes a stream that others need.
WRITTEN_ANEW = {
    "X32-text": b"<message><body>" + b">" * 200_000 + b"</body></message>",
    "X32-attribute": b'<message><a b="' + b"'" * 60_000 + b'"/></message>',
    "X32-namespace": b"<message><a xmlns:p='urn:" + b"x" * 500 + b"'>" + b"<p:a/>" * 700
                     + b"</a></message>",
    "X30-stanza": b"<message" + b"".join(b" a%d=''" % i for i in range(62)) + b"/>",
    "X30-namespaces": b"<message " + b" ".join(b"xmlns:p%d='u%d'" % (i, i) for i in range(20))
                      + b"><a xmlns='u' " + b" ".join(b"xmlns:q%d='v%d'" % (i, i)
                                                      for i in range(20))
                      + b"".join(b" p%d:a='' q%d:a=''" % (i, i) for i in range(20))
                      + b"/></message>",
}


@pytest.mark.parametrize("data", WRITTEN_ANEW.values(), ids=WRITTEN_ANEW.keys())
def test_as_it_will_be_written(scene, attacker, data):
    stream = attacker.bound()
    with scene.survives(lines=1):
        answer = stream.exchange(data)
        stream.close()
        assert answer.error == "policy-violation" and answer.closed


@pytest.mark.parametrize("position", positions.IN_FRONT)
def test_header(scene, attacker, position):
    """The header with what is in front of it: 10240 bytes, which is also the end of an endless
    document type or declaration (X4, X33)."""
    for n, accepted in ((HEADER_BYTES, True), (HEADER_BYTES + 1, False)):
        stream = getattr(attacker, position)()
        header = positions.header(position, scene.node)
        with scene.survives(lines=0 if accepted else 1):
            stream.send(b" " * (n - len(header)) + header)
            if accepted:
                stream.wait_header()
                assert stream.header
            else:
                assert stream.read_to_end().error == "policy-violation"
        stream.close()


def wrong_password(stream):
    token = "AG5vYm9keQBub3RoaW5n"  # NUL nobody NUL nothing
    stream.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{token}</auth>")


def test_sasl_tries(scene, attacker):
    """P4: three tries on a stream. Each is told to the log, for bans; an account is never locked
    (XEP-0205 §3)."""
    stream = attacker.tls()
    with scene.survives(lines=2):
        for _ in range(2):
            wrong_password(stream)
            check_failure(stream.receive(), "not-authorized")
    stream.authenticate()  # the third one is right
    stream.close()

    stream = attacker.tls()
    with scene.survives(lines=4):
        for _ in range(3):
            wrong_password(stream)
            check_failure(stream.receive(), "not-authorized")
        wrong_password(stream)
        check_stream_error(stream.read_to_end(), "policy-violation")
    stream.close()


def is_accepted(stream):
    try:
        stream.begin()
    except (Closed, ConnectionError):
        return False
    return True


@pytest.mark.memory
def test_connections_from_one_address():
    """P5: 64 at once, without XML for the 65th; others do not notice."""
    lifted = {"connection-rate": 1000, "connection-burst": 1000}
    with other_scene(next(SOURCES), settings={"c2s": lifted}) as scene:
        source = next(SOURCES)
        with scene.survives(lines=0, growth=2 * MIB):
            streams = [RawStream(scene.node, source=source) for _ in range(64)]
            assert all(is_accepted(stream) for stream in streams)
        with scene.survives(lines=1):
            beyond = RawStream(scene.node, source=source)
            check_silent_end(beyond.exchange(b""))
            assert is_accepted(RawStream(scene.node, source=next(SOURCES)))
        streams[0].close()
        scene.check(growth=2 * MIB)
        for stream in streams:
            stream.close()


def test_sessions_are_no_strangers():
    """P5: who has logged in takes no place away from the rest of its network."""
    lifted = {"connections-per-address": 1, "connection-rate": 1000, "connection-burst": 1000}
    with other_scene(next(SOURCES), settings={"c2s": lifted}) as scene:
        source = next(SOURCES)
        account = scene.node.add_account()
        clients = [RawStream(scene.node, account, source=source).login() for _ in range(5)]
        waiting = RawStream(scene.node, source=source)
        assert is_accepted(waiting)
        check_silent_end(RawStream(scene.node, source=source).exchange(b""))
        for stream in (waiting, *clients):
            stream.close()


def test_burst_of_connections():
    """50 new connections at once; afterwards as many as connection-rate gives, which is lowered
    here so that hardly any come in between."""
    with other_scene(next(SOURCES), settings={"c2s": {"connection-rate": 1}}) as scene:
        source = next(SOURCES)
        with scene.survives(lines=11):
            begun = time.monotonic()
            accepted = 0
            for _ in range(60):
                stream = RawStream(scene.node, source=source)
                accepted += is_accepted(stream)
                stream.close()
            assert 50 <= accepted <= 51 + (time.monotonic() - begun)
            assert is_accepted(RawStream(scene.node, source=next(SOURCES)))
