# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Limits that bite are named (docs/LIMITS.md): the peer is told which one it is where it can be told
# anything, and the metric kontalk_limits counts it by its key in the configuration.

import re

import pytest

from tests.harness import wait
from tests.harness.node import SOURCES

CLIENT = "jabber:client"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
PUBSUB = "http://jabber.org/protocol/pubsub"
ERRORS = f"{{{PUBSUB}#errors}}"
KIB = 1024
SETTINGS = {
    "c2s": {"resources-per-user": "1", "sasl-tries": "2", "sasl-tries-per-minute": "1",
            "connections-per-address": "3", "connection-burst": "5", "connection-rate": "1"},
    "sm": {"roster-size": "1", "roster-groups": "1", "blocklist-size": "1",
           "directed-presence": "1", "offline-messages": "1", "vcard-size": "1k",
           "private-size": "1k", "private-elements": "1", "pubsub-nodes": "2",
           "pubsub-item-size": "1k", "pubsub-size": "2k", "push-services": "1",
           "archive-queries": "1"},
}


@pytest.fixture(scope="module")
def small(make_node):
    return make_node(settings=SETTINGS)


def counted(node, key):
    """How often this limit has held somebody back at c2s."""
    text = node.control("ask", "c2s", "metrics")
    found = re.findall(rf'^kontalk_limits_total{{limit="{key}"}} (\S+)$', text, re.MULTILINE)
    return sum(int(float(value)) for value in found)


def told(stanza):
    """(condition, what names the limit: the text, or a condition of the application)."""
    error = stanza.find(f"{{{CLIENT}}}error")
    name = next(child.tag.removeprefix(STANZAS) for child in error
                if child.tag.startswith(STANZAS) and not child.tag.endswith("}text"))
    others = [child.tag for child in error if not child.tag.startswith(STANZAS)]
    return name, error.findtext(f"{STANZAS}text") or (others[0] if others else None)


# --- stanzas of a client that has logged in: all but the last are accepted ---

def contact(number, groups=0):
    inner = "".join(f"<group>{n}</group>" for n in range(groups))
    return (f"<query xmlns='jabber:iq:roster'><item jid='a{number}@verona.example'>{inner}</item>"
            "</query>")


def private(number, size=0):
    return (f"<query xmlns='jabber:iq:private'><x xmlns='urn:example:{number}'>{'x' * size}</x>"
            "</query>")


def published(node, size=0):
    return (f"<pubsub xmlns='{PUBSUB}'><publish node='{node}'><item>"
            f"<x xmlns='urn:example'>{'x' * size}</x></item></publish></pubsub>")


def push(number):
    return f"<enable xmlns='urn:xmpp:push:0' jid='push.verona.example' node='{number}'/>"


def block(number):
    return f"<block xmlns='urn:xmpp:blocking'><item jid='a{number}@verona.example'/></block>"


REQUESTS = {
    "roster-size": ([contact(1), contact(2)], ("resource-constraint", "too many contacts")),
    "roster-groups": ([contact(1, groups=2)], ("policy-violation", "too many groups")),
    "blocklist-size": ([block(1), block(2)],
                       ("resource-constraint", "too many addresses are blocked")),
    "vcard-size": ([f"<vCard xmlns='vcard-temp'><FN>{'x' * KIB}</FN></vCard>"],
                   ("policy-violation", "the vCard is too big")),
    "private-size": ([private(1, KIB)], ("policy-violation", "the element is too big")),
    "private-elements": ([private(1), private(2)],
                         ("resource-constraint", "too many elements are stored")),
    "push-services": ([push(1), push(2)],
                      ("resource-constraint", "too many services are enabled")),
    "pubsub-nodes": ([published(n) for n in "abc"],
                     ("resource-constraint", f"{ERRORS}max-nodes-exceeded")),
    "pubsub-item-size": ([published("a", KIB)], ("not-acceptable", f"{ERRORS}payload-too-big")),
}


@pytest.mark.parametrize("key", REQUESTS)
def test_requests(small, login, key):
    payloads, expected = REQUESTS[key]
    client, before = login(where=small), counted(small, key)
    *accepted, last = [client.ask("set", payload) for payload in payloads]
    assert [stanza.get("type") for stanza in accepted] == ["result"] * len(accepted)
    assert told(last) == expected
    assert counted(small, key) == before + 1


def test_directed_presence(small, login):
    client, before = login(where=small), counted(small, "directed-presence")
    for number in range(2):
        client.send(f"<presence to='a{number}@{small.network}' id='p{number}'/>")
    answer = client.wait_for(lambda e: e.get("type") == "error" and e.get("id") == "p1")
    assert told(answer) == ("policy-violation", "presence was sent to too many addresses")
    assert counted(small, "directed-presence") == before + 1


def test_offline_messages(small, login):
    """XEP-0160 §3: the same answer as where nothing is kept at all."""
    client, owner = login(where=small), small.add_account()
    before = counted(small, "offline-messages")
    for number in range(2):
        client.send_message(owner.jid, f"message {number}")
    answer = client.wait_for(lambda e: e.get("type") == "error")
    assert told(answer)[0] == "service-unavailable"
    assert counted(small, "offline-messages") == before + 1


def test_archive_queries(small, login):
    client, before = login(where=small), counted(small, "archive-queries")
    for number in range(40):
        client.send(f"<iq type='set' id='q{number}'><query xmlns='urn:xmpp:mam:2'/></iq>")
    answer = client.wait_for(lambda e: e.get("type") == "error")
    assert told(answer) == ("resource-constraint", "too many queries to the archive")
    assert counted(small, "archive-queries") > before


# --- streams ---

def elements(inner):
    return f"<iq type='get' id='x'><a xmlns='urn:example'>{inner}</a></iq>"


STANZA_LIMITS = {
    "stanza-size": (elements("x" * 256 * KIB), "stanza too big"),
    "stanza-elements": (elements("<b/>" * 4096), "too many elements"),
    "stanza-depth": (elements("<b>" * 64 + "</b>" * 64), "elements nested too deeply"),
    "stanza-attributes": (elements("<b " + " ".join(f"a{n}=''" for n in range(65)) + "/>"),
                          "too many attributes"),
    "stanza-namespaces": (elements("<b " + " ".join(f"xmlns:p{n}='u'" for n in range(33)) + "/>"),
                          "too many namespace declarations"),
}


def check_end(node, stream, condition, text):
    answer = stream.read_to_end()
    assert answer.error == condition and answer.closed
    node.daemon("c2s").wait_log(f"event=stream_error .*condition={condition} text=\"{text}\"")


@pytest.mark.parametrize("key", STANZA_LIMITS)
def test_stanzas(small, login, key):
    data, text = STANZA_LIMITS[key]
    client, before = login(where=small), counted(small, key)
    small.daemon("c2s").mark_log()
    client.try_send(data.encode())
    check_end(small, client, "policy-violation", text)
    assert counted(small, key) == before + 1


def test_resources_per_user(small, login, raw):
    """RFC 6120 §7.6.2.1"""
    owner = small.add_account()
    login(owner, where=small)
    second, before = raw(owner, where=small), counted(small, "resources-per-user")
    second.secure()
    second.authenticate()
    answer = second.ask("set", f"<bind xmlns='{BIND}'/>")
    assert told(answer) == ("resource-constraint", "{urn:xmpp:errors}resource-limit-exceeded")
    assert counted(small, "resources-per-user") == before + 1


def test_tries_to_log_in(small, raw):
    """The third of a stream ends it; the second from an address within a minute is answered later,
    which nobody is told."""
    stream = raw(where=small)
    stream.secure()
    before = {key: counted(small, key) for key in ("sasl-tries", "sasl-tries-per-minute")}
    small.daemon("c2s").mark_log()
    for _ in range(2):
        stream.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>AG5vYm9keQBub3RoaW5n</auth>")
        assert stream.receive().tag == f"{{{SASL}}}failure"
    stream.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>AG5vYm9keQBub3RoaW5n</auth>")
    check_end(small, stream, "policy-violation", "too many failed logins")
    assert counted(small, "sasl-tries") == before["sasl-tries"] + 1
    assert counted(small, "sasl-tries-per-minute") == before["sasl-tries-per-minute"] + 1


# --- connections: closed before anything is said, so that a flood costs nothing ---

def test_connections_per_address(small, raw):
    where = next(SOURCES)
    small.daemon("c2s").mark_log()
    streams = [raw(where=small, source=where) for _ in range(3)]
    for stream in streams:
        stream.begin()
    assert raw(where=small, source=where).read_to_end().closed
    small.daemon("c2s").wait_log(f"event=connection_refused addr={where}.* "
                                 "reason=connections-per-address")
    assert counted(small, "connections-per-address") > 0


def test_connection_rate(small, raw):
    """Far more than a burst, one after another."""
    where, before = next(SOURCES), counted(small, "connection-rate")

    def some():
        for _ in range(20):
            stream = raw(where=small, source=where)
            stream.exchange(b"x")
            stream.close()
        return counted(small, "connection-rate") > before

    wait.until(some, what="a connection beyond the rate")


# --- rates: read more slowly, which is no error ---

FLOODS = {"rate-stanzas": "<presence type='unavailable' to='nobody@a.test'/>" * 600,
          "rate-bytes": " " * 300 * KIB}


@pytest.mark.parametrize("key", FLOODS)
def test_rates(small, login, key):
    client, before = login(where=small), counted(small, key)
    client.socket.settimeout(1)
    client.try_send(FLOODS[key].encode())
    wait.until(lambda: counted(small, key) > before, what=key)
