# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The configuration of rooms, and their end (XEP-0045 §§10.1, 10.2 and 10.9).

import pytest

from tests.muc.rooms import CONFIG, FORM, OWNER, USER, codes, error, is_message, item, tag


def form_of(place, client=None):
    answer = (client or place.owner).ask("get", f"<query xmlns='{OWNER}'/>", to=place.jid)
    assert error(answer) is None, error(answer)
    return {f.get("var"): [v.text or "" for v in f.findall(tag("value", FORM))]
            for f in answer.iter(tag("field", FORM))}


def is_news(stanza):
    return is_message(stanza) and bool(codes(stanza))


def test_form(room):
    """§10.1.3: every registered field that has a meaning here."""
    place = room(roomname="Coven", roomdesc="Witches")
    found = form_of(place)
    assert found["FORM_TYPE"] == [CONFIG]
    assert found["muc#roomconfig_roomname"] == ["Coven"]
    assert found["muc#roomconfig_roomdesc"] == ["Witches"]
    assert found["muc#roomconfig_roomowners"] == [place.owner.bare]
    assert {"muc#roomconfig_" + name for name in (
        "allowinvites", "changesubject", "enablelogging", "getmemberlist", "lang", "maxusers",
        "membersonly", "moderatedroom", "passwordprotectedroom", "persistentroom",
        "presencebroadcast", "publicroom", "roomadmins", "roomsecret", "whois", "allowpm")
        } | {"muc#maxhistoryfetch"} <= set(found)


@pytest.mark.parametrize("name", ["Coven", ""])
def test_title_of_the_form(room, name):
    place = room(roomname=name)
    form = place.owner.ask("get", f"<query xmlns='{OWNER}'/>", to=place.jid).find(
        f".//{tag('x', FORM)}")
    assert form.findtext(tag("title", FORM)) == f"Configuration of {name or place.jid}"
    assert form.findtext(tag("instructions", FORM))


@pytest.mark.parametrize("change, expected", [
    ({"whois": "anyone"}, {172}), ({"enablelogging": "0"}, {171}),
    ({"roomname": "x"}, {104}), ({"roomname": "x", "whois": "anyone"}, {104, 172}),
], ids=str)
def test_notification(room, change, expected):
    """§10.2.1"""
    place = room()
    second = place.newcomer("second")
    place.configure(**change)
    news = second.wait_for(is_news)
    assert codes(news) == expected and news.get("from") == place.jid
    assert news.get("type") == "groupchat" and news.find(tag("body")) is None


def test_notification_of_the_way_back(room):
    place = room(whois="anyone", enablelogging="0")
    second = place.newcomer("second")
    place.configure(whois="moderators", enablelogging="1")
    assert codes(second.wait_for(is_news)) == {170, 173}


def test_members_only_from_now_on(room):
    """§10.2: 322 for who is no member."""
    place = room()
    second = place.newcomer("second")
    place.configure(membersonly="1")
    for client in (second, place.owner):
        seen = place.presence_of(client, "second", lambda p: p.get("type") == "unavailable")
        assert 322 in codes(seen)


def test_owners_and_admins(room):
    """§10.2: by the form, as whole lists."""
    place = room()
    second, third = place.newcomer("second"), place.newcomer("third")
    place.configure(roomowners=[place.owner.bare, second.bare], roomadmins=[third.bare])
    place.presence_of(second, "second", lambda p: item(p) == ("owner", "moderator"))
    place.presence_of(third, "third", lambda p: item(p) == ("admin", "moderator"))
    place.configure(roomowners=[place.owner.bare])
    place.presence_of(second, "second", lambda p: item(p) == ("admin", "moderator"))
    answer = place.owner.ask("set", f"<query xmlns='{OWNER}'>{place.form(roomowners=[])}</query>",
                             to=place.jid)
    assert error(answer) == ("cancel", "conflict")


def test_password_without_one(room):
    """§10.1.3: not-acceptable, and nothing changes."""
    place = room()
    answer = place.owner.ask(
        "set", f"<query xmlns='{OWNER}'>{place.form(passwordprotectedroom='1', roomname='x')}"
        "</query>", to=place.jid)
    assert error(answer) == ("modify", "not-acceptable")
    assert form_of(place)["muc#roomconfig_roomname"] == [""]


def test_cancel(room):
    """§10.2: everything stays."""
    place = room(roomname="before")
    place.owner.ask("set", f"<query xmlns='{OWNER}'><x xmlns='{FORM}' type='cancel'/></query>",
                    to=place.jid)
    assert form_of(place)["muc#roomconfig_roomname"] == ["before"]


def test_fields_of_others(room):
    """A field that is not known harms nothing."""
    place = room()
    place.configure(nobodyknows="x", roomname="y")
    assert form_of(place)["muc#roomconfig_roomname"] == ["y"]


def test_floor_is_opened(room):
    """Visitors of a room that is no longer moderated may speak."""
    place = room(moderatedroom="1")
    second = place.newcomer("second")
    place.configure(moderatedroom="0")
    place.presence_of(second, "second", lambda p: item(p) == ("none", "participant"))


def test_strangers(room):
    """§10.2: forbidden"""
    place = room()
    second = place.newcomer("second")
    for kind, payload in (("get", f"<query xmlns='{OWNER}'/>"),
                          ("set", f"<query xmlns='{OWNER}'>{place.form(roomname='x')}</query>")):
        assert error(second.ask(kind, payload, to=place.jid)) == ("auth", "forbidden")


def test_destruction(room):
    """§10.9: each hears of itself alone, with the other place, the reason, and its password."""
    place = room(persistentroom="1")
    second = place.newcomer("second")
    answer = place.owner.ask(
        "set", f"<query xmlns='{OWNER}'><destroy jid='other@conference.example.test'>"
        "<reason>why</reason><password>p</password></destroy></query>", to=place.jid)
    assert error(answer) is None
    seen = second.wait_for(lambda e: (e.get("type") == "unavailable"))
    assert seen.get("from") == place.nick("second") and item(seen) == ("none", "none")
    destroy = seen.find(f"{tag('x', USER)}/{tag('destroy', USER)}")
    assert destroy.get("jid") == "other@conference.example.test"
    assert destroy.findtext(tag("reason", USER)) == "why"
    assert destroy.findtext(tag("password", USER)) == "p"
    assert 201 in codes(place.join(place.owner, "owner")[0])  # another room
