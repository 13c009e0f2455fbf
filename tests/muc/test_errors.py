# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Each situation of muc/errors.def, provoked: the error is the one that the table says.

import pathlib
import re

import pytest

from tests.muc.rooms import ADMIN, FORM, MUC, OWNER, USER, error, tag

DEFINITIONS = pathlib.Path(__file__).parents[2] / "muc" / "errors.def"
ROW = re.compile(r'^SITUATION\((\w+),\s*(\w+),\s*"(\w+)"', re.MULTILINE)
# Those that need a configuration or a database of their own, in test_limits.py and
# test_survival.py, or a network, in tests/network/test_rooms.py; archives, retraction, vCards,
# hats and rooms of the administrator have tests of their own, for all of their errors.
ELSEWHERE = {"DATABASE_AWAY", "HOME_AWAY", "ENTER_CREATE_RESTRICTED", "ENTER_TOO_MANY_ROOMS",
             "ADMIN_TOO_MANY"}
OF_OTHERS = ("ARCHIVE_", "RETRACT_", "MODERATE_", "VCARD_", "HATS_", "FOUNDING_")
REGISTER = "jabber:iq:register"
INFO = "http://jabber.org/protocol/disco#info"


def table():
    return {name: (kind, condition.lower().replace("_", "-"))
            for name, condition, kind in ROW.findall(DEFINITIONS.read_text("utf-8"))}


def answer_of(client, stanza):
    """What comes back as an error."""
    client.send(stanza)
    return client.wait_for(lambda e: e.get("type") == "error")


def entering(place, nick="x", client=None, inside=""):
    return place.join(client or place.login(), nick, inside)[-1]


def message(place, client, to="", kind="groupchat", inside="<body>x</body>"):
    return answer_of(client, f"<message to='{place.jid}{to}' type='{kind}' id='m'>{inside}"
                             "</message>")


def admin_set(place, client, item):
    return client.ask("set", f"<query xmlns='{ADMIN}'>{item}</query>", to=place.jid)


def register(place, client, nick):
    return client.ask(
        "set", f"<query xmlns='{REGISTER}'><x xmlns='{FORM}' type='submit'>"
        f"<field var='FORM_TYPE'><value>{MUC}#register</value></field>"
        f"<field var='muc#register_roomnick'><value>{nick}</value></field></x></query>",
        to=place.jid)


def banned(place):
    client = place.login()
    place.change(place.owner, jid=client.bare, affiliation="outcast")
    return client


def visitor(make):
    place = make(moderatedroom="1")
    return place, place.newcomer("visitor")


def owned(place, client, body):
    return client.ask("set", f"<query xmlns='{OWNER}'>{body}</query>", to=place.jid)


def enter_locked(make):
    place = make()
    place.jid = f"locked-{place.jid}"
    place.join(place.owner, "owner")
    return entering(place)


def enter_nick_reserved(make):
    place = make()
    assert error(register(place, place.owner, "mine")) is None
    return entering(place, "mine")


def enter_full(make):
    place = make(maxusers="10")
    for number in range(9):
        place.newcomer(f"n{number}")
    return entering(place)


def enter_too_often(make):
    place = make()
    client = place.newcomer("n")
    for number in range(49):
        place.join(client.puppets.again(client, number), "n", "<history maxstanzas='0'/>")
    return entering(place, "n", client.puppets.again(client, "last"))


def answer_too_large(make):
    place = make()
    for number in range(4):
        admin_set(place, place.owner, "".join(
            f"<item affiliation='outcast' jid='{number}-{n}-{'x' * 1000}@example.test'/>"
            for n in range(150)))
    return place.owner.ask("get", f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>",
                           to=place.jid)


def nick_change(nick):
    def provoke(make):
        place = make()
        client = place.newcomer("second")
        place.send_join(client, nick)
        return client.wait_for(lambda e: e.get("type") == "error")
    return provoke


def too_large(make):
    place = make()
    return message(place, place.newcomer("n"), inside=f"<body>{'x' * 70000}</body>")


def too_fast(make):
    place = make()
    client = place.newcomer("n")
    for number in range(51):
        place.say(client, str(number))
    return client.wait_for(lambda e: e.get("type") == "error")


def no_voice(make):
    return message(*visitor(make))


def private_forbidden(make):
    place = make(allowpm="moderators")
    place.newcomer("other")
    return message(place, place.newcomer("second"), "/other", "chat")


def invite(target, **options):
    def provoke(make):
        place = make(**options)
        client = place.login()
        if options.get("membersonly"):
            place.change(place.owner, jid=client.bare, affiliation="member")
        place.join(client, "n")
        return message(place, client, "", "normal",
                       f"<x xmlns='{USER}'><invite to='{target}'/></x>")
    return provoke


def voice_form(*fields):
    inside = "".join(f"<field var='{name}'><value>{value}</value></field>"
                     for name, value in (("FORM_TYPE", f"{MUC}#request"), *fields))
    return f"<x xmlns='{FORM}' type='submit'>{inside}</x>"


def voice(*fields):
    def provoke(make):
        return message(*visitor(make), kind="normal", inside=voice_form(*fields))
    return provoke


def asked(item, **options):
    """By the owner."""
    def provoke(make):
        place = make(**options)
        return admin_set(place, place.owner, item)
    return provoke


def kick_owner(make):
    place = make()
    client = place.newcomer("n")
    place.change(place.owner, jid=client.bare, affiliation="admin")
    return place.change(client, nick="owner", role="none")


def not_admin(make):
    place = make()
    client = place.newcomer("n")
    return place.change(client, jid="x@example.test", affiliation="member")


PROVOKED = {
    "ENTER_WITHOUT_NICK": lambda make: answer_of(
        (place := make()).login(), f"<presence to='{place.jid}'><x xmlns='{MUC}'/></presence>"),
    "ENTER_LOCKED": enter_locked,
    "ENTER_PASSWORD": lambda make: entering(
        make(passwordprotectedroom="1", roomsecret="s3cret"),
        inside="<password>guess</password>"),
    "ENTER_NOT_MEMBER": lambda make: entering(make(membersonly="1")),
    "ENTER_BANNED": lambda make: entering(place := make(), client=banned(place)),
    "ENTER_NICK_TAKEN": lambda make: entering(make(), "owner"),
    "ENTER_FULL": enter_full,
    "ENTER_TOO_OFTEN": enter_too_often,
    "ANSWER_TOO_LARGE": answer_too_large,
    "ENTER_NICK_RESERVED": enter_nick_reserved,
    "NICK_BAD": lambda make: entering(make(), "\u00a0"),
    "NOT_OCCUPANT": lambda make: message(place := make(), place.login()),
    "MESSAGE_NO_VOICE": no_voice,
    "MESSAGE_TO_OCCUPANT": lambda make: message(place := make(), place.owner, "/owner"),
    "MESSAGE_TOO_LARGE": too_large,
    "MESSAGE_TOO_FAST": too_fast,
    "SUBJECT_FORBIDDEN": lambda make: message(
        place := make(), place.newcomer("n"), inside="<subject>x</subject>"),
    "PRIVATE_NO_RECIPIENT": lambda make: message(place := make(), place.owner, "/who", "chat"),
    "PRIVATE_FORBIDDEN": private_forbidden,
    "UNDELIVERED": invite("x@nowhere.invalid"),
    "NICK_CHANGE_TAKEN": nick_change("owner"),
    "INVITE_FORBIDDEN": invite("x@example.test", membersonly="1"),
    "INVITE_BAD": invite("example.test"),
    "VOICE_REQUEST_BAD": voice(("muc#role", "moderator")),
    "VOICE_APPROVAL_FORBIDDEN": voice(("muc#roomnick", "visitor"),
                                      ("muc#request_allow", "true")),
    "REGISTER_NOT_ALLOWED": lambda make: register(
        place := make(allowregister="0"), place.login(), "n"),
    "REGISTER_BANNED": lambda make: register(place := make(), banned(place), "n"),
    "REGISTER_NICK_TAKEN": lambda make: register(place := make(), place.login(), "owner"),
    "REGISTER_NONE": lambda make: (place := make()).login().ask(
        "set", f"<query xmlns='{REGISTER}'><remove/></query>", to=place.jid),
    "REGISTER_BAD": lambda make: register(place := make(), place.login(), " "),
    "ADMIN_BAD": asked("<item jid='x@example.test' affiliation='member' role='none'/>"),
    "ADMIN_JID_BAD": asked("<item jid='@' affiliation='member'/>"),
    "ADMIN_NO_SUCH_NICK": asked("<item nick='who' role='none'/>"),
    "ADMIN_FORBIDDEN": not_admin,
    "ADMIN_NOT_ALLOWED": kick_owner,
    "ADMIN_LAST_OWNER": lambda make: (place := make()).change(
        place.owner, jid=place.owner.bare, affiliation="admin"),
    "ADMIN_SELF": lambda make: (place := make()).change(
        place.owner, jid=place.owner.bare, affiliation="outcast"),
    "OWNER_FORBIDDEN": lambda make: owned(place := make(), place.newcomer("n"), "<destroy/>"),
    "CONFIG_BAD": lambda make: owned(place := make(), place.owner, place.form(whois="nobody")),
    "CONFIG_NO_FORM": lambda make: owned(place := make(), place.owner, ""),
    "NO_ROOM": lambda make: (place := make()).owner.ask(
        "get", f"<query xmlns='{INFO}'/>", to=f"no-{place.jid}"),
    "NO_OCCUPANT": lambda make: (place := make()).owner.ask(
        "get", f"<query xmlns='{INFO}'/>", to=place.nick("who")),
    "IQ_NOT_OCCUPANT": lambda make: (place := make()).login().ask(
        "get", "<ping xmlns='urn:xmpp:ping'/>", to=place.nick("owner")),
    "NODE_UNKNOWN": lambda make: (place := make()).owner.ask(
        "get", f"<query xmlns='{INFO}' node='x'/>", to=place.jid),
    "UNKNOWN": lambda make: (place := make()).owner.ask(
        "get", "<query xmlns='jabber:iq:version'/>", to=place.jid),
    "BAD": lambda make: (place := make()).login().ask(
        "get", f"<query xmlns='{INFO}'/>", to=place.nick("owner")),
}


def test_every_situation_is_provoked():
    known = {name for name in table() if not name.startswith(OF_OTHERS)}
    assert set(PROVOKED) | ELSEWHERE == known


@pytest.mark.parametrize("name", PROVOKED)
def test_error(room, name):
    answer = PROVOKED[name](room)
    assert error(answer) == table()[name]
    assert answer.find(tag("error")) is not None
