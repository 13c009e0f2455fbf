# SPDX-License-Identifier: AGPL-3.0-or-later
#
# XEP-0484: tokens that are bound to the channel by tls-exporter (RFC 9266), by OpenSSL, since
# Python's own module has no exporter; on TLS 1.3, and on TLS 1.2 with its extended master secret.

import contextlib

import pytest

from tests.attacks import openssl
from tests.harness.sasl2 import BOUND, BOUND_SM, Sasl2Stream, condition_of, request_token

MECHANISMS = ["HT-SHA-256-EXPR", "HT-SHA-512-EXPR"]


class ExporterStream(Sasl2Stream):
    def __init__(self, *arguments, version="1.3", **options):
        super().__init__(*arguments, **options)
        self.version = version
        self.foreign = None  # the binding of another channel

    def start_tls(self, authority, name, certificate=None, alpn=None):
        context = openssl.make_context(authority, self.version,
                                       alpn=[alpn.encode()] if alpn else None)
        self.socket = openssl.TlsSocket(self.socket, context, name)
        assert self.socket.version() == f"TLSv{self.version}"

    def binding(self, mechanism):
        if mechanism.endswith("-EXPR"):
            return self.foreign or self.socket.exporter()
        return super().binding(mechanism)


@pytest.fixture
def dial(node, source):
    """dial(owner, device=…): secured, with the features seen."""
    with contextlib.ExitStack() as stack:
        def connect(owner, **options):
            stream = ExporterStream(node, owner, source=source(), **options)
            stack.callback(stream.close)
            stream.secure()
            return stream
        yield connect


@pytest.mark.parametrize("version", openssl.VERSIONS)
@pytest.mark.parametrize("service", ["C2S", "C2S_TLS"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_token(dial, account, mechanism, service, version):
    """§3.1, §3.3: each connection has an exporter of its own, and the token is proven with it."""
    owner = account()
    first = dial(owner, service=service, version=version)
    first.accept(first.with_password(BOUND_SM + request_token(mechanism)))
    first.settle()
    bindings = {first.socket.exporter()}
    for _ in range(2):
        client = dial(owner, device=first.device, service=service, version=version)
        client.accept(client.with_token(first.token, BOUND, mechanism))
        client.settle()
        bindings.add(client.socket.exporter())
    assert len(bindings) == 3


def test_resumption(dial, account):
    """One message each way, and the session goes on."""
    owner = account()
    first = dial(owner)
    first.accept(first.with_password(BOUND_SM + request_token(MECHANISMS[0])))
    first.close()
    client = dial(owner, device=first.device)
    success = client.with_token(first.token, client.resume_of(first), MECHANISMS[0])
    assert client.accept(success).counts and client.full == first.full


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_proof_of_another_channel(dial, account, mechanism):
    """§3.3: who is in the middle has the proof, but not on this channel."""
    owner = account()
    first, middle = dial(owner), dial(owner)
    first.accept(first.with_password(BOUND + request_token(mechanism)))
    victim = dial(owner, device=first.device)
    middle.device, middle.foreign = first.device, victim.socket.exporter()
    assert condition_of(middle.with_token(first.token, BOUND, mechanism)) == "not-authorized"
    victim.accept(victim.with_token(first.token, BOUND, mechanism))


@pytest.mark.parametrize("of, by", [("HT-SHA-256-EXPR", "HT-SHA-256-NONE"),
                                    ("HT-SHA-256-NONE", "HT-SHA-256-EXPR")])
def test_other_mechanism(dial, account, of, by):
    owner = account()
    first = dial(owner)
    first.accept(first.with_password(BOUND + request_token(of)))
    client = dial(owner, device=first.device)
    assert condition_of(client.with_token(first.token, BOUND, by)) == "not-authorized"
    client.accept(client.with_token(first.token, BOUND, of))
