# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What an administrator may do to rooms (kontalkctl room).

import json
import subprocess

import pytest

from tests.muc.rooms import USER, codes, error, item, tag


def ctl(node, *words):
    return subprocess.run(
        [node.place.program("kontalkctl"), "-c", node.place.configuration, *words],
        capture_output=True, text=True, timeout=120, check=False)


def listed(node, place):
    done = ctl(node, "room", "list", "--json")
    assert done.returncode == 0, done.stderr
    return [row for row in json.loads(done.stdout) if row["room"] == place.jid]


def test_list(room, node):
    """With how many are in it, and have a part in it."""
    place = room()
    place.newcomer("second")
    place.change(place.owner, jid="member@example.test", affiliation="member")
    place.change(place.owner, jid="outcast@example.test", affiliation="outcast")
    found, = listed(node, place)
    assert found.pop("created").count("-") == 2
    assert found == {"room": place.jid, "occupants": 2, "members": 2,
                     "creator": place.owner.bare}
    table = ctl(node, "room", "list").stdout.splitlines()
    assert table[0].split() == ["ROOM", "OCCUPANTS", "MEMBERS", "CREATED", "BY"]
    assert [line.split()[1] for line in table if line.startswith(place.jid)] == ["2"]


def test_destroy(room, node):
    """XEP-0045 section 10.9: everybody is told; whoever comes next makes a new one. Also one that
    nobody is in."""
    place = room(persistentroom="1")
    second = place.newcomer("second")
    assert ctl(node, "room", "destroy", place.jid, "abuse").returncode == 0
    for client, nick in ((place.owner, "owner"), (second, "second")):
        gone = place.presence_of(client, nick, lambda p: p.get("type") == "unavailable")
        told = gone.find(f"{tag('x', USER)}/{tag('destroy', USER)}")
        assert told.findtext(tag("reason", USER)) == "abuse"
    assert listed(node, place) == []
    assert 201 in codes(place.join(second, "second")[0])
    place.configure(second, persistentroom="1")
    place.leave(second, "second")
    assert ctl(node, "room", "destroy", place.jid).returncode == 0
    again = ctl(node, "room", "destroy", place.jid)
    assert again.returncode == 1 and "no such room" in again.stderr


def test_owner(room, node):
    """Who is in it has the role that goes with it, and may do what owners do."""
    place = room()
    second = place.newcomer("second")
    assert ctl(node, "room", "owner", place.jid, second.bare).returncode == 0
    place.presence_of(second, "second", lambda p: item(p) == ("owner", "moderator"))
    place.configure(second, roomname="theirs")
    for jid, whom, text in ((f"no{place.jid}", second.bare, "no such room"),
                            (place.jid, place.jid, "has to be an account")):
        done = ctl(node, "room", "owner", jid, whom)
        assert done.returncode == 1 and text in done.stderr


def test_counts_and_storage(room, node):
    """Of the administrator's tables: each table once, with the database that it is in."""
    room()
    counts = {row["what"]: row["value"]
              for row in json.loads(ctl(node, "show", "counts", "--json").stdout)
              if row["process"] == "muc"}
    assert counts["rooms in memory"] >= 1 and counts["messages"] >= 0
    metrics = ctl(node, "ask", "muc", "metrics").stdout.splitlines()
    assert "kontalk_muc_database_up 1" in metrics
    assert any(line.startswith("kontalk_muc_letters ") for line in metrics)
    found = [(row["where"], row["what"])
             for row in json.loads(ctl(node, "show", "storage", "--json").stdout)]
    assert len(found) == len(set(found))
    assert ("muc", "room") in found and ("database", "room") not in found
    assert ("database", "account") in found and ("muc", "account") not in found


@pytest.mark.parametrize("what", ["destroy", "grant", "claim"])
def test_nobody_else_does(room, what):
    """What it sends inside cannot come from outside."""
    place = room()
    jid = place.login().bare
    answer = place.owner.ask("set", f"<{what} xmlns='urn:kontalk:directory:1' jid='{jid}'/>",
                             to=place.jid)
    assert error(answer) == ("cancel", "service-unavailable")
