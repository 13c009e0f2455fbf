# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The P rows of docs/ATTACKS.md: what strangers may not do. Limits are in test_limits.py, numbers in
# test_volume.py.

import pytest

from tests.attacks import positions
from tests.attacks.answers import SASL, check_failure, check_stream_error
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node.client import BIND, STREAM, TLS

ROSTER = "jabber:iq:roster"
STANZAS = {
    "message": "<message to='{to}'><body>x</body></message>",
    "presence": "<presence to='{to}'/>",
    "subscribe": "<presence to='{to}' type='subscribe'/>",
    "iq-get": f"<iq type='get' id='1' to='{{to}}'><query xmlns='{ROSTER}'/></iq>",
    "iq-ping": "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
    "iq-result": "<iq type='result' id='1' to='{to}'/>",
    "iq-without-type": "<iq id='1'/>",
    "iq-auth": "<iq type='set' id='1'><query xmlns='jabber:iq:auth'><username>a</username>"
               "<password>b</password></query></iq>",
    "iq-register": "<iq type='set' id='1'><query xmlns='jabber:iq:register'><username>a</username>"
                   "<password>b</password></query></iq>",
    "iq-session": "<iq type='set' id='1'><session "
                  "xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
}
BIND_REQUEST = f"<iq type='set' id='1'><bind xmlns='{BIND}'/></iq>"


@pytest.fixture
def victim(scene):
    client = RawStream(scene.node, scene.node.add_account(), source=next(SOURCES)).login()
    client.send_presence()
    yield client
    client.close()


@pytest.mark.parametrize("position", ("plain", "tls", "unbound"))
@pytest.mark.parametrize("stanza", STANZAS.values(), ids=STANZAS.keys())
def test_P1_P2_stanza(scene, attacker, victim, position, stanza):
    """Nothing is handled or delivered before a resource is bound."""
    stream = getattr(attacker, position)()
    with scene.survives():
        answer = stream.exchange(stanza.format(to=victim.full))
        stream.close()
        check_stream_error(answer, "not-authorized")
        victim.send(f"<iq type='get' id='pong' to='{victim.domain}'>"
                    "<ping xmlns='urn:xmpp:ping'/></iq>")
        assert victim.receive().get("id") == "pong", "something was delivered"


@pytest.mark.parametrize("position", ("plain", "tls"))
def test_P1_bind(scene, attacker, position):
    stream = getattr(attacker, position)()
    with scene.survives():
        check_stream_error(stream.exchange(BIND_REQUEST), "not-authorized")


# T4: nothing but TLS before TLS. What is not built here has no state in which it is known.
FEATURES = {
    "compress": ("<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method>"
                 "</compress>", "unsupported-stanza-type"),
    "sasl3": ("<authenticate xmlns='urn:xmpp:sasl:3' mechanism='PLAIN'/>",
              "unsupported-stanza-type"),
    "dialback": ("<db:result xmlns:db='jabber:server:dialback' from='a' to='b'>x</db:result>",
                 "unsupported-stanza-type"),
    "handshake": ("<handshake/>", "unsupported-stanza-type"),
    "proceed": (f"<proceed xmlns='{TLS}'/>", "unsupported-stanza-type"),
    "success": (f"<success xmlns='{SASL}'/>", "unsupported-stanza-type"),
    "router-bind": ("<bind xmlns='urn:kontalk:router:1' id='1' name='a.test'/>",
                    "unsupported-stanza-type"),
}


@pytest.mark.parametrize("position", ("plain", "tls", "unbound", "bound"))
@pytest.mark.parametrize("element, condition", FEATURES.values(), ids=FEATURES.keys())
def test_T4_T5_other_features(scene, attacker, position, element, condition):
    stream = getattr(attacker, position)()
    with scene.survives():
        check_stream_error(stream.exchange(element), condition)


@pytest.mark.parametrize("position", ("plain", "tls", "unbound"))
def test_T4_inactive_before_binding(scene, attacker, position):
    """XEP-0352 is for sessions."""
    stream = getattr(attacker, position)()
    with scene.survives():
        check_stream_error(stream.exchange("<inactive xmlns='urn:xmpp:csi:0'/>"),
                           ("not-authorized", "unsupported-stanza-type"))


@pytest.mark.parametrize("position", ("tls", "unbound", "bound"))
def test_T1_starttls_twice(scene, attacker, position):
    stream = getattr(attacker, position)()
    with scene.survives():
        check_stream_error(stream.exchange(f"<starttls xmlns='{TLS}'/>"),
                           ("policy-violation", "not-authorized"))


AUTH = f"<auth xmlns='{SASL}' mechanism='PLAIN'>AGEAYg==</auth>"


def test_T3_auth_in_the_clear(scene, attacker):
    stream = attacker.plain()
    with scene.survives(lines=0):
        stream.send(AUTH)
        check_failure(stream.receive(), "encryption-required")
        stream.send(f"<response xmlns='{SASL}'>AGEAYg==</response>")
        check_failure(stream.receive(), "malformed-request")
        stream.send(f"<abort xmlns='{SASL}'/>")
        check_failure(stream.receive(), ("aborted", "malformed-request"))


@pytest.mark.parametrize("position", ("unbound", "bound"))
@pytest.mark.parametrize("element",
                         (AUTH, f"<response xmlns='{SASL}'/>", f"<abort xmlns='{SASL}'/>"),
                         ids=("auth", "response", "abort"))
def test_A17_auth_after_auth(scene, attacker, position, element):
    stream = getattr(attacker, position)()
    with scene.survives():
        check_stream_error(stream.exchange(element), "not-authorized")


ADDRESSES = {
    "missing": (" ", "improper-addressing"),
    "empty": (" to=''", "improper-addressing"),
    "unknown": (" to='other.test'", "host-unknown"),
    "below": (" to='sub.example.test'", "host-unknown"),
    "suffix": (" to='evilexample.test'", "host-unknown"),
    "above": (" to='test'", "host-unknown"),
    "of-a-component": (" to='test.example.test'", "host-unknown"),
    "host": (" to='alpha.example.test'", "host-unknown"),
    "with-user": (" to='a@example.test'", "host-unknown"),
    "with-resource": (" to='example.test/r'", "host-unknown"),
    "with-port": (" to='example.test:5222'", "host-unknown"),
    "long": (f" to='{'a' * 1024}'", "host-unknown"),
    "many-labels": (f" to='{'a.' * 500}test'", "host-unknown"),
    "no-domain": (" to='exa mple.test'", "host-unknown"),
    "bad-punycode": (" to='xn--a-ecp.ru'", "host-unknown"),
    "bidi": (" to='\u202eexample.test'", "host-unknown"),
}


@pytest.mark.parametrize("position", ("first", "encrypted", "authenticated"))
@pytest.mark.parametrize("to, condition", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_P6_address(scene, attacker, position, to, condition):
    stream = getattr(attacker, position)()
    header = positions.header(position, scene.node).decode()
    if condition == "host-unknown" and position == "authenticated" and to != " ":
        condition = ("host-unknown", "not-authorized")
    with scene.survives():
        answer = stream.exchange(header.replace(" to='example.test'", to))
        check_stream_error(answer, condition)


@pytest.mark.parametrize("position", ("first", "encrypted", "authenticated"))
@pytest.mark.parametrize("to", ("EXAMPLE.test", "example.test.", "e\uff58ample\u3002test"))
def test_P6_same_address(scene, attacker, position, to):
    """Other spellings of the domain (RFC 7622 §3.2)."""
    stream = getattr(attacker, position)()
    with scene.survives(lines=0):
        stream.send(positions.header(position, scene.node, to=to))
        assert stream.expect(f"{{{STREAM}}}features") is not None
        assert stream.header["from"] == scene.node.network


VERSIONS = {"none": "", "0.9": " version='0.9'", "0.0": " version='0.0'", "empty": " version=''",
            "1": " version='1'", "dot": " version='.'", "minus": " version='-1.0'",
            "word": " version='one'", "blank": " version=' 1.0'", "three": " version='1.0.0'"}


@pytest.mark.parametrize("position", ("first", "encrypted", "authenticated"))
@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())
def test_P8_version(scene, attacker, position, version):
    stream = getattr(attacker, position)()
    with scene.survives():
        header = positions.header(position, scene.node, version=version)
        check_stream_error(stream.exchange(header), "unsupported-version")


@pytest.mark.parametrize("version", ("1.0", "1.1", "1.10", "2.0", "99.99"))
def test_P8_later_version(scene, attacker, version):
    """We answer with our own (RFC 6120 §4.7.5)."""
    stream = attacker.first()
    with scene.survives(lines=0):
        stream.send(positions.header("first", scene.node, version=f" version='{version}'"))
        stream.wait_header()
        assert stream.header["version"] == "1.0"
