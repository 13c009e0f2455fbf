# SPDX-License-Identifier: AGPL-3.0-or-later
#
# How components get in (docs/ROUTER.md, "Doors"), and how they do not.

import pytest

from tests.router.router import (BOT, COMPONENT, HOST, IRC, NETWORK, PROTOCOLS, ROUTER, SECRET,
                                 Component)

STREAMS = "http://etherx.jabber.org/streams"


def header(to=IRC, ns=COMPONENT, streams=STREAMS):
    attribute = f" to='{to}'" if to is not None else ""
    return f"<stream:stream xmlns='{ns}' xmlns:stream='{streams}'{attribute}>"


def test_the_example_of_xep_0114(router):
    component = router.connect("component")
    component.begin(IRC)
    assert component.header.get("from") == IRC
    assert len(component.header["id"]) == 32
    assert "version" not in component.header
    component.prove(SECRET)
    component.message(f"#c@{IRC}", IRC, id="1")
    assert component.expect("1").get("from") == f"#c@{IRC}"


@pytest.mark.parametrize("door, text, condition", [
    ("component", header(to=None), "improper-addressing"),
    ("component", header(to=""), "improper-addressing"),
    ("component", header(to="nobody.test"), "host-unknown"),
    ("component", header(to="irc2.example.test"), "host-unknown"),
    ("component", header(to="a b"), "host-unknown"),
    ("component", header(to=HOST), "host-unknown"),
    ("component", header(to="c2s"), "host-unknown"),
    ("c2s", header(to=None), "improper-addressing"),
    ("component", header(ns="jabber:client"), "invalid-namespace"),
    ("component", header(ns="jabber:component:connect"), "invalid-namespace"),
    ("component", header(streams="http://x"), "invalid-namespace"),
    ("component", "<message/>", "bad-format"),
    ("component", header() + "<handshake>0</handshake>", "not-authorized"),
    ("component", header() + "<handshake/>", "not-authorized"),
    ("component", header() + f"<message from='{IRC}' to='{IRC}'/>", "not-authorized"),
    ("component", header() + f"<bind xmlns='{ROUTER}' id='1' name='{IRC}'/>", "not-authorized"),
    ("component", header() + PROTOCOLS, "not-authorized"),
    ("component", header() + "<foo/>", "unsupported-stanza-type"),
    ("c2s", header("c2s-1") + f"<message from='{NETWORK}' to='{IRC}'/>", "not-authorized"),
    ("c2s", header("c2s-1") + f"<handshake/><message from='{NETWORK}' to='{IRC}'/>",
     "not-authorized"),
    ("c2s", header("c2s-1") + f"<handshake/><bind xmlns='{ROUTER}' id='1' name='{NETWORK}'/>",
     "not-authorized"),
    ("c2s", header("c2s-1") + "<handshake/><handshake/>", "not-authorized"),
    ("c2s", header("c2s-1") + f"<handshake/>{PROTOCOLS}<handshake/>", "policy-violation"),
    ("c2s", header("c2s-1") + f"<handshake/><protocols xmlns='{ROUTER}'/>", "unsupported-version"),
    ("c2s", header("c2s-1") + "<handshake/>" + PROTOCOLS.replace("'1'/", "'2'/"),
     "unsupported-version"),
    ("c2s", header("c2s-1") + "<handshake/>" + PROTOCOLS.replace("'1'/", "'0'/"),
     "unsupported-version"),
    ("c2s", header("c2s-1") + "<handshake/>" + PROTOCOLS.replace("'router'", "'durable'"),
     "unsupported-version"),
])
def test_what_is_wrong_is_said(router, door, text, condition):
    component = router.connect(door)
    component.send(text)
    assert component.condition() == condition
    router.check()


def test_the_domain_is_prepared(router):
    component = router.connect("component")
    component.begin("IRC.Example.TEST")
    assert component.header.get("from") == IRC
    component.prove(SECRET)


def test_a_second_component_of_the_same_name(router):
    """Lesson 2: the first stays, and is not replaced."""
    first = router.third_party()
    second = router.connect("component")
    second.begin(IRC)
    assert second.condition() == "conflict"
    first.message(IRC, IRC, id="1")
    first.expect("1")


def test_two_at_once(router):
    """Both have a header, only one gets the name."""
    streams = [router.connect("component") for _ in range(2)]
    for stream in streams:
        stream.begin(IRC)
    streams[0].prove(SECRET)
    with pytest.raises(Exception) as caught:
        streams[1].prove(SECRET)
    assert caught.value.condition == "conflict"
    assert streams[0].is_open()


def test_guessing_ends_after_three_tries(router):
    """F7. Neither the right secret nor a new connection helps, but others are not locked out."""
    for _ in range(3):
        component = router.connect("component")
        component.begin(IRC)
        component.send("<handshake>" + 40 * "0" + "</handshake>")
        assert component.condition() == "not-authorized"
    component = router.connect("component")
    component.begin(IRC)
    assert component.condition() == "policy-violation"
    router.third_party(BOT)
    assert router.log().count("event=component_handshake_failed") == 3


@pytest.mark.parametrize("proof", [str.upper, lambda p: p[:-1], lambda p: p + "0",
                                   lambda p: " " + p, lambda p: p + "<x/>" + "1"])
def test_nearly_right_is_wrong(router, proof):
    component = router.connect("component")
    component.begin(IRC)
    import hashlib
    right = hashlib.sha1((component.header["id"] + SECRET).encode()).hexdigest()
    component.send(f"<handshake>{proof(right)}</handshake>")
    assert component.condition() == "not-authorized"


def test_a_proof_is_good_for_one_stream(router):
    first, second = router.connect("component"), router.connect("component")
    first.begin(IRC)
    second.begin(IRC)
    second.header["id"] = first.header["id"]
    with pytest.raises(Exception) as caught:
        second.prove(SECRET)
    assert caught.value.condition == "not-authorized"


def test_a_handshake_has_its_time(make_router):
    router = make_router(handshake_timeout="1s")
    silent, slow = router.connect("component"), router.connect("c2s")
    slow.send(header("c2s-1"))
    assert silent.condition() == "connection-timeout"
    assert slow.condition() == "connection-timeout"
    component = router.third_party()
    daemon = router.daemon("c2s")
    router.wait_log("event=component_closed[^\n]*\n(.*\n)*.*event=component_closed")
    assert component.is_open() and daemon.is_open()


def test_the_unproven_are_few(make_router):
    router = make_router(unproven_connections=3)
    waiting = [router.connect("component") for _ in range(3)]
    for component in waiting:
        component.begin(IRC)
    assert router.connect("component").condition() is None  # closed without a word
    router.wait_log("event=component_refused role=component")
    router.daemon("c2s")  # another door
    waiting[0].prove(SECRET)
    router.third_party(BOT)


def test_a_component_whose_section_goes(router):
    component, other = router.third_party(IRC), router.third_party(BOT)
    path = f"{router.directory}/kontalk.conf"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    cut = text.index(f'[component "{IRC}"]')
    with open(path, "w", encoding="utf-8") as file:
        file.write(text[:cut] + text[text.index(f'[component "{BOT}"]'):])
    router.reload()
    assert component.condition() == "host-gone"
    assert other.is_open()
    again = Component(router.address)
    router.components.append(again)
    again.begin(IRC)
    assert again.condition() == "host-unknown"


def test_a_reload_that_fails_changes_nothing(router):
    component = router.third_party(IRC)
    router.configure(more="nonsense\n")
    router.reload()
    router.wait_log("event=config_reload_failed")
    assert component.is_open()


def test_orderly_end(router):
    component, daemon = router.third_party(), router.daemon("c2s")
    router.process.terminate()
    assert component.condition() == "system-shutdown"
    assert daemon.condition() == "system-shutdown"
    assert router.process.wait(20) == 0
    router.start()
