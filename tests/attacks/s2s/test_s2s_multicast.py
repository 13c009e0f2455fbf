# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Stanzas of another server that are for several accounts here (XEP-0033).

import contextlib

import pytest

from tests.attacks.s2s.conftest import user_of
from tests.attacks.s2s.test_s2s_bidi import dial
from tests.node.client import CLIENT
from tests.node.place import COMPONENT

ADDRESS = "http://jabber.org/protocol/address"
DISCO = "http://jabber.org/protocol/disco#info"


@pytest.fixture
def stream(peer):
    """In both directions."""
    return dial(peer)


@pytest.fixture(scope="module")
def crowd(shared_federation):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(user_of(shared_federation)) for _ in range(3)]


def address(kind, jid=None, **more):
    given = {"type": kind, "jid": jid, **more}
    text = " ".join(f"{name}='{value}'" for name, value in given.items() if value)
    return f"<address {text}/>"


def stanza(stream, addresses, name="message", content="<body>hello</body>", **given):
    given = {"from": f"bob@{stream.domain}/x", "to": stream.other, "id": "1", **given}
    text = " ".join(f"{key}='{value}'" for key, value in given.items() if value)
    return (f"<{name} {text}>{content}<addresses xmlns='{ADDRESS}'>{''.join(addresses)}"
            f"</addresses></{name}>")


def shown(message):
    """What its addresses say."""
    return [(one.get("type"), one.get("jid"), one.get("delivered"))
            for one in message.findall(f"{{{ADDRESS}}}addresses/{{{ADDRESS}}}address")]


def check_refused(error, condition):
    assert error.get("type") == "error"
    assert error.find("{*}error/{urn:ietf:params:xml:ns:xmpp-stanzas}" + condition) is not None


def hears_nothing(stream, client):
    """Stanzas of one to another stay in order."""
    stream.send(f"<message from='bob@{stream.domain}/x' to='{client.full}' type='chat'>"
                "<body>the end</body></message>")
    heard = client.wait_for(lambda e: e.tag in (f"{{{CLIENT}}}message", f"{{{CLIENT}}}presence"))
    assert heard.findtext(f"{{{CLIENT}}}body") == "the end"


def ask_features(stream, node=""):
    stream.send(f"<iq type='get' id='disco' from='{stream.domain}' to='{stream.other}'>"
                f"<query xmlns='{DISCO}'{node}/></iq>")
    answer = stream.next_stanza("iq")
    return answer, [one.get("var") for one in answer.iter(f"{{{DISCO}}}feature")]


def test_announced_to_other_domains(stream, alice):
    answer, features = ask_features(stream)
    assert ADDRESS in features
    fields = {field.get("var"): field.findtext("{jabber:x:data}value")
              for field in answer.iter("{jabber:x:data}field")}
    assert (fields["message"], fields["presence"]) == ("99", "99")
    info = alice.ask("get", f"<query xmlns='{DISCO}'/>", to=stream.other)
    assert ADDRESS not in [one.get("var") for one in info.iter(f"{{{DISCO}}}feature")]


def test_each_gets_a_copy(stream, crowd):
    """Nobody sees a bcc but its own, and nobody gets two."""
    one, two, three = crowd
    stream.send(stanza(stream, [
        address("to", one.full), address("cc", two.bare.upper()), address("bcc", three.full),
        address("bcc", one.full), address("to", "gone@elsewhere.example", delivered="true"),
        address("bcc", "hidden@elsewhere.example", delivered="true"),
        address("replyto", f"bob@{stream.domain}"), address("x-new", "x@y.example")], type="chat"))
    seen = [("to", one.full, "true"), ("cc", two.bare.upper(), "true"),
            ("to", "gone@elsewhere.example", "true"), ("replyto", f"bob@{stream.domain}", None),
            ("x-new", "x@y.example", None)]
    for client, addressed, header in ((one, one.full, seen), (two, two.bare, seen),
                                      (three, three.full, [*seen, ("bcc", three.full, None)])):
        message = client.wait_message("hello")
        assert (message.get("from"), message.get("to"), message.get("id")) == \
            (f"bob@{stream.domain}/x", addressed, "1")
        assert shown(message) == header
        hears_nothing(stream, client)


def test_delivered_before(stream, alice):
    """§4.1.5: a loop ends here."""
    stream.send(stanza(stream, [address("to", alice.full, delivered="true")], type="chat"))
    hears_nothing(stream, alice)


@pytest.mark.parametrize("addresses, condition", [
    ([address("to", "x@elsewhere.example")], "forbidden"),
    ([address("bcc", f"x@{COMPONENT}")], "forbidden"),
    ([address("to", "x@@y")], "jid-malformed"),
    ([address("cc", uri="sip:x@elsewhere.example")], "jid-malformed"),
    ([address("cc")], "jid-malformed"),
    ([address("cc", "{one}", uri="sip:x@elsewhere.example")], "bad-request"),
    ([address("", "{one}")], "bad-request"),
    ([address("bcc", f"user{number}@elsewhere.example") for number in range(100)],
     "not-acceptable"),
], ids=["relay", "other-domain-of-ours", "malformed", "uri", "nothing", "both", "no-type", "many"])
def test_refused(stream, alice, addresses, condition):
    """Nobody gets it, not even those who could."""
    addresses = [one.format(one=alice.full) for one in addresses]
    stream.send(stanza(stream, [address("to", alice.full), *addresses], type="chat"))
    error = stream.next_stanza()
    check_refused(error, condition)
    assert (error.get("from"), error.get("to")) == (stream.other, f"bob@{stream.domain}/x")
    hears_nothing(stream, alice)


def test_too_large_for_so_many(stream, alice):
    """99 copies of a large stanza are more than one sender may make."""
    others = [address("to", f"user{number}@{stream.other}") for number in range(98)]
    stream.send(stanza(stream, [address("to", alice.full), *others], type="chat",
                       content=f"<body>{'x' * 100_000}</body>"))
    check_refused(stream.next_stanza(), "not-acceptable")
    hears_nothing(stream, alice)


def test_two_headers(stream, alice):
    stream.send(stanza(stream, [address("to", alice.full)], type="chat", content=(
        f"<addresses xmlns='{ADDRESS}'>{address('bcc', 'hidden@elsewhere.example')}</addresses>")))
    check_refused(stream.next_stanza(), "bad-request")
    hears_nothing(stream, alice)


def test_no_subscriptions(stream, alice):
    stream.send(stanza(stream, [address("to", alice.bare)], "presence", "", type="subscribe"))
    check_refused(stream.next_stanza("presence"), "bad-request")
    hears_nothing(stream, alice)


def test_errors_are_of_one(stream, crowd):
    """Whoever cannot have it is told about alone."""
    nobody = f"nobody@{stream.other}"
    stream.send(stanza(stream, [address("bcc", nobody), address("bcc", crowd[0].full)],
                       type="chat"))
    crowd[0].wait_message("hello")
    error = stream.next_stanza()
    check_refused(error, "service-unavailable")
    assert error.get("from") == nobody


def test_an_error_is_for_nobody(stream, alice):
    stream.send(stanza(stream, [address("to", alice.full)], type="error"))
    hears_nothing(stream, alice)


def presence(client, sender, kind=None):
    return client.wait_for(lambda e: e.tag == f"{{{CLIENT}}}presence" and
                           e.get("from") == sender and e.get("type") == kind)


def test_presence_is_taken_back(stream, crowd):
    """§5: by the service, from those who have it still and were not told themselves."""
    one, two, three = crowd
    sender = f"bob@{stream.domain}/x"
    stream.send(stanza(stream, [address("bcc", client.full) for client in crowd], "presence", ""))
    for client in crowd:
        presence(client, sender)
    stream.send(stanza(stream, [address("bcc", one.full)], "presence", "", type="unavailable"))
    stream.send(f"<presence from='{sender}' to='{two.full}' type='unavailable'/>")
    presence(one, sender, "unavailable")
    presence(two, sender, "unavailable")
    gone = f"<presence from='{sender}' to='{stream.other}' type='unavailable'/>"
    stream.send(gone * 2)
    presence(three, sender, "unavailable")
    for client in crowd:
        hears_nothing(stream, client)
