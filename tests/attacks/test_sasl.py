# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The A rows of docs/ATTACKS.md: SASL messages out of order, malformed, or for somebody else. What
# depends on TLS is in test_sasl_bindings.py.

import pytest

from tests.attacks import sasl
from tests.attacks.answers import (APP_ERRORS, SASL, check_failure, check_stream_error)
from tests.attacks.sasl import auth, challenge_of, encode, plain, respond, scram_first

KNOWN = ("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512",
         "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN")


@pytest.fixture
def stream(attacker):
    """Inside TLS, with the account of the attacker."""
    return attacker.tls()


def check_still_good(stream):
    """The stream took no harm: its owner logs in and is nobody else."""
    sasl.check_success(sasl.play_scram(stream, "SCRAM-SHA-256"))
    assert sasl.who(stream) == stream.bare


ORDER = {
    "A1-response-first": ([f"<response xmlns='{SASL}'>AAAA</response>"], ["malformed-request"]),
    "A1-empty-response-first": ([f"<response xmlns='{SASL}'/>"], ["malformed-request"]),
    "A1-many-responses": ([f"<response xmlns='{SASL}'>=</response>"] * 5,
                          ["malformed-request"] * 5),
    "A2-auth-twice": ([f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>{scram_first()}</auth>",
                       f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>{scram_first()}</auth>"],
                      ["challenge", "malformed-request"]),
    "A2-other-mechanism": ([f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'/>",
                            f"<auth xmlns='{SASL}' mechanism='PLAIN'/>"],
                           ["challenge", "malformed-request"]),
    "A2-response-behind-the-end": ([f"<auth xmlns='{SASL}' mechanism='PLAIN'>AA==</auth>",
                                    f"<response xmlns='{SASL}'>AA==</response>"],
                                   ["malformed-request", "malformed-request"]),
    "A3-abort": ([f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>{scram_first()}</auth>",
                  f"<abort xmlns='{SASL}'/>"], ["challenge", "aborted"]),
    "A3-abort-of-nothing": ([f"<abort xmlns='{SASL}'/>"] * 3, ["aborted"] * 3),
    "A3-response-behind-abort": ([f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'/>",
                                  f"<abort xmlns='{SASL}'/>", f"<response xmlns='{SASL}'/>"],
                                 ["challenge", "aborted", "malformed-request"]),
}


def outcome(element):
    return element.tag.rpartition("}")[2] if len(element) == 0 else \
        element[0].tag.removeprefix(f"{{{SASL}}}")


@pytest.mark.parametrize("together", (False, True), ids=("one-by-one", "in-one-segment"))
@pytest.mark.parametrize("sent, wanted", ORDER.values(), ids=ORDER.keys())
def test_order(scene, stream, sent, wanted, together):
    with scene.survives(lines=1):
        if together:
            stream.send("".join(sent))
        found = []
        for element in sent:
            if not together:
                stream.send(element)
            found.append(outcome(stream.receive()))
        assert found == wanted
    check_still_good(stream)


MECHANISMS = {
    "A4-unknown": "WHATEVER", "A4-lower-case": "plain", "A4-mixed-case": "Scram-sha-1",
    "A4-empty": "", "A4-blank": " PLAIN", "A4-two": "PLAIN SCRAM-SHA-1", "A4-long": "A" * 21,
    "A4-very-long": "A" * 10000, "A4-non-ascii": "PL\u0130\u0131AIN", "A4-plus": "PLAIN-PLUS",
    "A4-newline": "PLAIN&#10;", "A4-internal-name": "KONTALK-EXTERNAL",
    # What Debian has for Cyrus SASL.
    **{f"A5-{name}": name for name in
       ("ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "EXTERNAL", "GS2-IAKERB", "GS2-KRB5", "GSSAPI",
        "GSS-SPNEGO", "LOGIN", "NTLM", "OTP", "PASSDSS-3DES-1", "SCRAM-SHA-224", "SCRAM-SHA-384",
        "SRP", "OPENID20", "SAML20", "SECURID", "XOAUTH2", "OAUTHBEARER")},
}


@pytest.mark.parametrize("initial", (None, "=", "AAAA"), ids=("none", "empty", "some"))
@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS.keys())
def test_mechanism(scene, stream, mechanism, initial):
    with scene.survives(lines=0):
        check_failure(auth(stream, mechanism, initial), "invalid-mechanism")
    check_still_good(stream)


def test_A4_no_mechanism(scene, stream):
    with scene.survives(lines=0):
        stream.send(f"<auth xmlns='{SASL}'>AAAA</auth>")
        check_failure(stream.receive(), "invalid-mechanism")


def test_A5_offered(stream):
    offered = stream.features.findall(f"{{{SASL}}}mechanisms/{{{SASL}}}mechanism")
    assert tuple(element.text for element in offered) == KNOWN


BASE64 = ["A", "AA", "AAA", "AAAA=", "AAAA==", "A===", "AA=A", "=AAA", "==", "====", "AA==AA==",
          " AAAA", "AAAA ", "AA\nAA", "AA AA", "AAA*", "AAA-", "AAA_", "AAA\u0410", "AB==", "AAB=",
          "&#65;A", "<![CDATA[A]]>"]


@pytest.mark.parametrize("step", ("initial", "response"))
@pytest.mark.parametrize("number", range(len(BASE64)), ids=lambda n: f"A6-{n}")
def test_base64(scene, stream, number, step):
    """One way to write a message (RFC 4648 §3), and no other."""
    with scene.survives(lines=0):
        if step == "initial":
            element = auth(stream, "PLAIN", BASE64[number])
        else:
            challenge_of(auth(stream, "PLAIN"))
            element = respond(stream, BASE64[number])
        check_failure(element, "incorrect-encoding")
    check_still_good(stream)


def test_A6_empty_messages(scene, stream):
    """"=" is an empty message, none at all asks for a challenge; no mechanism begins so."""
    with scene.survives(lines=3):
        check_failure(auth(stream, "PLAIN", "="), "malformed-request")
        assert challenge_of(auth(stream, "PLAIN")) == b""
        check_failure(respond(stream, ""), "malformed-request")
        assert challenge_of(auth(stream, "SCRAM-SHA-1", "")) == b""
        check_failure(respond(stream, "="), "malformed-request")


SIZES = {"8-KiB": (8 * 1024, "malformed-request", None),
         "64-KiB": (64 * 1024, "policy-violation", f"{{{APP_ERRORS}}}stanza-too-big"),
         "1-MiB": (1024 * 1024, "policy-violation", f"{{{APP_ERRORS}}}stanza-too-big")}


@pytest.mark.parametrize("step", ("initial", "response"))
@pytest.mark.parametrize("mechanism", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512-PLUS"))
@pytest.mark.parametrize("size, condition, app", SIZES.values(), ids=SIZES.keys())
def test_A7_huge(scene, stream, size, condition, app, mechanism, step):
    message = encode(b"n,,n=" + b"a" * (size * 3 // 4) + b",r=x")
    with scene.survives():
        if step == "response":
            challenge_of(auth(stream, mechanism))
        name = "auth" if step == "initial" else "response"
        wanted = f" mechanism='{mechanism}'" if step == "initial" else ""
        data = f"<{name} xmlns='{SASL}'{wanted}>{message}</{name}>"
        if app:
            check_stream_error(stream.exchange(data), condition, app=app)
        else:
            stream.send(data)
            check_failure(stream.receive(), condition)


@pytest.mark.parametrize("length, condition",
                         ((1023, "not-authorized"), (1024, "not-authorized"),
                          (3000, "not-authorized")))
def test_A7_long_names(scene, stream, length, condition):
    with scene.survives(lines=2):
        check_failure(auth(stream, "PLAIN", plain("a" * length, "x")), condition)
        element = auth(stream, "SCRAM-SHA-256", scram_first("b" * length))
        if length <= 1023:
            challenge_of(element)
        else:
            check_failure(element, condition)


# {user}, {password} and {domain} are the attacker's own.
AUTHZIDS = {
    "A8-bob": ("bob@{domain}", "invalid-authzid"),
    "A8-bob-without-domain": ("bob", "invalid-authzid"),
    "A8-own-without-domain": ("{user}", "invalid-authzid"),
    "A9-resource": ("{user}@{domain}/r", "invalid-authzid"),
    "A9-other-domain": ("{user}@evil.test", "invalid-authzid"),
    "A9-below": ("{user}@sub.{domain}", "invalid-authzid"),
    "A9-domain-alone": ("{domain}", "invalid-authzid"),
    "A9-two-at": ("{user}@{user}@{domain}", "invalid-authzid"),
    "A9-nothing-in-front": ("@{domain}", "invalid-authzid"),
    "A9-long": ("{user}@" + "a" * 1500, "invalid-authzid"),
    "A9-own": ("{user}@{domain}", None),
    "A9-own-in-other-case": ("{user}@EXAMPLE.test", None),
}


@pytest.mark.parametrize("mechanism", ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"))
@pytest.mark.parametrize("authzid, condition", AUTHZIDS.values(), ids=AUTHZIDS.keys())
def test_authzid(scene, stream, mechanism, authzid, condition):
    authzid = authzid.format(user=stream.user, domain=stream.domain)
    with scene.survives(lines=3):  # the failure, and two of the success
        if mechanism == "PLAIN":
            element = auth(stream, "PLAIN", plain(stream.user, stream.password, authzid))
        else:
            element = sasl.play_scram(stream, mechanism, authzid=authzid)
        if condition:
            check_failure(element, condition)
            element = sasl.play_scram(stream, "SCRAM-SHA-256")
        sasl.check_success(element)
        assert sasl.who(stream) == stream.bare


PLAINS = {
    "A10-no-password": ("\0{user}\0", "not-authorized"),
    "A10-no-user": ("\0\0secret", "not-authorized"),
    "A10-nothing": ("\0\0", "not-authorized"),
    "A11-no-nul": ("{user}secret", "malformed-request"),
    "A11-one-nul": ("{user}\0secret", "malformed-request"),
    "A11-three-nuls": ("\0{user}\0secret\0", "malformed-request"),
    "A11-nul-in-password": ("\0{user}\0{password}\0x", "malformed-request"),
    "A11-many-nuls": ("\0" * 100, "malformed-request"),
    "A11-nul-alone": ("\0", "malformed-request"),
    "wrong-password": ("\0{user}\0{password}x", "not-authorized"),
    "half-a-password": ("\0{user}\0pass", "not-authorized"),
    "unknown-user": ("\0nobody\0{password}", "not-authorized"),
    "user-with-domain": ("\0{user}@example.test\0{password}", "not-authorized"),
    "user-no-text": (b"\0\xff\xfe\0secret", "not-authorized"),
    "user-overlong": (b"\0mallor\xc1\xb9\0secret", "not-authorized"),
    "password-no-text": (b"\0mallory\0\xff", "not-authorized"),
    "password-control": ("\0{user}\0\x07", "not-authorized"),
}


@pytest.mark.parametrize("message, condition", PLAINS.values(), ids=PLAINS.keys())
def test_plain(scene, stream, message, condition):
    if isinstance(message, str):
        message = message.format(user=stream.user, password=stream.password)
    with scene.survives(lines=1):
        check_failure(auth(stream, "PLAIN", encode(message)), condition)
    check_still_good(stream)


NAMES = ["Mallory", "MALLORY", "mallor\uff59", "mal\u00adlory", "\u217ba\u217ba", "mallory\u200b",
         "mallory ", " mallory", "mallory\u3000", "m\u0430llory", "mallory\u0301", "mall\u03bfry",
         "\u2133allory", "mallory\0", "mallory/r", "mallory@example.test", "\"mallory\"",
         "m:allory", "\u202emallory", "mallory\n", "\ufeffmallory"]


@pytest.mark.parametrize("mechanism", ("PLAIN", "SCRAM-SHA-256"))
@pytest.mark.parametrize("number", range(len(NAMES)), ids=lambda n: f"A12-{n}")
def test_names(scene, stream, mechanism, number):
    """Another spelling is the same account or none."""
    stream.user, own = NAMES[number], stream.user
    with scene.survives(lines=2):
        if mechanism == "PLAIN":
            element = auth(stream, "PLAIN", plain(stream.user, stream.password))
        else:
            element = sasl.play_scram(stream, mechanism)
        if sasl.is_success(element):
            assert sasl.who(stream) == f"{own}@{stream.domain}"
        else:
            check_failure(element, ("not-authorized", "malformed-request"))
