# SPDX-License-Identifier: AGPL-3.0-or-later
#
# go-sendxmpp, which scripts send messages with.

import contextlib

from tests.clients import interop as sessions
from tests.harness import program

CONFIGURATION = """username: {jid}
password: {password}
jserver: {host}:{port}
"""


@contextlib.contextmanager
def go_sendxmpp(node, account, *arguments, service="C2S", ca=None):
    host, port = node.address(service)
    with program.home(ca or node.ca) as home:
        path = home.write("config/go-sendxmpp/config", CONFIGURATION.format(
            jid=account.jid, password=account.password, host=host, port=port))
        tls = ["--tls"] if service == "C2S_TLS" else []
        with program.running(home, "go-sendxmpp", "--file", path, *tls, *arguments) as running:
            yield running


def send(node, account, to, text, **options):
    with go_sendxmpp(node, account, to, **options) as sender:
        sender.say(text)
        sender.hush()
        assert sender.wait() == 0, sender.output()


def test_login(either_node, interop):
    account = either_node.add_account()
    with go_sendxmpp(either_node, account, "--listen"):
        interop.check("go-sendxmpp", either_node, account)


def test_send(node, account, login):
    owner, peer = account(), login()
    peer.send_presence()
    send(node, owner, peer.bare, "hello from a script")
    assert peer.wait_message("hello from a script").get("from").startswith(f"{owner.jid}/")


def test_direct_tls(node, account, login):
    peer = login()
    peer.send_presence()
    send(node, account(), peer.bare, "straight", service="C2S_TLS")
    peer.wait_message("straight")


def test_listen(node, account, login):
    owner, peer = account(), login()
    with go_sendxmpp(node, owner, "--listen") as listener:
        sessions.login(node, owner)  # it does not say so itself
        peer.send_message(owner.jid, "news for you")
        listener.wait_output(f"{peer.bare}: news for you")


def test_offline(node, account, login):
    """The message comes once: the question behind it has been answered (XEP-0160)."""
    owner, peer = account(), login()
    peer.send_message(owner.jid, "while you were out")
    peer.settle()
    with go_sendxmpp(node, owner, "--listen") as listener:
        listener.wait_output("while you were out")
        peer.send_message(owner.jid, "and now")
        listener.wait_output("and now")
    with go_sendxmpp(node, owner, "--listen") as listener:
        sessions.login(node, owner)
        peer.send_message(owner.jid, "welcome back")
        listener.wait_output("welcome back")
        assert "while you were out" not in listener.output()


def test_foreign_authority(node, account, foreign_ca):
    with go_sendxmpp(node, account(), "somebody@example.test", ca=foreign_ca) as sender:
        sender.say("hello")
        sender.hush()
        assert sender.wait() != 0
        assert "certificate signed by unknown authority" in sender.output()


def test_wrong_password(node, account):
    owner = account()
    owner.password = "wrong"
    with go_sendxmpp(node, owner, "somebody@example.test") as sender:
        sender.say("hello")
        sender.hush()
        assert sender.wait() != 0
        assert "not-authorized" in sender.output()
