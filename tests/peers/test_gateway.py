# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A gateway of others behind the router (XEP-0114), unchanged: biboumi, to an IRC server.

import contextlib
import itertools

import pytest

from tests.harness import program
from tests.harness.archive import MAM
from tests.node import place
from tests.node.client import CLIENT
from tests.peers.irc import Biboumi, Ircd, IrcClient

MUC = "http://jabber.org/protocol/muc"
USER = "http://jabber.org/protocol/muc#user"
DISCO = "http://jabber.org/protocol/disco#info"
DELAY = "urn:xmpp:delay"
SECRET = "between-the-router-and-biboumi"
NAMES = itertools.count(1)


@pytest.fixture(scope="module")
def ircd():
    with program.home("/nonexistent") as home, Ircd(home).running(home) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(session_node, tmp_path_factory):
    """Admitted by the node until the end of the file."""
    node, domain = session_node, f"irc.{session_node.network}"
    section = f'component "{domain}"'
    file = tmp_path_factory.mktemp("gateway") / "secret"
    place.write(str(file), SECRET + "\n")
    node.reconfigure({section: {"secret-file": file}})
    with program.home(node.ca) as home:
        yield Biboumi(node, home, domain, SECRET)
    node.settings.pop(section)
    node.reconfigure({})


class Channel:
    """What one user sees of a channel, and somebody on the other side."""

    def __init__(self, gateway, ircd, client):
        number = next(NAMES)
        self.name, self.other = f"#room{number}", f"irc{number}"
        self.jid = f"{self.name}%{ircd.address}@{gateway.domain}"
        self.client, self.nick = client, f"xmpp{number}"
        self.irc = IrcClient(ircd, self.other)
        self.irc.say(f"JOIN {self.name}")
        self.irc.wait(f" 366 {self.other} {self.name} ")

    def enter(self):
        self.client.send(f"<presence to='{self.jid}/{self.nick}'><x xmlns='{MUC}'/></presence>")
        self.client.wait_for(lambda e: e.tag.endswith("presence") and "110" in statuses(e))
        self.irc.wait(f"^:{self.nick}![^ ]+ JOIN :?{self.name}")

    def leave(self):
        self.client.send(f"<presence to='{self.jid}/{self.nick}' type='unavailable'/>")
        self.client.wait_for(lambda e: e.get("type") == "unavailable" and "110" in statuses(e))
        self.irc.wait(f"^:{self.nick}![^ ]+ PART {self.name}")

    def hears(self, text):
        """The user hears from the other one."""
        message = self.client.wait_message(text)
        assert (message.get("from"), message.get("type")) == (f"{self.jid}/{self.other}",
                                                              "groupchat")
        return message

    def talk(self, word):
        """In both directions."""
        self.irc.say(f"PRIVMSG {self.name} :{word} from IRC")
        self.hears(f"{word} from IRC")
        self.client.send(f"<message type='groupchat' to='{self.jid}' id='{word}'>"
                         f"<body>{word} from XMPP</body></message>")
        self.irc.wait(f"^:{self.nick}![^ ]+ PRIVMSG {self.name} :{word} from XMPP")
        self.client.wait_message(f"{word} from XMPP")


def statuses(presence):
    return {status.get("code") for status in presence.iter(f"{{{USER}}}status")}


@contextlib.contextmanager
def channel(gateway, ircd, client):
    made = Channel(gateway, ircd, client)
    try:
        yield made
    finally:
        made.irc.close()


def test_talk(node, gateway, ircd, login):
    with gateway.running(), channel(gateway, ircd, login()) as room:
        info = room.client.ask("get", f"<query xmlns='{DISCO}'/>", to=gateway.domain)
        assert info.find(f".//{{{DISCO}}}identity").get("category") == "conference"
        room.enter()
        room.talk("hello")
        room.irc.say(f"PRIVMSG {room.nick} :between us")
        private = room.client.wait_message("between us")
        assert private.get("type") == "chat"
        room.leave()


def test_history(node, gateway, ircd, login):
    with channel(gateway, ircd, login()) as room:
        with gateway.running():
            room.enter()
            room.talk("first")
            room.leave()
        gateway.wait_down()
        with gateway.running():  # what it knows outlives it
            room.enter()
            assert room.hears("first from IRC").find(f"{{{DELAY}}}delay") is not None
            room.client.send(f"<iq type='set' id='mam' to='{room.jid}'><query xmlns='{MAM}'/></iq>")
            found = room.client.wait_for(lambda e: e.find(f"{{{MAM}}}result") is not None)
            assert found.find(f".//{{{CLIENT}}}body").text == "first from IRC"
            fin = room.client.wait_for(lambda e: e.get("id") == "mam")
            assert fin.find(f"{{{MAM}}}fin").get("complete") == "true"
            room.leave()


def test_router_restarts(node, gateway, ircd, login):
    with gateway.running(), channel(gateway, ircd, login()) as room:
        room.enter()
        room.talk("before")
        node.daemon("router").restart()
        gateway.wait_up()
        room.client.settle()
        room.talk("behind")
        room.leave()
