# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Our node and Prosody, ejabberd and jabberd2 of Debian: everything that users do with users of
# other servers, in both directions, each way to federate (names.py), by the DNS.

import itertools
import re

import pytest

from tests.harness.retraction import said, say, take_back
from tests.harness.tracing import tracing
from tests.node.client import CLIENT, PING
from tests.peers import interop
from tests.peers.ejabberd import Ejabberd
from tests.peers.jabberd2 import Jabberd2
from tests.peers.meeting import (Meeting, appear, condition, error_text, exchange, proofs,
                                 subscribe, wait_error, wait_presence)
from tests.peers.names import CROWD, OURS, WAYS
from tests.peers.prosody import Prosody

ROWS = [*(("prosody", way) for way in WAYS), *(("ejabberd", way) for way in WAYS),
        *(("jabberd2", way) for way in Jabberd2.ways)]
ADDRESS = "http://jabber.org/protocol/address"
DISCO = "http://jabber.org/protocol/disco#info"
VERSION = "jabber:iq:version"


@pytest.fixture(params=ROWS, ids=lambda row: f"{row[0]}-{row[1].label}")
def meeting(request, world, login):
    name, way = request.param
    return Meeting(world, request.getfixturevalue(name), way, login)


def test_the_document():
    assert interop.rows() == {peer.name: interop.of(peer) for peer in (Prosody, Ejabberd, Jabberd2)}


def test_messages(meeting):
    exchange(meeting.here(), meeting.there("alice"))
    how = meeting.way.proof
    assert proofs(meeting.node, meeting.ours, meeting.theirs) == {"in": how, "out": how}


@pytest.mark.parametrize("meeting", [("ejabberd", WAYS[2])], indirect=True, ids=lambda row: row[0])
def test_two_domains_of_ours(meeting, login):
    """They share a stream (XEP-0220 §2.6.1) where the peer says that it understands errors."""
    there = meeting.there("alice")
    exchange(meeting.here(), there)
    second = appear(login(where=meeting.node))
    exchange(second, there)
    sids = [re.findall(rf"event=s2s_out_proven sid=(\S+) local={domain} remote={meeting.theirs} ",
                       meeting.node.daemon("s2s").log())[-1] for domain in (meeting.ours, OURS)]
    assert sids[0] == sids[1]
    assert proofs(meeting.node, OURS, meeting.theirs)["out"] == "dialback"


def test_subscription_and_presence(meeting):
    account = meeting.account()
    here, there = meeting.here(account), meeting.there("bob")
    subscribe(here, there)
    subscribe(there, here)
    for one, other in ((here, there), (there, here)):
        one.send("<presence><show>away</show></presence>")
        assert wait_presence(other, one.full).findtext(f"{{{CLIENT}}}show") == "away"
    # Who comes sends a probe and is told.
    there_too = meeting.there("bob")
    wait_presence(there_too, here.full)
    wait_presence(meeting.here(account), there.full)
    for one, other in ((there, here), (here, there_too)):
        one.send("<presence type='unavailable'/>")
        wait_presence(other, one.full, "unavailable")


def test_a_subscription_is_refused_and_ended(meeting):
    here, there = meeting.here(), meeting.there("carol")
    here.send(f"<presence type='subscribe' to='{there.bare}'/>")
    wait_presence(there, here.bare, "subscribe")
    there.send(f"<presence type='unsubscribed' to='{here.bare}'/>")
    wait_presence(here, there.bare, "unsubscribed")
    subscribe(there, here)
    there.send(f"<presence type='unsubscribe' to='{here.bare}'/>")
    wait_presence(here, there.bare, "unsubscribe")
    wait_presence(there, here.full, "unavailable")


def test_iq(meeting):
    here, there = meeting.here(), meeting.there("dave")
    for client, domain in ((here, meeting.theirs), (there, meeting.ours)):
        ask = lambda payload: client.ask("get", payload, to=domain)  # noqa: E731
        assert ask(f"<ping xmlns='{PING}'/>").get("type") == "result"
        assert ask(f"<query xmlns='{VERSION}'/>").findtext(f"*/{{{VERSION}}}name")
        assert ask(f"<query xmlns='{DISCO}'/>").find(f"*/{{{DISCO}}}identity").get("type") == "im"


def test_iq_between_clients(meeting):
    here, there = meeting.here(), meeting.there("dave")
    for one, other in ((here, there), (there, here)):
        one.send(f"<presence to='{other.full}'/>")  # else they are strangers (RFC 6120 §13.10.2)
        wait_presence(other, one.full)
    for one, other in ((here, there), (there, here)):
        one.send(f"<iq type='get' id='q' to='{other.full}'><ping xmlns='{PING}'/></iq>")
        request = other.wait_for(lambda e: e.find(f"{{{PING}}}ping") is not None)
        other.send(f"<iq type='result' id='{request.get('id')}' to='{request.get('from')}'/>")
        answer = one.wait_for(lambda e: e.get("id") == "q")
        assert (answer.get("type"), answer.get("from")) == ("result", other.full)


@pytest.mark.parametrize("meeting", [("prosody", WAYS[0])], indirect=True, ids=lambda row: row[0])
def test_retraction(meeting):
    """In our archive, by whoever has written (XEP-0424 §5)."""
    here, there = meeting.here(), meeting.there("eve")
    say(there, here.bare, "theirs")
    here.wait_for(lambda e: e.get("id") == "theirs")
    say(here, there.bare, "ours")
    there.wait_for(lambda e: e.get("id") == "ours")
    take_back(there, here.bare, "ours", "r1")  # not its author
    take_back(there, here.bare, "theirs", "r2")
    here.wait_for(lambda e: e.get("id") == "r2")
    take_back(here, there.bare, "ours", "r3")
    there.wait_for(lambda e: e.get("id") == "r3")
    assert said(here) == [("theirs", "r2"), ("ours", "r3"), ("r1", None), ("r2", None),
                          ("r3", None)]


def test_for_several(world, ejabberd, login):
    """XEP-0033: what goes through the service of ejabberd comes here once, as soon as it knows that
    this is possible."""
    guests = [appear(login(where=world.node)) for _ in range(3)]
    there = appear(ejabberd.login("alice", CROWD))
    addresses = "".join(f"<address type='{kind}' jid='{guest.full}'/>"
                        for kind, guest in zip(("to", "cc", "bcc"), guests))

    def say(text):
        there.send(f"<message to='multicast.{CROWD}' type='chat' id='{text}'><body>{text}</body>"
                   f"<addresses xmlns='{ADDRESS}'>{addresses}</addresses></message>")
        return [guest.wait_message(text) for guest in guests]

    with tracing(world.node, there.bare) as trace:
        texts = (f"text {number}" for number in itertools.count())
        heard = say(next(texts))
        while "came in for 3" not in trace.of("s2s"):
            heard = say(next(texts))
    for guest, message in zip(guests, heard):
        assert message.get("from") == there.full
        seen = {(one.get("type"), one.get("jid")) for one in message.findall(
            f"{{{ADDRESS}}}addresses/{{{ADDRESS}}}address")}
        assert {("to", guests[0].full), ("cc", guests[1].full)} <= seen
        assert (("bcc", guests[2].full) in seen) == (guest is guests[2])


def test_unknown_users(meeting):
    here, there = meeting.here(), meeting.there("eve")
    here.send_message(f"nobody@{meeting.theirs}", "to nobody")
    assert condition(wait_error(here, f"nobody@{meeting.theirs}")) == ("cancel",
                                                                       "service-unavailable")
    there.send_message(f"nobody@{meeting.ours}", "to nobody")
    assert condition(wait_error(there, f"nobody@{meeting.ours}")) == ("cancel",
                                                                      "service-unavailable")
    answer = there.ask("get", f"<query xmlns='{VERSION}'/>", to=f"nobody@{meeting.ours}/x")
    assert condition(answer) == ("cancel", "service-unavailable")


def test_unknown_domains(meeting):
    """Nobody in the DNS; and a name that leads to the other server, which does not serve it."""
    here, there = meeting.here(), meeting.there("eve")
    here.send_message("somebody@nowhere.example", "to nowhere")
    error = wait_error(here, "somebody@nowhere.example")
    assert condition(error) == ("cancel", "remote-server-not-found")
    assert error_text(error) == "the DNS knows no address of a server"
    there.send_message("somebody@unserved.kontalk.example", "to nowhere")
    error = wait_error(there, "somebody@unserved.kontalk.example")
    assert condition(error)[1] == meeting.peer.not_reached
