# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The list of rooms of a network (XEP-0045 §6.3): whichever node is asked, it has the public rooms
# of all homes (docs/NETWORK.md, "Shared services").

import itertools
from xml.sax.saxutils import quoteattr

import pytest

from tests.harness import wait
from tests.muc.rooms import Room, error, tag

BETA = "beta.example.test"
ITEMS = "http://jabber.org/protocol/disco#items"
RSM = "http://jabber.org/protocol/rsm"
CONFERENCE = "conference.example.test"
DIRECTORY = "urn:kontalk:directory:1"
NUMBERS = itertools.count(1)


@pytest.fixture
def room(user):
    """room(network.beta, roomname="Hall"): a new one with its home there."""
    def make(node, **options):
        return Room(node, lambda: user(node), f"listed{next(NUMBERS)}", options)
    return make


def ask(client, wish=None):
    inside = "" if wish is None else f"<set xmlns='{RSM}'>{wish}</set>"
    return client.ask("get", f"<query xmlns='{ITEMS}'>{inside}</query>", to=CONFERENCE)


def items(answer):
    """[(local part, name)], in order."""
    return [(item.get("jid").partition("@")[0], item.get("name"))
            for item in answer.iter(tag("item", ITEMS))]


def walk(client, size, back=False):
    """All of it, page by page, in order."""
    word, place, found = ("before", "first") if back else ("after", "last"), None, []
    (asks, tells) = word
    for _ in range(1000):
        mark = place if place is not None else ""
        wish = "" if place is None and not back else f"<{asks}>{mark}</{asks}>"
        answer = ask(client, f"<max>{size}</max>{wish}")
        page = items(answer)
        assert error(answer) is None and len(page) <= size
        if not page:
            return found
        found = page + found if back else found + page
        place = answer.findtext(f".//{tag(tells, RSM)}")
        assert place == page[0 if back else -1][0]
    raise AssertionError("the list has no end")


def local(place):
    return place.jid.partition("@")[0]


def wait_listed(client, wanted, absent=(), **walking):
    """Until the list has these, {room: name}, in this order: it is known elsewhere whose they are.
    Rooms of other tests may go meanwhile. A node that takes too long is left out, once."""
    wanted = {local(place): name for place, name in sorted(wanted.items(), key=lambda i: i[0].jid)}
    unwanted = {local(place) for place in absent}
    walking.setdefault("size", 100)

    def is_there():
        found = walk(client, **walking)
        assert [name for name, _ in found] == sorted({name for name, _ in found})
        return [item for item in found if item[0] in {*wanted, *unwanted}] == [*wanted.items()]
    wait.until(is_there, what=f"{wanted} to be listed")


def count(client):
    return int(ask(client, "<max>0</max>").findtext(f".//{tag('count', RSM)}"))


def named(*places):
    return {place: local(place) for place in places}


def test_all_nodes_list_all_rooms(network, user, room):
    """By whole pages and small ones, forward and backward; hidden ones nowhere."""
    made = {room(node, roomname=f"{n} of {node.place.name}"): f"{n} of {node.place.name}"
            for node in network for n in range(2)}
    hidden = room(network.gamma, publicroom="0")
    clients = [user(node) for node in network]
    for client in clients:
        for walking in ({}, {"size": 2}, {"size": 3, "back": True}):
            wait_listed(client, made, [hidden], **walking)
        # What a home has from a backup and another one has by now (test_restore.py) is in the list
        # once, and counted at both: a count may be approximate (XEP-0059 §2.7).
        wait.until(lambda: count(client) >= len(items(ask(client))), what="the number of rooms")
    renamed, gone = [*made][2], [*made][4]
    renamed.configure(roomname="New")
    gone.configure(publicroom="0")
    made[renamed] = "New"
    del made[gone]
    for client in clients:
        wait_listed(client, made, [hidden, gone])


def test_more_than_a_page(network, user, room):
    """Nobody's rooms are passed over where one node has many; what only its own component knows of
    is nowhere else."""
    made = named(room(network.alpha), room(network.gamma))
    client, other = user(network.beta), user(network.alpha)
    network.beta.postgres.query(
        "kontalk", "INSERT INTO kontalk_muc.room (room, local, created, creator, salt, locked)"
        " SELECT 1000000 + n, 'a' || n, now(), 'x@y', 'x', false FROM generate_series(1, 150) n")
    try:
        for walking in ({}, {"size": 60, "back": True}):
            wait_listed(client, made, **walking)
        assert len([name for name, _ in walk(client, 70) if name[1:].isdecimal()]) == 150
        wait_listed(other, made)
        assert not [name for name, _ in walk(other, 70) if name[1:].isdecimal()]
    finally:
        network.beta.postgres.query("kontalk", "DELETE FROM kontalk_muc.room WHERE room >= 1000000")


@pytest.mark.seconds(240)
def test_a_node_is_away(network, user, room):
    """What is known is listed without it."""
    alpha, beta, gamma = made = [room(node) for node in network]
    client, cut_off = user(network.alpha), user(network.beta)
    for one in (client, cut_off):
        wait_listed(one, named(*made))
    network.split(["beta"], ["alpha", "gamma"])
    for one, other in (("alpha", "beta"), ("beta", "alpha"), ("beta", "gamma")):
        network.wait_state(one, other, "down")
    wait_listed(client, named(alpha, gamma), [beta])
    wait_listed(cut_off, named(beta), [alpha, gamma])
    network.heal()
    network.wait_linked()
    wait_listed(client, named(*made))
    network.gamma.daemon("muc").stop()
    wait_listed(client, named(alpha, beta), [gamma])
    network.gamma.daemon("muc").start()
    wait_listed(client, named(*made))


def answer(rogue, inside, **attributes):
    """What the rogue says when it is asked for its rooms."""
    question = rogue.read(r"<message [^>]*from=['\"](alpha[^'\"]*)['\"][^>]*><rooms [^>]*>")
    asks = question.group(1)
    number = question.group(0).partition(" id=")[2][1:].partition(question.group(0).partition(
        " id=")[2][0])[0]
    words = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    rogue.send(f"<message from='{BETA}/c2s-1' to='{asks}'><listed xmlns='{DIRECTORY}'"
               f" id='{number}'{words}>{inside}</listed></message>")


def test_a_node_names_rooms_that_it_has_not(network, user, room, request):
    """They are not listed, and nothing of others is missing or named anew by it."""
    theirs = room(network.beta)
    ours, others = room(network.alpha, roomname="Ours"), room(network.gamma, roomname="Others")
    client = user(network.alpha)
    wait_listed(client, {theirs: local(theirs), ours: "Ours", others: "Others"})
    rogue = request.getfixturevalue("rogue")
    c2s = network.alpha.daemon("c2s")
    honest = {local(ours): "Ours", local(others): "Others"}
    about = {*honest, local(theirs), "aaa", "zzz", "a001"}

    def ask_and(inside, **attributes):
        client.send(f"<iq type='get' id='list{next(NUMBERS)}' to='{CONFERENCE}'>"
                    f"<query xmlns='{ITEMS}'/></iq>")
        answer(rogue, inside, **attributes)
        found = items(client.wait_for(lambda e: e.get("from") == CONFERENCE))
        return {name: called for name, called in found if name in about}

    def rooms_of(*places):
        return "".join(f"<room local='{name}' name='forged'/>" for name in sorted(places))

    def wait_answer(inside, wanted, **attributes):
        wait.until(lambda: ask_and(inside, **attributes) == wanted, what=f"{wanted} for {inside}")

    true = {**honest, local(theirs): "forged"}
    wait_answer(rooms_of(local(theirs)), true, count="1")
    c2s.mark_log()
    wait_answer(rooms_of(*true, "aaa", "zzz"), true, count="5")
    c2s.wait_log("event=directory_rooms_refused host=beta.example.test")
    for inside, attributes in [
            (rooms_of("aaa"), {"count": "1", "more": "true"}),  # would end the list before all
            ("", {"count": "7", "more": "true"}),
            ("<room local='zzz'/>" + rooms_of(local(theirs)), {}),  # in no order
            ("<room/>", {}),
            (f"<item local='{local(theirs)}'/>", {}),
            ("".join(f"<room local='a{n:03}'/>" for n in range(101)), {})]:  # more than a page
        wait_answer(inside, honest, **attributes)
