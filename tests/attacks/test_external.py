# SPDX-License-Identifier: AGPL-3.0-or-later
#
# SASL EXTERNAL with client certificates (XEP-0178, RFC 6120 §6.4, §13.7.1.4): whose they are, who
# made them, and when. Two domains of the node have authorities of their own, one has none.

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.attacks import openssl, positions, sasl
from tests.attacks.answers import SASL, check_failure
from tests.attacks.sasl import auth, encode, play_gsasl
from tests.attacks.vitals import other_scene
from tests.harness.node import SOURCES

MAIN, SECOND, NONE = "example.test", "second.test", "none.test"
XMPP_ADDRESS = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.utcnow()


class Authority:
    """Makes certificates that no tool would."""

    def __init__(self, directory, name):
        self.path = f"{directory}/{name}.pem"
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._count = 0
        usage = x509.KeyUsage(key_cert_sign=True, digital_signature=False, crl_sign=False,
                              content_commitment=False, key_encipherment=False,
                              data_encipherment=False, key_agreement=False,
                              encipher_only=False, decipher_only=False)
        certificate = self._builder(self.name, self.key, NOW - DAY, NOW + 100 * DAY) \
            .add_extension(x509.BasicConstraints(True, None), True) \
            .add_extension(usage, True).sign(self.key, hashes.SHA256())
        write(self.path, certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, key, begin, end):
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(begin).not_valid_after(end))

    def issue(self, addresses=(), others=(), begin=NOW - DAY, end=NOW + DAY, purposes=()):
        """Certificate and key files. addresses: xmppAddr; others: further names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mallory")])
        names = [x509.OtherName(XMPP_ADDRESS, utf8(address)) for address in addresses]
        builder = self._builder(subject, key, begin, end)
        if names or others:
            builder = builder.add_extension(x509.SubjectAlternativeName([*names, *others]), False)
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
        self._count += 1
        path = f"{self.path}.{self._count}"
        write(f"{path}.pem", builder.sign(self.key, hashes.SHA256())
              .public_bytes(serialization.Encoding.PEM))
        write(f"{path}.key", key.private_bytes(serialization.Encoding.PEM,
                                               serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return f"{path}.pem", f"{path}.key"


def utf8(text):
    """UTF8String in DER; bytes as they are."""
    data = text.encode() if isinstance(text, str) else text
    assert len(data) < 128
    return b"\x0c" + bytes([len(data)]) + data


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    directory = tmp_path_factory.mktemp("authorities")
    return {name: Authority(directory, name) for name in ("first", "second", "foreign")}


@pytest.fixture(scope="module")
def scene(authorities):
    settings = {f'domain "{MAIN}"': {"client-ca": authorities["first"].path},
                f'domain "{SECOND}"': {"client-ca": authorities["second"].path}}
    with other_scene(next(SOURCES), settings=settings,
                     domains={SECOND: (SECOND,), NONE: (NONE,)}) as made:
        for domain in (MAIN, SECOND, NONE):
            made.node.add_account("mallory", domain)
            made.node.add_account("victim", domain)
        made.begin()
        yield made


@pytest.fixture
def connect(scene):
    """connect(certificate, domain, version): a stream inside TLS, features received."""
    with positions.attacker_on(scene.node, None) as attacker:
        def connected(certificate, domain=MAIN, version="1.3", session=None):
            stream = attacker.client(service="C2S_TLS")
            stream.domain, stream.user, stream.bare = domain, "mallory", f"mallory@{domain}"
            context = openssl.make_context(scene.node.ca, version, certificate)
            openssl.encrypt(stream, context, session=session).begin()
            return stream
        yield connected


def is_offered(stream):
    return "EXTERNAL" in [e.text for e in stream.features.iter(f"{{{SASL}}}mechanism")]


VERSIONS = ("1.2", "1.3")
RIGHT = {"empty": "=", "address": encode(f"mallory@{MAIN}"),
         "address-in-other-case": encode("Mallory@EXAMPLE.test")}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("initial", RIGHT.values(), ids=RIGHT.keys())
def test_right_account(connect, authorities, initial, version):
    stream = connect(authorities["first"].issue([f"mallory@{MAIN}"]), version=version)
    assert is_offered(stream)
    sasl.check_success(auth(stream, "EXTERNAL", initial))
    assert sasl.who(stream) == f"mallory@{MAIN}"


@pytest.mark.parametrize("address", ("", f"mallory@{MAIN}"), ids=("empty", "address"))
def test_gnu_sasl(connect, authorities, address):
    stream = connect(authorities["first"].issue([f"mallory@{MAIN}"]))
    element, content = play_gsasl(stream, "EXTERNAL", user=address)
    sasl.check_success(element)
    assert content and sasl.who(stream) == f"mallory@{MAIN}"


def test_challenge_first(connect, authorities):
    """A client may also wait to be asked (RFC 6120 §6.4.2)."""
    stream = connect(authorities["first"].issue([f"mallory@{MAIN}"]))
    assert sasl.challenge_of(auth(stream, "EXTERNAL")) == b""
    sasl.check_success(sasl.respond(stream, ""))
    assert sasl.who(stream) == f"mallory@{MAIN}"


def test_several_addresses(scene, connect, authorities):
    """One has to be named; whoever it is, it is one of them."""
    certificate = authorities["first"].issue([f"mallory@{MAIN}", f"nobody@{MAIN}", f"a@{SECOND}"])
    stream = connect(certificate)
    with scene.survives(lines=3):
        check_failure(auth(stream, "EXTERNAL", "="), "invalid-authzid")
        check_failure(auth(stream, "EXTERNAL", encode(f"victim@{MAIN}")), "invalid-authzid")
        check_failure(auth(stream, "EXTERNAL", encode(f"nobody@{MAIN}")), "not-authorized")
    sasl.check_success(auth(stream, "EXTERNAL", encode(f"mallory@{MAIN}")))
    assert sasl.who(stream) == f"mallory@{MAIN}"


def test_one_address_of_this_domain(connect, authorities):
    """What the certificate says of other domains does not matter here."""
    stream = connect(authorities["first"].issue([f"mallory@{MAIN}", "mallory@elsewhere.test"]))
    sasl.check_success(auth(stream, "EXTERNAL", "="))
    assert sasl.who(stream) == f"mallory@{MAIN}"


AUTHZIDS = {
    "victim": f"victim@{MAIN}", "other-domain": f"mallory@{SECOND}", "user-alone": "mallory",
    "resource": f"mallory@{MAIN}/r", "domain": MAIN, "blank": " ", "nul": f"mallory@{MAIN}\0x",
    "long": "a" * 3000, "no-text": b"\xff",
}


@pytest.mark.parametrize("authzid", AUTHZIDS.values(), ids=AUTHZIDS.keys())
def test_authzid(scene, connect, authorities, authzid):
    stream = connect(authorities["first"].issue([f"mallory@{MAIN}"]))
    with scene.survives():
        check_failure(auth(stream, "EXTERNAL", encode(authzid)),
                      ("invalid-authzid", "malformed-request"))
    sasl.check_success(auth(stream, "EXTERNAL", "="))


def test_unknown_account(scene, connect, authorities):
    stream = connect(authorities["first"].issue([f"nobody@{MAIN}"]))
    with scene.survives():
        check_failure(auth(stream, "EXTERNAL", "="), "not-authorized")


OWN = [f"mallory@{MAIN}"]
# Certificates that prove nothing here: who issues them, and with what.
WORTHLESS = {
    "common-name": ("first", {}),
    "dns-name": ("first", {"others": [x509.DNSName(MAIN)]}),
    "mail-address": ("first", {"others": [x509.RFC822Name(f"mallory@{MAIN}")]}),
    "uri": ("first", {"others": [x509.UniformResourceIdentifier(f"xmpp:mallory@{MAIN}")]}),
    "other-domain": ("first", {"addresses": [f"mallory@{SECOND}"]}),
    "domain-alone": ("first", {"addresses": [MAIN]}),
    "below": ("first", {"addresses": [f"mallory@sub.{MAIN}"]}),
    "suffix": ("first", {"addresses": [f"mallory@evil{MAIN}"]}),
    "nul": ("first", {"addresses": [f"mallory@{MAIN}\0.evil.test"]}),
    "nul-behind": ("first", {"addresses": [f"mallory@{MAIN}\0"]}),
    "no-text": ("first", {"addresses": [b"mallory\xff@" + MAIN.encode()]}),
    "no-address": ("first", {"addresses": ["@@"]}),
    "expired": ("first", {"addresses": OWN, "begin": NOW - 3 * DAY, "end": NOW - DAY}),
    "not-yet": ("first", {"addresses": OWN, "begin": NOW + DAY, "end": NOW + 3 * DAY}),
    "foreign-authority": ("foreign", {"addresses": OWN}),
    "authority-of-another-domain": ("second", {"addresses": OWN}),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("authority, content", WORTHLESS.values(), ids=WORTHLESS.keys())
def test_worthless(scene, connect, authorities, authority, content, version):
    """EXTERNAL is not offered, and refused if it is tried; else the connection is as good as
    without a certificate."""
    stream = connect(authorities[authority].issue(**content), version=version)
    assert not is_offered(stream)
    with scene.survives(lines=0):
        for initial in ("=", encode(f"mallory@{MAIN}"), None):
            check_failure(auth(stream, "EXTERNAL", initial), "invalid-mechanism")


def test_each_domain_has_its_authority(connect, authorities):
    certificate = authorities["second"].issue([f"mallory@{SECOND}", f"mallory@{MAIN}"])
    stream = connect(certificate, SECOND)
    sasl.check_success(auth(stream, "EXTERNAL", "="))
    assert sasl.who(stream) == f"mallory@{SECOND}"
    assert not is_offered(connect(certificate, MAIN))
    assert not is_offered(connect(authorities["first"].issue([f"mallory@{SECOND}"]), SECOND))


@pytest.mark.parametrize("authority", ("first", "second"))
def test_domain_without_authority(connect, authorities, authority):
    stream = connect(authorities[authority].issue([f"mallory@{NONE}"]), NONE)
    assert not is_offered(stream)
    check_failure(auth(stream, "EXTERNAL", "="), "invalid-mechanism")


def test_purpose(connect, authorities):
    """Of no matter: authorities for clients are few, and ours is our own."""
    usage = x509.oid.ExtendedKeyUsageOID
    for purpose in (usage.CLIENT_AUTH, usage.SERVER_AUTH):
        stream = connect(authorities["first"].issue([f"mallory@{MAIN}"], purposes=[purpose]))
        sasl.check_success(auth(stream, "EXTERNAL", "="))


@pytest.mark.parametrize("version", VERSIONS)
def test_resumed(connect, authorities, version):
    """The certificate is part of the session that goes on; nobody else's is."""
    certificate = authorities["first"].issue([f"mallory@{MAIN}"])
    first = connect(certificate, version=version)
    session = first.socket.tls.get_session()
    again = connect(None, version=version, session=session)
    assert is_offered(again)
    sasl.check_success(auth(again, "EXTERNAL", "="))
    assert sasl.who(again) == f"mallory@{MAIN}"
    other = connect(None, version=version)
    assert not is_offered(other)


def test_key_of_somebody_else(scene, connect, authorities):
    """A certificate alone is public."""
    certificate, _ = authorities["first"].issue([f"victim@{MAIN}"])
    _, key = authorities["first"].issue([f"mallory@{MAIN}"])
    with scene.survives(lines=0):
        with pytest.raises(openssl.SSL.Error):
            connect((certificate, key))
