# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Administration by slixmpp: ad-hoc commands (XEP-0050), and those of XEP-0133.

import asyncio

from tests.harness.slix import connected, in_loop

COMMANDS = "http://jabber.org/protocol/commands"
ADMIN = "http://jabber.org/protocol/admin"
PLUGINS = ("xep_0004", "xep_0030", "xep_0050", "xep_0133")
SECONDS = 60


async def run(client, command, **values):
    """Runs it to its end as the plugin does; returns the last answer."""
    over = asyncio.get_running_loop().create_future()

    def shown(iq, session):
        form = client["xep_0004"].make_form("submit", "")
        form.add_field(var="FORM_TYPE", ftype="hidden", value=ADMIN)
        for var, value in values.items():
            form.add_field(var=var, value=value)
        session["payload"] = form
        session["next"] = lambda answer, _: over.set_result(answer)
        client["xep_0050"].complete_command(session)

    def failed(iq, session):
        over.set_exception(AssertionError(str(iq)))

    if not values:
        def shown(iq, session):  # noqa: F811, nothing to fill in
            over.set_result(iq)
    getattr(client["xep_0133"], command)(client.boundjid.domain,
                                        session={"next": shown, "error": failed})
    return await asyncio.wait_for(over, SECONDS)


@in_loop
async def test_admin(node, account):
    admin, other = account(), account()
    node.control("user", "admin", admin.jid)
    async with connected(node, admin, plugins=PLUGINS) as client:
        items = await client["xep_0050"].get_commands(node.network)
        assert f"{ADMIN}#add-user" in {entry[1] for entry in items["disco_items"]["items"]}
        answer = await run(client, "get_registered_users_num")
        assert int(answer["command"]["form"].get_values()["registeredusersnum"]) >= 2
        answer = await run(client, "disable_user", accountjids=[other.jid])
        assert answer["command"]["status"] == "completed"
        assert not answer["command"]["notes"]
        assert f"{other.jid} disabled" in node.control("user", "list").splitlines()
        answer = await run(client, "reenable_user", accountjids=[other.jid])
        assert answer["command"]["status"] == "completed"
        assert other.jid in node.control("user", "list").splitlines()
