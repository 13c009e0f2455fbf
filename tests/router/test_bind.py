# SPDX-License-Identifier: AGPL-3.0-or-later
#
# bind and unbind as bytes: every combination, every refusal, and what others hear of it.

import pytest

from tests.router.router import (BOT, HOST, IRC, IRC2, NETWORK, ROUTER, STANZAS, error_of)

BETA, GAMMA = "beta.example.test", "gamma.example.test"
CONFLICT, FORBIDDEN = ("cancel", "conflict"), ("auth", "forbidden")
BAD_REQUEST, MALFORMED = ("modify", "bad-request"), ("modify", "jid-malformed")
NOT_FOUND = ("cancel", "item-not-found")


def routes(component):
    """(name, available, default, shared) announced to it up to now."""
    component.send(f"<ping xmlns='{ROUTER}' id='marker'/>")
    found = []
    while True:
        element = component.receive()
        if element.tag == f"{{{ROUTER}}}pong":
            return found
        route = element.find(f"{{{ROUTER}}}route")
        if route is not None:
            found.append((element.get("from"), element.get("type") is None, route.get("default"),
                          route.get("shared")))


@pytest.mark.parametrize("attributes, error", [
    # lesson 1: the default route without a name, twice
    ([{"default": "true"}], None),
    ([{"default": "1"}, {"default": "true"}], CONFLICT),
    ([{"default": "true", "name": BOT}], CONFLICT),  # BOT is bound by the handshake
    ([{"default": "false"}], BAD_REQUEST),
    ([{}], BAD_REQUEST),
    ([{"name": ""}], MALFORMED),
    ([{"name": "a b"}], MALFORMED),
    ([{"name": "user@bot.test"}], MALFORMED),
    ([{"name": "x" * 2000 + ".test"}], MALFORMED),
    ([{"name": BOT}], CONFLICT),
    ([{"name": BOT.upper()}], CONFLICT),
    ([{"name": BOT, "private": "true"}], CONFLICT),  # private what is public already
    ([{"name": BOT, "shared": "b"}], CONFLICT),
    ([{"name": IRC}], FORBIDDEN),
    ([{"name": NETWORK}], FORBIDDEN),
    ([{"shared": "b"}], BAD_REQUEST),
    ([{"shared": "b", "default": "true"}], BAD_REQUEST),
    ([{"log": "true"}], None),
    ([{"log": "true"}, {"log": "true"}], None),
])
def test_a_component_with_all_rights(router, attributes, error):
    bot = router.third_party(BOT)
    for request in attributes[:-1]:
        bot.bind(**request)
    assert bot.request("bind", **attributes[-1]) == error
    assert bot.is_open()


@pytest.mark.parametrize("attributes, error", [
    ({"name": IRC2}, None),
    ({"name": IRC2, "private": "true"}, FORBIDDEN),
    ({"name": IRC2, "shared": "i"}, FORBIDDEN),
    ({"name": IRC2, "log": "true"}, FORBIDDEN),
    ({"log": "true"}, FORBIDDEN),
    ({"default": "true"}, FORBIDDEN),
    ({"name": IRC2, "default": "true"}, FORBIDDEN),
    ({"name": "x." + IRC}, FORBIDDEN),
    ({"name": BOT}, FORBIDDEN),
])
def test_a_component_without_rights(router, attributes, error):
    irc = router.third_party(IRC)
    assert irc.request("bind", **attributes) == error
    # what was refused has left nothing behind
    bot = router.third_party(BOT)
    bot.message(BOT, f"#c@{IRC2}", id="1")
    if error:
        assert error_of(bot.expect("1")) == ("wait", "remote-server-timeout")
    else:
        irc.expect("1")


def test_a_request_is_granted_whole_or_not(router):
    federation = router.federation()
    bot = router.third_party(BOT)
    bot.request("unbind", name=BOT)
    assert bot.request("bind", name=BOT, default="true") == CONFLICT
    bot.bind(name=BOT)
    federation.close()
    router.wait_log("event=route_withdrawn name=.?.default")
    bot.bind(default="true")


def test_answers_carry_what_was_asked(router):
    """The id is anything; without one there is none in the answer."""
    bot = router.third_party(BOT)
    bot.send(f"<bind xmlns='{ROUTER}' id='a&lt;&amp;&apos;' name='{IRC}'/><bind xmlns='{ROUTER}'/>")
    first = bot.wait_for(lambda element: element.tag.endswith("bind"))
    assert first.get("id") == "a<&'" and first[0].get("type") == "auth"
    assert first[0][0].tag == f"{{{STANZAS}}}forbidden"
    second = bot.receive()
    assert second.get("id") is None and second[0][0].tag == f"{{{STANZAS}}}bad-request"


def test_names_belong_to_their_stream(router):
    """Lesson 2: nobody unbinds what is another's."""
    irc, bot, worker = router.third_party(IRC), router.third_party(BOT), router.worker()
    assert bot.request("unbind", name=IRC) == FORBIDDEN
    assert bot.request("unbind", name=HOST) == FORBIDDEN
    assert worker.request("unbind", name=IRC) == FORBIDDEN
    assert bot.request("unbind", name="nobody.test") == NOT_FOUND
    assert bot.request("unbind", default="true") == NOT_FOUND
    assert bot.request("unbind", log="true") == NOT_FOUND
    assert bot.request("unbind") == BAD_REQUEST
    assert bot.request("unbind", name="a b") == MALFORMED
    bot.message(BOT, IRC, id="1")
    irc.expect("1")
    assert irc.request("unbind", name=IRC) is None
    assert irc.request("unbind", name=IRC) == NOT_FOUND
    bot.message(BOT, IRC, id="2")
    assert error_of(bot.expect("2")) == ("wait", "remote-server-timeout")
    irc.bind(name=IRC)
    bot.message(BOT, IRC, id="3")
    irc.expect("3")


def test_another_may_have_what_was_left(router):
    first, second = router.worker("c2s-1"), router.daemon("c2s", "c2s-2")
    assert second.request("bind", name=NETWORK, shared="c2s-1") == CONFLICT
    assert second.request("bind", name=NETWORK) == CONFLICT
    first.request("unbind", name=NETWORK)
    second.bind(name=NETWORK)
    assert first.request("bind", name=NETWORK, shared="c2s-1") == CONFLICT


def test_all_names_go_with_the_stream(router):
    """Lesson 3."""
    net, worker = router.daemon("net"), router.worker()
    for name in (BETA, GAMMA):
        net.bind(name=name)
        worker.expect_route(name)
    net.close()
    worker.expect_route(BETA, available=False)
    worker.expect_route(GAMMA, available=False)
    for name in (BETA, GAMMA):
        worker.message(NETWORK, name, id=name)
        assert error_of(worker.expect(name)) == ("wait", "remote-server-timeout")


def test_one_announcement_for_each_stream(router):
    """Lesson 4: many names do not multiply what a stream hears."""
    net = router.daemon("net")
    for number in range(20):
        net.bind(name=f"n{number}.example.test")
    router.federation()
    net.message(BETA, BETA, id="end")
    heard = net.seen_until("end")
    assert len(heard) == 2  # the default route, and the stanza that came back


def test_what_is_announced(router):
    net = router.daemon("net")
    net.bind(name=BETA)
    net.bind(name=GAMMA, private="true")
    federation = router.federation()
    first, second = router.worker("c2s-1"), router.daemon("c2s", "c2s-2")
    expected = [(BETA, True, None, None), ("s2s", True, "true", None)]
    assert routes(second) == expected + [(HOST, True, None, "c2s-1"),
                                         (NETWORK, True, None, "c2s-1")]
    federation.close()
    second.expect_route("s2s", available=False)
    first.close()
    assert second.expect_route(HOST, available=False).find(f"{{{ROUTER}}}route").get(
        "shared") == "c2s-1"


def test_third_parties_hear_routes_only_if_they_ask(router):
    router.federation()
    quiet, asking = router.third_party(IRC), router.third_party(BOT)
    asking.send(f"<protocols xmlns='{ROUTER}'><protocol name='router' version='1'/></protocols>")
    asking.expect_route("s2s")
    router.worker()
    asking.expect_route(NETWORK)
    quiet.message(IRC, IRC, id="1")
    assert quiet.seen_until("1") == ["1"]


def test_incarnations_are_new_for_each_stream(router):
    worker = router.worker()
    seen = set()
    for _ in range(3):
        irc = router.third_party()
        here = worker.expect_route(IRC).find(f"{{{ROUTER}}}route").get("incarnation")
        irc.close()
        gone = worker.expect_route(IRC, available=False).find(f"{{{ROUTER}}}route")
        assert gone.get("incarnation") == here
        seen.add(here)
    assert len(seen) == 3


def members(component, name):
    element = component.wait_for(
        lambda e: e.tag == f"{{{ROUTER}}}members" and e.get("name") == name)
    return [member.get("id") for member in element], int(element.get("generation"))


def test_members_hear_of_each_other(router):
    first = router.daemon("c2s", "c2s-1")
    first.bind(name=NETWORK, shared="c2s-1")
    ids, generation = members(first, NETWORK)
    assert ids == ["c2s-1"]
    second = router.daemon("c2s", "c2s-2")
    second.bind(name=NETWORK, shared="c2s-2")
    assert members(second, NETWORK)[0] == ["c2s-1", "c2s-2"]
    ids, later = members(first, NETWORK)
    assert ids == ["c2s-1", "c2s-2"] and later > generation
    first.close()
    ids, last = members(second, NETWORK)
    assert ids == ["c2s-2"] and last > later


def test_too_many_names(router):
    net = router.daemon("net")
    requests = "".join(f"<bind xmlns='{ROUTER}' id='{n}' name='n{n}.example.test'/>"
                       for n in range(4100))
    net.send(requests)
    answers = [net.wait_for(lambda e: e.tag.endswith("bind")) for _ in range(4100)]
    refused = [answer for answer in answers if len(answer)]
    assert 1 <= len(refused) <= 10
    assert refused[0][0][0].tag == f"{{{STANZAS}}}resource-constraint"
