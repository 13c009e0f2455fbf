# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Who talks with whom, and what is looked at behind the talk.

import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import quoteattr

from tests.faults.campaign.actor import DELAY, FORWARD, Actor
from tests.faults.campaign.campaign import Pair
from tests.faults.campaign.wire import PlainServer, Server
from tests.harness.node import Account
from tests.node.client import CLIENT, Client
from tests.peers.foreign import PASSWORD

MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"
PAGE = 100


class Crowd:
    """Actors on one or more nodes, all writing into one ledger."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.actors = []
        self.foreigners = []  # clients of a server that is not ours
        self.pairs = []
        self.homes = {}  # bare JID → (node, account)

    def actor(self, node, account=None, front=None, **options):
        """front: another node of the network, to which it connects."""
        account = account or node.add_account()
        self.homes[account.jid] = (node, account)
        front = front or node
        server = Server(front.address("C2S_TLS"), front.ca)
        actor = Actor(server, account, self.ledger, **options)
        self.actors.append(actor)
        return actor

    def foreigner(self, peer, jid):
        """A client of a real server (tests/peers); nothing is known of what is stored there."""
        def connect():
            return peer.namespace.connect((peer.address, 5222))

        actor = Actor(PlainServer(connect), Account(jid, PASSWORD), self.ledger)
        self.foreigners.append(actor)
        self.ledger.strangers.add(actor.bare)
        return actor

    def talk(self, sender, recipient, federated=False):
        """sender, an actor, talks to the bare JID."""
        self.pairs.append(Pair(f"p{len(self.pairs)}", sender, recipient, federated))

    def local_pairs(self, node, count, **recipient):
        for _ in range(count):
            self.talk(self.actor(node), self.actor(node, **recipient).bare)

    def devices(self, node):
        """A recipient with two devices that share what they get."""
        phone = self.actor(node, carbons=True)
        _, account = self.homes[phone.bare]
        self.actor(node, account, device="laptop", carbons=True)
        self.talk(self.actor(node), phone.bare)

    def both_ways(self, here, there):
        self.exchange(self.actor(here), self.actor(there))

    def exchange(self, left, right):
        self.talk(left, right.bare, federated=True)
        self.talk(right, left.bare, federated=True)

    def with_peer(self, node, peer, way):
        """Both ways with somebody at a real server that federates with the node this way."""
        account = node.add_account(domain=way.at("kontalk"))
        self.exchange(self.actor(node, account),
                      self.foreigner(peer, f"alice@{way.at(peer.name)}"))

    # Behind the talk: nobody is online any more.

    def look(self):
        """Fills in the archives and what is still pending."""
        for bare, (node, account) in self.homes.items():
            client = Client(node.address("C2S_TLS"), account.jid, account.password, node.ca,
                            direct_tls=True, resource="inspector").login()
            self.ledger.archives[bare] = archive(client)
            self.ledger.pending[bare] = pending(client)
            client.logout()


def pending(client):
    """Keys of the messages that come as offline ones to a device that was never there."""
    keys = []
    client.send("<presence/>")
    client.send(f"<iq type='get' id='behind' to={quoteattr(client.domain)}>"
                "<ping xmlns='urn:xmpp:ping'/></iq>")
    while True:
        element = client.receive()
        if element.get("id") == "behind":
            return keys
        if element.tag == f"{{{CLIENT}}}message" and element.find(f"{{{DELAY}}}delay") is not None:
            keys.append(element.findtext(f"{{{CLIENT}}}body"))


def archive(client):
    """[(stanza-id, key)] of everything, oldest first (XEP-0313)."""
    entries, after = [], ""
    while True:
        number = f"page{len(entries)}"
        client.send(f"<iq type='set' id='{number}'><query xmlns='{MAM}'><set xmlns='{RSM}'>"
                    f"<max>{PAGE}</max>{after}</set></query></iq>")
        page = []
        while (element := client.receive()).get("id") != number:
            page += results(element)
        entries += page
        fin = element.find(f"{{{MAM}}}fin")
        if fin is None:
            raise AssertionError(ElementTree.tostring(element).decode())
        if fin.get("complete") == "true" or not page:
            return [(name, key) for name, key in entries if key is not None]
        after = f"<after>{page[-1][0]}</after>"


def results(element):
    for result in element.findall(f"{{{MAM}}}result"):
        message = result.find(f"{{{FORWARD}}}forwarded/{{{CLIENT}}}message")
        yield result.get("id"), message.findtext(f"{{{CLIENT}}}body")


