# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Reports of abuse (XEP-0377) reach the log and the administrators.

import pytest

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
