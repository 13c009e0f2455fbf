# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Users invite people by links (XEP-0401), who become contacts of theirs without being asked
# (XEP-0379), with a new account or an old one.

import json
import re

import pytest

from tests.conversations.test_invitations import (NAMES, PASSWORD, accepted, condition, preauth,
                                                  register)
from tests.harness import slix, wait
from tests.harness.adhoc import form, stage
from tests.harness.node import Account

INVITE = "urn:xmpp:invite#invite"
CREATE = "urn:xmpp:invite#create-account"
PARS = "urn:xmpp:pars:0"
DOMAIN = 'domain "example.test"'
LIMIT = 3


@pytest.fixture(scope="module")
def open_node(make_node):
    """Its users may invite, three people a day; a page shows the links."""
    return make_node(settings={"sm": {"invite-users": "yes", "invite-limit": str(LIMIT)},
                               DOMAIN: {"invite-page": "https://example.test/invite"}})


def test_page_of_kontalkctl(open_node):
    link, page = open_node.control("invite").splitlines()
    assert page == "https://example.test/invite#" + link.removeprefix("xmpp:")
    made = json.loads(open_node.control("invite", "--json"))
    assert made["page"] == "https://example.test/invite#" + made["uri"].removeprefix("xmpp:")


@pytest.fixture
def user(open_node, login):
    def connect(owner=None):
        client = login(owner, where=open_node)
        client.ask("get", "<query xmlns='jabber:iq:roster'/>")
        client.send_presence()
        client.settle()
        return client
    return connect


@pytest.fixture
def stranger(open_node, raw):
    stream = raw(where=open_node)
    stream.secure()
    return stream


@pytest.fixture
def admin(open_node, user):
    with open_node.administrator(user()) as client:
        yield client


def token_of(client):
    """Of a new invitation."""
    made = stage(client, INVITE)
    assert made.done, made.errors
    return re.search(r";preauth=([0-9a-f]{32})", made.fields["uri"][0])[1]


def id_of(node, client):
    """Of the newest invitation that the client made."""
    rows = [line.split() for line in node.control("invite", "list").splitlines()]
    return [row[0] for row in rows if row[-1] == f"by={client.bare}"][-1]


def request(client, contact, token):
    client.send(f"<presence type='subscribe' to='{contact}'><preauth xmlns='{PARS}'"
                f" token='{token}'/></presence>")


def subscription(client, contact):
    """How the client's roster has the contact: subscription and ask."""
    roster = client.ask("get", "<query xmlns='jabber:iq:roster'/>")
    for item in roster.iter("{jabber:iq:roster}item"):
        if item.get("jid") == contact:
            return item.get("subscription"), item.get("ask")
    return None


def become_contacts(*clients):
    for one, other in (clients, reversed(clients)):
        wait.until(lambda one=one, other=other: subscription(one, other.bare) == ("both", None),
                   what="a contact")


def nodes_of(client):
    items = client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'"
                       " node='http://jabber.org/protocol/commands'/>", to=client.domain)
    return {item.get("node") for item in items[0]}


def test_who_may(node, login, user, admin):
    """Nobody but administrators, unless the configuration says so."""
    assert nodes_of(login()) == set()
    assert stage(login(), INVITE).errors == ["forbidden"]
    assert nodes_of(user()) == {INVITE}
    assert stage(user(), CREATE).errors == ["forbidden"]
    assert {INVITE, CREATE} < nodes_of(admin)
    with node.administrator(login()) as other:
        assert stage(other, INVITE).done


def test_link(open_node, user):
    """XEP-0401 §4.1: the link, a page that shows it, its end; operators see that there is one."""
    client = user()
    fields = stage(client, INVITE).fields
    uri = fields["uri"][0]
    assert re.fullmatch(rf"xmpp:{client.bare}\?roster;preauth=[0-9a-f]{{32}};ibr=y", uri)
    assert fields["landing-url"] == ["https://example.test/invite#" + uri.removeprefix("xmpp:")]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", fields["expire"][0])
    assert f"by={client.bare}" in open_node.control("invite", "list")


def test_limit(user):
    client = user()
    for _ in range(LIMIT):
        assert stage(client, INVITE).done
    assert stage(client, INVITE).errors == ["policy-violation"]
    assert stage(user(), INVITE).done


def test_no_limit_for_administrators(admin):
    for _ in range(LIMIT + 1):
        assert stage(admin, INVITE).done


def test_contact(user):
    """XEP-0379 §3: both directions, without a question to anybody; once."""
    romeo, juliet, tybalt = user(), user(), user()
    token = token_of(romeo)
    request(juliet, romeo.bare, token)
    become_contacts(romeo, juliet)
    request(tybalt, romeo.bare, token)
    asked = romeo.wait_for(lambda e: e.get("type") == "subscribe")
    assert asked.get("from") == tybalt.bare
    assert subscription(tybalt, romeo.bare) == ("none", "subscribe")


def test_nobody_is_asked(user):
    romeo, juliet = user(), user()
    request(juliet, romeo.bare, token_of(romeo))
    for client, contact in ((romeo, juliet), (juliet, romeo)):
        seen = []

        def has_come(element, seen=seen, contact=contact):
            seen.append(element.get("type"))
            return element.get("from") == contact.full and element.get("type") is None

        client.wait_for(has_come)
        assert "subscribe" not in seen


def test_tokens_that_are_not_good(open_node, user):
    """XEP-0379 §4.1: it is as if there were none. Of somebody else, revoked, no token at all."""
    romeo, other, juliet = user(), user(), user()
    revoked = token_of(romeo)
    open_node.control("invite", "revoke", id_of(open_node, romeo))
    known = token_of(romeo)
    for number, token in enumerate((token_of(other), revoked, "x", id_of(open_node, romeo))):
        client = user()
        request(client, romeo.bare, token)
        asked = romeo.wait_for(lambda e: e.get("type") == "subscribe")
        assert asked.get("from") == client.bare, number
    request(juliet, romeo.bare, known)
    become_contacts(romeo, juliet)


def test_late(open_node, user):
    """Out of date."""
    romeo, juliet = user(), user()
    token = token_of(romeo)
    open_node.postgres.query("kontalk", "UPDATE invitation SET expires = now() WHERE"
                             f" invitation_id = '{id_of(open_node, romeo)}'")
    request(juliet, romeo.bare, token)
    assert romeo.wait_for(lambda e: e.get("type") == "subscribe").get("from") == juliet.bare


@slix.in_loop
async def test_from_elsewhere(open_node, user):
    """A contact of another domain shows the token."""
    romeo = user()
    domain = open_node.place.component
    async with slix.component(open_node, domain, open_node.component_secret()) as there:
        there.send_raw(f"<presence type='subscribe' from='juliet@{domain}' to='{romeo.bare}'>"
                       f"<preauth xmlns='{PARS}' token='{token_of(romeo)}'/></presence>")
        assert (await there.next("presence_subscribed"))["from"] == romeo.bare
        assert (await there.next("presence_subscribe"))["from"] == romeo.bare
        there.send_raw(f"<presence type='subscribed' from='juliet@{domain}' to='{romeo.bare}'/>")
        wait.until(lambda: subscription(romeo, f"juliet@{domain}") == ("both", None))


def new_account(stranger, token, name, node, user):
    accepted(preauth(stranger, token))
    accepted(register(stranger, name))
    node.passwords.append(PASSWORD)
    return user(Account(f"{name}@{node.network}", PASSWORD))


def test_new_account(open_node, stranger, user):
    """XEP-0401 §4.5: it has its inviter as a contact from the start, and he hears of it at once."""
    romeo, name = user(), next(NAMES)
    token = token_of(romeo)
    juliet = new_account(stranger, token, name, open_node, user)
    romeo.wait_for(lambda e: any(item.get("jid") == juliet.bare and
                                 item.get("subscription") == "both"
                                 for item in e.iter("{jabber:iq:roster}item")))
    become_contacts(romeo, juliet)
    other = user()
    request(other, romeo.bare, token)
    assert romeo.wait_for(lambda e: e.get("type") == "subscribe").get("from") == other.bare


def test_removed_again(open_node, stranger, user):
    """An inviter who is removed stays so."""
    romeo, name = user(), next(NAMES)
    juliet = new_account(stranger, token_of(romeo), name, open_node, user)
    become_contacts(romeo, juliet)
    accepted(juliet.ask("set", f"<query xmlns='jabber:iq:roster'><item jid='{romeo.bare}'"
                        " subscription='remove'/></query>"))
    for verb in ("disable", "enable"):  # it is read anew
        open_node.control("user", verb, juliet.bare)
    again = user(Account(juliet.bare, PASSWORD))
    assert subscription(again, romeo.bare) is None


def test_inviter_is_gone(open_node, raw, user):
    """With his account his invitations go."""
    romeo = user()
    token = token_of(romeo)
    open_node.control("user", "del", romeo.bare)
    stream = raw(where=open_node)
    stream.secure()
    assert condition(preauth(stream, token)) == ("cancel", "item-not-found")


def test_create_account(open_node, admin, stranger, user):
    """§4.4: with a name, which is reserved, and a contact if that is wanted."""
    name = next(NAMES)
    begun = stage(admin, CREATE)
    assert begun.status == "executing" and set(begun.fields) == {"username", "roster-subscription"}
    made = stage(admin, CREATE, form({"username": name, "roster-subscription": "true"}),
                 sessionid=begun.session)
    uri = made.fields["uri"][0]
    found = re.fullmatch(rf"xmpp:{name}@{open_node.network}\?register;preauth=([0-9a-f]{{32}})",
                         uri)
    assert found, uri
    again = stage(admin, CREATE)
    assert stage(admin, CREATE, form({"username": name}),
                 sessionid=again.session).errors == ["conflict"]
    juliet = new_account(stranger, found[1], name, open_node, user)
    become_contacts(admin, juliet)


def test_create_account_of_any_name(open_node, admin, stranger, user):
    begun = stage(admin, CREATE)
    made = stage(admin, CREATE, form({}), sessionid=begun.session)
    found = re.fullmatch(rf"xmpp:{open_node.network}\?register;preauth=([0-9a-f]{{32}})",
                         made.fields["uri"][0])
    assert found
    juliet = new_account(stranger, found[1], next(NAMES), open_node, user)
    assert subscription(juliet, admin.bare) is None


def test_names_that_cannot_be(admin):
    for name in ("Up.Case", "a b", "a@b"):
        begun = stage(admin, CREATE)
        assert "bad-payload" in stage(admin, CREATE, form({"username": name}),
                                      sessionid=begun.session).errors


def test_without_accounts(make_node, login):
    """invitations = no: contacts are invited all the same, and get no account."""
    node = make_node(settings={"sm": {"invite-users": "yes"}, DOMAIN: {"invitations": "no"}})
    romeo, juliet = login(where=node), login(where=node)
    uri = stage(romeo, INVITE).fields["uri"][0]
    assert uri.partition("?")[2].count(";") == 1
    request(juliet, romeo.bare, uri.rpartition("=")[2])
    become_contacts(romeo, juliet)
