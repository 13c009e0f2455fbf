# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The T rows of docs/ATTACKS.md that concern c2s: what is said around STARTTLS, what TLS is spoken,
# and with which certificate. Channel bindings are in test_sasl_bindings.py, slow handshakes in
# test_strangers.py.

import ctypes
import random
import ssl

import pytest

from tests.attacks import hello, openssl
from tests.attacks.answers import SASL, check_silent_end, check_stream_error
from tests.attacks.positions import header
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node.client import STREAM, TLS, Closed

STARTTLS = f"<starttls xmlns='{TLS}'/>"
ECDSA_GCM = 0xC02B


def proceed(stream):
    """In clear, with TLS to begin."""
    stream.begin()
    stream.send(STARTTLS)
    stream.expect(f"{{{TLS}}}proceed")
    return stream


def direct(attacker):
    return attacker.client(service="C2S_TLS")


INJECTIONS = {
    "auth": f"<auth xmlns='{SASL}' mechanism='PLAIN'>AGEAYg==</auth>",
    "header": "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
              f"xmlns:stream='{STREAM}' to='example.test' version='1.0'>",
    "footer": "</stream:stream>",
    "starttls": STARTTLS,
    "text": "x",
    "tls": "\x16\x03\x01\0\1\1",
    "garbage": "\0",
}


@pytest.mark.parametrize("behind", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_T1_injection(scene, attacker, behind):
    """Bytes behind <starttls/> in one segment: nothing is said any more (CVE-2011-0411)."""
    stream = attacker.plain()
    with scene.survives(lines=0):
        stream.send(STARTTLS + behind)
        answer = stream.read_to_end()
        check_silent_end(answer)
        assert b"proceed" not in answer.data


def test_T1_blank(scene, attacker):
    """Some clients send one there; it is dropped, and not inside of TLS."""
    stream = attacker.plain()
    with scene.survives(lines=0):
        stream.send(STARTTLS + "\r\n ")
        stream.expect(f"{{{TLS}}}proceed")
        stream.start_tls(scene.node.ca, stream.domain)
        stream.begin()


# The beginning of a record would only be waited for.
LATER = {name: data for name, data in INJECTIONS.items() if name != "tls"}


@pytest.mark.parametrize("behind", LATER.values(), ids=LATER.keys())
def test_T1_injection_later(scene, attacker, behind):
    """Bytes behind <proceed/> are a bad beginning of TLS, never XML inside of it."""
    stream = proceed(attacker.client())
    stream.send(behind)
    with scene.survives(lines=0):
        with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
            stream.start_tls(scene.node.ca, stream.domain)


OLD = {
    "ssl2": (bytes.fromhex("802e0100020015000000100100800300800700c0060040020080040080") +
             bytes(20), None),
    "ssl3": (hello.client_hello([0x002F, 0x000A], hello.SSL3, b""), None),
    "tls10": (hello.client_hello([0xC009, 0x002F], hello.TLS10), None),
    "tls11": (hello.client_hello([0xC009, 0x002F], hello.TLS11), None),
    "rc4": (hello.client_hello([0xC007, 0x0005]), hello.HANDSHAKE_FAILURE),
    "3des": (hello.client_hello([0xC008, 0x000A]), hello.HANDSHAKE_FAILURE),
    "cbc": (hello.client_hello([0xC009, 0xC00A, 0xC023, 0xC024]), hello.HANDSHAKE_FAILURE),
    "null": (hello.client_hello([0xC006, 0x0002]), hello.HANDSHAKE_FAILURE),
    "anonymous": (hello.client_hello([0xC018, 0xC019, 0x00A6, 0x0034]), hello.HANDSHAKE_FAILURE),
    "export": (hello.client_hello([0x0003, 0x0006, 0x0008]), hello.HANDSHAKE_FAILURE),
    "static-rsa": (hello.client_hello([0x009C, 0x009D, 0x002F]), hello.HANDSHAKE_FAILURE),
    "dhe": (hello.client_hello([0x009E, 0x009F]), hello.HANDSHAKE_FAILURE),
    "ccm-8": (hello.client_hello([0xC0AE]), hello.HANDSHAKE_FAILURE),
    "psk": (hello.client_hello([0x00A8, 0xC037]), hello.HANDSHAKE_FAILURE),
    "no-cipher": (hello.client_hello([]), None),
    "unknown-cipher": (hello.client_hello([0xFAFA]), hello.HANDSHAKE_FAILURE),
    "fallback": (hello.client_hello([ECDSA_GCM, 0x5600]), hello.INAPPROPRIATE_FALLBACK),
}


@pytest.mark.parametrize("begin", (direct, lambda attacker: proceed(attacker.client())),
                         ids=("direct", "starttls"))
@pytest.mark.parametrize("data, alert", OLD.values(), ids=OLD.keys())
def test_T6_old_protocols(scene, attacker, begin, data, alert):
    stream = begin(attacker)
    with scene.survives(lines=0):
        stream.send(data)
        reply = hello.reply_of(stream.socket)
        assert reply.alert or reply.kind is None, reply
        if alert:
            assert reply.alert == alert
        stream.forget()
        check_silent_end(stream.read_to_end())


@pytest.mark.parametrize("compressions", (b"\0", b"\1\0"), ids=("none", "deflate"))
def test_T6_good_protocol(scene, attacker, compressions):
    """The same way of asking is answered if the question is right; without compression (T5)."""
    stream = direct(attacker)
    with scene.survives(lines=0):
        stream.send(hello.client_hello([0xC007, ECDSA_GCM], compressions=compressions))
        reply = hello.reply_of(stream.socket)
        assert reply.is_server_hello
        session_id = 4 + 2 + 32
        behind = session_id + 1 + reply.body[session_id]
        assert reply.body[behind:behind + 3] == hello.number(ECDSA_GCM) + b"\0"


@pytest.mark.parametrize("begin", (direct, lambda attacker: proceed(attacker.client())),
                         ids=("direct", "starttls"))
def test_T7_renegotiation(scene, attacker, begin):
    """Closed at the first one (CVE-2021-32920)."""
    stream = openssl.encrypt(begin(attacker), openssl.make_context(scene.node.ca, "1.2"))
    stream.begin()
    with scene.survives(lines=0):
        with pytest.raises((openssl.SSL.Error, ConnectionError)):
            stream.socket.renegotiate()
            stream.socket.recv(1)
            raise AssertionError("it goes on")


def resumption_context(scene, version):
    context = ssl.create_default_context(cafile=scene.node.ca)
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3))
def test_T10_tickets(scene, attacker, version):
    """A ticket resumes a session until the key changes, which it does with each reload."""
    context = resumption_context(scene, version)

    def connect(session=None):
        stream = direct(attacker)
        stream.socket = context.wrap_socket(stream.socket, server_hostname=stream.domain,
                                            session=session)
        stream.forget()
        stream.begin()
        return stream.socket

    first = connect()
    assert not first.session_reused
    assert connect(first.session).session_reused
    scene.node.control("reload")
    scene.begin()
    again = connect(first.session)
    assert not again.session_reused
    assert connect(again.session).session_reused
    scene.check(lines=0)


def test_T10_ticket_of_the_other_port(scene, attacker):
    """Whoever began by STARTTLS does not go on as if it had been TLS from the start."""
    context = resumption_context(scene, ssl.TLSVersion.TLSv1_3)
    stream = proceed(attacker.client())
    stream.socket = context.wrap_socket(stream.socket, server_hostname=stream.domain)
    stream.forget()
    stream.begin()
    other = direct(attacker)
    other.socket = context.wrap_socket(other.socket, server_hostname=stream.domain,
                                       session=stream.socket.session)
    assert not other.socket.session_reused


def test_T11_early_data(scene, attacker):
    """No ticket allows any: what is repeated would be obeyed twice (RFC 8446 §8)."""
    stream = openssl.encrypt(direct(attacker), openssl.make_context(scene.node.ca, "1.3"))
    stream.begin()
    session = stream.socket.tls.get_session()
    # Python has no function for it; OpenSSL is already there.
    get = ctypes.CDLL("libssl.so.3").SSL_SESSION_get_max_early_data
    get.argtypes, get.restype = [ctypes.c_void_p], ctypes.c_uint32
    pointer = openssl.SSL._ffi.cast("uintptr_t", session._session)
    assert get(int(pointer)) == 0


@pytest.mark.parametrize("begin", (direct, lambda attacker: proceed(attacker.client())),
                         ids=("direct", "starttls"))
def test_T12_truncation(scene, attacker, begin):
    """The end of TCP without that of TLS: what was only begun is not handled."""
    friend = RawStream(scene.node, scene.node.add_account(), source=next(SOURCES)).login()
    friend.send_presence()
    stream = openssl.encrypt(begin(attacker), openssl.make_context(scene.node.ca))
    stream.begin()
    stream.authenticate()
    stream.bind()
    with scene.survives(lines=0):
        stream.send(f"<message to='{friend.full}' type='chat'><body>whole</body></message>"
                    f"<message to='{friend.full}' type='chat'><body>half</body>")
        assert friend.wait_message("whole") is not None
        stream.socket.close()
        friend.send(f"<iq type='get' id='2' to='{friend.domain}'>"
                    "<ping xmlns='urn:xmpp:ping'/></iq>")
        assert friend.receive().get("id") == "2"
    friend.close()


ALPN = {"none": (None, True), "xmpp-client": ([b"xmpp-client"], True),
        "one-of-several": ([b"h2", b"xmpp-client"], True), "h2": ([b"h2"], False),
        "xmpp-server": ([b"xmpp-server"], False), "longer": ([b"xmpp-client2"], False),
        "case": ([b"XMPP-CLIENT"], False)}


@pytest.mark.parametrize("names, accepted", ALPN.values(), ids=ALPN.keys())
def test_T17_alpn(scene, attacker, names, accepted):
    """XEP-0368: what speaks another protocol is no client (ALPACA)."""
    stream = direct(attacker)
    context = openssl.make_context(scene.node.ca, alpn=names)
    with scene.survives(lines=0):
        if accepted:
            openssl.encrypt(stream, context).begin()
            assert stream.socket.tls.get_alpn_proto_negotiated() == (b"xmpp-client" if names
                                                                     else b"")
            return
        with pytest.raises(openssl.SSL.Error, match="no application protocol"):
            openssl.encrypt(stream, context).begin()


def test_T17_alpn_behind_starttls(scene, attacker):
    """There it has no meaning."""
    context = openssl.make_context(scene.node.ca, alpn=[b"h2"])
    with scene.survives(lines=0):
        openssl.encrypt(proceed(attacker.client()), context).begin()


def test_T17_xml_on_the_port_of_tls(scene, attacker):
    stream = direct(attacker)
    with scene.survives(lines=0):
        stream.send(header("first", scene.node))
        answer = stream.read_to_end()
        assert answer.closed and b"stream" not in answer.data


@pytest.mark.seconds(3600)
def test_T20_mutants(scene, attacker, volume):
    """Ten thousand bad handshakes."""
    generator = random.Random(20)
    good = hello.client_hello([ECDSA_GCM, 0x1301], extensions=hello.USUAL +
                              hello.server_name(b"example.test") + hello.alpn(b"xmpp-client"))
    with scene.survives(lines=0):
        for _ in range(max(200, volume(10_000))):
            data = bytearray(good)
            for _ in range(generator.randrange(1, 5)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            stream = direct(attacker)
            stream.send(bytes(data[:generator.randrange(5, len(data) + 1)]))
            stream.socket.shutdown(1)
            stream.forget()
            check_silent_end(stream.read_to_end())
            stream.close()


@pytest.mark.parametrize("name", (b"", b"a" * 300, b"example.test\0.evil.test", b"\xff\xfe",
                                  b"..", b"*.test", b"EXAMPLE.TEST"),
                         ids=("empty", "long", "nul", "binary", "dots", "wildcard", "case"))
def test_T13_odd_names(scene, attacker, name):
    """Whatever it is, it is answered with some certificate or an alert."""
    stream = direct(attacker)
    with scene.survives(lines=0):
        stream.send(hello.client_hello([ECDSA_GCM], extensions=hello.USUAL +
                                       hello.server_name(name)))
        reply = hello.reply_of(stream.socket)
        assert reply.is_server_hello or reply.alert
        if name == b"EXAMPLE.TEST":
            assert reply.is_server_hello


@pytest.mark.memory
def test_T9_many_handshakes(scene, attacker, volume):
    """Two thousand at once; each has its turn (handshakes-per-second)."""
    streams = [direct(attacker) for _ in range(max(30, volume(2000)))]
    with scene.survives(lines=0, growth=40 * len(streams) * 1024):
        for stream in streams:
            stream.send(hello.client_hello([ECDSA_GCM]))
        scene.check(lines=0, growth=40 * len(streams) * 1024)
        for stream in streams:
            assert hello.reply_of(stream.socket).is_server_hello
            stream.close()


def test_P6_to_decides(scene, attacker):
    """What SNI says chooses a certificate, no more."""
    stream = openssl.encrypt(direct(attacker), openssl.make_context(None), "nobody.test")
    with scene.survives():
        stream.send(header("first", scene.node, to="nobody.test"))
        check_stream_error(stream.read_to_end(), "host-unknown")
