# SPDX-License-Identifier: AGPL-3.0-or-later
#
# libstrophe, the library of Profanity and others.

import contextlib

from tests.harness import strophe
from tests.node.client import CLIENT

ROSTER = "jabber:iq:roster"


@contextlib.contextmanager
def online(node, account, **options):
    with strophe.connected(node, f"{account.jid}/strophe", account.password, **options) as client:
        client.say("<presence/>")
        client.wait_for(lambda e: e.tag == "presence")
        yield client


def kind(name):
    return lambda e: e.get("type") == name


def body(text):
    return lambda e: e.findtext("body") == text


def items(client):
    answer = client.ask("get", f"<query xmlns='{ROSTER}'/>")
    return {item.get("jid"): item.get("subscription") for item in answer.iter(f"{{{ROSTER}}}item")}


def test_login(either_node, interop):
    account = either_node.add_account()
    with online(either_node, account):
        interop.check("libstrophe", either_node, account)


def test_direct_tls(node, account):
    with online(node, account(), service="C2S_TLS"):
        pass


def test_foreign_authority(node, account, foreign_ca):
    owner = account()
    with strophe.running(node, owner.jid, owner.password, ca=foreign_ca) as client:
        client.wait_output("^disconnected")
        assert "connected secured" not in client.output()


def test_wrong_password(node, account):
    with strophe.running(node, account().jid, "wrong") as client:
        client.wait_output("^disconnected")


def test_messages(node, account, login):
    owner, peer = account(), login()
    peer.send_presence()
    with online(node, owner) as client:
        client.say(f"<message to='{peer.bare}' type='chat' id='1'><body>a &lt; b</body></message>")
        assert peer.wait_message("a < b").get("from") == f"{owner.jid}/strophe"
        peer.send_message(owner.jid, "b > a")
        assert client.wait_for(body("b > a")).get("from") == peer.full


def test_roster_and_subscriptions(node, account, login):
    owner, peer = account(), login()
    peer.ask("get", f"<query xmlns='{ROSTER}'/>")
    peer.send_presence()
    with online(node, owner) as client:
        assert not items(client)
        item = f"<item jid='{peer.bare}' name='Paris'><group>Verona</group></item>"
        client.ask("set", f"<query xmlns='{ROSTER}'>{item}</query>")
        client.say(f"<presence to='{peer.bare}' type='subscribe'/>")
        peer.wait_for(kind("subscribe"))
        peer.send(f"<presence to='{owner.jid}' type='subscribed'/>"
                  f"<presence to='{owner.jid}' type='subscribe'/>")
        client.wait_for(kind("subscribe"))
        client.say(f"<presence to='{peer.bare}' type='subscribed'/>")
        peer.wait_for(kind("subscribed"))
        assert items(client) == {peer.bare: "both"}
        client.say("<presence><show>xa</show></presence>")
        peer.wait_for(lambda e: e.findtext(f"{{{CLIENT}}}show") == "xa")
        peer.send("<presence type='unavailable'/>")
        client.wait_for(kind("unavailable"))


def test_offline(node, account, login):
    owner, peer = account(), login()
    peer.send_message(owner.jid, "later")
    peer.settle()
    with online(node, owner) as client:
        assert client.wait_for(body("later")).find("{urn:xmpp:delay}delay") is not None


def test_questions(node, account):
    with online(node, account()) as client:
        for payload in ("<query xmlns='http://jabber.org/protocol/disco#info'/>",
                        "<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='jabber:iq:version'/>"):
            assert client.ask("get", payload, to=node.network).get("type") == "result"
