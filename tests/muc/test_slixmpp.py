# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A library that knows rooms: slixmpp.

import asyncio

import pytest
from slixmpp.exceptions import IqError

from tests.harness.slix import SECONDS, connected, in_loop

PLUGINS = ("xep_0030", "xep_0045", "xep_0249")


async def enter(client, room, nick):
    return await asyncio.wait_for(client["xep_0045"].join_muc_wait(room, nick), SECONDS)


@in_loop
async def test_slixmpp(node, account):
    """Creation, configuration, entering, talk, affiliations, kicking, destruction."""
    room = f"slix@{node.place.conference}"
    async with connected(node, account(), plugins=PLUGINS) as one, \
            connected(node, account(), plugins=PLUGINS) as two:
        rooms = one["xep_0045"]
        await enter(one, room, "one")
        form = await rooms.get_room_config(room)
        fields = form.get_fields()
        fields["muc#roomconfig_roomname"]["value"] = "Slix"
        form["type"] = "submit"
        await rooms.set_room_config(room, form)
        await enter(two, room, "two")
        assert set(two["xep_0045"].get_roster(room)) == {"one", "two"}
        two.send_message(room, "hello", mtype="groupchat")
        heard = await one.next("message", lambda m: m["body"] == "hello")
        assert heard["from"].resource == "two"
        await rooms.set_affiliation(room, "member", jid=two.boundjid.bare)
        assert two.boundjid.bare in [str(jid) for jid in
                                     await rooms.get_affiliation_list(room, "member")]
        await rooms.set_role(room, "two", "none")
        with pytest.raises(IqError):
            await two["xep_0045"].get_room_config(room)
        await rooms.destroy(room)
