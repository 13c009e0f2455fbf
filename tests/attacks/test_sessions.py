# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The B and F rows of docs/ATTACKS.md: binding, and who may say what in whose name.

import base64

import pytest

from tests.attacks import positions
from tests.attacks.answers import (APP_ERRORS, check_failure, check_stanza_error,
                                   check_stream_error)
from tests.attacks.sasl import auth, respond
from tests.attacks.vitals import other_scene
from tests.harness import wait
from tests.harness.node import SOURCES, Account
from tests.harness.stream import RawStream
from tests.node import place
from tests.node.client import BIND, CLIENT, PING, Closed, encode
from tests.node.scram import Scram

RESOURCES = 10


def connect(scene, account=None, **options):
    return RawStream(scene.node, account or scene.node.add_account(), source=next(SOURCES),
                     **options).login()


@pytest.fixture
def victim(scene):
    """Somebody who is there, and to whom nothing may come."""
    client = connect(scene)
    client.send_presence()
    yield client
    client.close()


def check_untouched(client):
    """Nothing has come before the answer to this question."""
    client.send(f"<iq type='get' id='untouched' to='{client.domain}'><ping xmlns='{PING}'/></iq>")
    element = client.receive()
    assert element.get("id") == "untouched", element.attrib


# Binding.


def bind(stream, resource):
    return stream.ask("set", f"<bind xmlns='{BIND}'><resource>{resource}</resource></bind>")


def test_B1_same_resource(scene, attacker):
    """The newer session wins (RFC 6120 §7.7.2.2); what is sent now is for it."""
    older = attacker.client(resource="phone").login()
    older.send_presence()
    with scene.survives(lines=4):
        newer = attacker.client(resource="phone").login()
        newer.send_presence()
        check_stream_error(older.read_to_end(), "conflict")
        newer.send_message(older.full, "for the newer one")
        newer.wait_message("for the newer one")


def test_B1_taken_at_once(scene, attacker):
    """Twenty clients want the same resource: one has it in the end."""
    streams = [attacker.unbound() for _ in range(20)]
    with scene.survives(lines=60):
        for stream in streams:
            stream.send(f"<iq type='set' id='b'><bind xmlns='{BIND}'><resource>desk</resource>"
                        "</bind></iq>")
        left = [stream for stream in streams if survives(stream)]
        assert len(left) == 1


def survives(stream):
    try:
        stream.settle()
    except Closed as closed:
        assert closed.condition in ("conflict", None)
        return False
    return True


@pytest.mark.parametrize("again", ("", "<resource>other</resource>"), ids=("any", "other"))
def test_B2_bind_twice(scene, attacker, again):
    stream = attacker.bound()
    with scene.survives(lines=0):
        answer = stream.ask("set", f"<bind xmlns='{BIND}'>{again}</bind>")
        check_stanza_error(answer, "cancel", "not-allowed")
        stream.settle()
    stream.close()


BAD_RESOURCES = {
    "1024-bytes": "r" * 1024,
    "1024-bytes-of-two": "\u00e9" * 512,
    "long-behind-preparation": "\ufdfa" * 32,  # 33 bytes each by NFKC
    "huge": "r" * 10_000,
    "nothing-behind-preparation": "\u00ad\u200b",
    "control": "a&#9;b",
    "delete": "a\u007f",
    "c1-control": "a\u0085b",
    "line-separator": "a\u2028b",
    "not-a-character": "a\ufdd0",
    "last-of-its-plane": "a\U0001ffff",
    "replacement": "a\ufffd",
    "private-use": "a\ue000",
    "right-to-left-override": "a\u202eb",
    "both-directions": "\u0627a",
    "ends-in-other-direction": "\u06271",
    "tag": "a\U000e0041",
}
GOOD_RESOURCES = {
    "1023-bytes": "r" * 1023,
    "1023-bytes-of-two": "\u00e9" * 511 + "a",
    "emoji": "\U0001f600\U0001f468\u200d\U0001f469",
    "blank": "my phone",
    "slash": "a/b@c",
    "markup": "&lt;iq/>&amp;&apos;&quot;",
    "arabic": "\u0627\u0628",
    "case": "PhoNE",
}


@pytest.mark.parametrize("resource", BAD_RESOURCES.values(), ids=BAD_RESOURCES.keys())
def test_B3_bad_resource(scene, attacker, resource):
    stream = attacker.unbound()
    with scene.survives(lines=0):
        check_stanza_error(bind(stream, resource), "modify", "bad-request")
    assert bind(stream, "good").get("type") == "result"
    stream.close()


@pytest.mark.parametrize("resource", GOOD_RESOURCES.values(), ids=GOOD_RESOURCES.keys())
def test_B3_good_resource(scene, attacker, resource):
    stream = attacker.unbound()
    with scene.survives(lines=1):
        assert bind(stream, resource).get("type") == "result"
    stream.close()


def test_B4_resources(scene):
    """The default at n and n + 1; a place that gets free can be had."""
    owner = scene.node.add_account()
    clients = [connect(scene, owner) for _ in range(RESOURCES)]
    one_more = RawStream(scene.node, owner, source=next(SOURCES))
    one_more.secure()
    one_more.authenticate()
    with scene.survives(lines=0):
        answer = bind(one_more, "eleventh")
        check_stanza_error(answer, "cancel", "resource-constraint",
                           f"{{{APP_ERRORS}}}resource-limit-exceeded")
    clients[0].logout()
    clients[1].settle()
    # A resource that is there already is not one more.
    one_more.send(f"<iq type='set' id='b'><bind xmlns='{BIND}'><resource>"
                  f"{clients[1].full.partition('/')[2]}</resource></bind></iq>")
    one_more.settle()
    check_stream_error(clients[1].read_to_end(), "conflict")
    for client in (one_more, *clients[2:]):
        client.close()


CHANGES = {"password": ("passwd", "another password\n"), "deletion": ("del", "")}


@pytest.mark.parametrize("verb, text", CHANGES.values(), ids=CHANGES.keys())
def test_B14_account_changed(scene, verb, text):
    """No session outlives the password or the account; those on their way neither."""
    owner = scene.node.add_account()
    sessions = [connect(scene, owner) for _ in range(3)]
    waiting = RawStream(scene.node, owner, source=next(SOURCES))
    waiting.secure()
    waiting.authenticate()
    with scene.survives(lines=5):
        scene.node.control("user", verb, owner.jid, password=text)
        for stream in (*sessions, waiting):
            check_stream_error(stream.read_to_end(), "not-authorized")
    waiting.close()
    late = RawStream(scene.node, owner, source=next(SOURCES))
    late.secure()
    with pytest.raises(AssertionError, match="not-authorized"):
        late.prove("SCRAM-SHA-256")
    late.close()


def parsers(node):
    """How many XML parsers are in use by clients."""
    lines = node.control("ask", "c2s", "show", "counts").splitlines()
    return int(dict(line.split(maxsplit=1) for line in lines)["parsers_lent"])


def test_idle_streams_have_no_parser():
    """A parser takes more memory than all the rest of a session; it is there for what is begun. On
    a node of its own: what others have begun would count."""
    with other_scene(next(SOURCES)) as quiet, \
            positions.attacker_on(quiet.node, quiet.node.add_account()) as attacker:
        streams = [getattr(attacker, position)()
                   for position in ("plain", "tls", "unbound", "bound")]
        wait.until(lambda: parsers(quiet.node) == 0, what="no parser in use")
        for number, stream in enumerate(streams, 1):
            stream.send("<iq type='get' id='p'><a>")
            wait.until(lambda wanted=number: parsers(quiet.node) == wanted,
                       what=f"{number} parsers in use")
        for stream in streams:
            stream.close()
        wait.until(lambda: parsers(quiet.node) == 0, what="no parser in use")


def test_B14_password_changed_in_the_middle(scene):
    """A proof of the password of before is worth nothing, whenever the exchange began."""
    owner = scene.node.add_account()
    stream = RawStream(scene.node, owner, source=next(SOURCES))
    stream.secure()
    client = Scram("SCRAM-SHA-256", owner.user, owner.password)
    challenge = auth(stream, "SCRAM-SHA-256", encode(client.first()))
    scene.node.control("user", "passwd", owner.jid, password="a new password\n")
    answer = encode(client.final(base64.b64decode(challenge.text)))
    with scene.survives(lines=0):
        check_failure(respond(stream, answer), "temporary-auth-failure")
    with pytest.raises(AssertionError, match="not-authorized"):
        stream.prove("SCRAM-SHA-256")
    stream.password = "a new password"
    stream.authenticate()
    stream.bind()
    stream.close()


# In whose name.

STANZAS = {
    "message": "<message from='{sender}' to='{to}' type='chat'><body>x</body></message>",
    "presence": "<presence from='{sender}' to='{to}'/>",
    "subscribe": "<presence from='{sender}' to='{to}' type='subscribe'/>",
    "roster": "<iq from='{sender}' type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
    "result": "<iq from='{sender}' to='{to}' type='result' id='1'/>",
}
SENDERS = {
    "F1-another": "{victim}",
    "F1-another-full": "{victim_full}",
    "F1-domain": "{domain}",
    "F1-host": "alpha.{domain}",
    "F1-component": "test.{domain}",
    "F1-other-domain": "{user}@other.test",
    "F1-longer-name": "{user}x@{domain}",
    "F1-below-domain": "{user}@sub.{domain}",
    "F2-other-resource": "{user}@{domain}/other",
    "F2-resource-alone": "/{resource}",
    "F1-no-address": "a@@b",
    "F1-empty": "",
}


@pytest.mark.parametrize("stanza", STANZAS.values(), ids=STANZAS.keys())
@pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS.keys())
def test_from_of_others(scene, attacker, victim, sender, stanza):
    stream = attacker.bound()
    sender = sender.format(victim=victim.bare, victim_full=victim.full, domain=stream.domain,
                           user=stream.user, resource=stream.full.partition("/")[2])
    with scene.survives():
        answer = stream.exchange(stanza.format(sender=sender, to=victim.full))
        check_stream_error(answer, "invalid-from")
        check_untouched(victim)


OWN = {"none": "", "full": " from='{full}'", "bare": " from='{bare}'",
       "other-case": " from='{upper}'"}


@pytest.mark.parametrize("sender", OWN.values(), ids=OWN.keys())
def test_F2_from_of_oneself(scene, attacker, victim, sender):
    """Whatever it says, it is the full JID that arrives."""
    stream = attacker.bound()
    sender = sender.format(full=stream.full, bare=stream.bare, upper=stream.bare.upper())
    with scene.survives(lines=0):
        stream.send(f"<message{sender} to='{victim.full}' type='chat'><body>me</body></message>")
        assert victim.receive().get("from") == stream.full


def test_F11_answers_of_others(scene):
    """Behind offline messages the server asks whether they have come. Whoever answers in the
    place of the one who was asked, they stay."""
    owner = scene.node.add_account()
    sender = connect(scene)
    sender.send_message(owner.jid, "kept")
    sender.ask("get", f"<ping xmlns='{PING}'/>", to=owner.jid)
    other = connect(scene, owner, resource="other")
    asked = connect(scene, owner, resource="asked")
    asked.send("<presence/>")
    asked.wait_message("kept")
    question = asked.wait_for(lambda e: e.get("type") == "get")
    with scene.survives(lines=0):
        for liar in (sender, other):
            for to in (question.get("from"), asked.full, owner.jid):
                liar.send(f"<iq type='result' id='{question.get('id')}' to='{to}'/>")
            liar.settle()
        liar.ask("get", f"<ping xmlns='{PING}'/>", to=owner.jid)
    asked.close()
    again = connect(scene, Account(owner.jid, owner.password))
    again.send("<presence/>")
    again.wait_message("kept")
    for client in (sender, other, again):
        client.close()


# Error loops.

ANSWERS = {
    "message": "<message type='error' id='x' to='{to}'><body>b</body></message>",
    "message-with-error": "<message type='error' id='x' to='{to}'><error type='cancel'><gone "
                          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
    "presence": "<presence type='error' id='x' to='{to}'/>",
    "iq-error": "<iq type='error' id='x' to='{to}'/>",
    "iq-result": "<iq type='result' id='x' to='{to}'/>",
}
NOBODY = {
    "unknown-account": "nobody@{domain}", "unknown-resource": "nobody@{domain}/r",
    "gone-resource": "{bare}/gone", "server": "{domain}", "server-resource": "{domain}/r",
    "host": "alpha.{domain}", "component-away": f"x@{place.COMPONENT}",
    "unknown-below": "x@sub.{domain}", "no-address": "a@@b",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("to", NOBODY.values(), ids=NOBODY.keys())
def test_F13_errors_are_not_answered(scene, attacker, answer, to):
    stream = attacker.bound()
    with scene.survives(lines=0):
        stream.send(answer.format(to=to.format(domain=stream.domain, bare=stream.bare)))
        # Behind it, on the same ways: what is answered.
        for end in (stream.domain, f"x@{place.COMPONENT}"):
            answered = stream.ask("get", f"<ping xmlns='{PING}'/>", to=end)
            assert answered.tag == f"{{{CLIENT}}}iq"
        stream.send("<iq type='get' id='end'><query xmlns='jabber:iq:roster'/></iq>")
        assert stream.receive().get("id") == "end"
    stream.close()
