# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What somebody could do to a room, to who is in it, or to kontalk-muc itself.

import base64

from tests.muc.rooms import (ADMIN, FORM, MUC, OWNER, body, error, is_message, is_presence, tag)

MAM = "urn:xmpp:mam:2"
SID = "urn:xmpp:sid:0"
DELAY = "urn:xmpp:delay"
OCCUPANT_ID = "urn:xmpp:occupant-id:0"
REGISTER = "jabber:iq:register"
VERSION = "<query xmlns='jabber:iq:version'/>"
TOO_LARGE = ("modify", "policy-violation")
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


def asked(client):
    return client.wait_for(lambda e: e.tag == tag("iq") and e.get("type") == "get")


def decoded(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def test_an_iq_does_not_tell_who_asks(room):
    """XEP-0045 §4.2: the id, which the room chooses, does not either."""
    place = room()
    asker, other = place.newcomer("asker"), place.newcomer("other")
    asker.send(f"<iq type='get' id='v' to='{place.nick('other')}'>{VERSION}</iq>")
    request = asked(other)
    assert request.get("from") == place.nick("asker")
    for word in request.get("id").split():
        assert asker.bare.encode() not in decoded(word) and asker.bare not in word
    other.send(f"<iq type='error' id='{request.get('id')}' to='{place.nick('asker')}'>{VERSION}"
               f"<error type='cancel' by='{other.bare}'><service-unavailable xmlns="
               "'urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    reply = answer(asker, "v")
    assert reply.get("from") == place.nick("other")
    assert error(reply) == ("cancel", "service-unavailable")
    assert reply.find(tag("error")).get("by") is None


def test_an_answer_is_from_who_was_asked(room, puppets):
    """Also if the account is in the room by another nickname, too."""
    place = room()
    asker, first = place.newcomer("asker"), place.newcomer("first")
    second = puppets.again(first, "two")
    place.join(second, "second")
    asker.send(f"<iq type='get' id='v' to='{place.nick('second')}'>{VERSION}</iq>")
    second.send(f"<iq type='result' id='{asked(second).get('id')}' to='{place.nick('asker')}'/>")
    assert answer(asker, "v").get("from") == place.nick("second")


def test_a_subject_is_no_way_around(room):
    """Newcomers get it without what only the room says, and it is no larger than a message."""
    place = room()
    owner = place.owner
    owner.send(f"<message to='{place.jid}' type='groupchat' id='s'><subject>new</subject>"
               f"<occupant-id xmlns='{OCCUPANT_ID}' id='forged'/>"
               f"<stanza-id xmlns='{SID}' id='forged' by='{place.jid}'/>"
               f"<x xmlns='{MUC}#user'><status code='307'/></x></message>")
    said = owner.wait_for(lambda e: e.get("id") == "s")
    shown = place.join(place.login(), "n")[-1]
    assert shown.findtext(tag("subject")) == "new" and shown.find(tag("x", f"{MUC}#user")) is None
    for name in (tag("occupant-id", OCCUPANT_ID), tag("stanza-id", SID)):
        assert ([one.get("id") for one in shown.iter(name)]
                == [one.get("id") for one in said.iter(name)] != ["forged"])
    owner.send(f"<message to='{place.jid}' type='groupchat' id='large'>"
               f"<subject>{'x' * 70000}</subject></message>")
    assert error(owner.wait_for(lambda e: e.get("id") == "large")) == TOO_LARGE


def test_forged_in_other_words(room):
    """XEP-0359 §6, XEP-0203 §4: whatever the address looks like; private messages, too."""
    place = room()
    other = place.newcomer("other")
    shout = place.jid.upper()
    forged = (f"<stanza-id xmlns='{SID}' id='forged' by='{shout}'/>"
              f"<delay xmlns='{DELAY}' from='{shout}' stamp='2002-09-10T23:08:25Z'/>")
    place.say(place.owner, "said", forged)
    said = place.hears(other, "said")
    assert said.find(tag("delay", DELAY)) is None
    assert [one.get("id") == "forged" for one in said.iter(tag("stanza-id", SID))] == [False]
    place.owner.send(f"<message to='{place.nick('other')}' type='chat'><body>whispered</body>"
                     f"{forged}</message>")
    whispered = other.wait_message("whispered")
    assert whispered.find(tag("delay", DELAY)) is None
    assert "forged" not in [one.get("id") for one in whispered.iter(tag("stanza-id", SID))]


def test_presence_without_end(room):
    """Each change goes to everybody, and who enters again hears of everybody."""
    place = room()
    client = place.newcomer("n")
    client.send(join(place, "n") * 150)  # more than in two windows, however slowly they are read
    refused = client.wait_for(lambda e: is_presence(e) and error(e))
    assert error(refused) == ("wait", "policy-violation")


def test_large_presence(room):
    place = room()
    beside = f"<status>{'x' * 70000}</status>"
    assert error(place.join(place.login(), "n", beside=beside)[-1]) == TOO_LARGE
    client = place.newcomer("n")
    client.send(f"<presence to='{place.nick('n')}' type='unavailable'>{beside}</presence>")
    gone = place.presence_of(place.owner, "n", lambda p: p.get("type") == "unavailable")
    assert gone.find(tag("status")) is None


def test_deep_message(room):
    """What is told of it needs room, too."""
    place = room()
    place.say(place.owner, "deep", "<a>" * 58 + "</a>" * 58, name="d")
    assert error(place.owner.wait_for(lambda e: e.get("id") == "d")) == TOO_LARGE
    place.say(place.owner, "not so deep", "<a>" * 40 + "</a>" * 40)
    place.hears(place.owner, "not so deep")


def test_a_list_that_is_too_large(room, node):
    """The router would end the stream of all rooms."""
    place = room()
    for part in range(4):
        items = "".join(f"<item affiliation='outcast' jid='{part}-{n}-{'x' * 1000}@example.test'/>"
                        for n in range(150))
        answer = place.owner.ask("set", f"<query xmlns='{ADMIN}'>{items}</query>", to=place.jid)
        assert error(answer) is None
    node.daemon("router").mark_log()
    answer = place.owner.ask(
        "get", f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>", to=place.jid)
    assert error(answer) == ("wait", "resource-constraint")
    place.say(place.owner, "still here")
    place.hears(place.owner, "still here")
    assert "policy-violation" not in node.daemon("router").log()


def test_who_is_something_by_his_domain(room):
    """A reserved nickname takes nothing from him."""
    place = room()
    client = place.newcomer("n")
    assert error(place.change(place.owner, jid=client.domain, affiliation="admin")) is None
    form = (f"<x xmlns='{FORM}' type='submit'><field var='FORM_TYPE'><value>{MUC}#register</value>"
            "</field><field var='muc#register_roomnick'><value>mine</value></field></x>")
    answer = client.ask("set", f"<query xmlns='{REGISTER}'>{form}</query>", to=place.jid)
    assert error(answer) is None
    listed = client.ask(
        "get", f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>", to=place.jid)
    assert error(listed) is None


def test_one_occupant_twice_in_a_request(room, node):
    """The first item removes who the second one is about (§9.1, §9.5)."""
    before = node.daemon("muc").pid
    place = room()
    for _ in range(5):
        place.newcomer("victim")
        items = "<item nick='victim' affiliation='outcast'/>" \
                "<item nick='victim' affiliation='member'/>" \
                "<item nick='victim' affiliation='none'/>"
        place.owner.ask("set", f"<query xmlns='{ADMIN}'>{items}</query>", to=place.jid)
        place.owner.wait_for(lambda e: is_presence(e) and e.get("type") == "unavailable")
    lists = [place.owner.ask("get", f"<query xmlns='{ADMIN}'><item affiliation='{kind}'/></query>",
                             to=place.jid) for kind in ("outcast", "member")]
    assert [len(answered[0]) for answered in lists] == [0, 0]
    assert node.daemon("muc").pid == before
