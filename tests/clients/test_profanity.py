# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Profanity, in a terminal as people have it.

import contextlib

import pytest

from tests.harness import program, terminal, wait
from tests.node.client import CLIENT

BLOCKED = "{urn:xmpp:blocking:errors}blocked"
ACCOUNT = """[me]
enabled=true
jid={jid}
server={host}
port={port}
tls.policy={policy}
password={password}
resource=prof
"""
# Nothing that asks questions or waits for other servers.
SETTINGS = """[ui]
splash=false
[presence]
autoaway.mode=off
[connection]
autoping=0
"""


def by(jid):
    return lambda element: (element.get("from") or "").partition("/")[0] == jid


def presence_of(jid, kind=None):
    return lambda element: (element.tag == f"{{{CLIENT}}}presence" and by(jid)(element)
                            and element.get("type") == kind)


@contextlib.contextmanager
def profanity(node, account, service="C2S", ca=None):
    """Connecting."""
    host, port = node.address(service)
    with program.home(ca or node.ca) as home:
        home.write("config/profanity/profrc", SETTINGS)
        home.write("data/profanity/accounts",
                   ACCOUNT.format(jid=account.jid, password=account.password, host=host, port=port,
                                  policy="legacy" if service == "C2S_TLS" else "force"))
        with terminal.running(home, "profanity", "-l", "INFO", "-f", f"{home.path}/log",
                              "-a", "me") as screen:
            yield home, screen


@contextlib.contextmanager
def online(node, account, **options):
    with profanity(node, account, **options) as (home, screen):
        screen.wait_screen("logged in successfully")
        wait.until(lambda: "connection_features_received" in home.read("log"))
        yield screen


def open_window(screen):
    """The one that a message has opened behind the console."""
    number = screen.wait_screen(r"<< chat message: .*\(win (\d+)\)")[1]
    screen.type(f"/win {number}")


def ask_until(screen, command, answer):
    """It may read the keyboard before what the server has sent: asked again, it has both."""
    try:
        screen.type(command)
        screen.wait_screen(answer, seconds=2)
    except TimeoutError:
        screen.type(command)
        screen.wait_screen(answer)


def test_login(either_node, interop):
    account = either_node.add_account()
    with online(either_node, account):
        interop.check("profanity", either_node, account)


def test_direct_tls(node, account):
    with online(node, account(), service="C2S_TLS"):
        pass


def test_foreign_authority(node, account, foreign_ca):
    with profanity(node, account(), ca=foreign_ca) as (_, screen):
        screen.wait_screen("TLS certificate verification failed")


def test_messages(node, account, login):
    owner, peer = account(), login()
    peer.send_presence()
    with online(node, owner) as screen:
        peer.send_message(f"{owner.jid}/prof", "good morrow, cousin")
        open_window(screen)
        screen.wait_screen("good morrow, cousin")
        screen.type("is the day so young?")
        assert by(owner.jid)(peer.wait_message("is the day so young?"))
        screen.type(f"/msg {peer.bare} ay me, sad hours seem long")
        assert by(owner.jid)(peer.wait_message("ay me, sad hours seem long"))


def test_roster_and_subscriptions(node, account, login):
    owner, peer = account(), login()
    peer.ask("get", "<query xmlns='jabber:iq:roster'/>")
    peer.send_presence()
    with online(node, owner) as screen:
        screen.type(f"/roster add {peer.bare} Benvolio")
        screen.wait_screen("Roster item added: .*Benvolio")

        screen.type(f"/sub request {peer.bare}")
        peer.wait_for(presence_of(owner.jid, "subscribe"))
        peer.send(f"<presence type='subscribed' to='{owner.jid}'/>"
                  f"<presence type='subscribe' to='{owner.jid}'/>")
        screen.wait_screen("Received authorization request")
        screen.type(f"/sub allow {peer.bare}")
        peer.wait_for(presence_of(owner.jid, "subscribed"))
        peer.wait_for(presence_of(owner.jid))

        ask_until(screen, "/roster", r"Benvolio\) - both")
        screen.type('/status set away "at lunch"')
        away = peer.wait_for(presence_of(owner.jid))
        assert away.findtext(f"{{{CLIENT}}}status") == "at lunch"
        peer.send("<presence><show>dnd</show><status>in Mantua</status></presence>")
        screen.wait_screen("in Mantua")
        screen.type("/quit")
        peer.wait_for(presence_of(owner.jid, "unavailable"))


def test_offline(node, account, login):
    owner, peer = account(), login()
    peer.send_message(owner.jid, "sad hours seem long")
    peer.settle()
    with online(node, owner) as screen:
        open_window(screen)
        screen.wait_screen("sad hours seem long")


def test_blocking(node, account, login):
    owner, peer = account(), login()
    with online(node, owner) as screen:
        screen.type(f"/blocked add {peer.bare}")
        screen.wait_screen("(?i)blocked user|added|blocked")
        screen.type("/blocked")
        screen.wait_screen(f"  *{peer.bare}")
        peer.send_message(owner.jid, "knock, knock")
        assert peer.wait_for(lambda e: e.get("type") == "error").find(f"*/{BLOCKED}") is None


@pytest.mark.parametrize("command, answer", [
    ("/disco info {network}", "urn:xmpp:blocking"),
    ("/ping {network}", "Ping response from server|response.*ms|ms"),
    ("/lastactivity get {network}", "Uptime|uptime"),
])
def test_questions(node, account, command, answer):
    with online(node, account()) as screen:
        screen.type(command.format(network=node.network))
        screen.wait_screen(answer)
