# SPDX-License-Identifier: AGPL-3.0-or-later
#
# XEP-0388: login in one message, and what it may bring along.

import base64

import pytest

from tests.harness.sasl2 import (BIND2, BOUND, BOUND_SM, CARBONS, CSI, FAST, MAM, SASL2, SM,
                                 condition_of)
from tests.harness.smacks import collect
from tests.harness.stream import Answer
from tests.node.client import BIND, SASL, STREAM, Closed, local_name
from tests.node.scram import Scram

AUTHENTICATION = f"{{{SASL2}}}authentication"


def test_features(modern):
    """§2.1: mechanisms, and what may be asked for with them; XEP-0440 beside; not before TLS."""
    client = modern(secure=False)
    client.begin()
    assert client.features.find(AUTHENTICATION) is None
    client.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    client.expect("{urn:ietf:params:xml:ns:xmpp-tls}proceed")
    client.start_tls(client.authority, client.domain)
    client.begin()
    offer = client.features.find(AUTHENTICATION)
    names = [one.text for one in offer.findall(f"{{{SASL2}}}mechanism")]
    classic = client.features.find(f"{{{SASL}}}mechanisms")
    assert names == [one.text for one in classic] and "SCRAM-SHA-256-PLUS" in names
    inline = offer.find(f"{{{SASL2}}}inline")
    assert inline.find(f"{{{SM}}}sm") is not None
    features = inline.findall(f"{{{BIND2}}}bind/{{{BIND2}}}inline/{{{BIND2}}}feature")
    assert [one.get("var") for one in features] == [CARBONS, CSI, SM]
    tokens = [one.text for one in inline.find(f"{{{FAST}}}fast")]
    assert {"HT-SHA-256-EXPR", "HT-SHA-256-ENDP", "HT-SHA-256-NONE"} <= set(tokens)
    assert not [name for name in tokens if name in names or name.endswith("UNIQ")]
    assert "tls-0rtt" not in inline.find(f"{{{FAST}}}fast").attrib
    bindings = client.features.find("{urn:xmpp:sasl-cb:0}sasl-channel-binding")
    assert "tls-server-end-point" in [one.get("type") for one in bindings]


def test_login_alone(modern):
    """§2.6.1: without a resource the bare JID, features at once, and binding as RFC 6120 has it."""
    client = modern()
    client.accept(client.with_password())
    assert client.success.findtext(f"{{{SASL2}}}authorization-identifier") == client.bare
    assert client.full is None
    assert client.features.find(f"{{{BIND}}}bind") is not None
    assert client.features.find(AUTHENTICATION) is None
    assert client.features.find(f"{{{SASL}}}mechanisms") is None
    client.bind()
    client.send_presence()


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-512"])
def test_mechanisms(modern, mechanism):
    client = modern()
    client.accept(client.with_password(BOUND, mechanism))
    client.settle()


def test_plain(modern):
    """§2.2: success without additional data has none."""
    client = modern()
    message = f"\0{client.user}\0{client.password}".encode()
    client.accept(client.ask_for("PLAIN", message, BOUND))
    assert client.success.find(f"{{{SASL2}}}additional-data") is None
    client.settle()


def test_no_initial_response(modern):
    """§2.2: absent is not empty: the mechanism begins with an empty challenge."""
    client = modern()
    challenge = client.ask_for("PLAIN", None)
    assert challenge.tag == f"{{{SASL2}}}challenge" and not challenge.text
    message = base64.b64encode(f"\0{client.user}\0{client.password}".encode()).decode()
    client.send(f"<response xmlns='{SASL2}'>{message}</response>")
    client.accept(client.receive())


def test_announced(modern, node, account):
    """XEP-0474 §6.1: the server's first message has the hash of what was advertised."""
    import hashlib
    from tests.node.scram import attributes
    owner = account()
    for mechanism, name in (("SCRAM-SHA-1", "sha1"), ("SCRAM-SHA-256", "sha256")):
        client = modern(owner)
        offer = client.features.find(AUTHENTICATION)
        names = sorted(one.text for one in offer.findall(f"{{{SASL2}}}mechanism"))
        kinds = client.features.find("{urn:xmpp:sasl-cb:0}sasl-channel-binding")
        text = "\x1e".join(names) + "\x1f" + "\x1e".join(sorted(k.get("type") for k in kinds))
        scram = Scram(mechanism, client.user, client.password)
        challenge = client.ask_for(mechanism, scram.first())
        told = attributes(base64.b64decode(challenge.text))["h"]
        assert told == base64.b64encode(hashlib.new(name, text.encode()).digest()).decode()


def test_failures(modern):
    """§2.6.2: the conditions of RFC 6120; the stream is as it was, and another try may follow."""
    client = modern()
    client.password, right = "wrong", client.password
    outcome = client.with_password(BOUND)
    assert condition_of(outcome) == "not-authorized"
    assert outcome.find(f"{{{BIND2}}}bound") is None
    assert condition_of(client.ask_for("LOGIN", b"x")) == "invalid-mechanism"
    assert condition_of(client.ask_for("HT-SHA-256-NONE", b"x")) == "invalid-mechanism"
    assert condition_of(client.ask_for("SCRAM-SHA-256", b"x")) == "malformed-request"
    client.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'>"
                "<initial-response>?</initial-response></authenticate>")
    assert condition_of(client.receive()) == "incorrect-encoding"
    client.send(f"<authenticate xmlns='{SASL2}'/>")
    assert condition_of(client.receive()) == "invalid-mechanism"
    client.password = right
    client.accept(client.with_password(BOUND))
    client.settle()


def test_bad_response(modern):
    client = modern()
    client.ask_for("SCRAM-SHA-256", b"n,,n=" + client.user.encode() + b",r=abc")
    client.send(f"<response xmlns='{SASL2}'>?</response>")
    assert condition_of(client.receive()) == "incorrect-encoding"
    client.accept(client.with_password())


def test_abort(modern):
    """§4.5: before it is complete; then it may begin anew."""
    client = modern()
    client.ask_for("SCRAM-SHA-256", b"n,,n=" + client.user.encode() + b",r=abc")
    client.send(f"<abort xmlns='{SASL2}'><text>enough</text></abort>")
    assert condition_of(client.receive()) == "aborted"
    client.send(f"<abort xmlns='{SASL2}'/>")
    assert condition_of(client.receive()) == "aborted"
    client.accept(client.with_password(BOUND))


@pytest.mark.parametrize("element", [
    f"<response xmlns='{SASL2}'>AAAA</response>",
    f"<next xmlns='{SASL2}' task='TOTP-EXAMPLE'><totp xmlns='urn:totp:example'/></next>",
    f"<task-data xmlns='{SASL2}'/>",
], ids=lambda text: text[1:6])
def test_nobody_has_asked(modern, element):
    """§2.6.3: no task is ever asked for here, so that what belongs to one is refused."""
    client = modern()
    client.send(element)
    assert condition_of(client.receive()) == "malformed-request"
    client.accept(client.with_password(BOUND))


OTHERS = [
    "<presence/>",
    f"<next xmlns='{SASL2}' task='X'/>",
    f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'/>",
    f"<auth xmlns='{SASL}' mechanism='PLAIN'/>",
    f"<abort xmlns='{SASL}'/>",
    f"<enable xmlns='{SM}'/>",
    f"<inactive xmlns='{CSI}'/>",
    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
]


@pytest.mark.parametrize("element", OTHERS, ids=lambda text: text.split()[0][1:].strip("/>"))
def test_nothing_in_between(modern, element):
    """§2.4: whoever says anything else while it is under way is disconnected."""
    client = modern()
    client.ask_for("SCRAM-SHA-256", b"n,,n=" + client.user.encode() + b",r=abc")
    answer: Answer = client.exchange(element)
    assert answer.closed and answer.error in ("policy-violation", "not-authorized")


def test_classic_and_this(modern):
    """An exchange that RFC 6120 began is not ended by XEP-0388."""
    client = modern()
    first = base64.b64encode(b"n,,n=" + client.user.encode() + b",r=abc").decode()
    client.send(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{first}</auth>")
    client.expect(f"{{{SASL}}}challenge")
    answer = client.exchange(f"<response xmlns='{SASL2}'>AAAA</response>")
    assert answer.closed and answer.error == "policy-violation"


@pytest.mark.parametrize("inside", ["", BOUND])
def test_once(modern, inside):
    """§4.8: behind success another <authenticate/> is a stream error."""
    client = modern()
    client.accept(client.with_password(inside))
    with pytest.raises(Closed) as closed:
        client.ask_for("PLAIN", b"\0a\0b")
    assert closed.value.condition in ("not-authorized", "policy-violation")


def test_from(modern, node, account):
    """§2.3: who says in the header who it is has to be that, whatever the password is."""
    for said, condition in ((lambda owner: owner.jid, None),
                            (lambda owner: f"other@{node.network}", "invalid-authzid")):
        client = modern(owner := account(), secure=False)
        client.begin()
        client.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        client.expect("{urn:ietf:params:xml:ns:xmpp-tls}proceed")
        client.start_tls(client.authority, client.domain)
        client.open(client.domain, **{"from": said(owner)})
        client.expect(f"{{{STREAM}}}features")
        outcome = client.with_password(BOUND)
        if condition:
            assert condition_of(outcome) == condition
        else:
            client.accept(outcome)


def test_authzid(modern, account):
    """§4.4: to act for somebody else is refused."""
    client, other = modern(), account()
    message = f"{other.jid}\0{client.user}\0{client.password}".encode()
    assert condition_of(client.ask_for("PLAIN", message)) == "invalid-authzid"
    message = f"{client.bare}\0{client.user}\0{client.password}".encode()
    client.accept(client.ask_for("PLAIN", message))


@pytest.mark.parametrize("agent", [
    "<user-agent id='phone'/>", "<user-agent id=''/>",
    f"<user-agent id='{'a' * 5000}'/>",
    "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf8777g'/>",
    "<user-agent id='d4565fa704d72-4749-b3d3-740edbf87770'/>",
], ids=["text", "empty", "long", "letter", "dash"])
def test_user_agent_is_none(modern, agent):
    """§2.3: the id is a UUID."""
    client = modern()
    assert condition_of(client.with_password(agent=agent)) == "malformed-request"
    client.accept(client.with_password(agent=""))


def test_bind(modern):
    """XEP-0386 §3.2: a resource of the tag and what nobody can guess, with the state of the
    archive; classic binding is over."""
    client = modern()
    client.accept(client.with_password(BOUND))
    bare, tag, rest = client.full.split("/")
    assert (bare, tag) == (client.bare, "Test") and len(rest) >= 16
    assert client.device not in client.full
    metadata = client.success.find(f"{{{BIND2}}}bound/{{{MAM}}}metadata")
    assert metadata is not None and len(metadata) == 0
    assert client.features.find(f"{{{BIND}}}bind") is None
    client.send_presence()
    answer = client.ask("set", f"<bind xmlns='{BIND}'/>")
    assert answer.get("type") == "error"


def test_bind_is_stable(modern, account):
    """XEP-0386 §3.2.1: the same device and tag, the same resource; of the earlier session only
    the new one is left."""
    owner, first = account(), None
    first = modern(owner)
    first.accept(first.with_password(BOUND))
    other_tag = f"<bind xmlns='{BIND2}'><tag>Other</tag></bind>"
    again = modern(owner, device=first.device)
    again.accept(again.with_password(BOUND))
    assert again.full == first.full
    with pytest.raises(Closed) as closed:
        first.receive()
    assert closed.value.condition == "conflict"
    third = modern(owner, device=first.device)
    third.accept(third.with_password(other_tag))
    assert third.full.startswith(f"{third.bare}/Other/")
    with pytest.raises(Closed) as closed:
        again.receive()
    assert closed.value.condition == "conflict"
    another = modern(owner)
    another.accept(another.with_password(BOUND))
    assert another.full != first.full
    third.settle()


@pytest.mark.parametrize("tag", ["", "<tag/>", "<tag>\u2028</tag>", f"<tag>{'x' * 1100}</tag>"],
                         ids=["none", "empty", "forbidden", "long"])
def test_bind_without_tag(modern, tag):
    """XEP-0386 §3.2.1: what cannot be a part of a resource is left out."""
    client = modern()
    client.accept(client.with_password(f"<bind xmlns='{BIND2}'>{tag}</bind>"))
    assert "/" not in client.full.split("/", 1)[1]
    client.settle()


def test_bind_features(modern, login, account):
    """XEP-0386 §3.2: carbons, XEP-0198 and inactivity from the first moment on."""
    owner, peer = account(), login()
    peer.send_presence()
    client = modern(owner)
    client.accept(client.with_password(
        f"<bind xmlns='{BIND2}'><enable xmlns='{CARBONS}'/><inactive xmlns='{CSI}'/>"
        f"<enable xmlns='{SM}' resume='true' max='60'/></bind>"))
    enabled = client.success.find(f"{{{BIND2}}}bound/{{{SM}}}enabled")
    assert enabled.get("resume") == "true" and enabled.get("max") == "60" and enabled.get("id")
    assert client.ask_h() == 0
    other = login(owner)
    other.send_presence()
    other.send_message(peer.full, "copied")
    sent = client.wait_for(lambda e: e.find(f"{{{CARBONS}}}sent") is not None)
    assert sent is not None
    peer.send(f"<message to='{owner.jid}' type='chat'><composing "
              "xmlns='http://jabber.org/protocol/chatstates'/></message>")
    peer.settle()
    other.wait_for(lambda e: e.find("{http://jabber.org/protocol/chatstates}composing") is not None)
    assert not [e for e in collect_counted(client) if local_name(e.tag) == "message"]


def collect_counted(client):
    """What waits while it is inactive would come in front of the answer to an iq."""
    client.send(f"<r xmlns='{SM}'/>")
    seen = []
    while (element := client.receive()).tag != f"{{{SM}}}a":
        seen.append(element)
    return seen


def test_metadata_and_offline(modern, login, account):
    """XEP-0386 §3.2: where the archive ends is told, and what it has is not sent once more."""
    owner, peer = account(), login()
    for n in range(3):
        peer.send_message(owner.jid, f"stored {n}")
    peer.settle()
    client = modern(owner)
    client.accept(client.with_password(BOUND))
    metadata = client.success.find(f"{{{BIND2}}}bound/{{{MAM}}}metadata")
    ends = [(local_name(e.tag), e.get("id")) for e in metadata]
    assert [name for name, _ in ends] == ["start", "end"] and ends[0][1] != ends[1][1]
    asked = client.ask("get", f"<metadata xmlns='{MAM}'/>").find(f"{{{MAM}}}metadata")
    assert [(local_name(e.tag), e.get("id")) for e in asked] == ends
    peer.send_message(owner.jid, "behind it")
    peer.settle()
    client.send("<presence/>")
    bodies = [e.findtext("{jabber:client}body") for e in collect(client)
              if local_name(e.tag) == "message"]
    assert bodies == ["behind it"]


def test_resume(modern, login, account):
    """XEP-0198 §9.2: in the same message; no features follow, binding is left out, and what was
    missed comes behind the success."""
    owner, peer = account(), login()
    client = modern(owner)
    client.accept(client.with_password(BOUND_SM))
    client.send("<presence/>")
    collect(client)
    client.close()
    peer.send_message(client.full, "missed")
    again = modern(owner, device=client.device)
    again.accept(again.with_password(again.resume_of(client) + BOUND_SM))
    assert again.success.find(f"{{{SM}}}resumed").get("previd") == client.id
    assert again.success.find(f"{{{BIND2}}}bound") is None
    assert again.full == client.full
    assert again.wait_message("missed") is not None
    again.settle()


def test_resume_fails(modern):
    """XEP-0198 §9.2.1: told with the success, and a new session is begun."""
    client = modern()
    client.accept(client.with_password(
        f"<resume xmlns='{SM}' previd='unknown' h='0'/>{BOUND_SM}"))
    failed = client.success.find(f"{{{SM}}}failed")
    assert [local_name(e.tag) for e in failed] == ["item-not-found"]
    assert client.success.find(f"{{{BIND2}}}bound/{{{SM}}}enabled") is not None
    client.settle()


@pytest.mark.parametrize("resume", ["", " previd='x'", " h='0'", " previd='x' h='-1'"])
def test_resume_malformed(modern, resume):
    client = modern()
    client.accept(client.with_password(f"<resume xmlns='{SM}'{resume}/>"))
    failed = client.success.find(f"{{{SM}}}failed")
    assert [local_name(e.tag) for e in failed] == ["bad-request"]
    assert client.full is None
    client.bind()


def test_resume_of_somebody_else(modern):
    """The session of another account is nobody's, even with its SM-ID."""
    owner, thief = modern(), modern()
    owner.accept(owner.with_password(BOUND_SM))
    thief.accept(thief.with_password(thief.resume_of(owner)))
    assert [local_name(e.tag) for e in thief.success.find(f"{{{SM}}}failed")] == ["item-not-found"]
    owner.settle()


def test_failed_login_does_nothing(modern, account):
    """§2.6.2: what was asked for with a login that fails is not done: the session goes on."""
    owner = account()
    client = modern(owner)
    client.accept(client.with_password(BOUND_SM))
    thief = modern(owner, device=client.device)
    thief.password = "wrong"
    outcome = thief.with_password(thief.resume_of(client) + BOUND_SM)
    assert condition_of(outcome) == "not-authorized"
    client.settle()


def test_before_tls(modern):
    """§3: only behind TLS."""
    client = modern(secure=False)
    client.begin()
    assert condition_of(client.ask_for("PLAIN", b"\0a\0b")) == "encryption-required"


def test_too_many(modern, account):
    """A full account refuses the binding, not the login."""
    owner = account()
    held = []
    for _ in range(100):
        client = modern(owner)
        client.accept(client.with_password(BOUND))
        held.append(client)
        if client.full is None:
            break
    failed = client.success.find(f"{{{BIND2}}}failed")
    assert [local_name(e.tag) for e in failed] == ["resource-constraint"]
    held[0].settle()


def test_gone_in_between(modern, account):
    """A client that does not wait for the answer leaves nothing behind that harms the next."""
    owner = account()
    first = modern(owner)
    first.accept(first.with_password(BOUND_SM))
    message = base64.b64encode(f"\0{first.user}\0{first.password}".encode()).decode()
    token = f"<request-token xmlns='{FAST}' mechanism='HT-SHA-256-NONE'/>"
    for n in range(12):
        client = modern(owner, device=first.device)
        resume = first.resume_of(first) if n % 2 else ""
        client.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><initial-response>{message}"
                    f"</initial-response>{client.agent()}{resume}{token}{BOUND_SM}</authenticate>")
        if n % 3 == 0:
            client.send("</stream:stream>")
        client.close()
    for _ in range(13):  # whom c2s comes to read later has the same resource
        last = modern(owner, device=first.device)
        last.accept(last.with_password(BOUND_SM))
        try:
            last.settle()
            return
        except Closed as closed:
            assert closed.condition == "conflict"
    pytest.fail("more conflicts than clients")
