# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The archive of a room (XEP-0313): who may ask, what it answers, that devices see the same.

import pytest

from tests.harness import archive, slix, wait
from tests.harness.archive import MAM
from tests.harness.stream import RawStream
from tests.muc.rooms import FORM, USER, Room, error, tag

SID = "urn:xmpp:sid:0"
OCCUPANT = "urn:xmpp:occupant-id:0"
DISCO = "http://jabber.org/protocol/disco#info"
WORDS = [f"word {number}" for number in range(12)]


def ask(client, room, rsm=None, flip=False, **fields):
    """fields: of the form, _ for -."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return archive.query(client, to=room.jid, fields=named, rsm=rsm or {}, flip=flip)


def say(room, client, text, extra=""):
    """Returns the id that the room gives it."""
    room.say(client, text, extra)
    message = room.hears(client, text)
    ids = [e for e in message.iter(tag("stanza-id", SID)) if e.get("by") == room.jid]
    assert len(ids) == 1
    return ids[0].get("id")


@pytest.fixture(scope="module")
def full(session_node, make_login):
    """A room in which two have talked: (room, [ids])."""
    room = Room(session_node, make_login, "archived", {})
    room.other = room.newcomer("other")
    ids = [say(room, room.owner if n % 2 else room.other, word) for n, word in enumerate(WORDS)]
    return room, ids


@pytest.fixture(scope="module")
def make_login(session_node):
    opened = []

    def connect():
        client = RawStream(session_node, session_node.add_account())
        opened.append(client)
        client.login()
        return client
    yield connect
    for client in opened:
        client.close()


def test_stanza_id(room):
    """By the room, and nobody else's."""
    made = room()
    forged = f"<stanza-id xmlns='{SID}' by='{made.jid}' id='forged'/>"
    one, two = say(made, made.owner, "one", forged), say(made, made.owner, "two")
    assert "forged" not in (one, two)
    assert ask(made.owner, made).ids == [one, two]


def test_forwards(full):
    room, ids = full
    first = ask(room.owner, room, {"max": "5"})
    assert (first.bodies, first.complete) == (WORDS[:5], False)
    assert (first.first, first.last) == (ids[0], ids[4])
    second = ask(room.owner, room, {"max": "5", "after": first.last})
    assert second.ids == ids[5:10]
    last = ask(room.owner, room, {"max": "5", "after": second.last})
    assert (last.ids, last.complete) == (ids[10:], True)


def test_backwards(full):
    room, ids = full
    last = ask(room.owner, room, {"max": "5", "before": ""})
    assert (last.ids, last.complete) == (ids[-5:], False)
    before = ask(room.owner, room, {"max": "100", "before": last.first}, flip=True)
    assert (before.ids, before.complete) == (ids[:-5][::-1], True)
    assert (before.first, before.last) == (ids[0], ids[-6])


def test_several_devices(full, make_login):
    """Each pages its own way and has the same in the end."""
    room, ids = full
    devices = [make_login() for _ in range(3)]
    seen = []
    for size, device in enumerate(devices, 2):
        got, page = [], None
        while not (page and page.complete):
            rsm = {"max": str(size), **({"after": page.last} if page else {})}
            page = ask(device, room, rsm)
            got += page.ids
        seen.append(got)
    assert seen == [ids] * 3


def test_several_devices_at_once(full, make_login):
    """The pages of each come while the others ask for theirs."""
    room, ids = full
    devices = {make_login(): {"got": [], "after": None, "size": size} for size in (2, 3, 5)}
    open_ones = list(devices)
    while open_ones:
        asked = []
        for device in open_ones:
            state = devices[device]
            after = {"after": state["after"]} if state["after"] else {}
            rsm = {"max": str(state["size"]), **after}
            asked.append((device, archive.send_query(device, to=room.jid, fields={}, rsm=rsm)))
        for device, identity in asked:
            page = archive.read_page(device, identity)
            devices[device]["got"] += page.ids
            devices[device]["after"] = page.last
            if page.complete:
                open_ones.remove(device)
    assert [state["got"] for state in devices.values()] == [ids] * 3


def test_too_many_questions(full, node):
    """Beyond 50 that wait for the database they are refused; those are answered, but who has waited
    too long."""
    room, ids = full
    with node.postgres.locked("kontalk_muc.message"):
        asked = {archive.send_query(room.owner, to=room.jid, fields={}) for _ in range(60)}
        for _ in range(10):
            answer = room.owner.wait_for(lambda e: e.get("id") in asked)
            assert error(answer) == ("wait", "resource-constraint")
            asked.remove(answer.get("id"))
    results, answered = 0, 0
    while asked:
        stanza = room.owner.receive()
        results += stanza.find(tag("result", MAM)) is not None
        if stanza.get("id") in asked:
            asked.remove(stanza.get("id"))
            answered += error(stanza) is None
    assert answered and results == answered * len(ids)


def test_count_and_empty(full):
    room, ids = full
    counted = ask(room.owner, room, {"max": "0"})
    assert (counted.count, counted.ids, counted.complete) == (str(len(ids)), [], False)
    nothing = ask(room.owner, room, end="2001-01-01T00:00:00Z")
    assert (nothing.ids, nothing.complete, nothing.first) == ([], True, None)


def test_fields(full):
    room, ids = full
    stamps = ask(room.owner, room).stamps
    assert ask(room.owner, room, start=stamps[8]).ids[-4:] == ids[8:]
    assert ids[3] in ask(room.owner, room, end=stamps[3]).ids
    assert ask(room.owner, room, start="2100-01-01T00:00:00Z").ids == []
    assert ask(room.owner, room, after_id=ids[2], before_id=ids[5]).ids == ids[3:5]
    assert ask(room.owner, room, ids=[ids[7], ids[1]]).ids == [ids[1], ids[7]]
    assert ask(room.owner, room, {"max": "1", "before": ""}, ids=ids[1:3]).ids == [ids[2]]


def test_with(full):
    room, ids = full
    assert ask(room.other, room, **{"with": room.nick("owner")}).ids == ids[1::2]
    assert ask(room.other, room, **{"with": room.jid}).ids == ids
    assert ask(room.other, room, **{"with": room.nick("nobody")}).ids == []
    # Only who may know the real addresses may ask for them.
    owner = room.owner.bare
    assert ask(room.owner, room, **{"with": owner}).ids == ids[1::2]
    assert ask(room.other, room, **{"with": owner}).error == ("auth", "forbidden")


def test_bad_ids(full, room):
    made = room()
    foreign = say(made, made.owner, "of another room")
    for bad in ("made-up", "0" * 32, foreign):
        assert ask(full[0].owner, full[0], after_id=bad).error == ("cancel", "item-not-found")
        page = ask(full[0].owner, full[0], {"after": bad})
        assert page.error == ("cancel", "item-not-found")


def test_bad_fields(full):
    room, _ = full
    assert ask(room.owner, room, colour="red").error == ("cancel", "feature-not-implemented")
    assert ask(room.owner, room, start="yesterday").error == ("modify", "bad-request")


def test_form_and_metadata(full):
    room, ids = full
    form = room.owner.ask("get", f"<query xmlns='{MAM}'/>", to=room.jid)
    names = {field.get("var") for field in form.iter(tag("field", FORM))}
    assert {"FORM_TYPE", "with", "start", "end", "before-id", "after-id", "ids"} <= names
    ends = archive.metadata(room.owner, to=room.jid)
    assert (ends["start"][0], ends["end"][0]) == (ids[0], ids[-1])


def test_what_is_told(full):
    """§6.1.2: from the occupant, to nobody, and the real address for those who may see it."""
    room, ids = full
    message = ask(room.owner, room, {"max": "1"}).messages[0]
    assert (message.get("from"), message.get("to")) == (room.nick("other"), None)
    assert message.get("type") == "groupchat"
    item = message.find(f"{tag('x', USER)}/{tag('item', USER)}")
    assert item.get("jid") == room.other.bare
    assert message.find(tag("stanza-id", SID)).get("id") == ids[0]
    assert message.find(tag("occupant-id", OCCUPANT)) is not None
    message = ask(room.other, room, {"max": "1"}).messages[0]
    assert message.find(tag("x", USER)) is None


def test_who_said_it_cannot_be_forged(room):
    made = room(whois="anyone")
    say(made, made.owner, "I am another", f"<x xmlns='{USER}'><item jid='other@example.org'/></x>")
    message = ask(made.owner, made).messages[0]
    items = list(message.iter(tag("item", USER)))
    assert [item.get("jid") for item in items] == [made.owner.bare]


def test_what_is_kept(room):
    """What was said, subjects too; not what is private, passing, or refused."""
    made = room(moderatedroom="1")
    guest = made.newcomer("guest")
    made.say(guest, "without voice")
    guest.wait_for(error)
    made.owner.send(f"<message to='{made.jid}' type='groupchat'><subject>news</subject></message>")
    guest.wait_for(lambda e: e.findtext(tag("subject")) == "news")
    made.owner.send_message(made.nick("guest"), "private")
    guest.wait_message("private")
    made.say(made.owner, "secret", "<no-store xmlns='urn:xmpp:hints'/>")
    guest.wait_message("secret")
    say(made, made.owner, "said")
    page = ask(guest, made)
    assert [m.findtext(tag("subject")) or m.findtext(tag("body")) for m in page.messages] == \
        ["news", "said"]


def test_who_may_ask(room, login):
    made = room()
    say(made, made.owner, "said")
    stranger = login()
    assert ask(stranger, made).bodies == ["said"]  # an open room, which he might enter
    made.change(made.owner, jid=stranger.bare, affiliation="outcast")
    assert ask(stranger, made).error == ("auth", "forbidden")
    assert error(stranger.ask("get", f"<metadata xmlns='{MAM}'/>", to=made.jid)) == \
        ("auth", "forbidden")


def test_members_only(room, login):
    made = room(membersonly="1")
    say(made, made.owner, "said")
    stranger, member = login(), login()
    made.change(made.owner, jid=member.bare, affiliation="member")
    assert ask(stranger, made).error == ("auth", "forbidden")
    assert ask(member, made).bodies == ["said"]
    made.change(made.owner, jid=member.bare, affiliation="none")
    assert ask(member, made).error == ("auth", "forbidden")


def test_password(room, login):
    made = room(passwordprotectedroom="1", roomsecret="sesame")
    say(made, made.owner, "said")
    stranger = login()
    assert ask(stranger, made).error == ("auth", "forbidden")
    made.join(stranger, "guest", "<password>sesame</password>")
    assert ask(stranger, made).bodies == ["said"]


def test_no_room(login, node):
    page = archive.query(login(), to=f"nobody@{node.place.conference}", fields={})
    assert page.error == ("cancel", "item-not-found")


def features(client, room):
    info = client.ask("get", f"<query xmlns='{DISCO}'/>", to=room.jid)
    return {feature.get("var") for feature in info.iter(tag("feature", DISCO))}


def test_not_logged(room):
    """What is said while the room is not logged is in no archive, then or later."""
    made = room()
    say(made, made.owner, "before")
    assert {MAM, MAM + "#extended", SID} <= features(made.owner, made)
    made.configure(enablelogging="0")
    say(made, made.owner, "between us")
    assert ask(made.owner, made).error == ("cancel", "service-unavailable")
    assert MAM not in features(made.owner, made)
    made.configure(enablelogging="1")
    say(made, made.owner, "behind")
    assert ask(made.owner, made).bodies == ["before", "behind"]


def test_restart(room, node):
    """Ids stay, and none is used again."""
    made = room(persistentroom="1")
    one = say(made, made.owner, "one")
    node.daemon("muc").restart()
    two = say(made, made.owner, "two")
    page = ask(made.owner, made)
    assert (page.ids, page.bodies) == ([one, two], ["one", "two"])


@slix.in_loop
async def test_slixmpp(full, node, account):
    room, ids = full
    async with slix.connected(node, account(), plugins=("xep_0313",)) as client:
        got = client["xep_0313"].retrieve(jid=room.jid, iterator=True, rsm={"max": 4})
        found = [message["mam_result"] async for page in got for message in page["mam"]["results"]]
        assert [result["id"] for result in found] == ids


@pytest.fixture
def short_life(node):
    """Messages are removed at once."""
    before = node.settings
    node.reconfigure({"muc": {"archive-retention": "1s", "retention-interval": "100ms"}})
    node.daemon("muc").restart()
    yield
    node.settings = before
    node.reconfigure({})
    node.daemon("muc").restart()


def test_retention(room, node, short_life):
    """What is too old goes; its ids are not used again (§6.2), not after a restart either."""
    made = room(persistentroom="1")
    used = [say(made, made.owner, f"old {number}") for number in range(3)]
    wait.until(lambda: ask(made.owner, made).ids == [], what="the end of retention")
    assert ask(made.owner, made, {"after": used[0]}).error == ("cancel", "item-not-found")
    node.daemon("muc").wait_log("event=muc_retention")
    node.daemon("muc").restart()
    assert say(made, made.owner, "new") not in used
