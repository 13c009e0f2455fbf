# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The M rows of docs/ATTACKS.md about messages: what others forge, and abuse of the archive.

import itertools
import string

import pytest

from tests.attacks.vitals import other_scene
from tests.harness import archive, wait
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream

SID = "urn:xmpp:sid:0"
PAGE_MAX = 100
AT_ONCE = 10
# For everything but M16, which is about just these limits.
LIFTED = {"c2s": {"rate-exempt": "127.0.0.0/8"}, "sm": {"archive-queries": "100000"}}


def connect(scene, account=None, **options):
    return RawStream(scene.node, account or scene.node.add_account(), source=next(SOURCES),
                     **options).login()


@pytest.fixture(scope="module")
def library():
    """A scene where queries are not slowed down, and somebody who reads there: 120 messages."""
    with other_scene(next(SOURCES), settings=LIFTED) as scene:
        owner = scene.node.add_account()
        writer = connect(scene)
        for number in range(PAGE_MAX + 20):
            writer.send_message(owner.jid, str(number))
        writer.settle()
        writer.close()
        scene.reader = connect(scene, owner)
        yield scene
        scene.reader.close()


@pytest.fixture
def victim(scene):
    client = connect(scene)
    client.send_presence()
    yield client
    client.close()


# In messages to ${victim}: what must not arrive, as tags that nothing in the message has then.
FORGERIES = {
    "M1 received": "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
                   "<message xmlns='jabber:client' from='a@b/c' to='${victim}'><body>x</body>"
                   "</message></forwarded></received>",
    "M1 sent": "<sent xmlns='urn:xmpp:carbons:2'/><sent xmlns='urn:xmpp:carbons:2'/>",
    "M1 old": "<received xmlns='urn:xmpp:carbons:1'/>",
    "M2 result": "<result xmlns='urn:xmpp:mam:2' queryid='q' id='1'><forwarded "
                 "xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='a@b/c'/>"
                 "</forwarded></result>",
    "M2 old": "<result xmlns='urn:xmpp:mam:tmp' id='1'/><result xmlns='urn:xmpp:mam:0' id='1'/>",
    "M5 delay": "<delay xmlns='urn:xmpp:delay' from='${domain}' stamp='2001-01-01T00:00:00Z'/>",
    "M5 forms": "<delay xmlns='urn:xmpp:delay' from='${DOMAIN}' stamp='2001-01-01T00:00:00Z'/>"
                "<delay xmlns='urn:xmpp:delay' from='${domain}.' stamp='2001-01-01T00:00:00Z'/>",
}


def fill(text, victim):
    values = {"victim": victim.bare, "domain": victim.domain, "DOMAIN": victim.domain.upper()}
    return string.Template(text).substitute(values)


def tags(text):
    root = archive.parse(f"<x>{text}</x>")
    return {child.tag for child in root}


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("position", ("bound", "joined"))
def test_forged(scene, attacker, victim, name, position):
    """M1, M2, M5: from a client, and from a component; the rest of the message arrives."""
    stream = getattr(attacker, position)()
    sender = f" from='x@{stream.domain}'" if position == "joined" else ""
    payload = fill(FORGERIES[name], victim)
    with scene.survives():
        stream.send(f"<message{sender} to='{victim.full}' type='chat'>{payload}"
                    f"<body>{name}</body></message>")
        message = victim.wait_message(name)
    assert not tags(payload) & {child.tag for child in message}


def ids_in(message):
    return [e for e in message.iter(f"{{{SID}}}stanza-id")]


@pytest.mark.parametrize("position", ("bound", "joined"))
def test_M3_stanza_ids(scene, attacker, victim, position):
    """Three copies, other forms of the address, inside of other elements; of another address they
    stay."""
    stream = getattr(attacker, position)()
    sender = f" from='x@{stream.domain}'" if position == "joined" else ""
    by = [victim.bare] * 3 + [victim.bare.upper(), f"{victim.bare}/r", victim.domain]
    forged = "".join(f"<stanza-id xmlns='{SID}' by='{jid}' id='forged'/>" for jid in by)
    with scene.survives():
        stream.send(f"<message{sender} to='{victim.full}' type='chat'>{forged}<x xmlns='x'>{forged}"
                    f"<y>{forged}</y></x><stanza-id xmlns='{SID}' by='r@elsewhere.test' id='kept'/>"
                    "<body>M3</body></message>")
        message = victim.wait_message("M3")
    kept = [e for e in ids_in(message) if e.get("by") == "r@elsewhere.test"]
    ours = [e for e in ids_in(message) if e not in kept]
    assert len(kept) == 1
    assert len(ours) == 1
    assert all(e.get("by") == victim.bare and e.get("id") != "forged" for e in ours)


def test_M3_in_the_archive(library):
    """Nor are forged ids part of what is kept."""
    owner = library.node.add_account()
    writer = connect(library)
    writer.send(f"<message to='{owner.jid}' type='chat'><body>M3</body>"
                f"<stanza-id xmlns='{SID}' by='{owner.jid}' id='forged'/></message>")
    writer.settle()
    writer.close()
    reader = connect(library, owner)
    reader.send(f"<iq type='set' id='q'>{archive.payload()}</iq>")
    result = reader.wait_for(lambda e: e.find(f"{{{archive.MAM}}}result") is not None)
    assert [(e.get("by"), e.get("id")) for e in ids_in(result)] == \
        [(owner.jid, result.find(f"{{{archive.MAM}}}result").get("id"))]
    reader.close()


def test_M4_ids_tell_nothing(library):
    """Of two ids that follow each other hardly more digits agree than by chance (2 of 32)."""
    ids = archive.query(library.reader).ids
    assert len(set(ids)) == PAGE_MAX
    for one, two in itertools.pairwise(ids):
        assert sum(a == b for a, b in zip(one, two)) < 16
    assert ids != sorted(ids)


@pytest.mark.parametrize("whose", ("somebody", "nobody"))
def test_M13_archive_of_another(scene, attacker, victim, whose):
    target = victim.bare if whose == "somebody" else f"nobody@{victim.domain}"
    stream = attacker.bound()
    with scene.survives():
        for kind, payload in (("set", archive.payload()),
                              ("get", f"<query xmlns='{archive.MAM}'/>"),
                              ("get", f"<metadata xmlns='{archive.MAM}'/>"),
                              ("get", f"<prefs xmlns='{archive.MAM}'/>"),
                              ("set", f"<prefs xmlns='{archive.MAM}' default='never'/>")):
            answer = stream.ask(kind, payload, to=target)
            assert archive.condition(answer) == ("auth", "forbidden")


@pytest.mark.parametrize("size", ["101", str(10**9), str(10**18), "9" * 1000])
def test_M14_large_page(library, size):
    with library.survives():
        page = archive.query(library.reader, rsm={"max": size})
    assert (len(page.bodies), page.complete) == (PAGE_MAX, False)


@pytest.mark.parametrize("size", ["-1", "abc", "", "1.5", "0x10", "10 ", "１", "1e3", "+1"])
def test_M14_no_number(library, size):
    with library.survives():
        page = archive.query(library.reader, rsm={"max": size})
    assert page.error == ("modify", "bad-request")


PAYLOADS = [
    "'", "\"", "''", "' OR '1'='1", "' OR 1=1 --", "1 OR 1=1", "1; DROP TABLE message",
    "'; DROP TABLE message; --", "' UNION SELECT stanza FROM message --", "1)", "')", "'))--",
    "\\", "\\'", "%", "_", "%27", "$1", "$$", "E'\\x27'", "{1,2}", "1,2", "NULL", "1::bigint",
    "pg_sleep(5)", "'||pg_sleep(5)||'", "\u02bc OR 1=1", "\uff07", "/**/", "-- ",
]
PLACES = {
    "after": lambda text: {"rsm": {"after": text}},
    "before": lambda text: {"rsm": {"before": text}},
    "with": lambda text: {"fields": {"with": text}},
    "with a resource": lambda text: {"fields": {"with": f"a@b.test/{text}"}},
    "start": lambda text: {"fields": {"start": text}},
    "end": lambda text: {"fields": {"end": text}},
    "ids": lambda text: {"fields": {"ids": [text]}},
    "after-id": lambda text: {"fields": {"after-id": text}},
    "field": lambda text: {"fields": {text: "x"}},
}


@pytest.mark.parametrize("place", PLACES)
def test_M15_injection(library, place):
    """Refused, or an empty page; nothing is slow, nothing is written to the log, and the archive is
    what it was."""
    before = archive.metadata(library.reader)
    with library.survives():
        for payload in PAYLOADS:
            page = archive.query(library.reader, **PLACES[place](payload))
            assert page.bodies == [], payload
            assert page.error in (None, ("modify", "bad-request"), ("cancel", "item-not-found"),
                                  ("cancel", "feature-not-implemented")), payload
    assert archive.metadata(library.reader) == before


def test_M15_queryid(library):
    """It comes back as it was, and is nothing but text."""
    for payload in PAYLOADS:
        query = archive.payload(rsm={"max": "1"}, queryid=payload)
        library.reader.send(f"<iq type='set' id='x'>{query}</iq>")
        result = library.reader.wait_for(lambda e: e.find(f"{{{archive.MAM}}}result") is not None)
        assert result.find(f"{{{archive.MAM}}}result").get("queryid") == payload
        library.reader.wait_for(lambda e: e.get("id") == "x")


def answers_to(stream, identities):
    """Their conditions, in the order of the questions."""
    found = {}
    while len(found) < len(identities):
        element = stream.wait_for(lambda e: e.get("id") in identities)
        found[element.get("id")] = archive.condition(element)
    return [found[identity] for identity in identities]


def test_M16_flood(scene, attacker):
    """At the defaults: some queries are answered at once, as many wait for their turn, and the rest
    are refused, which costs the others nothing; then there is a turn again."""
    stream = attacker.bound()
    with scene.survives():
        answers = answers_to(stream, [archive.send_query(stream) for _ in range(60)])
    assert answers[:AT_ONCE] == [None] * AT_ONCE
    refused = answers.count(("wait", "resource-constraint"))
    assert refused + answers.count(None) == len(answers)
    assert refused > 0
    assert wait.until(lambda: archive.query(stream).error is None)


def test_M21_no_store(library):
    """It is kept nowhere; whoever is there gets it."""
    owner = library.node.add_account()
    writer = connect(library)
    hint = "<no-store xmlns='urn:xmpp:hints'/>"
    writer.send(f"<message to='{owner.jid}' type='chat'><body>never</body>{hint}</message>")
    writer.settle()
    reader = connect(library, owner)
    reader.send_presence()
    writer.send(f"<message to='{owner.jid}' type='chat'><body>now</body>{hint}</message>")
    assert reader.receive().find("{jabber:client}body").text == "now"
    assert archive.query(reader).bodies == []
    writer.close()
    reader.close()
