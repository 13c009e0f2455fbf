# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A new password and the removal of an account by slixmpp (XEP-0077).

from tests.harness.node import Account
from tests.harness.slix import connected, in_loop

PLUGINS = ("xep_0030", "xep_0077")


@in_loop
async def test_register(node, account):
    owner = account()
    async with connected(node, owner, plugins=PLUGINS) as client:
        info = await client["xep_0030"].get_info(node.network)
        assert "jabber:iq:register" in info["disco_info"]["features"]
        form = await client["xep_0077"].get_registration(node.network)
        assert form["register"]["username"] == owner.jid.split("@")[0]
        await client["xep_0077"].change_password("a new one", node.network)
    async with connected(node, Account(owner.jid, "a new one"), plugins=PLUGINS) as client:
        await client["xep_0077"].cancel_registration(node.network)
    assert owner.jid not in node.control("user", "list").splitlines()
