# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A client with stream management (XEP-0198) that counts as it should, or as a test wants.

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


class SmStream(RawStream):
    """Until enable() or resume() it is any client. `handled` is its h. Requests of the server are
    answered unless `answers` is False."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.counts = False
        self.answers = True
        self.handled = 0
        self.id = None

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
        self.counts, self.handled = True, 0
        self.id = enabled.get("id")
        return enabled

    def ask_h(self):
        """<r/>, and the h of the answer."""
        self.send(f"<r xmlns='{SM}'/>")
        return int(self.nonza("a").get("h"))

    def authenticated(self):
        self.secure()
        self.authenticate()
        return self

    def try_resume(self, previd, h):
        """The answer: <resumed/> or <failed/>."""
        self.send(f"<resume xmlns='{SM}' previd='{previd}' h='{h}'/>")
        return self.wait_for(lambda e: e.tag.startswith(f"{{{SM}}}"))

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
