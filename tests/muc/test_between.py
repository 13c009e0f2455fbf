# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Between occupants: private messages, iq, self-ping, invitations, requests for voice, registration
# (XEP-0045 §§7.5, 7.8, 7.10, 7.13, 8.6 and 17.4; XEP-0249; XEP-0410).

import pytest

from tests.muc.rooms import ADMIN, CLIENT, FORM, MUC, USER, body, error, is_message, item, tag

PING = "<ping xmlns='urn:xmpp:ping'/>"
VCARD = "vcard-temp"
REGISTER = "jabber:iq:register"
BLOCKING = "urn:xmpp:blocking"
CONFERENCE = "jabber:x:conference"
REQUEST = f"{MUC}#request"


def whisper(place, client, nick, text):
    client.send(f"<message to='{place.nick(nick)}' type='chat' id='w'><body>{text}</body>"
                "</message>")


def test_private_message(room):
    """§7.5: from the address in the room, marked; nobody else hears it."""
    place = room()
    second, third = place.newcomer("second"), place.newcomer("third")
    whisper(place, second, "third", "psst")
    message = third.wait_message("psst")
    assert message.get("from") == place.nick("second") and message.get("type") == "chat"
    assert message.find(tag("x", USER)) is not None and message.get("id") == "w"
    place.say(place.owner, "aloud")
    assert body(place.owner.wait_for(lambda e: body(e))) == "aloud"


def test_who_blocks_an_occupant(clients_room):
    """XEP-0191: does not hear him, and stays in the room; who blocks the room leaves it
    with what is said next."""
    place = clients_room()
    second, third = place.newcomer("second"), place.newcomer("third")

    def block(jid):
        answer = third.ask("set", f"<block xmlns='{BLOCKING}'><item jid='{jid}'/></block>")
        assert error(answer) is None

    block(place.nick("second"))
    whisper(place, second, "third", "psst")
    place.say(second, "aloud")
    place.hears(second, "aloud")
    place.say(place.owner, "to all")
    assert body(third.wait_for(body)) == "to all"
    place.say(third, "still here")
    place.hears(second, "still here")
    block(place.jid)
    place.say(place.owner, "to whoever stays")
    place.presence_of(place.owner, "third", lambda e: e.get("type") == "unavailable")


@pytest.mark.parametrize("who, visitor, participant", [
    ("anyone", True, True), ("participants", False, True), ("moderators", False, False)])
def test_who_may_whisper(room, who, visitor, participant):
    """muc#roomconfig_allowpm; moderators can always be asked."""
    place = room(allowpm=who, moderatedroom="1")
    clients = {"visitor": (place.newcomer("visitor"), visitor),
               "participant": (place.newcomer("participant"), participant)}
    place.newcomer("third")
    place.change(place.owner, nick="participant", role="participant")
    for client, allowed in clients.values():
        whisper(place, client, "owner", "to a moderator")
        place.owner.wait_message("to a moderator")
        whisper(place, client, "third", "x")
        if not allowed:
            answer = client.wait_for(lambda e: e.get("type") == "error")
            assert error(answer) == ("auth", "forbidden")


def test_iq(room):
    """§17.4: passed on, and back, without real addresses."""
    place = room()
    second, third = place.newcomer("second"), place.newcomer("third")
    second.send(f"<iq type='get' id='q1' to='{place.nick('third')}'><query xmlns='a:b'/></iq>")
    asked = third.wait_for(lambda e: e.tag == tag("iq") and e.find(tag("query", "a:b")) is not None)
    assert asked.get("from") == place.nick("second")
    third.send(f"<iq type='result' id='{asked.get('id')}' to='{asked.get('from')}'>"
               "<query xmlns='a:b'><x/></query></iq>")
    answer = second.wait_for(lambda e: e.get("id") == "q1")
    assert answer.get("type") == "result" and answer.get("from") == place.nick("third")
    assert answer.find(f"{tag('query', 'a:b')}/{tag('x', 'a:b')}") is not None


def test_forged_answer(room):
    """An answer that nobody asked for goes nowhere."""
    place = room()
    second = place.newcomer("second")
    second.send(f"<iq type='result' id='x y' to='{place.nick('owner')}'/>"
                f"<iq type='result' to='{place.nick('owner')}' id='z'/>")
    second.ask("get", PING, to=place.nick("second"))
    place.say(place.owner, "first")
    assert body(place.owner.wait_for(lambda e: e.tag in (tag("iq"), tag("message")))) == "first"


def test_vcard(clients_room):
    """§17.4: the account answers for it."""
    place = clients_room()
    second = place.newcomer("second")
    second.ask("set", f"<vCard xmlns='{VCARD}'><FN>Second</FN></vCard>")
    answer = place.owner.ask("get", f"<vCard xmlns='{VCARD}'/>", to=place.nick("second"))
    assert answer.findtext(f"{tag('vCard', VCARD)}/{tag('FN', VCARD)}") == "Second"
    assert answer.get("from") == place.nick("second")


def test_self_ping(room):
    """XEP-0410: the room answers for an occupant itself, and refuses one that is not there."""
    place = room()
    assert place.owner.ask("get", PING, to=place.nick("owner")).get("type") == "result"
    answer = place.login().ask("get", PING, to=place.nick("owner"))
    assert error(answer) == ("cancel", "not-acceptable")
    info = place.owner.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
                           to=place.jid)
    assert f"{MUC}#self-ping-optimization" in {
        f.get("var") for f in info.iter(tag("feature", "http://jabber.org/protocol/disco#info"))}


# Invitations.

def invite(place, client, to, inside="<reason>why</reason>"):
    client.send(f"<message to='{place.jid}'><x xmlns='{USER}'><invite to='{to}'>{inside}</invite>"
                "</x></message>")


def test_invitation(room):
    """§7.8.2, with XEP-0249 for others; the invited one may decline."""
    place = room(passwordprotectedroom="1", roomsecret="s3cret")
    guest = place.login()
    guest.send_presence()
    invite(place, place.owner, guest.bare)
    message = guest.wait_for(lambda e: is_message(e) and e.get("from") == place.jid)
    found = message.find(f"{tag('x', USER)}/{tag('invite', USER)}")
    assert found.get("from") == place.owner.full and found.get("to") is None
    assert found.findtext(tag("reason", USER)) == "why"
    assert message.findtext(f"{tag('x', USER)}/{tag('password', USER)}") == "s3cret"
    direct = message.find(tag("x", CONFERENCE))
    assert (direct.get("jid"), direct.get("reason"), direct.get("password")) == (
        place.jid, "why", "s3cret")
    guest.send(f"<message to='{place.jid}'><x xmlns='{USER}'><decline to='{place.owner.full}'>"
               "<reason>no</reason></decline></x></message>")
    answer = place.owner.wait_for(lambda e: e.find(f"{tag('x', USER)}/{tag('decline', USER)}")
                                  is not None)
    declined = answer.find(f"{tag('x', USER)}/{tag('decline', USER)}")
    assert declined.get("from") == guest.bare and declined.findtext(tag("reason", USER)) == "no"


def test_invitation_makes_member(room):
    """§9.5: in a members-only room."""
    place = room(membersonly="1")
    guest = place.login()
    guest.send_presence()
    invite(place, place.owner, guest.bare)
    guest.wait_for(lambda e: is_message(e) and e.get("from") == place.jid)
    assert item(place.join(guest, "guest")[1]) == ("member", "participant")


def invited(client, place):
    """By whom, with which reason and password."""
    message = client.wait_for(lambda e: is_message(e) and e.get("from") == place.jid)
    found = message.find(f"{tag('x', USER)}/{tag('invite', USER)}")
    return (found.get("from"), found.findtext(tag("reason", USER)),
            message.findtext(f"{tag('x', USER)}/{tag('password', USER)}"))


def test_new_members_are_invited(room):
    """§9.5: who is put on the list of a members-only room hears of it, once."""
    place = room(membersonly="1", passwordprotectedroom="1", roomsecret="s3cret")
    guest = place.login()
    guest.send_presence()
    for reason in ("why", "again"):
        place.change(place.owner, jid=guest.bare, affiliation="member", reason=reason)
    place.change(place.owner, jid=guest.bare, affiliation="none")
    place.change(place.owner, jid=guest.bare, affiliation="member")
    assert invited(guest, place) == (place.owner.bare, "why", "s3cret")
    assert invited(guest, place) == (place.owner.bare, None, "s3cret")


def test_members_of_open_rooms_are_not_invited(room):
    """§9.5"""
    place = room()
    guest = place.login()
    guest.send_presence()
    place.change(place.owner, jid=guest.bare, affiliation="member")
    invite(place, place.owner, guest.bare, "<reason>by hand</reason>")
    assert invited(guest, place)[:2] == (place.owner.full, "by hand")


def test_many_new_members(room):
    """Twenty invitations follow from a request, so that a room does not flood others."""
    place = room(membersonly="1")
    guest = place.login()
    guest.send_presence()
    jids = [f"nobody{i}@nowhere.test" for i in range(20)] + [guest.bare]
    answer = place.owner.ask("set", f"<query xmlns='{ADMIN}'>" + "".join(
        f"<item jid='{jid}' affiliation='member'/>" for jid in jids) + "</query>", to=place.jid)
    assert error(answer) is None
    invite(place, place.owner, guest.bare, "<reason>by hand</reason>")
    assert invited(guest, place)[1] == "by hand"


def test_invitations_of_members(room):
    """§9.5: muc#roomconfig_allowinvites"""
    place = room(membersonly="1", allowinvites="1")
    member, guest = place.login(), place.login()
    guest.send_presence()
    place.change(place.owner, jid=member.bare, affiliation="member")
    place.join(member, "member")
    invite(place, member, guest.bare)
    guest.wait_for(lambda e: is_message(e) and e.get("from") == place.jid)


def test_decline_to_a_stranger(room):
    """Nobody can be written to through the room who has invited nobody."""
    place = room()
    victim, other = place.login(), place.login()
    victim.send_presence()
    other.send(f"<message to='{place.jid}'><x xmlns='{USER}'><decline to='{victim.full}'/></x>"
               "</message>")
    other.ask("get", PING, to=place.jid)
    other.send_message(victim.full, "later")
    first = victim.wait_for(is_message)
    assert body(first) == "later"


# Requests for voice.

def voice_form(*fields):
    inside = "".join(f"<field var='{name}'><value>{value}</value></field>"
                     for name, value in (("FORM_TYPE", REQUEST), *fields))
    return f"<x xmlns='{FORM}' type='submit'>{inside}</x>"


def send_form(place, client, *fields):
    client.send(f"<message to='{place.jid}'>{voice_form(*fields)}</message>")


@pytest.mark.parametrize("allow", ["true", "false"])
def test_voice(room, allow):
    """§§7.13 and 8.6: moderators get a form, and decide."""
    place = room(moderatedroom="1")
    visitor = place.newcomer("visitor")
    send_form(place, visitor, ("muc#role", "participant"))
    question = place.owner.wait_for(lambda e: is_message(e) and e.find(tag("x", FORM)) is not None)
    found = {f.get("var"): f.findtext(tag("value", FORM))
             for f in question.iter(tag("field", FORM))}
    assert question.get("from") == place.jid and found["FORM_TYPE"] == REQUEST
    assert (found["muc#roomnick"], found["muc#jid"]) == ("visitor", visitor.full)
    send_form(place, place.owner, ("muc#role", "participant"), ("muc#jid", visitor.full),
              ("muc#roomnick", "visitor"), ("muc#request_allow", allow))
    place.say(place.owner, "marker")
    heard = visitor.wait_for(lambda e: body(e) == "marker" or (
        e.get("from") == place.nick("visitor") and item(e)[1] == "participant"))
    assert (body(heard) is None) == (allow == "true")


# Registration.

def test_registration(room):
    """§7.10: a form, then the nickname is reserved and the user a member; §7.10: registered."""
    place = room()
    client = place.newcomer("second")
    form = client.ask("get", f"<query xmlns='{REGISTER}'/>", to=place.jid)
    assert "muc#register_roomnick" in {f.get("var") for f in form.iter(tag("field", FORM))}
    done = client.ask("set", f"<query xmlns='{REGISTER}'><x xmlns='{FORM}' type='submit'>"
                      f"<field var='FORM_TYPE'><value>{MUC}#register</value></field>"
                      "<field var='muc#register_roomnick'><value>mine</value></field></x></query>",
                      to=place.jid)
    assert error(done) is None
    place.presence_of(place.owner, "second", lambda p: item(p)[0] == "member")
    known = client.ask("get", f"<query xmlns='{REGISTER}'/>", to=place.jid)
    assert known.find(f".//{tag('registered', REGISTER)}") is not None
    assert known.findtext(f".//{tag('username', REGISTER)}") == "mine"
    members = place.owner.ask("get", f"<query xmlns='{ADMIN}'><item affiliation='member'/></query>",
                              to=place.jid)
    assert [i.get("nick") for i in members.iter(tag("item", ADMIN))] == ["mine"]
    assert error(place.join(place.login(), "mine")[-1]) == ("cancel", "conflict")
    gone = client.ask("set", f"<query xmlns='{REGISTER}'><remove/></query>", to=place.jid)
    assert error(gone) is None
    place.presence_of(place.owner, "second", lambda p: item(p)[0] == "none")


def test_ban_takes_the_nickname(room):
    """§9.2"""
    place = room()
    client = place.newcomer("mine")
    client.ask("set", f"<query xmlns='{REGISTER}'><x xmlns='{FORM}' type='submit'>"
               "<field var='muc#register_roomnick'><value>mine</value></field></x></query>",
               to=place.jid)
    place.change(place.owner, jid=client.bare, affiliation="outcast")
    assert error(place.join(place.login(), "mine")[-1]) is None


def test_unknown_message_types(room):
    """§17.2: what is not groupchat is for nobody."""
    place = room()
    place.owner.send(f"<message to='{place.jid}' type='chat'><body>x</body></message>")
    answer = place.owner.wait_for(lambda e: e.get("type") == "error")
    assert answer.tag == f"{{{CLIENT}}}message" and error(answer) == ("modify", "bad-request")
