# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Strangers that take their time (P3, T8), guess (P4) or change their mind about the domain (P7),
# and what each state offers (P11). The node has two domains and less patience than usual.

import itertools
import select
import time

import pytest

from tests.attacks import positions
from tests.attacks.answers import (SASL, check_failure, check_silent_end, check_stream_error)
from tests.attacks.test_limits import wrong_password
from tests.attacks.vitals import other_scene
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node.client import BIND, STREAM, TLS

OTHER = "other.test"
# As long as a login may take where the machine is busy.
PATIENCE = {"c2s": {"unauthenticated-timeout": "3s", "tls-timeout": "1500ms"}}
POSITIONS = ("first", "plain", "tls", "unbound")
DELAY = 2  # seconds until too many guesses are answered


@pytest.fixture(scope="module")
def scene():
    with other_scene(next(SOURCES), settings=PATIENCE, domains={OTHER: (OTHER,)}) as made:
        yield made


@pytest.fixture
def patient(scene):
    """The time of other nodes, for who has to log in several times."""
    scene.node.reconfigure({"c2s": {"unauthenticated-timeout": None, "tls-timeout": None}})
    yield scene
    scene.node.reconfigure(PATIENCE)


def answers(stream):
    """Whether something has come, or comes very soon."""
    return bool(select.select([stream.socket], [], [], 0.02)[0])


def drip(stream, data):
    """A byte at a time until the server says something; the rest is not sent any more."""
    for byte in data:
        if answers(stream):
            return
        stream.send(bytes([byte]))


def test_P3_silence(scene, attacker):
    """Wherever they are on their way; all at once, since it takes its time."""
    streams = [getattr(attacker, position)() for position in POSITIONS]
    with scene.survives(lines=len(streams)):
        for stream in streams:
            check_stream_error(stream.read_to_end(), "connection-timeout")


@pytest.mark.parametrize("data", (b" ", b"x"), ids=("blanks", "header"))
def test_P3_drops(scene, attacker, data):
    """Bytes that come do not make the time longer."""
    drops = {}
    for position in POSITIONS:
        begin = positions.header(position, scene.node) if position == "first" else b"<iq id='"
        drops[getattr(attacker, position)()] = itertools.chain(
            begin if data == b"x" else b"", itertools.repeat(data[0]))
    with scene.survives(lines=len(drops)):
        left = dict(drops)
        while left:
            left = {stream: data for stream, data in left.items() if not answers(stream)}
            for stream, data in left.items():
                stream.send(bytes([next(data)]))
        for stream in drops:
            check_stream_error(stream.read_to_end(), "connection-timeout")


def test_P3_exchange_without_end(scene, attacker):
    """Neither does progress: a SASL exchange begun again and again."""
    stream = attacker.tls()
    begin = f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>biwsbj1ub2JvZHkscj1hYmM=</auth>"
    with scene.survives():
        drip(stream, itertools.cycle(begin.encode()))
        while not (answer := stream.read_to_end()).closed:
            drip(stream, itertools.cycle(begin.encode()))
        check_stream_error(answer, "connection-timeout")


def test_T8_slow_handshake(scene, attacker):
    """It has less time than the rest; there is nobody to tell yet."""
    slow = attacker.plain()
    slow.send(f"<starttls xmlns='{TLS}'/>")
    slow.expect(f"{{{TLS}}}proceed")
    direct = attacker.client(service="C2S_TLS")
    with scene.survives(lines=0):
        for stream in (slow, direct):
            drip(stream, bytes.fromhex("1603010200010001fc0303") + bytes(500))
            stream.forget()
            check_silent_end(stream.read_to_end())


def test_T8_silent_handshakes(scene, attacker):
    with scene.survives(lines=0):
        streams = [attacker.client(service="C2S_TLS") for _ in range(30)]
        for stream in streams:
            check_silent_end(stream.read_to_end())


def test_P4_answers_come_later(patient, attacker):
    """Ten failures from one address are answered at once, the next one takes two seconds; in that
    time the owner logs in from elsewhere, and nobody's account is locked."""
    source = next(SOURCES)
    guessers = [attacker.client(source=source) for _ in range(4)]
    for guesser in guessers:
        guesser.secure()
    with patient.survives(lines=10):
        for i in range(10):
            wrong_password(guessers[i // 3])
            check_failure(guessers[i // 3].receive(), "not-authorized")
    begun = time.monotonic()
    wrong_password(guessers[3])
    RawStream(patient.node, patient.mallory, source=next(SOURCES)).login().close()
    is_answered = select.select([guessers[3].socket], [], [], 0)[0]
    assert not is_answered or time.monotonic() - begun >= DELAY, "it was answered at once"


def test_P4_owner_is_not_locked_out(patient, attacker):
    """A hundred thousand guesses change nothing for who knows the password; a few show that no
    counter hangs at the account."""
    for _ in range(4):
        stream = attacker.client()
        stream.password = "wrong"
        stream.secure()
        for _ in range(3):
            with pytest.raises(AssertionError, match="not-authorized"):
                stream.prove("SCRAM-SHA-256")
        stream.close()
    attacker.bound()


@pytest.mark.parametrize("position", ("encrypted", "authenticated"))
def test_P7_other_domain(scene, attacker, position):
    """An identity belongs to a domain, and so does what TLS has shown (CVE-2018-10847)."""
    stream = attacker.client()
    stream.begin()
    stream.send(f"<starttls xmlns='{TLS}'/>")
    stream.expect(f"{{{TLS}}}proceed")
    stream.start_tls(scene.node.ca, stream.domain)
    if position == "authenticated":
        stream.begin()
        stream.prove("SCRAM-SHA-256")
    stream.forget()
    with scene.survives():
        answer = stream.exchange(positions.header(position, scene.node, to=OTHER))
        check_stream_error(answer, "not-authorized")


def test_P7_account_of_other_domain(scene, attacker):
    """The same name and password at another domain of the node are nobody's."""
    stream = attacker.client()
    stream.domain = OTHER
    stream.secure()
    with pytest.raises(AssertionError, match="not-authorized"):
        stream.prove("SCRAM-SHA-256")


SASL_FEATURES = [f"{{{SASL}}}mechanisms", "{urn:xmpp:sasl:2}authentication",
                 "{urn:xmpp:sasl-cb:0}sasl-channel-binding", "{urn:xmpp:stream-limits:0}limits",
                 "{urn:xmpp:ibr-token:0}register",
                 "{http://jabber.org/features/iq-register}register"]
FEATURES = {
    "plain": [f"{{{TLS}}}starttls"],
    "tls": SASL_FEATURES,
    "unbound": [f"{{{BIND}}}bind", "{urn:ietf:params:xml:ns:xmpp-session}session",
                "{urn:xmpp:features:rosterver}ver", "{urn:xmpp:features:pre-approval}sub",
                "{http://jabber.org/protocol/caps}c", "{urn:xmpp:stream-limits:0}limits",
                "{urn:xmpp:sm:3}sm", "{urn:xmpp:csi:0}csi"],
}


@pytest.mark.parametrize("position", FEATURES)
def test_P11_features(attacker, position):
    stream = getattr(attacker, position)()
    assert sorted(child.tag for child in stream.features) == sorted(FEATURES[position])


def test_P11_features_direct_tls(attacker):
    stream = attacker.client(service="C2S_TLS")
    stream.secure()
    assert sorted(child.tag for child in stream.features) == sorted(SASL_FEATURES)
    assert stream.features.find(f"{{{STREAM}}}starttls") is None
