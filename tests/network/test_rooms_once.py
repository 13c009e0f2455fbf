# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a room says goes to another node once, whoever hears it there (docs/ROOMS.md).

import re

import pytest

from tests.harness import wait
from tests.network.test_directory import lookup
from tests.network.test_services import enter, rooms, there
from tests.node.client import CLIENT
from tests.node.place import COMPONENT


@pytest.fixture(scope="module")
def network(make_network):
    made = make_network(settings={"node": {"network-service": COMPONENT},
                                  f'component "{COMPONENT}"': {"allow": "durable"}})
    for one in made:
        wait.until(lambda: lookup(one, COMPONENT), what=f"the service at {one.place.name}")
    return made


def stanzas_sent(node, to):
    """Over the link from that node to the other."""
    [line] = [line for line in node.control("network", "status").splitlines()
              if line.startswith(f"{to.host} ")]
    return int(re.search(r" sent=(\d+)", line)[1])


def test_message_crosses_the_link_once(network, user):
    """However many people of the other node are in the room; whoever has left without a word is the
    only one who leaves it."""
    home, (other, *_) = there(network, COMPONENT)
    room = f"crowd@{COMPONENT}"
    speaker = user(home)
    with rooms(home, "yes"):
        wait.until(lambda: speaker.ask("get", "<ping xmlns='urn:xmpp:ping'/>",
                                       to=COMPONENT).get("type") == "result")
        enter(speaker, room, "speaker")
        owners = [other.add_account() for _ in range(3)]
        crowd = [user(other, owner) for owner in owners for _ in range(3)]
        for number, client in enumerate(crowd):
            client.send(f"<presence to='{room}/{number}'>"
                        "<x xmlns='http://jabber.org/protocol/muc'/></presence>")
            client.wait_for(lambda e: e.find(f"{{{CLIENT}}}subject") is not None)
        for client in crowd[:-1]:  # who knows everybody has heard all that was to be heard
            client.wait_for(lambda e: e.get("from") == f"{room}/{len(crowd) - 1}")
        bodies = [f"once {number}" for number in range(10)]
        before = stanzas_sent(home, other.place)
        for body in bodies:
            speaker.send(f"<message to='{room}' type='groupchat'><body>{body}</body></message>")
            for client in (speaker, *crowd):
                assert client.wait_message(body).get("from") == f"{room}/speaker"
        # the beat of the link, and what nodes tell each other, may be among them
        assert stanzas_sent(home, other.place) - before < len(bodies) + len(crowd)
        crowd[0].close()
        speaker.send(f"<message to='{room}' type='groupchat'><body>gone</body></message>")
        gone = speaker.wait_for(lambda e: e.get("type") == "unavailable")
        assert gone.get("from") == f"{room}/0"
        for client in crowd[1:]:
            assert client.wait_message("gone").get("from") == f"{room}/speaker"
