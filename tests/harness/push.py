# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The app server of a client (XEP-0357), as a component of a node.

from tests.harness import wait
from tests.node import place
from tests.router.router import Component

PUSH = "urn:xmpp:push:0"
PUBSUB = "{http://jabber.org/protocol/pubsub}"
FORMS = "{jabber:x:data}"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


class AppServer(Component):
    def __init__(self, node):
        super().__init__(node.address("COMPONENT"))
        self.name = place.COMPONENT
        self.begin(self.name)
        self.prove(node.component_secret())

    def notified(self, seconds=wait.SECONDS):
        """The next notification: (the iq, node, {field: value})."""
        iq = self.wait_for(lambda e: e.find(f"{PUBSUB}pubsub") is not None, seconds)
        publish = iq.find(f"{PUBSUB}pubsub/{PUBSUB}publish")
        fields = {field.get("var"): field.findtext(f"{FORMS}value")
                  for field in publish.iter(f"{FORMS}field")}
        fields.pop("FORM_TYPE", None)
        return iq, publish.get("node"), fields

    def answer(self, iq, error=None):
        """error: (type, condition)."""
        inner = f"<error type='{error[0]}'><{error[1]} xmlns='{STANZAS}'/></error>" if error else ""
        self.send(f"<iq type='{'error' if error else 'result'}' id='{iq.get('id')}'"
                  f" from='{self.name}' to='{iq.get('from')}'>{inner}</iq>")

    def is_woken(self, count=1):
        """By a notification of so many messages, which it takes."""
        iq, _, fields = self.notified()
        assert fields == {"message-count": str(count)}
        self.answer(iq)


def enable(client, node="n1", service=place.COMPONENT):
    return client.ask("set", f"<enable xmlns='{PUSH}' jid='{service}' node='{node}'/>")


def disable(client, service=place.COMPONENT):
    return client.ask("set", f"<disable xmlns='{PUSH}' jid='{service}'/>")

