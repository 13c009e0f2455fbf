# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Moderators, administrators, owners (XEP-0045 §§8, 9 and 10.3 to 10.8).

import pytest

from tests.muc.rooms import ADMIN, USER, codes, error, item, tag


def gone(presence):
    return presence.get("type") == "unavailable"


def extra(presence, name):
    return presence.find(f"{tag('x', USER)}/{tag('item', USER)}/{tag(name, USER)}")


def list_of(place, client, **wish):
    words = "".join(f" {name}='{value}'" for name, value in wish.items())
    return client.ask("get", f"<query xmlns='{ADMIN}'><item{words}/></query>", to=place.jid)


def items(answer):
    assert error(answer) is None, error(answer)
    return [dict(i.attrib) for i in answer.iter(tag("item", ADMIN))]


def test_kick(room):
    """§8.2: 307 for all, reason and actor."""
    place = room()
    second, third = place.newcomer("second"), place.newcomer("third")
    assert error(place.change(place.owner, nick="second", role="none", reason="why")) is None
    for client in (second, third, place.owner):
        seen = place.presence_of(client, "second", gone)
        assert 307 in codes(seen) and item(seen) == ("none", "none")
        assert extra(seen, "reason").text == "why" and extra(seen, "actor").get("nick") == "owner"
    assert not error(place.join(second, "second")[-1])  # it may come back


def test_ban(room):
    """§9.1: 301; it cannot come back; §9.2: the list has the reason."""
    place = room()
    second = place.newcomer("second")
    place.change(place.owner, jid=second.bare, affiliation="outcast", reason="why")
    assert 301 in codes(place.presence_of(second, "second", gone))
    assert 301 in codes(place.presence_of(place.owner, "second", gone))
    assert error(place.join(second, "second")[-1]) == ("auth", "forbidden")
    answer = list_of(place, place.owner, affiliation="outcast")
    assert items(answer) == [{"affiliation": "outcast", "jid": second.bare}]
    assert answer.find(f".//{tag('reason', ADMIN)}").text == "why"
    place.change(place.owner, jid=second.bare, affiliation="none")
    assert not error(place.join(second, "second")[-1])


def test_ban_of_a_domain(room, login):
    place = room()
    place.change(place.owner, jid=place.node.network, affiliation="outcast")
    assert error(place.join(login(), "second")[-1]) == ("auth", "forbidden")
    place.say(place.owner, "the owner stays")
    place.hears(place.owner, "the owner stays")


def test_voice(room):
    """§§8.3 to 8.5"""
    place = room(moderatedroom="1")
    place.newcomer("second")
    place.change(place.owner, nick="second", role="participant")
    place.presence_of(place.owner, "second", lambda p: item(p)[1] == "participant")
    found = items(list_of(place, place.owner, role="participant"))
    assert [i["nick"] for i in found] == ["second"] and "/" in found[0]["jid"]
    place.change(place.owner, nick="second", role="visitor")
    place.presence_of(place.owner, "second", lambda p: item(p)[1] == "visitor")


def again(place, client, nick):
    """Leaves, comes back under another nickname: with which role."""
    place.leave(client, nick)
    seen = place.join(client, f"{nick}2")
    role = [item(p)[1] for p in seen if p.get("from") == place.nick(f"{nick}2")][0]
    place.leave(client, f"{nick}2")
    assert not error(place.join(client, nick)[-1])
    return role


def test_silence_outlives_a_visit(room):
    """§5.1: who is to be silent does not come back with voice, until he is given it."""
    place = room()
    second = place.newcomer("second")
    place.change(place.owner, nick="second", role="visitor")
    assert again(place, second, "second") == "visitor"
    place.change(place.owner, nick="second", role="none")
    place.presence_of(second, "second", gone)
    assert item(place.join(second, "second")[1])[1] == "visitor"
    place.change(place.owner, nick="second", role="participant")
    assert again(place, second, "second") == "participant"


def test_voice_outlives_a_visit(room):
    """§5.1, in a moderated room; to be a moderator ends with the visit."""
    place = room(moderatedroom="1")
    second = place.newcomer("second")
    place.change(place.owner, nick="second", role="participant")
    assert again(place, second, "second") == "participant"
    place.change(place.owner, nick="second", role="moderator")
    assert again(place, second, "second") == "visitor"


@pytest.mark.parametrize("what", ["affiliation", "floor"])
def test_what_ends_silence(room, what):
    place = room(moderatedroom="1" if what == "floor" else "0")
    second = place.newcomer("second")
    place.change(place.owner, jid=second.bare, affiliation="member")
    place.change(place.owner, nick="second", role="visitor")
    assert again(place, second, "second") == "visitor"
    if what == "floor":
        place.configure(moderatedroom="0")
    else:
        place.change(place.owner, jid=second.bare, affiliation="none")
    assert again(place, second, "second") == "participant"


def test_moderator(room):
    """§§9.6 to 9.8"""
    place = room()
    second = place.newcomer("second")
    place.change(place.owner, nick="second", role="moderator")
    place.presence_of(second, "second", lambda p: item(p) == ("none", "moderator"))
    found = items(list_of(place, second, role="moderator"))
    assert {i["nick"] for i in found} == {"owner", "second"}
    place.change(place.owner, nick="second", role="participant")
    place.presence_of(second, "second", lambda p: item(p) == ("none", "participant"))


@pytest.mark.parametrize("affiliation, role", [
    ("member", "participant"), ("admin", "moderator"), ("owner", "moderator")])
def test_affiliation(room, affiliation, role):
    """§§9.3, 10.3 and 10.6: granted and revoked, all hear it; §§9.5, 10.5 and 10.8: listed."""
    place = room()
    second = place.newcomer("second")
    place.change(place.owner, jid=second.full, affiliation=affiliation, reason="why")
    for client in (second, place.owner):
        seen = place.presence_of(client, "second", lambda p: item(p) == (affiliation, role))
        assert extra(seen, "reason").text == "why"
    found = items(list_of(place, place.owner, affiliation=affiliation))
    assert second.bare in {i["jid"] for i in found}
    place.change(place.owner, jid=second.bare, affiliation="none")
    place.presence_of(second, "second", lambda p: item(p) == ("none", "participant"))


def test_by_nickname(room):
    """§9: an affiliation can be changed by the nickname, too."""
    place = room()
    second = place.newcomer("second")
    assert error(place.change(place.owner, nick="second", affiliation="member")) is None
    place.presence_of(second, "second", lambda p: item(p)[0] == "member")


def test_nickname_of_somebody_else(room):
    """§17.4: a change of a role that names an address, too, is not done to somebody else who has
    the nickname by now."""
    place = room()
    second = place.newcomer("second")
    third = place.newcomer("third")
    wrong = place.change(place.owner, nick="second", jid=third.bare, role="none")
    assert error(wrong) == ("cancel", "item-not-found")
    assert error(place.change(place.owner, nick="second", jid=second.full, role="none")) is None
    assert 307 in codes(place.presence_of(second, "second", gone))


def test_membership_revoked_in_members_only_room(room):
    """§9.4: 321"""
    place = room(membersonly="1")
    second = place.login()
    place.change(place.owner, jid=second.bare, affiliation="member")
    place.join(second, "second")
    place.change(place.owner, jid=second.bare, affiliation="none")
    assert 321 in codes(place.presence_of(second, "second", gone))
    assert 321 in codes(place.presence_of(place.owner, "second", gone))


CHANGES = {
    # who, whom, what: the error, None if it is done
    "moderator kicks": ("moderator", "none", {"role": "none"}, None),
    "moderator kicks owner": ("moderator", "owner", {"role": "none"}, ("cancel", "not-allowed")),
    "moderator kicks moderator": ("moderator", "moderator", {"role": "none"},
                                  ("cancel", "not-allowed")),
    "admin kicks moderator": ("admin", "moderator", {"role": "none"}, None),
    "moderator gives voice": ("moderator", "none", {"role": "participant"}, None),
    "moderator makes moderator": ("moderator", "none", {"role": "moderator"},
                                  ("auth", "forbidden")),
    "moderator bans": ("moderator", "none", {"affiliation": "outcast"}, ("auth", "forbidden")),
    "participant kicks": ("none", "none", {"role": "none"}, ("auth", "forbidden")),
    "member makes member": ("member", "none", {"affiliation": "member"}, ("auth", "forbidden")),
    "admin bans": ("admin", "none", {"affiliation": "outcast"}, None),
    "admin makes member": ("admin", "none", {"affiliation": "member"}, None),
    "admin makes admin": ("admin", "none", {"affiliation": "admin"}, ("auth", "forbidden")),
    "admin makes owner": ("admin", "none", {"affiliation": "owner"}, ("auth", "forbidden")),
    "admin makes moderator": ("admin", "none", {"role": "moderator"}, None),
    "admin takes voice of owner": ("admin", "owner", {"role": "visitor"},
                                   ("cancel", "not-allowed")),
    "admin unmakes moderator who is owner": ("admin", "owner", {"role": "participant"},
                                             ("cancel", "not-allowed")),
    "admin bans owner": ("admin", "owner", {"affiliation": "outcast"}, ("cancel", "not-allowed")),
    "admin demotes admin": ("admin", "admin", {"affiliation": "member"},
                            ("cancel", "not-allowed")),
    "owner demotes admin": ("owner", "admin", {"affiliation": "member"}, None),
    "owner demotes owner": ("owner", "owner", {"affiliation": "admin"}, None),
    "owner bans admin": ("owner", "admin", {"affiliation": "outcast"}, None),
}




@pytest.mark.parametrize("name", CHANGES)
def test_delegation(room, name):
    """§§5.1.1, 5.2.1, 8 to 10"""
    who, whom, change, expected = CHANGES[name]
    place = room()
    actor, target = place.newcomer("actor"), place.newcomer("target")
    for client, nick, kind in ((actor, "actor", who), (target, "target", whom)):
        if kind == "moderator":
            place.change(place.owner, nick=nick, role="moderator")
        elif kind != "none":
            place.change(place.owner, jid=client.bare, affiliation=kind)
    wish = {"nick": "target"} if "role" in change else {"jid": target.bare}
    assert error(place.change(actor, **wish, **change)) == expected


def test_moderator_kicks_himself(room):
    """§8.2: it is allowed."""
    place = room()
    second = place.newcomer("second")
    place.change(place.owner, nick="second", role="moderator")
    assert error(place.change(second, nick="second", role="none")) is None
    assert 307 in codes(place.presence_of(second, "second", gone))


def members(place):
    return {i["jid"]: i.get("nick") for i in items(list_of(place, place.owner,
                                                           affiliation="member"))}


def test_nickname_of_a_member(room):
    """§§9.3 and 9.5: it is reserved with the membership, changed, and freed by an empty one;
    nobody else gets it."""
    place = room()
    jid = "somebody@example.test"
    for nick, kept in (("one", "one"), ("two", "two"), (None, "two"), ("", None)):
        wish = {} if nick is None else {"nick": nick}
        assert error(place.change(place.owner, jid=jid, affiliation="member", **wish)) is None
        assert members(place) == {jid: kept}
    place.change(place.owner, jid=jid, affiliation="member", nick="mine", reason="why")
    assert error(place.join(place.login(), "mine")[-1]) == ("cancel", "conflict")
    other = {"jid": "other@example.test", "affiliation": "member"}
    for nick in ("mine", "owner"):
        assert error(place.change(place.owner, nick=nick, **other)) == ("cancel", "conflict")
    assert error(place.change(place.owner, nick=" ", **other)) == ("modify", "jid-malformed")
    assert members(place) == {jid: "mine"}


def test_one_nickname_for_two(room):
    """§9.5"""
    place = room()
    answer = place.owner.ask("set", f"<query xmlns='{ADMIN}'>" + "".join(
        f"<item jid='{user}@example.test' affiliation='member' nick='same'/>"
        for user in ("one", "two")) + "</query>", to=place.jid)
    assert error(answer) == ("cancel", "conflict") and members(place) == {}


def test_all_or_nothing(room):
    """§9.2: no item is applied if one cannot be."""
    place = room()
    answer = place.owner.ask(
        "set", f"<query xmlns='{ADMIN}'><item jid='a@example.test' affiliation='outcast'/>"
        f"<item jid='{place.owner.bare}' affiliation='outcast'/></query>", to=place.jid)
    assert error(answer) == ("cancel", "conflict")
    assert items(list_of(place, place.owner, affiliation="outcast")) == []


def test_owners_do_not_all_go_at_once(room):
    """§10.7"""
    place = room()
    second = place.newcomer("second")
    place.change(place.owner, jid=second.bare, affiliation="owner")
    answer = place.owner.ask(
        "set", f"<query xmlns='{ADMIN}'><item jid='{place.owner.bare}' affiliation='none'/>"
        f"<item jid='{second.bare}' affiliation='none'/></query>", to=place.jid)
    assert error(answer) == ("cancel", "conflict")
    assert error(place.change(place.owner, jid=place.owner.bare, affiliation="none")) is None


def test_lists_of_strangers(room):
    """§9.5: members are listed to members of non-anonymous rooms, to others never."""
    hidden, shown = room(), room(whois="anyone")
    member = hidden.login()
    for place in (hidden, shown):
        place.change(place.owner, jid=member.bare, affiliation="member")
    forbidden = ("auth", "forbidden")
    assert error(list_of(hidden, member, affiliation="member")) == forbidden
    assert error(list_of(shown, member, affiliation="outcast")) == forbidden
    assert items(list_of(shown, member, affiliation="member")) == [
        {"affiliation": "member", "jid": member.bare}]
    assert error(list_of(shown, shown.login(), affiliation="member")) == forbidden
