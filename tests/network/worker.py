# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A worker of a node beside its own: it says node messages to the router byte by byte.

import contextlib

from tests.node.client import SECONDS
from tests.router.router import COMPONENT, DURABLE, PROTOCOLS, ROUTER, Component

TRUNK = "urn:kontalk:session:1"
NAME = "test-1"


def address(node):
    return f"{node.place.host}/{NAME}"


class Worker(Component):
    """It answers pings, and notes which routes come and go."""

    def __init__(self, where):
        super().__init__(where)
        self.routes = []
        self.routes_seen = 0

    def receive(self, seconds=SECONDS):
        element = super().receive(seconds)
        if element.tag == f"{{{ROUTER}}}ping":
            self.send(f"<pong xmlns='{ROUTER}' id='{element.get('id')}'/>")
        if element.find(f"{{{ROUTER}}}route") is not None:
            self.routes.append((element.get("from"), element.get("type") is None))
        return element

    def expect_route(self, name, available=True):
        """The next such announcement, behind those that were expected before."""
        while (name, available) not in self.routes[self.routes_seen:]:
            self.receive()
        self.routes_seen = self.routes.index((name, available), self.routes_seen) + 1


    def wait_route(self, name, available=True):
        """Until the newest announcement says so."""
        while dict(self.routes).get(name) != available:
            self.receive()


@contextlib.contextmanager
def worker(node, *domains):
    """It shares the host's name, and these domains."""
    component = Worker(node.place.short("c2s.sock"))
    try:
        component.name = NAME
        component.begin(NAME)
        component.send("<handshake/>")
        assert component.receive().tag == f"{{{COMPONENT}}}handshake"
        assert component.receive().tag == f"{{{ROUTER}}}protocols"
        component.send(PROTOCOLS)
        for domain in (node.place.host, *domains):
            component.bind(name=domain, shared=NAME)
        yield component
    finally:
        component.close()


def text(source, target, number, size=0, **attributes):
    more = "".join(f" {key}='{value}'" for key, value in attributes.items())
    return (f"<message{more} from='{source}' to='{target}' id='{number}'>"
            f"<t xmlns='{TRUNK}' n='{number}'>{'x' * size}</t></message>")


def offer(source, target, number, attributes="attempt='1'"):
    return (f"<offer xmlns='{DURABLE}' id='{number}' {attributes}>"
            + text(source, target, number, xmlns="jabber:client") + "</offer>")


def is_message(element):
    return element.tag.endswith("}message") and element.find(f"{{{TRUNK}}}t") is not None


def next_message(component):
    return component.wait_for(is_message)


def next_word(component, name):
    return component.wait_for(lambda element: element.tag == f"{{{DURABLE}}}{name}")


def condition_of(error):
    """Of a stanza of type error."""
    inner = next(child for child in error if child.tag.endswith("}error"))
    return inner.get("type"), inner[0].tag.partition("}")[2]
