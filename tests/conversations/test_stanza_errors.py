# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Stanza errors (RFC 6120 §8.3.3) at the limits of an account, and for data that is damaged.

import pytest

CLIENT = "jabber:client"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
ROSTER = "jabber:iq:roster"
LIMITS = {"roster-size": "2", "roster-groups": "2", "blocklist-size": "2", "directed-presence": "2",
          "offline-messages": "2", "private-elements": "2"}


@pytest.fixture(scope="module")
def small(make_node):
    return make_node(settings={"sm": LIMITS})


def condition(stanza):
    """(type, condition), or None for no error."""
    error = stanza.find(f"{{{CLIENT}}}error")
    return None if error is None else (error.get("type"), error[0].tag.removeprefix(STANZAS))


def item(number, groups=0):
    inner = "".join(f"<group>{n}</group>" for n in range(groups))
    return f"<query xmlns='{ROSTER}'><item jid='a{number}@verona.example'>{inner}</item></query>"


def blocked(number):
    return f"<block xmlns='urn:xmpp:blocking'><item jid='a{number}@verona.example'/></block>"


def stored(number):
    return f"<query xmlns='jabber:iq:private'><x xmlns='urn:example:{number}'/></query>"


@pytest.mark.parametrize("payload, refusal", [
    (item, ("wait", "resource-constraint")),
    (blocked, ("wait", "resource-constraint")),
    (stored, ("wait", "resource-constraint")),
], ids=["roster", "blocklist", "private storage"])
def test_third_of_two(login, small, payload, refusal):
    """§8.3.3.18: what was there before can still be changed."""
    client = login(where=small)
    answers = [condition(client.ask("set", payload(number))) for number in (1, 2, 3, 1)]
    assert answers == [None, None, refusal, None]


def test_subscription_beyond_the_roster(login, small):
    client = login(where=small)
    for number in (1, 2):
        client.ask("set", item(number))
    client.send("<presence type='subscribe' to='a3@verona.example' id='p'/>")
    answer = client.wait_for(lambda e: e.get("id") == "p")
    assert condition(answer) == ("wait", "resource-constraint")


def test_too_many_groups(login, small):
    """§8.3.3.12"""
    client = login(where=small)
    assert condition(client.ask("set", item(1, groups=2))) is None
    assert condition(client.ask("set", item(1, groups=3))) == ("modify", "policy-violation")


def test_too_many_addresses_of_directed_presence(login, small):
    """§8.3.3.12: to further ones unavailable presence could not be sent at the end."""
    client, *others = (login(where=small) for _ in range(4))
    for other in others:
        client.send(f"<presence to='{other.full}' id='{other.user}'/>")
    answer = client.wait_for(lambda e: e.get("type") == "error")
    assert answer.get("id") == others[2].user
    assert condition(answer) == ("modify", "policy-violation")
    for other in others[:2]:
        other.wait_for(lambda e: e.get("from") == client.full)
    others[2].settle()
    client.logout()
    for other in others[:2]:
        other.wait_for(lambda e: e.get("type") == "unavailable")


def test_too_many_offline_messages(login, small):
    """XEP-0160 §3: the sender hears that no more are kept."""
    client, owner = login(where=small), small.add_account()
    for number in range(3):
        client.send_message(owner.jid, f"message {number}")
    answer = client.wait_for(lambda e: e.get("type") == "error")
    assert condition(answer) == ("cancel", "service-unavailable")
    assert answer.findtext(f"{{{CLIENT}}}body") == "message 2"
    reader = login(owner, where=small)
    reader.send("<presence/>")
    for number in range(2):
        reader.wait_message(f"message {number}")


def test_internal_server_error(login, node):
    """§8.3.3.6: what is stored cannot be read."""
    client = login()
    client.ask("set", "<vCard xmlns='vcard-temp'><FN>x</FN></vCard>")
    node.postgres.query("kontalk", "UPDATE vcard SET xml = '<damaged'")
    answer = client.ask("get", "<vCard xmlns='vcard-temp'/>")
    assert condition(answer) == ("cancel", "internal-server-error")
