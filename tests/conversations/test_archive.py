# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The archive (XEP-0313): pages, filters, ids, errors.

from datetime import datetime

import pytest

from tests.harness import archive
from tests.harness.archive import query
from tests.harness.stream import RawStream

COUNT = 25
KIB = 1024
BODY = "{jabber:client}body"


@pytest.fixture(scope="module")
def library(make_node):
    """Rates would only make everybody wait."""
    return make_node(settings={"c2s": {"rate-exempt": "127.0.0.0/8"},
                               "sm": {"archive-queries": "10000"}})


@pytest.fixture(scope="module")
def story(library):
    """An account to which others have written 0 to 24: romeo, but 7 to 9 from mercutio."""
    owner, romeo, mercutio = (library.add_account() for _ in range(3))
    by_romeo = RawStream(library, romeo, resource="orchard").login()
    by_mercutio = RawStream(library, mercutio, resource="street").login()
    for number in range(COUNT):
        writer = by_mercutio if 7 <= number <= 9 else by_romeo
        writer.send_message(owner.jid, str(number))
        writer.settle()
    by_romeo.logout()
    by_mercutio.logout()
    return owner, romeo, mercutio


@pytest.fixture
def reader(story, login, library):
    return login(story[0], library)


@pytest.fixture
def whole(reader):
    return query(reader)


def texts(numbers):
    return [str(number) for number in numbers]


def when(stamp):
    """As texts they have no order: what falls on a whole second has no fraction (XEP-0082)."""
    return datetime.fromisoformat(stamp)


def test_whole(whole):
    assert whole.bodies == texts(range(COUNT))
    assert len(set(whole.ids)) == COUNT
    assert (whole.first, whole.last, whole.complete) == (whole.ids[0], whole.ids[-1], True)
    assert whole.stamps == sorted(whole.stamps, key=when)


@pytest.mark.parametrize("flip", [False, True], ids=["", "flipped"])
@pytest.mark.parametrize("size", [1, 7, 24, 25, 26])
def test_forwards(story, login, library, size, flip):
    """§4.3.2: page after page; the wire may have them the other way round (§4.3.4)."""
    reader = login(story[0], library)
    seen, rsm = [], {"max": str(size)}
    while True:
        page = query(reader, rsm=rsm, flip=flip)
        bodies = page.bodies[::-1] if flip else page.bodies
        ids = page.ids[::-1] if flip else page.ids
        assert (page.first, page.last) == (ids[0], ids[-1])
        seen += bodies
        assert page.complete == (len(seen) == COUNT)
        if page.complete:
            break
        assert len(bodies) == size
        rsm["after"] = page.last
        if size == 1 and len(seen) == 3:
            return  # goes on like this
    assert seen == texts(range(COUNT))


@pytest.mark.parametrize("flip", [False, True], ids=["", "flipped"])
@pytest.mark.parametrize("size", [7, 24, 25])
def test_backwards(story, login, library, size, flip):
    """§4.3.3: the last page, and those before it; in each the oldest is first, unless flipped."""
    reader = login(story[0], library)
    seen, rsm = [], {"max": str(size), "before": ""}
    while True:
        page = query(reader, rsm=rsm, flip=flip)
        seen = (page.bodies[::-1] if flip else page.bodies) + seen
        assert page.complete == (len(seen) == COUNT)
        if page.complete:
            break
        rsm["before"] = page.first
    assert seen == texts(range(COUNT))


def test_with(story, reader):
    """§4.1.1: bare addresses match any resource, in any form that is the same after preparation;
    full ones only theirs."""
    owner, romeo, mercutio = story
    for address, numbers in (
            (mercutio.jid, range(7, 10)),
            (mercutio.jid.upper(), range(7, 10)),
            (f"{mercutio.jid}/street", range(7, 10)),
            (f"{mercutio.jid}/Street", []),
            (f"{mercutio.jid}/stree", []),
            (f"{mercutio.jid}/street'/>", []),
            ("nobody@example.org", []),
            (owner.jid, [])):
        page = query(reader, fields={"with": address})
        assert page.bodies == texts(numbers), address
        assert page.complete
    assert query(reader, fields={"with": romeo.jid}, rsm={"max": "3", "before": ""}).bodies == \
        ["22", "23", "24"]


def test_empty(reader):
    """XEP-0059 §2.2: an empty page has neither first nor last."""
    page = query(reader, fields={"with": "nobody@example.org"})
    assert (page.bodies, page.first, page.last, page.complete) == ([], None, None, True)


def test_start_and_end(reader, whole):
    """§4.1.2: both ends belong to it."""
    start, end = whole.stamps[5], whole.stamps[12]
    expected = [b for b, s in zip(whole.bodies, whole.stamps)
                if when(start) <= when(s) <= when(end)]
    assert query(reader, fields={"start": start, "end": end}).bodies == expected
    assert query(reader, fields={"start": start}).bodies == \
        [b for b, s in zip(whole.bodies, whole.stamps) if when(s) >= when(start)]
    assert query(reader, fields={"end": end}).bodies == \
        [b for b, s in zip(whole.bodies, whole.stamps) if when(s) <= when(end)]
    for fields in ({"start": "2100-01-01T00:00:00Z"}, {"end": "1999-12-31T23:59:59.5+01:00"},
                   {"start": end, "end": start}):
        if fields.get("start") != fields.get("end"):
            assert query(reader, fields=fields).bodies == []


def test_between_ids(reader, whole):
    """§4.1.3: neither of the two belongs to it; they go together with pages."""
    fields = {"after-id": whole.ids[5], "before-id": whole.ids[12]}
    assert query(reader, fields=fields).bodies == texts(range(6, 12))
    assert query(reader, fields={"after-id": whole.ids[20]}).bodies == texts(range(21, 25))
    assert query(reader, fields={"before-id": whole.ids[3]}).bodies == texts(range(3))
    assert query(reader, fields=fields, rsm={"max": "2", "before": ""}).bodies == ["10", "11"]
    page = query(reader, fields=fields, rsm={"max": "2", "after": whole.ids[8]})
    assert (page.bodies, page.complete) == (["9", "10"], False)
    assert query(reader, fields={"after-id": whole.ids[12], "before-id": whole.ids[5]}).bodies == []


def test_ids(story, reader, whole):
    """§4.1.3: exactly these, in the order of the archive."""
    ids = [whole.ids[number] for number in (9, 3, 20, 3)]
    assert query(reader, fields={"ids": ids}).bodies == ["3", "9", "20"]
    assert query(reader, fields={"ids": ids, "with": story[2].jid}).bodies == ["9"]
    assert query(reader, fields={"ids": ids}, rsm={"max": "1", "before": ""}).bodies == ["20"]
    assert query(reader, fields={"ids": ids}, rsm={"max": "0"}).count == "3"


def test_count(story, reader):
    """XEP-0059 §2.7."""
    page = query(reader, rsm={"max": "0"})
    assert (page.bodies, page.count, page.complete) == ([], str(COUNT), False)
    assert query(reader, fields={"with": story[2].jid}, rsm={"max": "0"}).count == "3"
    assert query(reader, fields={"with": "a@b"}, rsm={"max": "0"}).count == "0"


def test_unknown_ids(story, login, library, reader, whole):
    """§4.1.3, §4.3.2: also the id of somebody else's message, and one with a digit changed."""
    other = library.add_account()
    writer = login(story[1], library)
    writer.send_message(other.jid, "for another")
    writer.settle()
    foreign = query(login(other, library)).ids[0]
    changed = ("1" if whole.ids[0][0] == "0" else "0") + whole.ids[0][1:]
    for unknown in (foreign, changed, "x", whole.ids[0].upper()):
        for words in ({"rsm": {"after": unknown}}, {"rsm": {"before": unknown}},
                      {"fields": {"after-id": unknown}}, {"fields": {"before-id": unknown}},
                      {"fields": {"ids": [whole.ids[0], unknown]}}):
            assert query(reader, **words).error == ("cancel", "item-not-found"), words


@pytest.mark.parametrize("words, refusal", [
    ({"rsm": {"max": "-1"}}, ("modify", "bad-request")),
    ({"rsm": {"max": "abc"}}, ("modify", "bad-request")),
    ({"rsm": {"max": ""}}, ("modify", "bad-request")),
    ({"rsm": {"max": "10", "index": "3"}}, ("cancel", "feature-not-implemented")),
    ({"fields": {"start": "yesterday"}}, ("modify", "bad-request")),
    ({"fields": {"end": "2026-02-30T00:00:00Z"}}, ("modify", "bad-request")),
    ({"fields": {"with": "@"}}, ("modify", "bad-request")),
    ({"fields": {"with": ["a@b", "c@d"]}}, ("modify", "bad-request")),
    ({"fields": {"include-groupchat": "perhaps"}}, ("modify", "bad-request")),
    ({"fields": {"{urn:example}text": "x"}}, ("cancel", "feature-not-implemented")),
    ({"fields": {"ids": ["x"] * 101}}, ("cancel", "item-not-found")),
])
def test_bad_queries(reader, words, refusal):
    """§4.1.5, XEP-0059 §2.6"""
    assert query(reader, **words).error == refusal


def test_forms_of_another_kind(reader):
    for inner in (archive.form({}, "urn:xmpp:mam:1"), "<x xmlns='jabber:x:data' type='submit'/>"):
        answer = reader.ask("set", f"<query xmlns='{archive.MAM}'>{inner}</query>")
        assert archive.condition(answer) == ("modify", "bad-request")
    answer = reader.ask("set", f"<query xmlns='{archive.MAM}' node='urn:example:node'/>")
    assert archive.condition(answer) == ("cancel", "item-not-found")


def test_include_groupchat(reader):
    """§4.1.4: there is nothing of rooms in it, so it makes no difference."""
    for value in ("true", "false"):
        assert len(query(reader, fields={"include-groupchat": value}).bodies) == COUNT


def test_metadata(reader, whole, login, library):
    """§5"""
    assert archive.metadata(reader) == {"start": (whole.ids[0], whole.stamps[0]),
                                        "end": (whole.ids[-1], whole.stamps[-1])}
    assert archive.metadata(login(library.add_account(), library)) == {}


def test_ids_stay(reader, whole, login, story, library):
    """XEP-0359 §2.1: also when everything has been restarted."""
    reader.logout()
    library.daemon("c2s").restart()
    assert query(login(story[0], library)).ids == whole.ids


def test_slow_reader(login, library):
    """A page of large messages is written as fast as the client reads, in order, and holds nobody
    up meanwhile."""
    owner = library.add_account()
    writer, reader = login(where=library), login(owner, library)
    for number in range(40):
        writer.send_message(owner.jid, f"{number} " + "x" * 200 * KIB)
    writer.settle()
    identity = archive.send_query(reader)
    for number in range(5):
        writer.send_message(owner.jid, f"more {number}")
    writer.settle()
    page = archive.read_page(reader, identity)
    assert [int(body.split()[0]) for body in page.bodies[:40]] == list(range(40))


@pytest.fixture(scope="module")
def narrow(make_node):
    """Hardly more than one message of 200 KiB may wait for a client."""
    return make_node(settings={"c2s": {"rate-exempt": "127.0.0.0/8", "send-queue": "256k"}})


def test_many_slow_pages(login, narrow):
    """A large page and small ones behind it, none of which fills what may wait: all go on."""
    owner = narrow.add_account()
    writer, reader = login(where=narrow), login(owner, narrow)
    leave(writer, owner, ["x" * 200 * KIB] * 40 + ["end"])
    waiting = {archive.send_query(reader)}
    writer.settle()
    waiting |= {archive.send_query(reader, rsm={"max": "1", "before": ""}) for _ in range(8)}
    writer.settle()
    results = 0
    while waiting:
        element = reader.receive()
        waiting.discard(element.get("id"))
        results += element.find(f"{{{archive.MAM}}}result") is not None
    assert results == 49


def leave(writer, owner, numbers, extra=""):
    for number in numbers:
        writer.send(f"<message to='{owner.jid}' type='chat'><body>{number}</body>{extra}</message>")
    writer.settle()


def go_online(client):
    """The bodies that come because of it. What the server asks behind them is answered."""
    client.send("<presence/>")
    client.send(f"<iq type='get' id='ping' to='{client.domain}'><ping xmlns='urn:xmpp:ping'/></iq>")
    bodies = []
    while True:
        element = client.receive()
        if element.get("id") == "ping":
            break
        body = element.findtext(BODY)
        bodies += [body] if body is not None else []
        if element.get("type") == "get":
            client.send(f"<iq type='result' id='{element.get('id')}' to='{element.get('from')}'/>")
    client.settle()
    return bodies


@pytest.fixture
def away(login, library):
    """A writer, and an account with five messages that wait."""
    writer, owner = login(where=library), library.add_account()
    leave(writer, owner, range(5))
    return writer, owner


def test_not_offline_again(away, login, library):
    """§6.1.1: what a client has read in pages without a gap it does not get as offline messages,
    and nobody after it; what came later it gets."""
    writer, owner = away
    client = login(owner, library)
    page = query(client, rsm={"max": "2"})
    query(client, rsm={"max": "3", "after": page.last})
    leave(writer, owner, [5])
    assert go_online(client) == ["5"]
    client.logout()
    assert go_online(login(owner, library)) == []


def test_not_offline_again_backwards(away, login, library):
    client = login(away[1], library)
    page = query(client, rsm={"max": "2", "before": ""})
    query(client, rsm={"max": "2", "before": page.first})
    assert go_online(client) == ["0"]


@pytest.mark.parametrize("words", [
    {"fields": {"with": "nobody@example.org"}},
    {"fields": {"start": "2000-01-01T00:00:00Z"}},
    {"rsm": {"max": "0"}},
])
def test_filters_prove_nothing(away, login, library, words):
    client = login(away[1], library)
    query(client, **words)
    assert go_online(client) == texts(range(5))


def test_shown_but_not_arrived(away, login, library):
    """The client says nothing more, so nobody knows whether it has got its page: the messages wait
    for the next one."""
    client = login(away[1], library)
    query(client)
    client.send("<presence/>")
    assert client.wait_for(lambda e: e.get("type") == "get" or e.find(BODY) is not None) \
        .find(BODY) is None
    client.close()
    assert go_online(login(away[1], library)) == texts(range(5))


def test_not_in_the_archive(away, login, library):
    """What is not archived could not be read there."""
    writer, owner = away
    leave(writer, owner, ["off the record"], "<no-permanent-store xmlns='urn:xmpp:hints'/>")
    leave(writer, owner, [5])
    client = login(owner, library)
    assert query(client).bodies == texts(range(6))
    assert go_online(client) == ["off the record"]


def test_preferences(login, library):
    """XEP-0441 §2.1, for both directions; what is not archived is delivered all the same."""
    romeo, juliet = login(where=library), library.add_account()
    romeo.ask("set", f"<prefs xmlns='{archive.MAM}' default='never'/>")
    leave(romeo, juliet, ["one"])
    client = login(juliet, library)
    never = f"<never><jid>{romeo.bare}</jid></never>"
    client.ask("set", f"<prefs xmlns='{archive.MAM}' default='always'>{never}</prefs>")
    leave(romeo, juliet, ["two"])
    assert go_online(client) == ["one", "two"]
    assert query(client).bodies == ["one"]
    assert query(romeo).bodies == []


def test_both_sides(login, library):
    """§3: the same messages in the same order, also those to oneself, each once."""
    romeo, juliet = login(where=library), login(where=library)
    romeo.send_presence()
    juliet.send_presence()
    juliet.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    for number in range(6):
        one, other = (romeo, juliet) if number % 2 else (juliet, romeo)
        one.send_message(other.bare if number < 3 else other.full, str(number))
        other.wait_message(str(number))
    romeo.send_message(romeo.bare, "note")
    romeo.wait_message("note")
    assert query(juliet).bodies == texts(range(6))
    assert query(romeo).bodies == texts(range(6)) + ["note"]
    assert query(romeo, fields={"with": romeo.bare}).bodies == ["note"]
    # 1 was for the bare address.
    assert query(romeo, fields={"with": juliet.full}).bodies == ["0", "2", "3", "4", "5"]


def stanza_ids(message):
    return {e.get("by"): e.get("id") for e in message.iter("{urn:xmpp:sid:0}stanza-id")}


def test_one_id(login, library):
    """XEP-0359 §2.1, XEP-0280 §8: in the message, in copies on both sides, in both archives."""
    romeo, juliet = library.add_account(), library.add_account()
    clients = [login(account, library) for account in (romeo, romeo, juliet, juliet)]
    for client in clients:
        client.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    desk, sent, balcony, received = clients
    desk.send_message(balcony.full, "hello")
    message = balcony.wait_message("hello")
    copies = [client.wait_for(lambda e: e.find("*//{urn:xmpp:forward:0}forwarded") is not None
                              or e.find("*/{urn:xmpp:forward:0}forwarded") is not None)
              for client in (sent, received)]
    of_romeo, of_juliet = query(desk).ids, query(balcony).ids
    assert stanza_ids(message) == {juliet.jid: of_juliet[0]}
    assert stanza_ids(copies[0]) == {romeo.jid: of_romeo[0]}
    assert stanza_ids(copies[1]) == {juliet.jid: of_juliet[0]}
    assert len(of_romeo) == len(of_juliet) == 1
