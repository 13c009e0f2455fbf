# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Bad XML and bad addresses on a component's stream, before and after the handshake. Each time the
# stream ends with the right error, and the router serves the next one.

import pytest

from tests.router.router import BOT, COMPONENT, IRC, error_of

STREAMS = "http://etherx.jabber.org/streams"
OPEN = f"<stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAMS}' to='{IRC}'>"
KIB = 1024
ENTITIES = "".join(f"<!ENTITY e{n + 1} '{10 * f'&e{n};'}'>" for n in range(10))


def deep(levels):
    return f"<message from='{IRC}' to='{IRC}'>" + "<a>" * levels


PROLOGS = {
    "doctype": (f"<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'b'>]>{OPEN}", "restricted-xml"),
    "laughs": (f"<?xml version='1.0'?><!DOCTYPE s [<!ENTITY e0 'x'>{ENTITIES}]>{OPEN}",
               "restricted-xml"),
    "external": (f"<!DOCTYPE s SYSTEM 'file:///etc/passwd'>{OPEN}", "restricted-xml"),
    "endless doctype": ("<!DOCTYPE s [" + " " * 64 * KIB, "policy-violation"),
    "endless blanks": (" " * 64 * KIB, "policy-violation"),
    "encoding": (f"<?xml version='1.0' encoding='ISO-8859-1'?>{OPEN}", "unsupported-encoding"),
    "version": (f"<?xml version='1.1'?>{OPEN}", "not-well-formed"),
    "garbage": ("\x16\x03\x01\x02", "not-well-formed"),
    "ssh": ("SSH-2.0-OpenSSH_9.2\r\n", "not-well-formed"),
    "http": ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
    "prefix": (f"<stream:stream xmlns='{COMPONENT}' to='{IRC}'>", "not-well-formed"),
}

BODIES = {
    "comment": ("<!-- c -->", "restricted-xml"),
    "instruction": ("<?foo bar?>", "restricted-xml"),
    "declaration": ("<?xml version='1.0'?>", "not-well-formed"),
    "entity": ("<message><body>&foo;</body></message>", "restricted-xml"),
    "zero reference": ("<message>&#0;</message>", "not-well-formed"),
    "surrogate": ("<message>&#xD800;</message>", "not-well-formed"),
    "zero": ("<message>a\0b</message>", "not-well-formed"),
    "control": ("<message>\x01</message>", "not-well-formed"),
    "unbound prefix": ("<foo:message/>", "not-well-formed"),
    "unbound attribute": ("<message foo:a='1'/>", "not-well-formed"),
    "twice": ("<message a='1' a='2'/>", "not-well-formed"),
    "twice by namespace": ("<m xmlns:p='u' xmlns:q='u' p:a='1' q:a='2'/>", "not-well-formed"),
    "reserved": ("<m xmlns:xml='foo'/>", "not-well-formed"),
    "unknown": ("<foo xmlns='bar'/>", "unsupported-stanza-type"),
    "other content": ("<message xmlns='jabber:client'/>", "unsupported-stanza-type"),
    "less in value": ("<message x='<'/>", "not-well-formed"),
    "section end": ("<message>]]></message>", "not-well-formed"),
    "mismatch": ("<message></iq>", "not-well-formed"),
    "text": ("text", "bad-format"),
    "too deep": (deep(128), "policy-violation"),
    "far too deep": (deep(20000), "policy-violation"),
    "attributes": (f"<message {' '.join(f'a{n}=''1''' for n in range(65))}/>".replace("=1", "='1'"),
                   "policy-violation"),
    "elements": (f"<message from='{IRC}' to='{IRC}'>" + "<a/>" * 9000 + "</message>",
                 "policy-violation"),
    "too big": (f"<message from='{IRC}' to='{IRC}'><body>" + "x" * 640 * KIB, "policy-violation"),
    "endless name": ("<" + "a" * 700 * KIB, "policy-violation"),
    "endless value": ("<a b='" + "c" * 700 * KIB, "policy-violation"),
    "endless section": ("<a><![CDATA[" + "c" * 700 * KIB, "policy-violation"),
}


def send(component, text):
    data = text.encode("utf-8", "surrogatepass")
    try:
        for begin in range(0, len(data), 4096):
            component.send(data[begin:begin + 4096])
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has heard enough


@pytest.mark.parametrize("text, condition", PROLOGS.values(), ids=PROLOGS)
@pytest.mark.parametrize("door", ["component", "c2s"])
def test_before_the_header(router, door, text, condition):
    component = router.connect(door)
    send(component, text)
    assert component.condition() == condition
    router.check()


@pytest.mark.parametrize("text, condition", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_behind_the_header(router, when, text, condition):
    component = router.connect("component")
    component.begin(IRC)
    if when == "after":
        component.prove("not told to anybody")
    send(component, text)
    assert component.condition() == condition
    router.check()


def test_ill_formed_utf8(router):
    for wrong in (b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\xe2\x82"):
        component = router.third_party(IRC)
        component.send(b"<message><body>" + wrong + b"</body></message>")
        assert component.condition() == "not-well-formed"
        component.close()
        router.wait_log("event=component_closed")
    router.check()


def test_what_stays_legal(router):
    irc, bot = router.third_party(IRC), router.third_party(BOT)
    irc.send("\ufeff".encode()[:0])
    irc.message(IRC, BOT, "&lt;&#65;&#x1F600;<![CDATA[</body>]]>", id="1")
    assert bot.expect("1").find(f"{{{COMPONENT}}}body").text == "<A\U0001F600</body>"


def test_a_message_in_a_section_stays_text(router):
    """X26."""
    irc, bot = router.third_party(IRC), router.third_party(BOT)
    irc.message(IRC, BOT, "<![CDATA[</body></message><message from='admin@bot.test'>]]>", id="1")
    assert bot.expect("1").find(f"{{{COMPONENT}}}body").text.startswith("</body>")


def test_byte_by_byte(router):
    irc, bot = router.third_party(IRC), router.third_party(BOT)
    for byte in f"<message from='{IRC}' to='{BOT}' id='1'><body>ä</body></message>".encode():
        irc.send(bytes([byte]))
    assert bot.expect("1").find(f"{{{COMPONENT}}}body").text == "ä"


def test_behind_the_footer(router):
    """X39: ignored."""
    irc, bot = router.third_party(IRC), router.third_party(BOT)
    irc.send(f"</stream:stream><message from='{IRC}' to='{BOT}' id='1'/>")
    assert irc.condition() is None
    bot.message(BOT, BOT, id="2")
    assert bot.seen_until("2") == ["2"]


@pytest.mark.parametrize("to", [
    "@h.test", "a@", "a@b@c", "a@h.test/", "a@/r", "/r", "a b@h.test", "x" * 1024 + "@h.test",
    "a@" + "x" * 1024, "a@h.test/" + "r" * 1024, "\u202e@h.test", "a@h..test", "a&lt;@h.test",
    "&quot;@h.test"])
def test_malformed_addresses_go_back(router, to):
    """F14."""
    bot = router.third_party(BOT)
    bot.message(BOT, to, id="1")
    assert error_of(bot.expect("1")) == ("modify", "jid-malformed")


@pytest.mark.parametrize("to", ["a@h.test/\U0001F600", "x" * 1023 + "@h.test", "ä@h.test",
                                "a@h.test/" + "r" * 1023, "a@[::1]", "a@b@c".replace("@c", "/@c")])
def test_wellformed_addresses_do_not(router, to):
    bot = router.third_party(BOT)
    bot.message(BOT, to, id="1")
    assert error_of(bot.expect("1")) == ("cancel", "remote-server-not-found")


def test_a_role_that_lies(router):
    """F10: a compromised daemon gets its own stream ended, and nothing else."""
    worker, irc = router.worker(), router.third_party(IRC)
    liar = router.daemon("s2s")
    for name in ("example.test", "alpha.example.test", IRC):
        assert liar.request("bind", name=name) == ("auth", "forbidden")
        assert liar.request("unbind", name=name)[1] == "forbidden"
    liar.send("<message from='user@example.test' to='user@example.test' id='forged'/>")
    assert liar.condition() == "invalid-from"
    worker.message("example.test", IRC, id="1")
    irc.expect("1")
    half = router.daemon("s2s")
    half.send("<message from='x@jabber.test' to='")
    half.close()
    worker.message("example.test", IRC, id="2")
    irc.expect("2")
