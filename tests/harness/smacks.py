# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A client with stream management (XEP-0198) that counts as it should, or as a test wants.

import xml.etree.ElementTree as ElementTree

from tests.harness.stream import RawStream
from tests.node.client import CLIENT, PING, local_name

SM = "urn:xmpp:sm:3"
STANZAS = {f"{{{CLIENT}}}{name}" for name in ("message", "presence", "iq")}


def collect(client):
    """All that comes to a client until the server has handled everything sent before."""
    client.send(f"<iq type='get' id='collect' to='{client.domain}'><ping xmlns='{PING}'/></iq>")
    elements = []
    while (element := client.receive()).get("id") != "collect":
        elements.append(element)
    return elements


def count_stanzas(text):
    """How many there are in what a client sends; nothing is counted of what is no XML."""
    text = text if isinstance(text, str) else text.decode(errors="replace")
    try:
        return sum(e.tag in STANZAS for e in ElementTree.fromstring(
            f"<x xmlns='{CLIENT}'>{text}</x>"))
    except ElementTree.ParseError:
        return 0


class SmStream(RawStream):
    """Until enable() or resume() it is any client. `handled` is its h, `sent` what the server's
    will be. Requests of the server are answered unless `answers` is False."""

    sent = 0

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.counts = False
        self.answers = True
        self.handled = 0
        self.id = None

    def send(self, text):
        super().send(text)
        if self.counts:
            self.sent += count_stanzas(text)

    def receive_any(self, *arguments):
        """Requests for acknowledgement too; none is answered."""
        element = super().receive(*arguments)
        if element.tag in STANZAS and self.counts:
            self.handled += 1
        return element

    def receive(self, *arguments):
        while True:
            element = self.receive_any(*arguments)
            if element.tag != f"{{{SM}}}r":
                return element
            if self.answers:
                self.acknowledge()

    def acknowledge(self, h=None):
        self.send(f"<a xmlns='{SM}' h='{self.handled if h is None else h}'/>")

    def nonza(self, name):
        return self.wait_for(lambda e: e.tag == f"{{{SM}}}{name}")

    def enable(self, attributes="resume='true'"):
        self.send(f"<enable xmlns='{SM}' {attributes}/>")
        enabled = self.nonza("enabled")
        self.counts, self.handled, self.sent = True, 0, 0
        self.id = enabled.get("id")
        return enabled

    def ask_now(self):
        """<r/>, and the h of the answer."""
        self.send(f"<r xmlns='{SM}'/>")
        return self.next_h()

    def next_h(self):
        return int(self.nonza("a").get("h"))

    def ask_h(self):
        """The same, when all that was sent is settled: the answer does not wait for long, and there
        is another one then."""
        h = self.ask_now()
        while h < self.sent:
            h = self.next_h()
        return h

    def authenticated(self):
        self.secure()
        self.authenticate()
        return self

    def try_resume(self, previd, h):
        """The answer: <resumed/> or <failed/>."""
        self.send(f"<resume xmlns='{SM}' previd='{previd}' h='{h}'/>")
        answer = self.wait_for(lambda e: e.tag.startswith(f"{{{SM}}}"))
        self.sent = int(answer.get("h") or 0)
        return answer

    def resume(self, other, h=None):
        """Goes on with the session of another stream; returns the server's h."""
        self.handled = other.handled if h is None else h
        resumed = self.try_resume(other.id, self.handled)
        if local_name(resumed.tag) != "resumed":
            raise AssertionError(f"not resumed: {resumed.tag} {[e.tag for e in resumed]}")
        self.counts, self.id, self.full = True, other.id, other.full
        return int(resumed.get("h"))

    def cut(self):
        """The connection breaks."""
        self.socket.close()


def resume_everywhere(node, source, first, *others):
    """One session that goes on by each of these services in turn, cut off before every one."""
    account = node.add_account()
    last = SmStream(node, account, service=first, source=source()).login()
    last.enable()
    for service in others:
        last.cut()
        stream = SmStream(node, account, service=service, source=source()).authenticated()
        stream.resume(last)
        stream.settle()
        last = stream
    last.logout()
