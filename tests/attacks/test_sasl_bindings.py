# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Every mechanism with every channel binding (XEP-0440, RFC 5929, RFC 9266) on TLS 1.2 and 1.3, by
# the client of the tests over OpenSSL and by GNU SASL; and what is refused (T14, A15).

import hashlib

import pytest

from tests.attacks import openssl, positions, sasl
from tests.attacks.answers import SASL, check_failure
from tests.attacks.sasl import auth, encode, plain, play_gsasl, play_scram, scram_first
from tests.attacks.vitals import other_scene
from tests.harness.node import SOURCES
from tests.node import certificates

WITHOUT = "without.test"  # has channel bindings switched off
STRONG = "strong.test"  # its certificate is signed with SHA-512
HASHES = ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")
GNU_HASHES = ("SCRAM-SHA-1", "SCRAM-SHA-256")
VERSIONS = ("1.2", "1.3")
BINDINGS = "{urn:xmpp:sasl-cb:0}sasl-channel-binding/{urn:xmpp:sasl-cb:0}channel-binding"
# SSL_OP_NO_EXTENDED_MASTER_SECRET of OpenSSL 3
NO_MASTER_SECRET = 1


@pytest.fixture(scope="module")
def scene():
    settings = {f'domain "{WITHOUT}"': {"channel-binding": "no"}}
    with other_scene(next(SOURCES), settings=settings,
                     domains={WITHOUT: (WITHOUT,), STRONG: (STRONG,)}) as made:
        sign_with_sha512(made.node)
        made.node.control("reload")
        made.begin()
        yield made


def sign_with_sha512(node):
    path = f"{node.place.tls}/{STRONG}"
    certificates.certtool(f'cn = "x"\ndns_name = "{STRONG}"\nsigning_key\nexpiration_days = 10\n',
                          f"{path}.pem", "--generate-certificate", "--hash", "SHA512",
                          "--load-privkey", f"{path}.key", "--load-ca-certificate",
                          node.authority.certificate, "--load-ca-privkey", node.authority.key)


@pytest.fixture(scope="module")
def accounts(scene):
    return {domain: scene.node.add_account("mallory", domain)
            for domain in (scene.node.network, WITHOUT, STRONG)}


@pytest.fixture
def connect(scene, accounts):
    """connect(version): a stream inside TLS by OpenSSL, features received."""
    with positions.attacker_on(scene.node, None) as attacker:
        def connected(version, domain=None, options=0, service="C2S_TLS"):
            attacker.account = accounts[domain or scene.node.network]
            stream = attacker.client(service=service)
            if service == "C2S":
                stream.begin()
                stream.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
                stream.receive()
            context = openssl.make_context(scene.node.ca, version)
            context.set_options(options)
            openssl.encrypt(stream, context).begin()
            return stream
        yield connected


def binding_data(stream, name):
    return {"tls-exporter": stream.socket.exporter,
            "tls-server-end-point": stream.socket.end_point,
            "tls-unique": stream.socket.unique}[name]()


def offered(stream):
    return [element.get("type") for element in stream.features.iterfind(BINDINGS)]


@pytest.mark.parametrize("service", ("C2S", "C2S_TLS"))
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ("tls-exporter", "tls-server-end-point"))
@pytest.mark.parametrize("mechanism", HASHES)
def test_bound(connect, mechanism, name, version, service):
    stream = connect(version, service=service)
    assert stream.socket.version() == f"TLSv{version}" and name in offered(stream)
    data = binding_data(stream, name)
    sasl.check_success(play_scram(stream, f"{mechanism}-PLUS", f"p={name}", data))
    assert sasl.who(stream) == stream.bare


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mechanism", HASHES)
def test_not_bound(connect, mechanism, version):
    stream = connect(version)
    sasl.check_success(play_scram(stream, mechanism))
    assert sasl.who(stream) == stream.bare


@pytest.mark.parametrize("version", VERSIONS)
def test_plain(connect, version):
    stream = connect(version)
    sasl.check_success(auth(stream, "PLAIN", plain(stream.user, stream.password)))
    assert sasl.who(stream) == stream.bare


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mechanism", ("PLAIN", *GNU_HASHES, *(f"{h}-PLUS" for h in GNU_HASHES)))
def test_gnu_sasl(connect, mechanism, version):
    """An independent client is let in, and believes the server."""
    stream = connect(version)
    exporter = stream.socket.exporter() if mechanism.endswith("-PLUS") else None
    element, content = play_gsasl(stream, mechanism, exporter)
    sasl.check_success(element)
    assert content
    assert sasl.who(stream) == stream.bare


@pytest.mark.parametrize("mechanism", ("PLAIN", *GNU_HASHES, "SCRAM-SHA-256-PLUS"))
def test_gnu_sasl_is_refused(scene, connect, mechanism):
    stream = connect("1.3")
    stream.password = "wrong"
    exporter = stream.socket.exporter() if mechanism.endswith("-PLUS") else None
    with scene.survives():
        element, content = play_gsasl(stream, mechanism, exporter)
        check_failure(element, "not-authorized")
        assert not content or mechanism == "PLAIN"


# What the client says it is bound to, and to what it is.
WRONG_DATA = {
    "exporter-zeros": ("tls-exporter", lambda s: bytes(32)),
    "exporter-none": ("tls-exporter", lambda s: b""),
    "exporter-short": ("tls-exporter", lambda s: s.socket.exporter()[:-1]),
    "exporter-long": ("tls-exporter", lambda s: s.socket.exporter() + b"\0"),
    "exporter-flipped": ("tls-exporter", lambda s: bytes(b ^ 1 for b in s.socket.exporter())),
    "exporter-has-end-point": ("tls-exporter", lambda s: s.socket.end_point()),
    "end-point-has-exporter": ("tls-server-end-point", lambda s: s.socket.exporter()),
    "end-point-zeros": ("tls-server-end-point", lambda s: bytes(32)),
    "end-point-of-sha1": ("tls-server-end-point",
                          lambda s: hashlib.sha1(s.socket.certificate()).digest()),
    "end-point-is-certificate": ("tls-server-end-point", lambda s: s.socket.certificate()),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mechanism", HASHES)
@pytest.mark.parametrize("name, data", WRONG_DATA.values(), ids=WRONG_DATA.keys())
def test_T14_wrong_data(scene, connect, name, data, mechanism, version):
    stream = connect(version)
    with scene.survives():
        check_failure(play_scram(stream, f"{mechanism}-PLUS", f"p={name}", data(stream)),
                      "not-authorized")
    right = binding_data(stream, "tls-exporter")
    sasl.check_success(play_scram(stream, f"{mechanism}-PLUS", "p=tls-exporter", right))


@pytest.mark.parametrize("version", VERSIONS)
def test_T14_data_of_another_connection(scene, connect, version):
    """What a man in the middle has."""
    stream, other = connect(version), connect(version)
    with scene.survives():
        check_failure(play_scram(stream, "SCRAM-SHA-256-PLUS", "p=tls-exporter",
                                 other.socket.exporter()), "not-authorized")


# Mechanism and flag that do not go together, or a type that is not offered (RFC 5802 §6). None of
# them looks at a password, so none is a try.
FLAGS = {
    "plus-n": ("-PLUS", "n"), "plus-y": ("-PLUS", "y"), "y-although-offered": ("", "y"),
    "bound-without-plus": ("", "p=tls-exporter"), "unique": ("-PLUS", "p=tls-unique"),
    "unknown-type": ("-PLUS", "p=tls-whatever"), "other-case": ("-PLUS", "p=TLS-EXPORTER"),
    "prefix": ("-PLUS", "p=tls-export"), "longer": ("-PLUS", "p=tls-exporter2"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mechanism", HASHES)
@pytest.mark.parametrize("suffix, flag", FLAGS.values(), ids=FLAGS.keys())
def test_T14_A15_flags(scene, connect, suffix, flag, mechanism, version):
    stream = connect(version)
    name = flag.removeprefix("p=")
    data = binding_data(stream, name) if name in ("tls-exporter", "tls-unique") else b""
    with scene.survives(lines=4):
        for _ in range(4):
            check_failure(play_scram(stream, mechanism + suffix, flag, data), "not-authorized")
    sasl.check_success(play_scram(stream, mechanism))


@pytest.mark.parametrize("mechanism", HASHES)
def test_T14_changed_flag(scene, connect, mechanism):
    """The header in the last message is not that of the first one."""
    stream = connect("1.3")
    data = stream.socket.exporter()
    for header in (b"n,,", b"y,,", b"p=tls-exporter,,", b"p=tls-server-end-point,," + data):
        changed = b"c=" + encode(header).encode()
        with scene.survives():
            element = play_scram(stream, f"{mechanism}-PLUS", "p=tls-exporter", data,
                                 change=lambda final: changed + final[final.index(b",r="):])
            check_failure(element, "not-authorized")
        stream = connect("1.3")
        data = stream.socket.exporter()


def test_no_exporter_without_extended_master_secret(scene, connect):
    """RFC 9266 §4.2: TLS 1.2 alone does not bind."""
    stream = connect("1.2", options=NO_MASTER_SECRET)
    assert offered(stream) == ["tls-server-end-point"]
    with scene.survives():
        check_failure(play_scram(stream, "SCRAM-SHA-1-PLUS", "p=tls-exporter",
                                 stream.socket.exporter()), "not-authorized")
    data = stream.socket.end_point()
    sasl.check_success(play_scram(stream, "SCRAM-SHA-1-PLUS", "p=tls-server-end-point", data))


@pytest.mark.parametrize("version", VERSIONS)
def test_end_point_has_the_hash_of_the_signature(connect, version):
    """RFC 5929 §4.1."""
    stream = connect(version, STRONG)
    data = hashlib.sha512(stream.socket.certificate()).digest()
    sasl.check_success(play_scram(stream, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point", data))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mechanism", HASHES)
def test_switched_off(scene, connect, mechanism, version):
    """Behind a proxy that ends TLS: nothing of bindings is offered, and a client that could have
    used one ("y") is right to say so."""
    stream = connect(version, WITHOUT)
    names = [element.text for element in stream.features.iter(f"{{{SASL}}}mechanism")]
    assert names == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
    assert offered(stream) == []
    with scene.survives(lines=2):
        first = scram_first(stream.user, "p=tls-exporter")
        check_failure(auth(stream, f"{mechanism}-PLUS", first), "invalid-mechanism")
        check_failure(auth(stream, mechanism, first), "not-authorized")
    flag = {"1.2": "y", "1.3": "n"}[version]
    sasl.check_success(play_scram(stream, mechanism, flag))
    assert sasl.who(stream) == stream.bare


def test_switched_off_elsewhere(scene, connect):
    """The switch of one domain says nothing about another."""
    stream = connect("1.3")
    assert offered(stream) == ["tls-exporter", "tls-server-end-point"]
