# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Limits of kontalk-muc ([muc] in its configuration).

import pytest

from tests.harness import wait
from tests.muc.rooms import ADMIN, FORM, MUC, OWNER, Room, error


@pytest.fixture(scope="module")
def limited(make_node):
    return make_node(muc=True, domains={"other.test": ["other.test"]}, settings={
        "muc": {"rooms-per-user": "2", "affiliations": "3", "create": "example.test",
                "occupants": "2", "idle": "1s"}})


@pytest.fixture
def enter(limited, login):
    return lambda **where: login(limited.add_account(**where), where=limited)


def attempt(node, client, name):
    place = object.__new__(Room)
    place.jid = f"{name}@{node.place.conference}"
    answer = place.join(client, "n")[-1]
    return place, error(answer)


def test_rooms_of_a_user(limited, enter):
    """§10.1.1; also of rooms that are not in memory, and of another process."""
    client = enter()
    first, _ = attempt(limited, client, "one")
    attempt(limited, client, "two")
    refused = ("wait", "resource-constraint")
    assert attempt(limited, client, "three")[1] == refused
    limited.daemon("muc").restart()
    assert attempt(limited, client, "three")[1] == refused
    first.leave(client, "n")
    assert attempt(limited, client, "three")[1] is None


def test_who_may_create(limited, enter):
    """§10.1.1: not-allowed"""
    assert attempt(limited, enter(domain="other.test"), "foreign")[1] == ("cancel", "not-allowed")


def test_occupants(limited, enter):
    """Whatever the owner wants."""
    place, _ = attempt(limited, owner := enter(), "full")
    place.configure(owner, maxusers="1000")
    assert not error(place.join(enter(), "a")[-1])
    assert error(place.join(enter(), "b")[-1]) == ("wait", "service-unavailable")


def test_affiliations(limited, enter):
    place, _ = attempt(limited, owner := enter(), "lists")
    place.configure(owner)
    for name in ("a", "b"):
        assert error(place.change(owner, jid=f"{name}@example.test", affiliation="member")) is None
    answer = place.change(owner, jid="c@example.test", affiliation="outcast")
    assert error(answer) == ("wait", "resource-constraint")
    answer = owner.ask("get", f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>",
                       to=place.jid)
    assert not list(answer.iter(f"{{{ADMIN}}}item"))


def test_affiliations_by_other_ways(limited, enter):
    """A configuration, a registration and an invitation are no way around."""
    place, _ = attempt(limited, owner := enter(), "ways")
    several = [f"{name}@example.test" for name in "abc"]
    answer = owner.ask("set", f"<query xmlns='{OWNER}'>{place.form(roomadmins=several)}</query>",
                       to=place.jid)
    assert error(answer) == ("wait", "resource-constraint")
    place.configure(owner, roomadmins=several[:2], membersonly="0")
    form = (f"<x xmlns='{FORM}' type='submit'><field var='FORM_TYPE'><value>{MUC}#register</value>"
            "</field><field var='muc#register_roomnick'><value>m</value></field></x>")
    answer = enter().ask("set", f"<query xmlns='jabber:iq:register'>{form}</query>", to=place.jid)
    assert error(answer) == ("wait", "resource-constraint")
    place.configure(owner, membersonly="1")
    owner.send(f"<message to='{place.jid}'><x xmlns='{MUC}#user'><invite to='c@example.test'/></x>"
               "</message>")
    answer = owner.ask("get", f"<query xmlns='{ADMIN}'><item affiliation='member'/></query>",
                       to=place.jid)
    assert not list(answer.iter(f"{{{ADMIN}}}item"))


def test_idle_rooms_leave_the_memory(limited, enter):
    """They cost nothing, and are there when somebody asks for them."""
    place, _ = attempt(limited, owner := enter(), "idle")
    place.configure(owner, persistentroom="1")
    place.leave(owner, "n")
    limited.daemon("muc").restart()  # rooms of other tests are not loaded
    wait.until(lambda: "rooms in memory: 0" in limited.control("ask", "muc", "show", "counts"))
    answer = owner.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
                       to=place.jid)
    assert error(answer) is None
