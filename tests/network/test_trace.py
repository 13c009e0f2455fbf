# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl trace in a network: a message is followed at both nodes, inside its envelope.

import re

import pytest

from tests.harness.network import LINK_SECONDS
from tests.harness.tracing import tracing
from tests.muc import rooms

SECRET = "planted-where-people-talk"


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "passing"])
def test_a_message_between_homes(network, user, kept):
    alice, bob = user(network.alpha), user(network.beta)
    name = f"across-{kept}"
    hint = "" if kept else "<no-store xmlns='urn:xmpp:hints'/>"
    with tracing(network.alpha, bob.bare) as here, tracing(network.beta, alice.bare) as there:
        alice.send(f"<message type='chat' id='{name}' to='{bob.full}'><body>{SECRET}</body>"
                   f"{hint}</message>")
        bob.wait_message(SECRET)
        beta = re.escape(network.beta.place.host)
        for daemon, pattern in (("c2s", "from the client"), ("router", r"to net\b"),
                                ("net", f"to node {beta}"),
                                ("c2s", "outbox: offer .* taken" if kept else "in an envelope")):
            here.wait(daemon, pattern, name)
        for daemon, pattern in (("net", "from node "), ("router", r"to c2s\b"),
                                ("c2s", "to the client " + re.escape(bob.full))):
            there.wait(daemon, pattern, name)
        for trace in (here, there):
            assert SECRET not in trace.text
            assert {(hop["from"], hop["to"]) for hop in trace.hops if hop.get("id") == name} == \
                {(alice.full, bob.full)}


def test_another_home_that_is_away(network, user):
    """Why the message waits is seen at c2s."""
    alice, bob = user(network.alpha), user(network.beta)
    network.cut("alpha", "beta")
    network.wait_state("alpha", "beta", "down")
    with tracing(network.alpha, alice.bare) as trace:
        alice.send(f"<message type='chat' id='away' to='{bob.bare}'><body>{SECRET}</body>"
                   "</message>")
        trace.wait("c2s", "outbox: offer .* refused for now: remote-server-timeout", "away")
    network.heal()
    bob.wait_message(SECRET, LINK_SECONDS)


def test_a_room_of_another_home(network, user):
    """Said at alpha, in a room of beta."""
    alice = user(network.alpha)
    place = rooms.Room(network.beta, lambda: user(network.beta), "followed")
    place.join(alice, "alice")
    with tracing(network.alpha, place.jid) as here, tracing(network.beta, place.jid) as there:
        alice.send(f"<message type='groupchat' id='in-a-room' to='{place.jid}'>"
                   f"<body>{SECRET}</body></message>")
        place.hears(alice, SECRET)
        here.wait("net", f"to node {re.escape(network.beta.place.host)}", "in-a-room")
        there.wait("muc", rf"^in the archive of {place.jid} as #\d+$", "in-a-room")
        there.wait("muc", "goes to 2 sessions in the room$", "in-a-room")
        here.wait("c2s", "to the client " + re.escape(alice.full), "in-a-room")
        assert SECRET not in here.text + there.text
