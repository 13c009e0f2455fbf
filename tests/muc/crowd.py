# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Many occupants of one room.

from tests.muc.rooms import MUC, body, is_message, tag


class Crowd:
    def __init__(self, puppets, count):
        self.puppets = [puppets.make() for _ in range(count)]

    def enter(self, room):
        """All at once, without history."""
        for number, puppet in enumerate(self.puppets):
            puppet.send(f"<presence to='{room}/n{number}'><x xmlns='{MUC}'>"
                        "<history maxstanzas='0'/></x></presence>")
        for puppet in self.puppets:
            puppet.wait_for(lambda e: is_message(e) and e.find(tag("subject")) is not None)

    def hear(self, text):
        """Each of them, next of all messages."""
        for puppet in self.puppets:
            assert body(puppet.wait_for(is_message)) == text
