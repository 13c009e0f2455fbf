# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A room with 500 occupants.

import pytest

from tests.muc.crowd import Crowd

COUNT = 500


@pytest.fixture
def crowd(node):
    made = Crowd(node, COUNT)
    yield made
    made.close()


def test_500_occupants(room, crowd):
    """Each hears what is said, once, whoever says it."""
    place = room(presencebroadcast=["moderator"], maxusers="1000")
    crowd.enter(place.jid)
    place.say(place.owner, "to all")
    assert sorted(crowd.hear("to all")) == sorted(crowd.users)
    crowd.stream.send(f"<message from='{crowd.users[7]}' to='{place.jid}' type='groupchat'>"
                      "<body>from one</body></message>")
    assert sorted(crowd.hear("from one")) == sorted(crowd.users)
    assert place.hears(place.owner, "from one").get("from") == place.nick("n7")
