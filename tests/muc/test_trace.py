# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl trace through rooms: what kontalk-muc takes, archives, passes on and refuses, and never
# what was said.

import itertools

import pytest

from tests.harness.tracing import tracing
from tests.muc.rooms import body, error

SECRET = "planted-where-people-talk"
NAMES = itertools.count(1)


@pytest.fixture
def say():
    """say(client, place): a message that would give itself away; its id."""
    def send(client, place, to="", kind="groupchat", inside=""):
        name = f"followed-{next(NAMES)}"
        client.send(f"<message type='{kind}' id='{name}' to='{place.jid}{to}'>"
                    f"<body>{SECRET}</body>{inside}</message>")
        return name
    return send


def heard(client):
    return client.wait_for(lambda e: body(e) == SECRET or error(e))


def test_what_somebody_says(node, clients_room, say):
    """Taken, archived, said to all; and each copy on its way."""
    place = clients_room()
    other = place.newcomer("other")
    with tracing(node, place.jid) as trace:
        name = say(place.owner, place)
        heard(other)
        trace.wait("muc", "^offer .* arrived, attempt 1$", name)
        trace.wait("muc", f"^in the room {place.jid}$", name)
        trace.wait("muc", rf"^in the archive of {place.jid} as #\d+$", name)
        trace.wait("muc", f"^message from {place.jid}/owner goes to 2 sessions in the room$", name)
        trace.wait("muc", "^offer .* taken$", name)
        trace.wait("muc", "^offer .*: attempt 1, to the router$", name)
        trace.wait("c2s", f"to the client {other.full}", name)
        trace.wait("muc", "^offer .*: taken$", name)
        to = {hop["to"] for hop in trace.hops if hop["daemon"] == "muc" and hop.get("id") == name}
        assert to == {place.jid, place.owner.full, other.full}
        assert SECRET not in trace.text


def test_what_is_not_kept(node, clients_room, say):
    place = clients_room()
    with tracing(node, place.owner.bare) as trace:
        name = say(place.owner, place, inside="<no-store xmlns='urn:xmpp:hints'/>")
        heard(place.owner)
        trace.wait("muc", "^not kept: it is only passed on$", name)
        trace.wait("muc", "goes to 1 sessions in the room$", name)
        assert not [hop for hop in trace.of("muc", name) if "archive" in hop]


@pytest.mark.parametrize("to, kind, rule", [
    ("", "groupchat", "not-acceptable, XEP-0045 7.4: You are not in this room"),
    ("/owner", "chat", "not-acceptable, XEP-0045 7.4: You are not in this room"),
    ("/owner", "groupchat", "bad-request, XEP-0045 7.5: Groupchat is for the room, not for one"),
], ids=["stranger", "stranger in private", "groupchat to one"])
def test_by_which_rule_it_is_refused(node, clients_room, login, say, to, kind, rule):
    place, stranger = clients_room(), login()
    with tracing(node, stranger.bare) as trace:
        name = say(stranger, place, to, kind)
        assert error(heard(stranger))
        trace.wait("muc", f"^refused: {rule}$", name)
        assert SECRET not in trace.text


def test_who_may_not_speak(node, clients_room, say):
    place = clients_room(moderatedroom="1")
    visitor = place.newcomer("visitor")
    with tracing(node, visitor.bare) as trace:
        name = say(visitor, place)
        assert error(heard(visitor)) == ("auth", "forbidden")
        trace.wait("muc", "^refused: forbidden, XEP-0045 7.4: You may not speak here$", name)
