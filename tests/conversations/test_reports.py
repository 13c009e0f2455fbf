# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Reports of abuse (XEP-0377) reach the log and the administrators.

from xml.etree import ElementTree

import pytest

from tests.harness import slix

BLOCKING = "urn:xmpp:blocking"
REPORTING = "urn:xmpp:reporting:1"
SPAM = "urn:xmpp:reporting:spam"
BODY = "{jabber:client}body"


@pytest.fixture
def admin(node, login):
    client = login()
    node.control("user", "admin", client.bare)
    client.send_presence()
    client.settle()
    yield client
    node.control("user", "admin", client.bare, "no")


def block(client, jid, report=""):
    return client.ask("set", f"<block xmlns='{BLOCKING}'><item jid='{jid}'>{report}</item>"
                      "</block>").get("type")


def blocked(client):
    answer = client.ask("get", f"<blocklist xmlns='{BLOCKING}'/>")
    return {item.get("jid") for item in answer[0]}


def report_about(admin, client):
    return admin.wait_for(lambda e: client.bare in e.findtext(BODY, ""))


def test_report(node, login, admin):
    client = login()
    assert block(client, "spammer@example.org", f"<report xmlns='{REPORTING}' reason='{SPAM}'>"
                 "<stanza-id xmlns='urn:xmpp:sid:0' by='x' id='28482-98726'/>"
                 "<text xml:lang='en'>Never came trouble</text></report>") == "result"
    assert blocked(client) == {"spammer@example.org"}
    message = report_about(admin, client)
    assert message.get("from") == node.network
    assert message.findtext(BODY) == (f"{client.bare} has blocked spammer@example.org: {SPAM}\n"
                                      "message 28482-98726\nNever came trouble")
    node.daemon("c2s").wait_log(rf"event=abuse_reported account={client.bare} "
                                rf"jid=spammer@example.org reason={SPAM}")


def test_no_reason(login, admin):
    """It blocks, and reports nothing."""
    client = login()
    assert block(client, "a@example.org", f"<report xmlns='{REPORTING}'/>") == "result"
    assert block(client, "b@example.org") == "result"
    assert blocked(client) == {"a@example.org", "b@example.org"}
    assert block(client, "c@example.org",
                 f"<report xmlns='{REPORTING}' reason='{SPAM}'/>") == "result"
    assert "c@example.org" in report_about(admin, client).findtext(BODY)


@slix.in_loop
async def test_others(make_node):
    """Who is named gets reports; at other domains only those that may be handed on."""
    domain = "test.example.test"
    node = make_node(settings={"sm": {"report-address": [f"bot@{domain}", "desk@example.test"]}})
    client, desk = node.add_account(), node.add_account("desk")
    allowed = "<third-party/>"
    secret = node.component_secret()
    async with slix.component(node, domain, secret) as bot, \
            slix.connected(node, desk) as reader, slix.connected(node, client) as reporter:
        reader.send_presence()
        for name, more in (("a", ""), ("b", allowed)):
            iq = reporter.make_iq_set(sub=ElementTree.fromstring(
                f"<block xmlns='{BLOCKING}'><item jid='{name}@example.org'>"
                f"<report xmlns='{REPORTING}' reason='{SPAM}'>{more}</report></item></block>"))
            await iq.send()
        for name in ("a", "b"):
            message = await reader.next("message")
            assert f"has blocked {name}@example.org: {SPAM}" in message["body"]
            assert message["from"] == "example.test"
        message = await bot.next("message")
        assert "has blocked b@example.org" in message["body"]
        assert message["to"] == f"bot@{domain}"


def test_many(make_node, login):
    """Sixty an hour are told; the others are in the log."""
    node = make_node(workers=1)
    admin, client = login(where=node), login(where=node)
    node.control("user", "admin", admin.bare)
    items = "".join(f"<item jid='x{n}@example.org'><report xmlns='{REPORTING}' reason='{SPAM}'/>"
                    "</item>" for n in range(70))
    admin.send_presence()
    assert client.ask("set", f"<block xmlns='{BLOCKING}'>{items}</block>").get("type") == "result"
    told = {report_about(admin, client).findtext(BODY).split()[3] for _ in range(60)}
    assert told == {f"x{n}@example.org:" for n in range(60)}
    client.send_message(admin.bare, "behind them")
    assert admin.wait_for(lambda e: e.findtext(BODY)).findtext(BODY) == "behind them"
