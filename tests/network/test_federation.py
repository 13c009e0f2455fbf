# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Another domain and the network: it reaches whichever node the DNS names, which need not be the one
# that it has to do with.

import os

import pytest

from tests.faults.talk import texts_until
from tests.harness.plugin import running
from tests.muc import rooms
from tests.network.test_outages import say
from tests.network.test_rooms_once import stanzas_sent
from tests.node.certificates import Authority
from tests.node.place import COMPONENT

FOREIGN = "foreign.test"
CONFERENCE = "conference.example.test"
SOON = {"retry-min": "100ms", "retry-max": "2s", "bidi": "no", "require-certificate": "no"}


def stranger_ca(directory):
    """An authority that has issued nothing: nobody's certificate says who he is."""
    authority = Authority(directory)
    os.makedirs(directory, exist_ok=True)
    authority.ensure()
    return authority.certificate


def address(node):
    host, port = node.address("S2S")
    return f"{host}:{port}"


@pytest.fixture(scope="module")
def foreign(session_network, tmp_path_factory):
    """A domain that knows beta alone of the network, and proves domains by dialback."""
    authority = stranger_ca(str(tmp_path_factory.mktemp("ca")))
    settings = {**SOON, "ca-file": authority}
    before = {node: node.settings for node in session_network}
    with running(network=FOREIGN, muc=True,
                 settings={"node": {"log-level": "debug"}, "s2s": settings}) as other:
        other.reconfigure({f'peer "{domain}"': {"address": address(session_network.beta)}
                           for domain in ("example.test", CONFERENCE, COMPONENT)})
        for node in session_network:
            node.reconfigure({"s2s": settings,
                              **{f'peer "{domain}"': {"address": address(other)}
                                 for domain in (FOREIGN, other.place.conference)}})
        yield other
    for node, settings in before.items():
        node.settings = settings
        node.configure()
        node.control("reload")


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_a_question_of_any_node_is_answered(network, foreign, name):
    """Beta says whether the key is good that alpha has made, and passes the answer on."""
    told = network[name].control("s2s", "probe", FOREIGN)
    assert "by dialback" in told and "answered" in told.splitlines()[-1], told


def test_a_key_of_nobody(network, foreign):
    """Alpha has the signing key of another member."""
    alpha = network.alpha
    alpha.reconfigure({"node": {"signing-key": f"{network.gamma.place.tls}/signing.key"}})
    alpha.daemon("s2s").restart()
    try:
        with pytest.raises(Exception, match="was not reached"):
            alpha.control("s2s", "probe", FOREIGN)
    finally:
        alpha.reconfigure({"node": {"signing-key": f"{alpha.place.tls}/signing.key"}})
        alpha.daemon("s2s").restart()


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma"])
def test_users_are_reached_through_any_node(network, foreign, login, name):
    """All that comes from the other domain comes in at beta; what goes there leaves at the home."""
    alice, other = login(where=network[name]), login(where=foreign)
    for client in (alice, other):
        client.send_presence()
    other.send_message(alice.bare, "to the network")
    assert alice.wait_message("to the network").get("from") == other.full
    alice.send_message(other.full, "from the network")
    assert other.wait_message("from the network").get("from") == alice.full
    answer = other.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=alice.full)
    assert answer.get("from") == alice.full


@pytest.mark.seconds(600)
def test_nothing_is_lost_on_the_way_to_a_home(network, foreign, login):
    """Beta's session manager commits nothing of what it passes on: the other domain has it until
    gamma does, whoever dies at beta meanwhile."""
    alice, other = login(where=network.gamma), login(where=foreign)
    for client in (alice, other):
        client.send_presence()
    sent = say(other, alice.bare, 3)
    assert texts_until(alice, sent[-1]) == sent
    network.cut("beta", "gamma")
    network.wait_state("beta", "gamma", "down")
    sent = say(other, alice.bare, 5)
    for name in ("c2s", "s2s", "router"):
        network.beta.daemon(name).kill()
        network.beta.daemon(name).start()
    sent += say(other, alice.bare, 5)
    network.heal()
    assert texts_until(alice, sent[-1]) == sent


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_people_of_other_domains_are_in_rooms(network, foreign, login, name):
    """All that comes from there comes in at beta; what the room says leaves at its home."""
    place = rooms.Room(network[name], lambda: login(where=network[name]), f"foreign-{name}")
    other = login(where=foreign)
    assert rooms.error(place.join(other, "other")[-1]) is None
    for text in ("one", "two", "three"):
        place.say(other, text)
        assert place.hears(other, text).get("from") == place.nick("other")
        place.hears(place.owner, text)
        place.say(place.owner, f"{text}, too")
        place.hears(other, f"{text}, too")
    other.send_message(place.nick("owner"), "between us")
    place.owner.wait_message("between us")
    answer = other.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=place.nick("other"))
    assert rooms.error(answer) is None
    place.leave(other, "other")
    place.presence_of(place.owner, "other", lambda e: e.get("type") == "unavailable")


def test_what_a_room_elsewhere_says_to_many(network, foreign, login):
    """It comes to beta once (XEP-0033), and goes from there to their home once."""
    alpha, beta = network.alpha, network.beta
    place = rooms.Room(foreign, lambda: login(where=foreign), "many")
    accounts = [alpha.add_account() for _ in range(4)]
    crowd = [login(account, where=alpha) for account in accounts for _ in range(3)]
    for number, client in enumerate(crowd):
        assert rooms.error(place.join(client, f"{number}")[-1]) is None
    place.say(place.owner, "first")
    for client in crowd:
        place.hears(client, "first")
    foreign.daemon("s2s").wait_log("event=s2s_addresses remote=example.test max=99")
    texts = [f"text {number}" for number in range(10)]
    before = stanzas_sent(beta, alpha.place)
    for text in texts:
        place.say(place.owner, text)
        for client in crowd:
            message = place.hears(client, text)
            assert message.find("{http://jabber.org/protocol/address}addresses") is None
    # the beat of the link may be among them
    assert stanzas_sent(beta, alpha.place) - before < len(texts) + len(crowd)


def test_a_component_that_is_not_at_this_node(network, foreign, login):
    """RFC 6120 §8.3.3.17, at once, or when nobody has come to take what is kept; that nobody does
    is no reason to let no server in."""
    beta, other = network.beta, login(where=foreign)
    beta.reconfigure({"s2s": {"stanza-expiry": "1s"}})
    try:
        for stanza in (f"<iq type='get' id='a' to='hall@{COMPONENT}'><a xmlns='b'/></iq>",
                       f"<presence id='a' to='hall@{COMPONENT}/nick'/>",
                       f"<message type='chat' id='a' to='hall@{COMPONENT}'><body>a</body>"
                       "</message>"):
            other.send(stanza)
            refused = other.wait_for(lambda e: e.get("type") == "error")
            assert rooms.error(refused) == ("wait", "remote-server-timeout")
    finally:
        beta.reconfigure({"s2s": {"stanza-expiry": None}})
    assert "event=s2s_stuck" not in beta.daemon("s2s").log()


@pytest.mark.seconds(600)
def test_nothing_is_lost_on_the_way_to_a_room(network, foreign, login):
    """Nor doubled: kontalk-muc of beta stores nothing of what it passes on, and the other domain
    has it until the room's home has stored it."""
    place = rooms.Room(network.gamma, lambda: login(where=network.gamma), "lasting")
    other = login(where=foreign)
    assert rooms.error(place.join(other, "other")[-1]) is None
    network.cut("beta", "gamma")
    network.wait_state("beta", "gamma", "down")
    texts = [f"text {number}" for number in range(4)]
    for text in texts[:2]:
        place.say(other, text)
    for name in ("muc", "c2s"):
        network.beta.daemon(name).kill()
        network.beta.daemon(name).start()
    for text in texts[2:]:
        place.say(other, text)
    network.heal()
    heard = []
    while texts[-1] not in heard:
        stanza = place.owner.wait_for(lambda e: rooms.is_message(e) and rooms.body(e), 90)
        heard.append(rooms.body(stanza))
    assert heard == texts


@pytest.mark.seconds(600)
def test_a_room_that_stays_away(network, foreign, login):
    """Beta has it no longer than `stanza-expiry`: then its author is told, and the room does not
    hear it afterwards."""
    place = rooms.Room(network.gamma, lambda: login(where=network.gamma), "away")
    other = login(where=foreign)
    assert rooms.error(place.join(other, "other")[-1]) is None
    beta = network.beta
    beta.reconfigure({"s2s": {"stanza-expiry": "1s"}})
    try:
        network.cut("beta", "gamma")
        network.wait_state("beta", "gamma", "down")
        place.say(other, "unheard")
        refused = other.wait_for(lambda e: rooms.is_message(e) and rooms.error(e), 60)
    finally:
        beta.reconfigure({"s2s": {"stanza-expiry": None}})
    assert refused.get("from") == place.jid
    assert rooms.error(refused) == ("wait", "remote-server-timeout")
    network.heal()
    network.wait_linked()
    place.say(other, "heard")
    assert rooms.body(place.owner.wait_for(lambda e: rooms.is_message(e) and rooms.body(e))) == \
        "heard"
