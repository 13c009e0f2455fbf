# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The B rows of docs/ATTACKS.md about stream management (XEP-0198): B5 to B14.

import pytest

from tests.attacks.answers import STANZA_ERRORS, check_stream_error, conditions_of
from tests.attacks.vitals import MIB, other_scene
from tests.harness.node import SOURCES
from tests.harness.smacks import SM, SmStream, collect
from tests.node.client import CLIENT, Closed, local_name

BODY = f"{{{CLIENT}}}body"
APP = f"{{{SM}}}handled-count-too-high"
NONZAS = {
    "enable": f"<enable xmlns='{SM}' resume='true'/>",
    "resume": f"<resume xmlns='{SM}' previd='1' h='0'/>",
    "r": f"<r xmlns='{SM}'/>",
    "a": f"<a xmlns='{SM}' h='0'/>",
}


@pytest.fixture
def connect(scene):
    """A client with stream management; enabled=False: authenticated only."""
    made = []

    def make(owner, enabled=True):
        stream = SmStream(scene.node, owner, source=next(SOURCES))
        made.append(stream)
        if not enabled:
            return stream.authenticated()
        stream.login()
        stream.enable()
        return stream

    yield make
    for stream in made:
        stream.close()


def check_failed(element, condition):
    assert element.tag == f"{{{SM}}}failed" and element.get("h") is None
    assert conditions_of(element, STANZA_ERRORS) == [condition]


def test_B5_somebody_elses_session(scene, connect):
    """The answer is the one to an SM-ID that nobody has."""
    alice, mallory = scene.node.add_account(), scene.node.add_account()
    session = connect(alice)
    thief = connect(mallory, enabled=False)
    with scene.survives(lines=0):
        for previd in (session.id, "0" * len(session.id), session.id[:-1], session.id[:16], "",
                       "é" * 1000):
            check_failed(thief.try_resume(previd, 0), "item-not-found")
        assert session.ask_h() == 0
    assert len(session.id) >= 16 + 128 // 4  # 128 bits beside the name of the row


def test_B5_ids_are_not_repeated(scene, connect):
    owner = scene.node.add_account()
    ids = [connect(owner).id for _ in range(3)]
    assert len(set(ids)) == 3 and len({name[16:] for name in ids}) == 3


@pytest.mark.parametrize("element", NONZAS.values(), ids=NONZAS.keys())
@pytest.mark.parametrize("position", ("tls", "unbound"))
def test_B6_too_early(scene, attacker, position, element):
    stream = getattr(attacker, position)()
    with scene.survives(lines=0):
        stream.send(element)
        if position == "unbound" and "resume " in element:
            check_failed(stream.receive(), "item-not-found")
        else:
            check_failed(stream.receive(), "unexpected-request")


@pytest.mark.parametrize("element", NONZAS.values(), ids=NONZAS.keys())
def test_T4_before_tls(scene, attacker, element):
    with scene.survives():
        check_stream_error(attacker.plain().exchange(element), "unsupported-stanza-type")


@pytest.mark.parametrize("element", (NONZAS["r"], NONZAS["a"], NONZAS["resume"]))
def test_B6_without_enable(scene, attacker, element):
    stream = attacker.bound()
    with scene.survives(lines=0):
        stream.send(element)
        check_failed(stream.receive(), "unexpected-request")


def test_B7_h_too_high(scene, connect):
    client = connect(scene.node.add_account())
    with scene.survives(lines=2):
        client.send_presence()
        answer = client.exchange(f"<a xmlns='{SM}' h='{client.handled + 1}'/>")
        check_stream_error(answer, "undefined-condition", app=APP)
        problem = answer.elements[-1].find(APP)
        assert int(problem.get("h")) == int(problem.get("send-count")) + 1


def test_B7_resume_with_h_too_high(scene, connect):
    """Only the stream that says it is hurt."""
    owner = scene.node.add_account()
    session = connect(owner)
    liar = connect(owner, enabled=False)
    with scene.survives(lines=1):
        answer = liar.exchange(f"<resume xmlns='{SM}' previd='{session.id}' h='1'/>")
        check_stream_error(answer, "undefined-condition", app=APP)
        assert session.ask_h() == 0


BAD_H = ("-1", "", "x", "0x1", "1.0", "4294967296", "99999999999999999999999", "+1", "1 1", "٣",
         "1" * 10000)


@pytest.mark.parametrize("h", (None, *BAD_H))
def test_B8_h_is_no_number(scene, connect, h):
    attribute = "" if h is None else f"h='{h}'"
    client = connect(scene.node.add_account())
    with scene.survives(lines=2):
        check_stream_error(client.exchange(f"<a xmlns='{SM}' {attribute}/>"), "invalid-xml")


@pytest.mark.parametrize("h", (None, *BAD_H))
def test_B8_resume_with_h_that_is_no_number(scene, connect, h):
    attribute = "" if h is None else f"h='{h}'"
    owner = scene.node.add_account()
    session = connect(owner)
    client = connect(owner, enabled=False)
    with scene.survives(lines=0):
        client.send(f"<resume xmlns='{SM}' previd='{session.id}' {attribute}/>")
        check_failed(client.receive(), "bad-request")
        client.send(f"<resume xmlns='{SM}' h='0'/>")
        check_failed(client.receive(), "bad-request")
        assert session.ask_h() == 0


def test_B9_enable_twice(scene, connect):
    client = connect(scene.node.add_account())
    with scene.survives(lines=0):
        for _ in range(3):
            client.send(NONZAS["enable"])
            check_failed(client.receive(), "unexpected-request")
        client.send(NONZAS["resume"])
        check_failed(client.receive(), "unexpected-request")
        assert client.ask_h() == 0


def test_B10_resume_while_the_old_stream_lives(scene, connect):
    owner, friend = scene.node.add_account(), connect(scene.node.add_account())
    old = connect(owner)
    old.send_presence()
    old.answers = False
    for n in range(20):
        friend.send_message(old.full, str(n))
    friend.settle()
    new = connect(owner, enabled=False)
    new.resume(old)
    got = [e.findtext(f"{{{CLIENT}}}body") for e in (new.receive() for _ in range(20))]
    assert got == [str(n) for n in range(20)]
    with pytest.raises(Closed, match="conflict"):
        while True:
            old.receive()


def test_B11_parallel_resumes(scene, connect):
    owner = scene.node.add_account()
    session = connect(owner)
    streams = [connect(owner, enabled=False) for _ in range(20)]
    for stream in streams:
        stream.send(f"<resume xmlns='{SM}' previd='{session.id}' h='0'/>")
    answers = [stream.receive() for stream in streams]
    resumed = [n for n, answer in enumerate(answers) if local_name(answer.tag) == "resumed"]
    assert len(resumed) == 1
    for answer in answers[:resumed[0]] + answers[resumed[0] + 1:]:
        check_failed(answer, "conflict")
    winner = streams[resumed[0]]
    winner.counts = True
    assert winner.ask_h() == 0


CHUNK = 10000


def test_B12_flood_of_requests(volume):
    """What came together is answered together."""
    count = volume(1000000)
    answers = 0
    with other_scene(next(SOURCES), settings={"c2s": {"rate-exempt": "127.0.0.0/8"}}) as scene:
        client = SmStream(scene.node, scene.node.add_account(), source=next(SOURCES))
        client.login()
        client.enable()
        with scene.survives(lines=0):
            for begin in range(0, count, CHUNK):
                client.send(NONZAS["r"] * min(CHUNK, count - begin))
                answers += sum(e.tag == f"{{{SM}}}a" for e in collect(client))
        assert 0 < answers < count / 4
        client.close()


def numbers(elements):
    return [int(e.findtext(BODY).split()[0]) for e in elements if e.find(BODY) is not None]


@pytest.mark.memory
def test_B13_client_that_never_acknowledges(volume):
    """It gets what there is room for; the rest is not kept in memory, and comes in order once it
    acknowledges."""
    count = max(1000, volume(100000))
    with other_scene(next(SOURCES), settings={"c2s": {"rate-exempt": "127.0.0.0/8"}}) as scene:
        owner, sender = (SmStream(scene.node, scene.node.add_account(), source=next(SOURCES))
                         for _ in range(2))
        for client in (owner, sender):
            client.login()
            client.enable()
        owner.send_presence()
        owner.acknowledge()
        owner.answers = False
        got = []
        with scene.survives(lines=0, growth=2 * MIB):
            for n in range(count):
                sender.send_message(owner.bare, f"{n} " + "x" * 1000)
                if n % 100 == 99:
                    sender.settle()
            got += numbers(collect(owner))
        assert len(got) < 300
        owner.answers = True
        owner.acknowledge()
        while len(got) < count:
            got += numbers([owner.receive()])
        assert got == list(range(count))
        owner.close()
        sender.close()


def test_B14_password_change(scene, connect):
    owner = scene.node.add_account()
    waiting, live = connect(owner), connect(owner)
    waiting.cut()
    scene.node.daemon("c2s").wait_log(f"event=session_waits .*jid={waiting.full}")
    scene.node.control("user", "passwd", owner.jid, password="another")
    with pytest.raises(Closed, match="not-authorized"):
        while True:
            live.receive()
    owner = type(owner)(owner.jid, "another")
    for session in (waiting, live):
        check_failed(connect(owner, enabled=False).try_resume(session.id, 0), "item-not-found")
