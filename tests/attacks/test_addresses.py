# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Rows F14 and F15 of docs/ATTACKS.md: addresses that are none, and those that are just short or
# just long enough (RFC 7622, RFC 6122; what is legal is told to nobody who is not there).

import pytest

from tests.attacks.answers import check_stanza_error

LONG = 1023
LABEL = "a" * 63

MALFORMED = {
    "at-alone": "@", "slash-alone": "/", "blank": " ", "no-local": "@example.test",
    "no-domain": "a@", "no-domain-but-resource": "a@/r", "resource-alone": "/r",
    "two-ats": "a@b@example.test", "two-ats-together": "a@@example.test",
    "empty-resource": "a@example.test/", "empty-resource-of-domain": "example.test/",
    "blank-in-local": "a b@example.test", "blank-behind-local": "a @example.test",
    "blank-before": " a@example.test", "blank-behind": "a@example.test ",
    "blank-in-domain": "a@exam ple.test", "tab": "a&#9;b@example.test",
    "line-feed": "a&#10;@example.test", "quote": "&quot;@example.test",
    "ampersand": "a&amp;b@example.test", "apostrophe": "a&apos;b@example.test",
    "colon": "a:b@example.test", "less": "a&lt;b@example.test", "more": "a&gt;b@example.test",
    "dots": "a@example..test", "dot-first": "a@.example.test",
    "dot-alone": "a@.", "hyphen-first": "a@-example.test", "hyphen-last": "a@example-.test",
    "underscore": "a@exa_mple.test", "domain-with-colon": "a@example.test:5222",
    "label-of-64": f"a@{LABEL}a.test", "label-of-1000": f"a@{'b' * 1000}.test",
    "bad-punycode": "a@xn--a-ecp.test", "broken-punycode": "a@xn--.test",
    "brackets": "a@[::1", "no-ipv6": "a@[::g]", "ipv6-and-more": "a@[::1]x",
    "override": "\u202ea@example.test", "override-in-domain": "a@exam\u202eple.test",
    "override-in-resource": "a@example.test/\u202er", "nothing-left": "\u00ad@example.test",
    "control": "a\u0085@example.test", "delete": "a\u007f@example.test",
    "control-in-resource": "a@example.test/a&#9;b", "replacement": "\ufffd@example.test",
    "private-use": "\ue000@example.test", "no-character": "\ufdd0@example.test",
    "line-separator": "a@example.test/\u2028", "ideographic-blank": "a\u3000b@example.test",
    "no-break-blank": "a\u00a0b@example.test", "directions": "\u0627a@example.test",
    "directions-in-resource": "a@example.test/\u06271",
    "fullwidth-at": "a\uff20example.test/\u2028", "small-slash-local": "a\u2100@example.test",
    "fullwidth-at-in-local": "a\uff20b@example.test", "fullwidth-quote": "a\uff02@example.test",
    "local-of-1024": "a" * (LONG + 1) + "@example.test",
    "resource-of-1024": "a@example.test/" + "r" * (LONG + 1),
    "domain-of-1024": "a@" + "d" * (LONG + 1),
    "local-of-1024-in-pairs": "\u00e9" * 512 + "@example.test",
    "resource-of-1024-in-pairs": "a@example.test/" + "\u00e9" * 512,
    "resource-of-1024-in-fours": "a@example.test/" + "\U0001f600" * 256,
    "local-long-behind-preparation": "\ufdfa" * 32 + "@example.test",
    "all-of-3073": "a" * 1024 + "@" + "d" * 1023 + "/" + "r" * 1024,
    "huge": "a" * 100_000 + "@example.test",
}

# Nobody has these addresses.
WELL_FORMED = {
    "account": "nobody@example.test", "domain-alone": "nowhere.example.test",
    "local-of-1023": "a" * LONG + "@example.test",
    "resource-of-1023": "a@example.test/" + "r" * LONG,
    "local-of-1023-in-pairs": "\u00e9" * 511 + "a@example.test",
    "resource-of-1023-in-pairs": "a@example.test/" + "\u00e9" * 511 + "r",
    "resource-of-1020-in-fours": "a@example.test/" + "\U0001f600" * 255,
    "longest": "a" * LONG + "@example.test/" + "r" * LONG,
    "label-of-63": f"a@{LABEL}.example.test",
    "name-of-255": f"a@{'.'.join([LABEL] * 4)}", "last-dot": "a@nowhere.example.test.",
    "emoji-as-resource": "a@example.test/\U0001f468\u200d\U0001f469",
    "blank-in-resource": "a@example.test/my phone", "at-in-resource": "a@example.test/b@c/d",
    "slash-at-end-of-resource": "nobody@example.test/b@c/", "case": "NoBody@EXAMPLE.test",
    "fullwidth": "\uff4eobody@example.test", "ipv6": "a@[::1]", "ipv4": "a@192.0.2.1",
    "not-ascii": "\u00e4@example.test", "arabic": "\u0627\u0628@example.test",
    "unassigned": "\u0378@example.test", "punctuation": "a.b-c_d!#$%*+=?^`{|}~@example.test",
}
STANZAS = {
    "message": "<message id='x' type='chat' to='{to}'><body>b</body></message>",
    "iq": "<iq id='x' type='get' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>",
}


def error_of(stream, stanza, to):
    stream.send(stanza.format(to=to))
    return stream.wait_for(lambda e: e.get("id") == "x")


@pytest.fixture
def stream(attacker):
    return attacker.bound()


@pytest.mark.parametrize("stanza", STANZAS.values(), ids=STANZAS.keys())
@pytest.mark.parametrize("to", MALFORMED.values(), ids=MALFORMED.keys())
def test_F14_malformed(scene, stream, stanza, to):
    with scene.survives(lines=0):
        check_stanza_error(error_of(stream, stanza, to), "modify", "jid-malformed")
        stream.settle()


@pytest.mark.parametrize("to", MALFORMED.values(), ids=MALFORMED.keys())
def test_F14_malformed_presence(scene, stream, to):
    with scene.survives(lines=0):
        error = error_of(stream, "<presence id='x' to='{to}'/>", to)
        check_stanza_error(error, "modify", "jid-malformed")
        stream.settle()


@pytest.mark.parametrize("stanza", STANZAS.values(), ids=STANZAS.keys())
@pytest.mark.parametrize("to", WELL_FORMED.values(), ids=WELL_FORMED.keys())
def test_F15_well_formed(scene, stream, stanza, to):
    """It is refused for other reasons."""
    with scene.survives(lines=1):
        answer = error_of(stream, stanza, to)
        assert answer.get("type") == "error"
        conditions = [child.tag.partition("}")[2] for error in answer for child in error
                      if error.tag.endswith("}error")]
        assert conditions[0] in ("service-unavailable", "remote-server-not-found",
                                 "remote-server-timeout")
