# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Certificates and TLS between servers: the T rows of docs/ATTACKS.md, and what EXTERNAL takes for a
# proof (S8).

import socket
import ssl

import pytest

from tests.attacks import openssl
from tests.attacks.answers import check_failure, check_stream_error
from tests.attacks.s2s import certificates
from tests.attacks.s2s.certificates import (CLIENT, DAY, NOW, SERVER as SERVER_PURPOSE, Authority,
                                            raw_dns_name, srv_name, xmpp_address)
from tests.attacks.s2s.servers import (EXTERNAL, SASL, SERVER, STARTTLS, ascii_of,
                                       check_end_of_ours)
from tests.harness import wait
from tests.node import place
from tests.node.client import STREAM, TLS, Closed

OTHERS, UNTRUSTED = "other names", "not trusted"


def own(**options):
    """For the domain itself."""
    return lambda scene, domain: scene.authority.issue(ascii_of(domain), **options)


def named(*names, **options):
    """Other names; {d} stands for the domain."""
    return lambda scene, domain: scene.authority.issue(
        *(name.format(d=ascii_of(domain)) for name in names), **options)


def other(make, pattern):
    return lambda scene, domain: scene.authority.issue(names=[make(pattern.format(d=domain))])


def nul_in_name(scene, domain):
    return scene.authority.issue(extension=raw_dns_name(f"{domain}\0.evil.example".encode()))


def foreign(scene, domain):
    return Authority(directory_of(scene), f"foreign-{domain}").issue(domain)


def directory_of(scene):
    return scene.authority.path.rpartition("/")[0]


def under(scene, domain, whole):
    middle = Authority(directory_of(scene), f"middle-{domain}", scene.authority)
    return middle.issue(domain, chain=middle.pem if whole else b"")


def from_no_authority(scene, domain):
    """Issued with the certificate of a server."""
    fake = Authority(directory_of(scene), f"fake-{domain}")
    path, key = scene.authority.issue(domain)
    fake.name = certificates.subject("peer")
    with open(key, "rb") as file:
        fake.key = certificates.serialization.load_pem_private_key(file.read(), None)
    with open(path, "rb") as file:
        return fake.issue(domain, chain=file.read())


# id, domain ({n}: a new one), certificate, what is wrong with it (None: nothing)
CERTIFICATES = [
    ("good", None, own(), None),
    ("in-capitals", None, lambda scene, domain: scene.authority.issue(domain.upper()), None),
    ("server-purpose-only", None, own(purposes=[SERVER_PURPOSE]), None),
    ("client-purpose-only", None, own(purposes=[CLIENT]), None),
    ("both-purposes", None, own(purposes=[SERVER_PURPOSE, CLIENT]), None),
    ("second-name", None, named("www.example", "{d}"), None),
    ("srv-name", None, other(srv_name, "_xmpp-server.{d}"), None),
    ("xmpp-address", None, other(xmpp_address, "{d}"), None),
    ("wildcard", "a.wild{n}.example", lambda scene, domain: scene.authority.issue(
        "*." + domain.partition(".")[2]), None),
    ("international", "b\u00fc{n}.example", own(), None),
    ("international-address", "\u00e4{n}.example", other(xmpp_address, "{d}"), None),
    ("under-another-authority", None, lambda scene, domain: under(scene, domain, True), None),

    ("expired", None, own(begin=NOW - 2 * DAY, end=NOW - DAY), "expired"),
    ("not-yet", None, own(begin=NOW + DAY, end=NOW + 2 * DAY), "not valid yet"),
    ("self-signed", None, own(self_signed=True), UNTRUSTED),
    ("foreign-authority", None, foreign, UNTRUSTED),
    ("chain-missing", None, lambda scene, domain: under(scene, domain, False), UNTRUSTED),
    ("from-no-authority", None, from_no_authority, "no authority"),
    ("weak-key", None, own(weak=True), "too weak"),
    ("other-host", None, named("other.example"), OTHERS),
    ("our-domain", None, named("example.test"), OTHERS),
    ("wildcard-of-top", None, named("*.example"), OTHERS),
    ("wildcard-too-deep", "a.b.deep{n}.example", lambda scene, domain: scene.authority.issue(
        "*." + domain.partition(".")[2].partition(".")[2]), OTHERS),
    ("wildcard-of-itself", None, named("*.{d}"), OTHERS),
    ("two-wildcards", "a.two{n}.example", lambda scene, domain: scene.authority.issue(
        "*.*.example"), OTHERS),
    ("part-of-label", "abc.part{n}.example", lambda scene, domain: scene.authority.issue(
        "a*." + domain.partition(".")[2]), OTHERS),
    ("wildcard-alone", None, named("*"), OTHERS),
    ("sub-domain", None, named("sub.{d}"), OTHERS),
    ("longer-label", None, named("evil{d}"), OTHERS),
    ("common-name-only", None, lambda scene, domain: scene.authority.issue(common=domain), OTHERS),
    ("nul-in-name", None, nul_in_name, OTHERS),
    ("nul-in-address", None, other(xmpp_address, "{d}\0.evil.example"), OTHERS),
    ("srv-name-of-clients", None, other(srv_name, "_xmpp-client.{d}"), OTHERS),
    ("srv-name-of-mail", None, other(srv_name, "_smtp.{d}"), OTHERS),
    ("address-of-a-user", None, other(xmpp_address, "user@{d}"), OTHERS),
    ("no-name", None, lambda scene, domain: scene.authority.issue(), OTHERS),
]


@pytest.fixture(params=[row[1:] for row in CERTIFICATES],
                ids=[f"T15-{row[0]}" for row in CERTIFICATES])
def shown(scene, peers, request):
    """A peer with the certificate, and what is wrong with that."""
    domain, make, problem = request.param
    peer = peers(domain and domain.format(n=id(request.node)))
    peer.certificate = make(scene, peer.domain)
    return peer, problem


def test_inbound(shown, scene):
    """EXTERNAL is offered where it would succeed, and only there does it."""
    peer, problem = shown
    stream = peer.dial().secure(peer.certificate)
    assert stream.offers_external() == (problem is None)
    with scene.survives():
        answer = stream.auth()
        if problem:
            check_failure(answer, "not-authorized")
            stream.ping()  # dialback may follow
        else:
            assert answer.tag == f"{{{SASL}}}success"
            stream.open_stream()


def test_outbound(shown, scene, alice):
    """Nothing is said to a server that is not the domain's."""
    peer, problem = shown
    alice.send_message(f"nobody@{peer.domain}", "x", "headline")
    if not problem:
        assert peer.accept().serve(more="").next_stanza() is not None
        return
    check_silence(peer.accept().accept_starttls())
    wait.until(lambda: problem in (scene.pairs(peer.domain)[0]["problem"] or ""))


def check_silence(stream):
    """Inside TLS there was no header; at most the stream that began in clear is closed."""
    stream.forget()
    answer = stream.read_to_end()
    assert answer.closed and answer.data in (b"", b"</stream:stream>")


def test_T16_dialback_is_not_weaker(scene, peer):
    """Whom a key is verified with has to show the certificate too."""
    peer.certificate = scene.authority.issue("other.example")
    stream = peer.dial().secure()
    stream.words("result", "key")
    asked = peer.accept().accept_starttls()
    check_silence(asked)
    answer = stream.expect_words("result")
    assert answer.get("type") == "error"
    assert answer.find("{*}error/{*}remote-server-timeout") is not None


# S8: who gets EXTERNAL. authzid, mechanism, the answer.
AUTH = {
    "empty": ("=", "EXTERNAL", "success"),
    "nothing": ("", "EXTERNAL", "success"),
    "the-domain": ("{d}", "EXTERNAL", "success"),
    "in-capitals": ("{D}", "EXTERNAL", "success"),
    "other-domain": ("other.example", "EXTERNAL", "invalid-authzid"),
    "sub-domain": ("sub.{d}", "EXTERNAL", "invalid-authzid"),
    "our-domain": ("example.test", "EXTERNAL", "invalid-authzid"),
    "user": ("bob@{d}", "EXTERNAL", "invalid-authzid"),
    "nul": ("{d}\0other.example", "EXTERNAL", "invalid-authzid"),
    "malformed": ("a@@b", "EXTERNAL", "invalid-authzid"),
    "plain": ("=", "PLAIN", "invalid-mechanism"),
    "scram": ("=", "SCRAM-SHA-1", "invalid-mechanism"),
    "lower-case": ("=", "external", "invalid-mechanism"),
}


@pytest.mark.parametrize("authzid, mechanism, wanted", AUTH.values(),
                         ids=[f"S8-{name}" for name in AUTH])
def test_external(scene, peer, authzid, mechanism, wanted):
    stream = peer.dial().secure(peer.certify())
    text = authzid.format(d=peer.domain, D=peer.domain.upper())
    with scene.survives(lines=1):
        answer = stream.auth(text, mechanism)
    if wanted == "success":
        assert answer.tag == f"{{{SASL}}}success"
    else:
        check_failure(answer, wanted)


def test_S8_bad_encoding(scene, peer):
    stream = peer.dial().secure(peer.certify())
    stream.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>!</auth>")
    check_failure(stream.receive(), "incorrect-encoding")


def test_S8_some_tries(scene, peer):
    stream = peer.dial().secure(peer.certify())
    for _ in range(2):
        check_failure(stream.auth("other.example"), "invalid-authzid")
    stream.send(f"<auth xmlns='{SASL}' mechanism='X'>=</auth>")
    check_stream_error(stream.read_to_end(), "policy-violation", SERVER)


def test_S8_no_from(scene, peer):
    """Without a name in the header there is nothing to prove by a certificate."""
    stream = peer.dial().open_stream(**{"from": None})
    stream.send(f"<starttls xmlns='{TLS}'/>")
    stream.expect(f"{{{TLS}}}proceed")
    stream.encrypt(peer.certify()).open_stream(**{"from": None})
    assert not stream.offers_external()
    check_failure(stream.auth(peer.domain), "not-authorized")


def test_S8_in_clear(scene, peer):
    stream = peer.dial().open_stream()
    with scene.survives():
        stream.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>")
        check_stream_error(stream.read_to_end(), "not-authorized", SERVER)


@pytest.mark.parametrize("what", ("<response xmlns='{}'/>", "<abort xmlns='{}'/>",
                                  "<success xmlns='{}'/>", "<challenge xmlns='{}'/>"))
def test_A1_other_words_of_sasl(scene, peer, what):
    stream = peer.dial().secure(peer.certify())
    with scene.survives():
        stream.send(what.format(SASL))
        check_stream_error(stream.read_to_end(), "unsupported-stanza-type", SERVER)


NAMES = [("example.test", "example.test", None), ("EXAMPLE.TEST", "example.test", None),
         (None, "example.test", None), (place.COMPONENT, "example.test", "host-unknown"),
         ("other.example", "example.test", "host-unknown"),
         ("example.test", place.COMPONENT, "host-unknown")]


@pytest.mark.parametrize("service", ("S2S", "S2S_TLS"))
@pytest.mark.parametrize("name, to, condition", NAMES)
def test_T13_names(scene, peer, service, name, to, condition):
    """Who asks TLS for one domain and XMPP for another one is refused (RFC 9525 §6, ALPACA)."""
    stream = peer.dial(service)
    if service == "S2S":
        stream.open_stream(to=to)
        stream.send(f"<starttls xmlns='{TLS}'/>")
        stream.expect(f"{{{TLS}}}proceed")
    with scene.survives():
        stream.encrypt(name=name)
        if condition:
            stream.open(to, **{"from": peer.domain})
            check_stream_error(stream.read_to_end(), condition, SERVER)
        else:
            stream.open_stream(to=to)


ALPN = {"none": (None, True), "xmpp-server": ([b"xmpp-server"], True),
        "one-of-several": ([b"h2", b"xmpp-server"], True), "h2": ([b"h2"], False),
        "xmpp-client": ([b"xmpp-client"], False), "longer": ([b"xmpp-server2"], False)}


@pytest.mark.parametrize("names, accepted", ALPN.values(), ids=[f"T17-{name}" for name in ALPN])
def test_alpn_inbound(scene, peer, names, accepted):
    stream = peer.dial("S2S_TLS")
    context = openssl.make_context(scene.node.ca, alpn=names)
    with scene.survives(lines=0 if accepted else 1):
        if accepted:
            openssl.encrypt(stream, context, scene.node.network)
            stream.open_stream()
            return
        with pytest.raises(openssl.SSL.Error, match="no application protocol"):
            openssl.encrypt(stream, context, scene.node.network)


@pytest.mark.parametrize("names, accepted", ((["xmpp-server"], True), (None, True)),
                         ids=("T17-xmpp-server", "T17-none"))
def test_alpn_outbound(scene, peers, alice, names, accepted):
    peer = peers(direct=True)
    alice.send_message(f"nobody@{peer.domain}", "x", "headline")
    stream = peer.accept().encrypt(alpn=names)
    assert stream.asked_name == peer.domain
    assert stream.socket.selected_alpn_protocol() == (names[0] if names else None)
    stream.greet(EXTERNAL)
    stream.expect(f"{{{SASL}}}auth")


def test_T17_xml_on_the_port_of_tls(scene, peer):
    stream = peer.dial("S2S_TLS")
    stream.open(scene.node.network, **{"from": peer.domain})
    answer = stream.read_to_end()
    assert answer.closed and b"stream" not in answer.data


def injected(peer, text, together):
    """What stands behind <proceed/> in clear."""
    stream = peer.accept().greet(STARTTLS)
    stream.expect(f"{{{TLS}}}starttls")
    proceed = f"<proceed xmlns='{TLS}'/>"
    stream.send(proceed + text if together else proceed)
    if not together:
        stream.send(text)
    stream.forget()
    return stream


INJECTED = {"features": f"<stream:features>{EXTERNAL}</stream:features>",
            "success": f"<success xmlns='{SASL}'/>",
            "header": f"<stream:stream xmlns='{SERVER}' xmlns:stream='{STREAM}' version='1.0'>",
            "footer": "</stream:stream>", "text": "x"}


@pytest.mark.parametrize("together", (True, False), ids=("T2-together", "T2-later"))
@pytest.mark.parametrize("text", INJECTED.values(), ids=INJECTED.keys())
def test_injection(scene, peer, alice, text, together):
    """CVE-2011-0411 the other way round: nothing of it is obeyed, TLS never comes up."""
    alice.send_message(f"nobody@{peer.domain}", "x", "headline")
    stream = injected(peer, text, together)
    if together:
        assert stream.read_to_end().data == b""
        return
    with pytest.raises((ssl.SSLError, ConnectionError, Closed, AssertionError)):
        stream.encrypt().greet(EXTERNAL)
        stream.expect(f"{{{SASL}}}auth")


@pytest.mark.parametrize("behind", ("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' "
                                    "mechanism='EXTERNAL'>=</auth>", "</stream:stream>", "x"))
def test_T1_injection(scene, peer, behind):
    stream = peer.dial().open_stream()
    with scene.survives():
        stream.send(f"<starttls xmlns='{TLS}'/>" + behind)
        stream.forget()
        answer = stream.read_to_end()
        assert answer.closed and answer.data == b""


def test_features_behind_starttls(scene, peer, alice):
    """Where <proceed/> is due there is nothing else; it once was the end of the daemon."""
    alice.send_message(f"nobody@{peer.domain}", "x", "headline")
    stream = peer.accept().greet(STARTTLS)
    stream.expect(f"{{{TLS}}}starttls")
    stream.send("<stream:features/>")
    check_end_of_ours(stream.read_to_end(), "policy-violation")


@pytest.mark.parametrize("what, condition", (
    (f"<proceed xmlns='{TLS}'/>", "policy-violation"), (f"<success xmlns='{SASL}'/>", None),
    (f"<failure xmlns='{SASL}'/>", None), (f"<challenge xmlns='{SASL}'/>", None)))
def test_unasked_in_clear(scene, peer, alice, what, condition):
    """Answers to what we have not said."""
    alice.send_message(f"nobody@{peer.domain}", "x", "headline")
    stream = peer.accept()
    stream.wait_open()
    stream.send_header()
    with scene.survives():
        stream.send(what)
        check_end_of_ours(stream.read_to_end(), condition or "not-authorized")


def test_unasked_success(scene, peer, alice):
    """Inside TLS too."""
    alice.send_message(f"nobody@{peer.domain}", "x", "headline")
    stream = peer.accept().accept_starttls()
    stream.wait_open()
    stream.send_header()
    stream.send(f"<success xmlns='{SASL}'/>")
    check_end_of_ours(stream.read_to_end(), "policy-violation")


def test_challenges_without_end(scene, peer, alice):
    """EXTERNAL has one."""
    alice.send_message(f"nobody@{peer.domain}", "x", "headline")
    stream = peer.accept().accept_starttls().greet(EXTERNAL)
    stream.expect(f"{{{SASL}}}auth")
    stream.send(f"<challenge xmlns='{SASL}'/>" * 2)
    stream.expect(f"{{{SASL}}}response")
    check_end_of_ours(stream.read_to_end(), "policy-violation")


def test_T12_truncation(scene, peer, alice):
    """The end of TCP without that of TLS: what was only begun is not handled."""
    stream = peer.dial_proven()
    stream.send(f"<message from='b@{peer.domain}' to='{alice.full}'><body>whole</body></message>"
                f"<message from='b@{peer.domain}' to='{alice.full}'><body>half</body>")
    assert alice.wait_message("whole") is not None
    socket.socket(fileno=stream.socket.detach()).close()
    wait.until(lambda: not scene.pairs(peer.domain, "in"))
    alice.settle()
    assert not any(element.findtext("{*}body") == "half" for element in alice._elements)
