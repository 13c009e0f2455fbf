# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A room with 500 occupants.

from tests.muc.crowd import Crowd

COUNT = 500


def test_500_occupants(room, puppets):
    """Each hears what is said, once, in order, whoever says it."""
    place = room(presencebroadcast=["moderator"], maxusers="1000")
    crowd = Crowd(puppets, COUNT)
    crowd.enter(place.jid)
    place.say(place.owner, "to all")
    place.say(crowd.puppets[7], "from one")
    crowd.hear("to all")
    crowd.hear("from one")
    place.hears(place.owner, "to all")
    assert place.hears(place.owner, "from one").get("from") == place.nick("n7")
