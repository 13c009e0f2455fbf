# SPDX-License-Identifier: AGPL-3.0-or-later
#
# SCRAM that is not SCRAM (A13), accounts that are guessed (A14), a database that is away (A18).

import base64
import contextlib
import os
import re
import signal

import pytest

from tests.attacks import positions, sasl
from tests.attacks.answers import check_failure
from tests.attacks.sasl import auth, challenge_of, encode, plain, respond, scram_first
from tests.attacks.vitals import other_scene
from tests.harness.node import SOURCES

MECHANISMS = ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")

FIRSTS = {
    "empty": b"", "text": b"hello", "no-flag": b",,n=mallory,r=abc", "bad-flag": b"x,,n=a,r=abc",
    "long-flag": b"nn,,n=a,r=abc", "flag-alone": b"n", "no-second-comma": b"n,n=a,r=abc",
    "no-name": b"n,,r=abc", "no-nonce": b"n,,n=a", "empty-name": b"n,,n=,r=abc",
    "empty-nonce": b"n,,n=a,r=", "other-order": b"n,,r=abc,n=a", "name-twice": b"n,,n=a,n=b,r=abc",
    "nonce-twice": b"n,,n=a,r=abc,r=def", "mandatory-extension": b"n,,m=x,n=a,r=abc",
    "comma-at-end": b"n,,n=a,r=abc,", "bare-extension": b"n,,n=a,r=abc,x",
    "extension-with-defined-name": b"n,,n=a,r=abc,p=x", "nonce-with-blank": b"n,,n=a,r=a bc",
    "nonce-not-ascii": b"n,,n=a,r=\xc3\xa9", "nul": b"n,,n=a\0b,r=abc",
    "bad-escape": b"n,,n=a=2D,r=abc", "lone-equals": b"n,,n=a=,r=abc",
    "no-text": b"n,,n=\xff,r=abc",
    "binding-without-name": b"p=,,n=a,r=abc", "bad-binding-name": b"p=tls exporter,,n=a,r=abc",
    "bad-authzid": b"n,b=x,n=a,r=abc", "empty-authzid": b"n,a=,n=a,r=abc",
    "final-as-first": b"c=biws,r=abc,p=AAAA",
}


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("message", FIRSTS.values(), ids=[f"A13-{name}" for name in FIRSTS])
def test_first(scene, attacker, mechanism, message):
    stream = attacker.tls()
    with scene.survives():
        element = auth(stream, mechanism, encode(message) or "=")
        check_failure(element, "malformed-request")
    sasl.check_success(sasl.play_scram(stream, mechanism))


def replace(pattern, by):
    return lambda final: re.sub(pattern, by, final, count=1)


def flip(final):
    """A proof with one other bit."""
    head, _, proof = final.rpartition(b",p=")
    data = bytearray(base64.b64decode(proof))
    data[0] ^= 1
    return head + b",p=" + base64.b64encode(data)


MALFORMED, WRONG = "malformed-request", "not-authorized"
FINALS = {
    "wrong-proof": (flip, WRONG),
    "short-proof": (replace(rb"p=.*", b"p=AAAA"), WRONG),
    "zero-proof": (replace(rb"p=.*", b"p=" + base64.b64encode(bytes(32))), WRONG),
    "long-proof": (replace(rb"p=.*", b"p=" + base64.b64encode(bytes(1000))), WRONG),
    "other-nonce": (replace(rb"r=[^,]*", b"r=abcdefghijklmnopqrst"), WRONG),
    "longer-nonce": (replace(rb"(r=[^,]*)", rb"\1x"), WRONG),
    "shorter-nonce": (replace(rb"(r=[^,]*)[^,],", rb"\1,"), WRONG),
    "own-nonce-alone": (replace(rb"(r=[^,]{24})[^,]*", rb"\1"), WRONG),
    "nonce-in-other-case": (lambda final: re.sub(rb"r=[^,]*", lambda m: m[0].swapcase()
                                                 .replace(b"R=", b"r="), final), WRONG),
    "other-header": (replace(rb"c=[^,]*", b"c=eSws"), WRONG),
    "header-with-binding": (replace(rb"c=[^,]*", b"c=biwsAAAA"), WRONG),
    "no-header": (replace(rb"c=[^,]*", b"c=AAAA"), WRONG),
    "added-extension": (replace(rb",p=", b",x=y,p="), WRONG),
    "empty": (lambda final: b"", MALFORMED),
    "text": (lambda final: b"hello", MALFORMED),
    "no-proof": (replace(rb",p=.*", b""), MALFORMED),
    "empty-proof": (replace(rb"p=.*", b"p="), MALFORMED),
    "proof-no-base64": (replace(rb"p=.*", b"p=*"), MALFORMED),
    "proof-unpadded": (replace(rb"p=.*", b"p=AAA"), MALFORMED),
    "proof-twice": (replace(rb"(p=.*)", rb"\1,\1"), MALFORMED),
    "proof-not-last": (replace(rb"(p=.*)", rb"\1,x=y"), MALFORMED),
    "no-binding": (replace(rb"c=[^,]*,", b""), MALFORMED),
    "binding-twice": (replace(rb"(c=[^,]*,)", rb"\1\1"), MALFORMED),
    "binding-no-base64": (replace(rb"c=[^,]*", b"c=*"), MALFORMED),
    "no-nonce": (replace(rb"r=[^,]*,", b""), MALFORMED),
    "empty-nonce": (replace(rb"r=[^,]*", b"r="), MALFORMED),
    "nonce-twice": (replace(rb"(r=[^,]*,)", rb"\1\1"), MALFORMED),
    "other-order": (replace(rb"(c=[^,]*),(r=[^,]*)", rb"\2,\1"), MALFORMED),
    "mandatory-extension": (replace(rb",p=", b",m=y,p="), MALFORMED),
    "comma-at-end": (replace(rb"$", b","), MALFORMED),
    "nul": (replace(rb",p=", b"\0,p="), MALFORMED),
}


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("change, condition", FINALS.values(), ids=[f"A13-{n}" for n in FINALS])
def test_final(scene, attacker, mechanism, change, condition):
    stream = attacker.tls()
    with scene.survives():
        check_failure(sasl.play_scram(stream, mechanism, change=change), condition)
    sasl.check_success(sasl.play_scram(stream, mechanism))


def test_A13_message_behind_the_end(scene, attacker):
    """The final message of one exchange is worth nothing in the next."""
    stream = attacker.tls()
    kept = []
    with scene.survives(lines=2):
        check_failure(sasl.play_scram(stream, "SCRAM-SHA-256",
                                      change=lambda final: kept.append(final) or b"x"), MALFORMED)
        challenge_of(auth(stream, "SCRAM-SHA-256", scram_first(stream.user)))
        check_failure(respond(stream, encode(kept[0])), WRONG)


def test_A13_nonces_differ(attacker):
    stream = attacker.tls()
    seen = set()
    for _ in range(10):
        seen.add(challenge_of(auth(stream, "SCRAM-SHA-1", scram_first())).split(b",")[0])
        stream.send("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        stream.receive()
    assert len(seen) == 10 and all(nonce.startswith(b"r=abc") for nonce in seen)


def parts_of(challenge):
    """(salt, iterations, length of the nonce)"""
    nonce, salt, count, announced = challenge.decode().split(",")
    assert announced.startswith("h=")  # XEP-0474
    return salt.removeprefix("s="), int(count.removeprefix("i=")), len(nonce)


def first_of(attacker, mechanism, user):
    stream = attacker.tls()
    challenge = challenge_of(auth(stream, mechanism, scram_first(user)))
    stream.close()
    return parts_of(challenge)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_A14_unknown_users(scene, attacker, volume, mechanism):
    """Existing and unknown accounts answer in the same form; each always with the same salt, in
    any spelling, and no two with one salt."""
    existing = [first_of(attacker, mechanism, attacker.account.user)]
    unknown = [first_of(attacker, mechanism, f"ghost{i}") for i in range(max(5, volume(1000)))]
    assert {(len(salt), count, nonce) for salt, count, nonce in unknown} == \
        {(len(salt), count, nonce) for salt, count, nonce in existing}
    assert len({salt for salt, *_ in unknown + existing}) == len(unknown) + len(existing)
    assert first_of(attacker, mechanism, "Ghost0") == unknown[0] == \
        first_of(attacker, mechanism, "ghost0")


def test_A14_salts_by_mechanism(attacker):
    """A decoy that has one salt for all mechanisms, or the same bytes cut off, gives itself away
    if real ones differ."""
    real = [first_of(attacker, mechanism, attacker.account.user)[0] for mechanism in MECHANISMS]
    decoy = [first_of(attacker, mechanism, "ghost")[0] for mechanism in MECHANISMS]
    assert len(set(real)) == len(set(decoy))


def test_A14_salts_stay(scene, attacker):
    """Also over a restart."""
    before = first_of(attacker, "SCRAM-SHA-256", "ghost")
    scene.node.control("reload")
    assert first_of(attacker, "SCRAM-SHA-256", "ghost") == before


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_A14_same_end(scene, attacker, mechanism):
    """Wrong password and no such user."""
    for user in (attacker.account.user, "ghost"):
        stream = attacker.tls()
        stream.user, stream.password = user, "wrong"
        with scene.survives():
            check_failure(sasl.play_scram(stream, mechanism), WRONG)
        stream.close()


# A18


@pytest.fixture(scope="module")
def patient_scene():
    """Queries have half a second here."""
    with other_scene(next(SOURCES), settings={"database": {"deadline": "500ms"}}) as made:
        yield made


@pytest.fixture
def outage(patient_scene):
    with positions.attacker_on(patient_scene.node, patient_scene.node.add_account()) as attacker:
        yield attacker


@contextlib.contextmanager
def stopped(scene):
    """PostgreSQL is ended, and started again behind the block."""
    scene.node.postgres.stop()
    scene.node.daemon("c2s").wait_log("event=database_down")
    try:
        yield
    finally:
        scene.node.daemon("c2s").mark_log()
        scene.node.postgres.start()
        scene.node.daemon("c2s").wait_log("event=database_up")


def with_children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid, *(int(word) for word in file.read().split())]


@contextlib.contextmanager
def hanging(scene):
    """PostgreSQL takes what it is sent and says nothing."""
    pids = with_children(scene.node.postgres.process.pids()[0])
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("away", (stopped, hanging))
def test_A18_database_away(patient_scene, outage, away):
    """Never a wrong password (RFC 6120 §6.5.10), no try, and nothing is broken afterwards."""
    with away(patient_scene):
        patient_scene.begin()
        stream = outage.tls()
        for mechanism, message in (("PLAIN", plain(stream.user, stream.password)),
                                   ("PLAIN", plain("ghost", "x")),
                                   ("SCRAM-SHA-256", scram_first(stream.user)),
                                   ("SCRAM-SHA-1", scram_first("ghost"))):
            check_failure(auth(stream, mechanism, message), "temporary-auth-failure")
    patient_scene.check(lines=12)
    stream.close()
    outage.bound()
