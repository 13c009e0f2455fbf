# SPDX-License-Identifier: AGPL-3.0-or-later
#
# mcabber on libloudmouth, an older client that is still in use. It keeps what was said in a file
# for each contact.

import contextlib

from tests.harness import program, terminal, wait

CONFIGURATION = """set jid = {jid}
set resource = mc
set password = {password}
set server = {host}
set port = {port}
set tls = 1
set ssl_ca = {ca}
set logging = 1
set logging_dir = {home}/history
set beep_on_message = 0
"""


def by(jid):
    return lambda element: (element.get("from") or "").partition("/")[0] == jid


@contextlib.contextmanager
def mcabber(node, account, ca=None):
    host, port = node.address()
    with program.home(ca or node.ca) as home:
        home.write("history/.keep", "")
        path = home.write("mcabberrc", CONFIGURATION.format(
            jid=account.jid, password=account.password, host=host, port=port, home=home.path,
            ca=ca or node.ca))
        with terminal.running(home, "mcabber", "-f", path) as screen:
            yield home, screen


@contextlib.contextmanager
def online(node, account, **options):
    with mcabber(node, account, **options) as (home, screen):
        screen.wait_screen("Your status has been set")
        yield home, screen


def test_login(either_node, interop):
    account = either_node.add_account()
    with online(either_node, account):
        interop.check("mcabber", either_node, account)


def test_foreign_authority(node, account, foreign_ca):
    with mcabber(node, account(), ca=foreign_ca) as (_, screen):
        screen.wait_screen("Certificate is not trusted|error while connecting")


def test_messages(node, account, login):
    owner, peer = account(), login()
    peer.send_presence()
    with online(node, owner) as (home, screen):
        screen.type(f"/say_to {peer.bare} from an old friend")
        assert by(owner.jid)(peer.wait_message("from an old friend"))
        peer.send_message(owner.jid, "still alive?")
        wait.until(lambda: "still alive?" in home.read(f"history/{peer.bare}"))


def test_roster_and_subscriptions(node, account, login):
    owner, peer = account(), login()
    peer.ask("get", "<query xmlns='jabber:iq:roster'/>")
    peer.send_presence()
    with online(node, owner) as (_, screen):
        screen.type(f"/add {peer.bare} Mercutio")
        peer.wait_for(lambda e: e.get("type") == "subscribe")
        screen.wait_screen("Mercutio")
        peer.send(f"<presence type='subscribed' to='{owner.jid}'/>"
                  f"<presence type='subscribe' to='{owner.jid}'/>")
        screen.wait_screen("wants to subscribe")
        screen.type(f"/authorization allow {peer.bare}")
        peer.wait_for(lambda e: e.get("type") == "subscribed")
        screen.type("/status away gone fishing")
        peer.wait_for(lambda e: e.findtext("{jabber:client}status") == "gone fishing")
        peer.send("<presence type='unavailable'/>")
        screen.wait_screen(r"\[_\] Mercutio")


def test_offline(node, account, login):
    owner, peer = account(), login()
    peer.send_message(owner.jid, "a plague on both")
    peer.settle()
    with online(node, owner) as (home, _):
        wait.until(lambda: "a plague on both" in home.read(f"history/{peer.bare}"))
