# SPDX-License-Identifier: AGPL-3.0-or-later
"""Publish-subscribe (XEP-0060) as a client asks for it: `Desk(client, service)`."""

import base64
import hashlib
from xml.sax.saxutils import escape, quoteattr

from tests.harness import wait
from tests.harness.archive import condition, form

PUBSUB = "http://jabber.org/protocol/pubsub"
OWNER = f"{PUBSUB}#owner"
EVENT = f"{PUBSUB}#event"
ERRORS = f"{{{PUBSUB}#errors}}"
RSM = "http://jabber.org/protocol/rsm"
INFO = "http://jabber.org/protocol/disco#info"
CLIENT = "{jabber:client}"
DATA = "{jabber:x:data}"


def what(answer):
    """None, or "condition", or "condition name" with the name in pubsub#errors."""
    error = condition(answer)
    if error is None:
        return None
    names = [one.tag.removeprefix(ERRORS) + (f" {one.get('feature')}" if one.get("feature") else "")
             for one in answer.find(f"{CLIENT}error") if one.tag.startswith(ERRORS)]
    return " ".join([error[1], *names])


def options(name, fields):
    fields = {f"pubsub#{key}": value for key, value in fields.items()}
    return form(fields, f"{PUBSUB}#{name}")


def values(parent):
    """A data form as name → list of values."""
    return {one.get("var"): [value.text or "" for value in one.iter(f"{DATA}value")
                             if value in list(one)] for one in parent.iter(f"{DATA}field")}


class Desk:
    """What a client does at a service: by default at its own account."""

    def __init__(self, client, service=None):
        self.client = client
        self.service = service or client.bare

    def ask(self, kind, payload, ns=PUBSUB):
        return self.client.ask(kind, f"<pubsub xmlns='{ns}'>{payload}</pubsub>", to=self.service)

    def publish(self, node, item="item", payload="<x xmlns='urn:example'/>", **preconditions):
        item_id = f" id={quoteattr(item)}" if item is not None else ""
        extra = (f"<publish-options>{options('publish-options', preconditions)}</publish-options>"
                 if preconditions else "")
        return self.ask("set", f"<publish node={quoteattr(node)}><item{item_id}>{payload}</item>"
                               f"</publish>{extra}")

    def create(self, node=None, **config):
        name = f" node={quoteattr(node)}" if node else ""
        extra = f"<configure>{options('node_config', config)}</configure>" if config else ""
        return self.ask("set", f"<create{name}/>{extra}")

    def configure(self, node, **config):
        return self.ask("set", f"<configure node={quoteattr(node)}>"
                               f"{options('node_config', config)}</configure>", OWNER)

    def config(self, node):
        return values(self.ask("get", f"<configure node={quoteattr(node)}/>", OWNER))

    def items(self, node, *ids, extra="", **attributes):
        rest = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
        inner = "".join(f"<item id={quoteattr(one)}/>" for one in ids)
        return self.ask("get", f"<items node={quoteattr(node)}{rest}>{inner}</items>{extra}")

    def page(self, node, **rsm):
        inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in rsm.items())
        return self.items(node, extra=f"<set xmlns='{RSM}'>{inner}</set>")

    def ids(self, node, *ids, **attributes):
        return item_ids(self.items(node, *ids, **attributes))

    def retract(self, node, item, notify=None):
        extra = f" notify='{notify}'" if notify else ""
        return self.ask("set", f"<retract node={quoteattr(node)}{extra}>"
                               f"<item id={quoteattr(item)}/></retract>")

    def purge(self, node):
        return self.ask("set", f"<purge node={quoteattr(node)}/>", OWNER)

    def delete(self, node):
        return self.ask("set", f"<delete node={quoteattr(node)}/>", OWNER)

    def subscribe(self, node, jid=None, extra=""):
        return self.ask("set", f"<subscribe node={quoteattr(node)} "
                               f"jid={quoteattr(jid or self.client.bare)}/>{extra}")

    def unsubscribe(self, node, jid=None):
        return self.ask("set", f"<unsubscribe node={quoteattr(node)} "
                               f"jid={quoteattr(jid or self.client.bare)}/>")

    def affiliate(self, node, **people):
        """Names of affiliations with a list of JIDs."""
        inner = "".join(
            f"<affiliation jid={quoteattr(jid)} affiliation='{name.replace('_', '-')}'/>"
            for name, jids in people.items() for jid in jids)
        return self.ask("set", f"<affiliations node={quoteattr(node)}>{inner}</affiliations>",
                        OWNER)

    def affiliations(self, node):
        answer = self.ask("get", f"<affiliations node={quoteattr(node)}/>", OWNER)
        return {one.get("jid"): one.get("affiliation")
                for one in answer.iter(f"{{{OWNER}}}affiliation")}


def item_ids(answer):
    return [one.get("id") for one in answer.iter(f"{{{PUBSUB}}}item")]


def rsm_of(answer):
    """(first, last, count), None for what is not there."""
    found = answer.find(f".//{{{RSM}}}set")
    return tuple(None if found is None else found.findtext(f"{{{RSM}}}{name}")
                 for name in ("first", "last", "count"))


def subscription(answer, ns=PUBSUB):
    found = answer.find(f".//{{{ns}}}subscription")
    return None if found is None else found.get("subscription")


# --- events ---

def event(element):
    """What a message tells: ("items", node, ids), ("retract", node, ids), ("purge", node) …"""
    found = element.find(f"{{{EVENT}}}event")
    if found is None or len(found) == 0:
        return None
    first = found[0]
    name = first.tag.removeprefix(f"{{{EVENT}}}")
    if name == "items":
        kinds = {one.tag.removeprefix(f"{{{EVENT}}}") for one in first}
        return ("retract" if "retract" in kinds else "items", first.get("node"),
                [one.get("id") for one in first])
    if name == "subscription":
        return (name, first.get("node"), first.get("subscription"))
    return (name, first.get("node"))


def events(client):
    """All that has come to the client by now: what others were answered before this call."""
    name = f"mark-{next(client._ids)}"
    client.send(f"<message type='headline' to={quoteattr(client.full)} id='{name}'>"
                f"<body>mark</body></message>")
    found = []
    while (element := client.receive()).get("id") != name:
        if event(element):
            found.append(event(element))
    return found


def wait_event(client):
    """The next one. Questions what the client is are answered as show() said."""
    while not event(element := client.receive()):
        if is_question(element):
            say(client, element, getattr(client, "shown", []))
    return event(element)


# --- capabilities ---

def disco(features, identity="client/pc"):
    category, kind = identity.split("/")
    return (f"<identity category='{category}' type='{kind}'/>"
            + "".join(f"<feature var={quoteattr(one)}/>" for one in features))


def ver(features, identity="client/pc"):
    text = f"{identity}//<" + "".join(f"{one}<" for one in sorted(features))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def show(client, *nodes, lies=()):
    """Presence with capabilities that ask for these nodes, and the answer to the question what
    they are, if it comes: `lies` instead. Returns whether it came."""
    features = [INFO, *(f"{node}+notify" for node in nodes)]
    client.send(f"<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' "
                f"node='urn:example:client' ver='{ver(features)}'/></presence>")
    return answer(client, lies or features)


def is_question(element):
    return element.get("type") == "get" and element.find(f"{{{INFO}}}query") is not None


def say(client, question, features):
    query = question.find(f"{{{INFO}}}query")
    client.send(f"<iq type='result' id='{question.get('id')}' to='{question.get('from')}'>"
                f"<query xmlns='{INFO}' node={quoteattr(query.get('node'))}>"
                f"{disco(features)}</query></iq>")


def answer(client, features):
    """Answers questions until what was sent before is handled."""
    name = f"asked-{next(client._ids)}"
    kept, asked = [], False
    client.shown = features
    client.send(f"<iq type='get' id='{name}' to='{client.domain}'>"
                f"<ping xmlns='urn:xmpp:ping'/></iq>")
    while (element := client.receive()).get("id") != name:
        if is_question(element):
            asked = True
            say(client, element, features)
        else:
            kept.append(element)
    client._elements.extendleft(reversed(kept))
    return asked


def sees(client, contact):
    answer = client.ask("get", "<query xmlns='jabber:iq:roster'/>")
    return any(one.get("jid") == contact and one.get("subscription") == "both"
               for one in answer.iter("{jabber:iq:roster}item"))


def befriend(one, other):
    """Both see each other; they need not be available (RFC 6121 §3.4)."""
    pairs = ((one, other), (other, one))
    for kind in ("subscribed", "subscribe"):
        for client, contact in pairs:
            client.send(f"<presence type='{kind}' to='{contact.bare}'/>")
        for client, contact in pairs:
            client.settle()
    for client, contact in pairs:
        wait.until(lambda: sees(client, contact.bare))
