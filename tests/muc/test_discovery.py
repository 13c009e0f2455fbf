# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What can be found out (XEP-0045 §§6 and 7.12).

import itertools

from tests.muc.rooms import FORM, MUC, error, tag

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
RSM = "http://jabber.org/protocol/rsm"


def info(client, to, node=None):
    words = f" node='{node}'" if node else ""
    return client.ask("get", f"<query xmlns='{INFO}'{words}/>", to=to)


def features(answer):
    return {f.get("var") for f in answer.iter(tag("feature", INFO))}


def fields(answer):
    return {f.get("var"): f.findtext(tag("value", FORM)) or ""
            for f in answer.iter(tag("field", FORM))}


def rooms(client, node):
    """All public rooms, page by page."""
    after, found = "", {}
    for _ in itertools.count():
        answer = client.ask("get", f"<query xmlns='{ITEMS}'><set xmlns='{RSM}'>"
                            f"<after>{after}</after></set></query>", to=node.place.conference)
        page = list(answer.iter(tag("item", ITEMS)))
        if not page:
            return found
        found.update({i.get("jid"): i.get("name") for i in page})
        after = answer.findtext(f".//{tag('last', RSM)}")


def test_service(login, node):
    """§§6.1 and 6.2"""
    client = login()
    listed = client.ask("get", f"<query xmlns='{ITEMS}'/>", to=node.network)
    assert node.place.conference in {i.get("jid") for i in listed.iter(tag("item", ITEMS))}
    answer = info(client, node.place.conference)
    identity = answer.find(f".//{tag('identity', INFO)}")
    assert (identity.get("category"), identity.get("type")) == ("conference", "text")
    assert {MUC, f"{MUC}#stable_id", INFO, ITEMS} <= features(answer)


def test_rooms(node, room):
    """§6.3: public ones with their names; hidden ones never."""
    shown, hidden = room(roomname="Coven"), room(publicroom="0")
    found = rooms(shown.owner, node)
    assert found[shown.jid] == "Coven" and hidden.jid not in found


def page(client, node, wish):
    answer = client.ask("get", f"<query xmlns='{ITEMS}'><set xmlns='{RSM}'>{wish}</set></query>",
                        to=node.place.conference)
    return ([item.get("jid").partition("@")[0] for item in answer.iter(tag("item", ITEMS))],
            answer.findtext(f".//{tag('count', RSM)}"), error(answer))


def test_pages_of_rooms(node, room):
    """§6.3 by XEP-0059: never more than was asked for, forward, backward, and only the number."""
    places = [room() for _ in range(3)]
    client = places[0].owner
    everything, number, _ = page(client, node, "")
    assert len(everything) == int(number) >= 3
    assert page(client, node, "<max>2</max>") == (everything[:2], number, None)
    assert page(client, node, f"<max>1</max><after>{everything[1]}</after>")[0] == everything[2:3]
    assert page(client, node, "<max>2</max><before/>")[0] == everything[-2:]
    assert page(client, node, f"<max>1</max><before>{everything[1]}</before>")[0] == everything[:1]
    assert page(client, node, "<max>0</max>") == ([], number, None)
    assert page(client, node, "<max>many</max>")[2] == ("modify", "bad-request")


def test_many_rooms(node, room):
    """§6.3: more than fit on a page come with a <set/>."""
    place = room()
    count = 101
    node.postgres.query(
        "kontalk", "INSERT INTO kontalk_muc.room (room, local, created, creator, salt, locked)"
        " SELECT 1000000 + n, 'many' || n, now(), 'x@y', 'x', false"
        f" FROM generate_series(1, {count}) n")
    try:
        answer = place.owner.ask("get", f"<query xmlns='{ITEMS}'/>", to=node.place.conference)
        assert answer.find(f".//{tag('set', RSM)}") is not None
        assert len(list(answer.iter(tag("item", ITEMS)))) == count - 1
        found = rooms(place.owner, node)
        assert {f"many{n}@{node.place.conference}" for n in range(1, count + 1)} <= set(found)
    finally:
        node.postgres.query("kontalk", "DELETE FROM kontalk_muc.room WHERE room >= 1000000")


def test_room(room):
    """§6.4: what kind of room it is, and the form muc#roominfo."""
    place = room(roomname="Coven", roomdesc="Witches", membersonly="1", whois="anyone",
                 persistentroom="1", lang="en")
    answer = info(place.owner, place.jid)
    identity = answer.find(f".//{tag('identity', INFO)}")
    assert (identity.get("category"), identity.get("type"), identity.get("name")) == (
        "conference", "text", "Coven")
    assert {MUC, "muc_membersonly", "muc_nonanonymous", "muc_persistent", "muc_public",
            "muc_unmoderated", "muc_unsecured"} <= features(answer)
    found = fields(answer)
    assert found["FORM_TYPE"] == f"{MUC}#roominfo"
    assert found["muc#roominfo_description"] == "Witches"
    assert found["muc#roominfo_occupants"] == "1" and found["muc#roominfo_lang"] == "en"
    for name in ("roominfo_subjectmod", "roomconfig_changesubject", "roominfo_changesubject"):
        assert found[f"muc#{name}"] == "0"


def test_subject_is_not_for_strangers(room):
    """§6.4: it was said in the room; who may not enter does not hear of it."""
    place = room(membersonly="1")
    place.owner.send(f"<message to='{place.jid}' type='groupchat'><subject>secret</subject>"
                     "</message>")
    place.owner.wait_for(lambda e: e.findtext(tag("subject")) == "secret")
    assert fields(info(place.owner, place.jid))["muc#roominfo_subject"] == "secret"
    assert "muc#roominfo_subject" not in fields(info(place.login(), place.jid))


def test_other_kinds(room):
    place = room(publicroom="0", moderatedroom="1", passwordprotectedroom="1", roomsecret="x")
    assert {"muc_hidden", "muc_moderated", "muc_passwordprotected", "muc_open", "muc_temporary",
            "muc_semianonymous"} <= features(info(place.owner, place.jid))


def test_occupants_are_private(room):
    """§6.5: an empty list."""
    place = room()
    answer = place.owner.ask("get", f"<query xmlns='{ITEMS}'/>", to=place.jid)
    assert error(answer) is None and not list(answer.iter(tag("item", ITEMS)))


def test_traffic(room):
    """§18.1.1: everything passes, so there is no list."""
    place = room()
    assert error(info(place.owner, place.jid, f"{MUC}#traffic")) == ("cancel",
                                                                     "service-unavailable")


def test_reserved_nickname(room):
    """§7.12"""
    place = room()
    answer = info(place.owner, place.jid, "x-roomuser-item")
    assert error(answer) is None and not list(answer.iter(tag("identity", INFO)))
    place.owner.ask("set", "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data'"
                    " type='submit'><field var='muc#register_roomnick'><value>mine</value></field>"
                    "</x></query>", to=place.jid)
    answer = info(place.owner, place.jid, "x-roomuser-item")
    assert [i.get("name") for i in answer.iter(tag("identity", INFO))] == ["mine"]
