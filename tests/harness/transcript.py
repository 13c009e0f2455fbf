# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Plays what a client that cannot run here says: requests in its order, many of them before the
# first answer comes, and what it looks for in each answer.

import base64
import hmac
from xml.etree.ElementTree import tostring

from tests.harness import pubsub
from tests.harness.sasl2 import FAST, SASL2, Sasl2Stream, encode
from tests.node.client import SASL, STREAM
from tests.node.scram import Scram

NAMES = {
    "c": "jabber:client", "stream": STREAM, "sasl": SASL, "sasl2": SASL2, "fast": FAST,
    "bind2": "urn:xmpp:bind:0", "bind": "urn:ietf:params:xml:ns:xmpp-bind", "sm": "urn:xmpp:sm:3",
    "session": "urn:ietf:params:xml:ns:xmpp-session", "cb": "urn:xmpp:sasl-cb:0",
    "info": "http://jabber.org/protocol/disco#info",
    "items": "http://jabber.org/protocol/disco#items", "caps": "http://jabber.org/protocol/caps",
    "roster": "jabber:iq:roster", "rosterver": "urn:xmpp:features:rosterver",
    "pubsub": "http://jabber.org/protocol/pubsub",
    "owner": "http://jabber.org/protocol/pubsub#owner",
    "event": "http://jabber.org/protocol/pubsub#event",
    "wrong": "http://jabber.org/protocol/pubsub#errors", "data": "jabber:x:data",
    "mam": "urn:xmpp:mam:2", "rsm": "http://jabber.org/protocol/rsm",
    "forward": "urn:xmpp:forward:0", "delay": "urn:xmpp:delay", "sid": "urn:xmpp:sid:0",
    "carbons": "urn:xmpp:carbons:2", "csi": "urn:xmpp:csi:0", "push": "urn:xmpp:push:0",
    "private": "jabber:iq:private", "bookmarks": "storage:bookmarks",
    "notes": "storage:rosternotes", "blocking": "urn:xmpp:blocking",
    "version": "jabber:iq:version", "extdisco": "urn:xmpp:extdisco:2",
    "omemo": "eu.siacs.conversations.axolotl", "mds": "urn:xmpp:mds:displayed:0",
    "stanzas": "urn:ietf:params:xml:ns:xmpp-stanzas",
}
ANSWERS = ("result", "error")


def element(prefix, name, inside="", **attributes):
    """<name xmlns=…>: an element in the namespace of this prefix."""
    text = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<{name} xmlns="{NAMES[prefix]}"{text}>{inside}</{name}>'


def form(kind, **fields):
    """What a client submits; `kind` is the FORM_TYPE, `__` in a name stands for #."""
    rows = "".join(f'<field var="{name.replace("__", "#")}"><value>{value}</value></field>'
                   for name, value in fields.items())
    return element("data", "x", f'<field var="FORM_TYPE" type="hidden"><value>{kind}</value>'
                                f"</field>{rows}", type="submit")


def disco(*features, identities=()):
    """The paths of features, and of identities ("category/type")."""
    pairs = [one.split("/") for one in identities]
    return [*(f"info:query/info:feature[@var='{one}']" for one in features),
            *(f"info:query/info:identity[@category='{category}'][@type='{kind}']"
              for category, kind in pairs)]


class Ask:
    """An iq, and the paths (ElementTree's, with the prefixes of NAMES) that its answer must have.
    In the texts {bare} {full} {domain} are those of the client. error: the condition that the
    client is prepared for."""

    def __init__(self, kind, payload, *needs, to=None, error=None):
        self.kind, self.payload, self.needs = kind, payload, needs
        self.to, self.error = to, error


def need(found, path):
    """What is at this path, which must be there."""
    inside = found.find(path, NAMES)
    assert inside is not None, f"no {path} in {tostring(found).decode()}"
    return inside


class Player:
    """A client as it is played; `others` came while answers were waited for. It answers what it is
    asked of its features, as each client does."""

    def __init__(self, stream):
        self.stream = stream
        self.others = []
        self.shown = None
        self._count = 0

    def say(self, *texts):
        """All in one write."""
        self.stream.send("".join(self._fill(text) for text in texts))

    def _fill(self, text):
        for name in ("bare", "full", "domain"):
            text = text.replace(f"{{{name}}}", getattr(self.stream, name) or "")
        return text

    def presence(self, *nodes):
        """Its text, with capabilities (XEP-0115) that want the events of these nodes."""
        self.shown = [pubsub.INFO, *(f"{node}+notify" for node in nodes)]
        return "<presence>" + element("caps", "c", hash="sha-1", node="urn:example:client",
                                      ver=pubsub.ver(self.shown)) + "</presence>"

    def _receive(self):
        stanza = self.stream.receive()
        if pubsub.is_question(stanza):
            node = need(stanza, "info:query").get("node")
            said = element("info", "query", pubsub.disco(self.shown or [pubsub.INFO]),
                           **({"node": node} if node else {}))
            self.say(f'<iq type="result" id="{stanza.get("id")}" to="{stanza.get("from")}">{said}'
                     "</iq>")
        return stanza

    def ask(self, *asks, behind=""):
        """Sends all, with `behind` after them, before it reads the answers, which may come in any
        order. Returns them in the order of the requests."""
        names = [self._next() for _ in asks]
        self.say(*(self._iq(name, one) for name, one in zip(names, asks)), behind)
        found = {}
        while len(found) < len(asks):
            stanza = self._receive()
            if stanza.get("id") in names and stanza.get("type") in ANSWERS:
                found[stanza.get("id")] = stanza
            else:
                self.others.append(stanza)
        for name, one in zip(names, asks):
            self._check(one, found[name])
        return [found[name] for name in names]

    def _next(self):
        self._count += 1
        return f"t{self._count}"

    @staticmethod
    def _iq(name, one):
        to = f' to="{one.to}"' if one.to else ""
        return f'<iq type="{one.kind}" id="{name}"{to}>{one.payload}</iq>'

    def _check(self, one, answer):
        """RFC 6120 §8.1.2.1: the answer comes from where the request went."""
        sender = answer.get("from")
        if one.to:
            assert sender == self._fill(one.to)
        else:
            assert sender in (None, self.stream.bare)
        kind = "error" if one.error else "result"
        assert answer.get("type") == kind, tostring(answer).decode()
        if one.error:
            need(answer, f"c:error/stanzas:{one.error}")
        for path in one.needs:
            need(answer, self._fill(path))

    def wait(self, path):
        """The next stanza that has this path, also of those that came already."""
        path = self._fill(path)
        for stanza in self.others:
            if stanza.find(path, NAMES) is not None:
                self.others.remove(stanza)
                return stanza
        while (stanza := self._receive()).find(path, NAMES) is None:
            self.others.append(stanza)
        return stanza

    def results(self, queryid):
        """The messages of the archive that came for a query."""
        path = f"mam:result[@queryid='{queryid}']/forward:forwarded"
        found = [stanza for stanza in self.others if stanza.find(path, NAMES) is not None]
        for stanza in found:
            need(stanza, f"{path}/delay:delay[@stamp]")
            assert need(stanza, "mam:result").get("id")
            assert stanza.get("from") in (None, self.stream.bare)
        return [need(stanza, f"{path}/c:message") for stanza in found]


# --- SASL ---

def scram(stream, mechanism):
    """With -PLUS bound to tls-server-end-point: Python's ssl has no tls-exporter."""
    binding = {}
    if mechanism.endswith("-PLUS"):
        binding = {"gs2": "p=tls-server-end-point", "binding": stream.binding(mechanism)}
    return Scram(mechanism, stream.user, stream.password, **binding)


def with_password(stream, mechanism, inside=""):
    """SASL2; `inside` is all that the client puts beside its initial response."""
    proof = scram(stream, mechanism)
    stream.send(f'<authenticate xmlns="{SASL2}" mechanism="{mechanism}"><initial-response>'
                f"{encode(proof.first())}</initial-response>{inside}</authenticate>")
    challenge = stream.expect(f"{{{SASL2}}}challenge")
    answer = encode(proof.final(base64.b64decode(challenge.text)))
    stream.send(f'<response xmlns="{SASL2}">{answer}</response>')
    success = stream.expect(f"{{{SASL2}}}success")
    proof.verify(base64.b64decode(success.findtext(f"{{{SASL2}}}additional-data")))
    return stream.accept(success)


def classic(stream, mechanism):
    """RFC 6120 §6, and the new stream behind it."""
    proof = scram(stream, mechanism)
    stream.send(f'<auth xmlns="{SASL}" mechanism="{mechanism}">{encode(proof.first())}</auth>')
    challenge = stream.expect(f"{{{SASL}}}challenge")
    answer = encode(proof.final(base64.b64decode(challenge.text)))
    stream.send(f'<response xmlns="{SASL}">{answer}</response>')
    proof.verify(base64.b64decode(stream.expect(f"{{{SASL}}}success").text))
    stream.begin()


def quick_start(stream, token, mechanism, inside=""):
    """All of a login behind the handshake of direct TLS, before any byte of the server: header and
    token. The features of before come first, then the success."""
    stream.start_tls(stream.authority, stream.domain, alpn="xmpp-client")
    hashing = f"sha{mechanism.split('-')[2]}"
    binding = stream.binding(mechanism)
    proof = hmac.new(token.encode(), b"Initiator" + binding, hashing).digest()
    stream.open(stream.domain, **{"from": stream.bare})
    stream.send(f'<authenticate xmlns="{SASL2}" mechanism="{mechanism}"><initial-response>'
                f"{encode(stream.user.encode() + bytes(1) + proof)}</initial-response>{inside}"
                f'<fast xmlns="{FAST}"/></authenticate>')
    stream.features = stream.expect(f"{{{STREAM}}}features")
    success = stream.expect(f"{{{SASL2}}}success")
    answer = base64.b64decode(success.findtext(f"{{{SASL2}}}additional-data"))
    assert answer == hmac.new(token.encode(), b"Responder" + binding, hashing).digest()
    return stream.accept(success)


def mechanisms(stream, version="sasl2:authentication/sasl2"):
    """What is offered, by SASL2 or ("sasl:mechanisms/sasl") without it."""
    return {one.text for one in stream.features.findall(f"{version}:mechanism", NAMES)}


def connect(node, owner, source, **options):
    """A stream of the account that has said nothing yet, and its player."""
    stream = Sasl2Stream(node, owner, source=source, **options)
    return stream, Player(stream)
