# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What somebody could do to a room, to who is in it, or to kontalk-muc itself.

from tests.muc.rooms import MUC, OWNER, body, is_message, tag

MAM = "urn:xmpp:mam:2"
DESTROY = f"<query xmlns='{OWNER}'><destroy/></query>"


def iq(place, name, payload, kind="get"):
    return f"<iq type='{kind}' id='{name}' to='{place.jid}'>{payload}</iq>"


def answer(client, name):
    return client.wait_for(lambda e: e.tag == tag("iq") and e.get("id") == name)


def said(place, text):
    return f"<message to='{place.jid}' type='groupchat'><body>{text}</body></message>"


def join(place, nick):
    return f"<presence to='{place.nick(nick)}'><x xmlns='{MUC}'/></presence>"


def test_destroyed_while_the_database_answers(room, node):
    """What was asked is about a room that is not there any more: one answer each, and no harm."""
    before = node.daemon("muc").pid
    for _ in range(5):
        place = room()
        place.say(place.owner, "said")
        place.hears(place.owner, "said")
        place.owner.ask("get", f"<metadata xmlns='{MAM}'/>", to=place.jid)
        questions = [iq(place, f"m{n}", f"<metadata xmlns='{MAM}'/>") for n in range(10)]
        questions += [iq(place, f"q{n}", f"<query xmlns='{MAM}'/>", "set") for n in range(10)]
        place.owner.send("".join(questions) + iq(place, "end", DESTROY, "set"))
        for n in range(10):
            answer(place.owner, f"m{n}")
    assert node.daemon("muc").pid == before


def test_made_anew_while_a_message_is_written(room):
    """What was said in the room before is not shown to who comes into the new one."""
    place = room()
    place.owner.send(said(place, "of old") + iq(place, "end", DESTROY, "set")
                     + join(place, "owner"))
    answer(place.owner, "end")
    place.entered(place.owner)
    place.configure()
    seen = place.join(place.login(), "newcomer")
    assert not [e for e in seen if is_message(e) and body(e)]
