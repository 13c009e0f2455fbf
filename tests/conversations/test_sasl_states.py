# SPDX-License-Identifier: AGPL-3.0-or-later
#
# SASL failures (RFC 6120 §6.5) that depend on the state of the node, and EXTERNAL (XEP-0178).

import base64

import pytest

from tests.node.client import SASL, STREAM


@pytest.fixture(scope="module")
def certified(make_node):
    """A node that knows clients by certificates of its own authority."""
    node = make_node()
    section = f'domain "{node.network}"'
    node.reconfigure({section: {"client-ca": node.ca}})
    return node


def plain(user, password, authzid=""):
    return base64.b64encode(f"{authzid}\0{user}\0{password}".encode()).decode()


def authenticate(stream, mechanism, message):
    begin_authentication(stream, mechanism, message)
    return outcome(stream)


def begin_authentication(stream, mechanism, message):
    stream.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{message}</auth>")


def outcome(stream):
    """The condition of the failure, or None for success."""
    answer = stream.receive()
    if answer.tag == f"{{{SASL}}}success":
        return None
    assert answer.tag == f"{{{SASL}}}failure"
    return answer[0].tag.removeprefix(f"{{{SASL}}}")


def secured(raw, node, owner=None):
    stream = raw(owner, where=node)
    stream.secure()
    return stream


def test_account_disabled(raw, node, account):
    """§6.5.2: told to nobody but who knows the password."""
    owner = account()
    node.postgres.query("kontalk",
                        f"UPDATE account SET disabled = true WHERE local = '{owner.user}'")
    right, wrong = plain(owner.user, owner.password), plain(owner.user, "wrong")
    assert authenticate(secured(raw, node), "PLAIN", right) == "account-disabled"
    assert authenticate(secured(raw, node), "PLAIN", wrong) == "not-authorized"


def test_temporary_auth_failure(raw, make_node):
    """§6.5.11: without the database nobody is told that his password is wrong."""
    node = make_node(settings={"database": {"deadline": "2s"}})
    owner = node.add_account()
    streams = [secured(raw, node) for _ in range(2)]
    node.postgres.stop()
    try:
        for stream, message in zip(streams, (plain(owner.user, owner.password),
                                             plain("nobody", "x"))):
            begin_authentication(stream, "PLAIN", message)
        assert [outcome(stream) for stream in streams] == ["temporary-auth-failure"] * 2
    finally:
        node.postgres.start()


def with_certificate(raw, node, name, jids):
    certificate = node.authority.issue_client(f"{node.place.tls}/{name}", jids)
    stream = raw(where=node)
    stream.begin()
    stream.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    stream.expect("{urn:ietf:params:xml:ns:xmpp-tls}proceed")
    stream.start_tls(node.ca, node.network, certificate=certificate)
    stream.begin()
    return stream


def mechanisms(stream):
    assert stream.features.tag == f"{{{STREAM}}}features"
    return [one.text for one in stream.features.iter(f"{{{SASL}}}mechanism")]


def encoded(jid):
    return base64.b64encode(jid.encode()).decode()


def test_external_without_authzid(raw, certified):
    """XEP-0178 §2: the certificate has one address, which is who the client is."""
    owner = certified.add_account()
    stream = with_certificate(raw, certified, "one", [owner.jid])
    assert mechanisms(stream)[0] == "EXTERNAL"
    assert authenticate(stream, "EXTERNAL", "=") is None
    stream.begin()
    stream.bind()
    assert stream.full.startswith(owner.jid + "/")


def test_external_of_several_addresses(raw, certified):
    """XEP-0178 §2: with several addresses the client has to say which; only those count."""
    first, second, third = (certified.add_account() for _ in range(3))
    stream = with_certificate(raw, certified, "two", [first.jid, second.jid])
    assert authenticate(stream, "EXTERNAL", encoded(third.jid)) == "invalid-authzid"
    assert authenticate(stream, "EXTERNAL", encoded(second.jid)) is None
    stream.begin()
    stream.bind()
    assert stream.full.startswith(second.jid + "/")


def test_external_of_somebody_unknown(raw, certified):
    stream = with_certificate(raw, certified, "unknown", [f"nobody@{certified.network}"])
    assert authenticate(stream, "EXTERNAL", "=") == "not-authorized"


def test_external_needs_a_certificate(raw, certified):
    """Neither offered nor accepted without one."""
    stream = secured(raw, certified)
    assert "EXTERNAL" not in mechanisms(stream)
    assert authenticate(stream, "EXTERNAL", "=") == "invalid-mechanism"


def test_external_needs_an_address(raw, certified):
    """XEP-0178 §2: a certificate that names nobody is not enough to offer it."""
    assert "EXTERNAL" not in mechanisms(with_certificate(raw, certified, "none", []))
