# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Which certificate the server shows: by name (T13), and after a renewal (T18).

import os
import signal

import pytest

from tests.attacks import openssl
from tests.attacks.vitals import other_scene
from tests.harness.node import SOURCES
from tests.node import certificates, place

OTHER = "other.test"


@pytest.fixture(scope="module")
def scene():
    with other_scene(next(SOURCES), domains={OTHER: (OTHER, f"*.{OTHER}")}) as made:
        yield made


def files_of(scene, domain):
    """Certificate and key, as the configuration has them."""
    path = f"{scene.node.place.tls}/{domain}"
    return f"{path}.pem", f"{path}.key"


def on_disk(scene, domain):
    with open(files_of(scene, domain)[0], "rb") as file:
        certificate = openssl.crypto.load_certificate(openssl.crypto.FILETYPE_PEM, file.read())
    return openssl.crypto.dump_certificate(openssl.crypto.FILETYPE_ASN1, certificate)


def shown(attacker, name):
    stream = openssl.encrypt(attacker.client(service="C2S_TLS"), openssl.make_context(None), name)
    stream.begin()
    stream.close()
    return stream.socket.certificate()


NAMES = {"example.test": "example.test", "other.test": OTHER, "OTHER.TEST": OTHER,
         "sub.other.test": OTHER, "alpha.example.test": "example.test",
         "unknown.test": "example.test", "sub.example.test": "example.test",
         "evilother.test": "example.test", None: "example.test"}


@pytest.mark.parametrize("name, domain", NAMES.items())
def test_T13_by_name(scene, attacker, name, domain):
    with scene.survives(lines=0):
        assert shown(attacker, name) == on_disk(scene, domain)


@pytest.mark.parametrize("service", ("C2S", "C2S_TLS"))
def test_T13_domain_of_the_stream_decides(scene, attacker, service):
    """A client that names one domain to TLS may speak to another one; it sees the certificate and
    has to mind it itself."""
    stream = attacker.client(service=service)
    if service == "C2S":
        stream.domain = OTHER
        stream.begin()
        stream.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        stream.receive()
    with scene.survives(lines=0):
        openssl.encrypt(stream, openssl.make_context(scene.node.ca), "example.test")
        stream.domain = OTHER
        stream.begin()
        assert stream.header["from"] == OTHER


def renew(scene, domain):
    for path in files_of(scene, domain):
        os.unlink(path)
    scene.node.authority.issue_server(f"{scene.node.place.tls}/{domain}", [domain])


@pytest.mark.seconds(600)
@pytest.mark.parametrize("way", ("control", "signal"))
def test_T18_renewal(scene, attacker, volume, way):
    """Fifty times under load: every new handshake has the new certificate, no session is lost."""
    sessions = [attacker.bound() for _ in range(5)]
    c2s = scene.node.daemon("c2s")
    for _ in range(max(3, volume(50))):
        renew(scene, OTHER)
        c2s.mark_log()
        if way == "control":
            scene.node.control("reload")
        else:
            c2s.send(signal.SIGHUP)
        c2s.wait_log("event=config_reloaded")
        assert shown(attacker, OTHER) == on_disk(scene, OTHER)
        for session in sessions:
            session.settle()
    scene.check(lines=10**9)


def other_key(scene, path):
    certificates.make_key(files_of(scene, OTHER)[1])


def empty_certificate(scene, path):
    place.write(path, "")


def no_certificate(scene, path):
    os.unlink(path)


def garbage(scene, path):
    place.write(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def other_name(scene, path):
    for name in files_of(scene, OTHER):
        os.unlink(name)
    scene.node.authority.issue_server(f"{scene.node.place.tls}/{OTHER}", ["third.test"])


def expired(scene, path):
    os.unlink(path)
    lines = ('cn = "x"', f'dns_name = "{OTHER}"', "signing_key", "tls_www_server",
             'activation_date = "2020-01-01 00:00:00"', 'expiration_date = "2020-02-01 00:00:00"')
    authority = scene.node.authority
    certificates.certtool("\n".join(lines) + "\n", path, "--generate-certificate",
                          "--load-privkey", files_of(scene, OTHER)[1],
                          "--load-ca-certificate", authority.certificate,
                          "--load-ca-privkey", authority.key)


@pytest.mark.parametrize("spoil", (other_key, empty_certificate, no_certificate, garbage,
                                   other_name, expired))
def test_T18_broken_renewal(scene, attacker, spoil):
    """The old certificate stays in use and the log shouts: which file, and that all of the new
    configuration is refused."""
    before = shown(attacker, OTHER)
    session = attacker.bound()
    saved = [(path, place.read(path)) for path in files_of(scene, OTHER)]
    spoil(scene, files_of(scene, OTHER)[0])
    try:
        with scene.survives(lines=3):  # the router has no certificates and takes the rest
            with pytest.raises(place.Error):
                scene.node.control("reload")
            assert shown(attacker, OTHER) == before
            session.settle()
            log = "\n".join(scene.lives["c2s"].lines())
            assert "error event=certificate_refused" in log
            assert "error event=config_reload_failed" in log
    finally:
        for path, text in saved:
            place.write(path, text)
        scene.node.control("reload")
