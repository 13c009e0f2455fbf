# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The router dies, ends, or stands still under sessions that go on. Nobody loses a stream; the other
# daemons come back by themselves with all their names, and what could not be said meanwhile is said
# then, or answered with an error.

import pytest

from tests.faults.talk import Watch, texts_until, wait_asked, wait_routes

# A silent client is asked after it longer than the router waits for an answer to its pings.
BRIEF = {"router": {"ping-interval": "100ms", "ping-timeout": "500ms"},
         "c2s": {"idle-timeout": "1s"}}
MINUTE = {"c2s": {"idle-timeout": "60s"}}
WAYS = {"inside": "yes", "by-the-router": "no"}


@pytest.fixture(scope="module", params=WAYS.values(), ids=WAYS.keys())
def either_way(request, make_node):
    """A node on which messages between its accounts stay inside c2s, and one where they do not."""
    made = make_node(settings={"sm": {"shortcut": request.param}})
    made.is_short_cut = request.param == "yes"
    return made


def ended(daemon, how):
    daemon.kill() if how == "killed" else daemon.stop()


def names(node):
    return node.network, node.place.host, "(default)"


@pytest.mark.parametrize("how", ("killed", "in-order"))
def test_everything_comes_back(either_way, friends, gateway, how):
    node, pair, door = either_way, friends(either_way), gateway(either_way)
    pair.meet(door)
    watch = Watch(node, "c2s", "s2s")
    ended(node.daemon("router"), how)
    watch.wait("c2s", "link_down")
    pair.are_served()
    texts = pair.say(10)
    if node.is_short_cut:
        assert texts_until(pair.bob, texts[-1]) == texts
    pair.alice.send_message(door.bot, "to who is away")
    node.daemon("router").start()
    for name in ("c2s", "s2s"):
        watch.wait(name, "link_up")
    if not node.is_short_cut:
        assert texts_until(pair.bob, texts[-1]) == texts
    wait_routes(node, *names(node))
    pair.talk()
    again = gateway(node)
    assert again.hear("to who is away").get("from") == pair.alice.full
    pair.meet(again)
    assert watch.same_processes()


def test_killed_over_and_over(either_way, friends):
    """Messages on their way when it dies may be lost; none comes twice, and order stays."""
    node, pair = either_way, friends(either_way)
    watch = Watch(node, "c2s", "s2s")
    said = []
    for _ in range(5):
        said += pair.say(20)
        node.daemon("router").kill()
        said += pair.say(20)
        node.daemon("router").start()
        said += pair.say(20)
    heard = texts_until(pair.bob, said[-1])
    assert heard == [text for text in said if text in set(heard)]
    if node.is_short_cut:
        assert heard == said
    wait_routes(node, *names(node))
    assert watch.same_processes()


def test_login_without_router(either_way, friends, login):
    """Who comes while it is away is served, too."""
    node, pair = either_way, friends(either_way)
    node.daemon("router").kill()
    late = login(where=node)
    late.send("<presence/>")
    late.send_message(pair.alice.full, "without a router")
    if node.is_short_cut:
        pair.alice.wait_message("without a router")
    node.daemon("router").start()
    if not node.is_short_cut:
        pair.alice.wait_message("without a router")


def check_pause(node, pair, door, clock):
    watch = Watch(node, "router", "c2s", "s2s")
    with node.daemon("router").paused():
        texts = pair.say(10)
        if node.is_short_cut:
            assert texts_until(pair.bob, texts[-1]) == texts
        pair.alice.send_message(door.bot, "in the meantime")
        wait_asked(clock)
        pair.are_served()
    if not node.is_short_cut:
        assert texts_until(pair.bob, texts[-1]) == texts
    door.hear("in the meantime")
    pair.talk()
    pair.meet(door)
    assert watch.same_processes()
    assert not watch.has("router", "component_silent"), "it blames others for its own silence"
    assert not watch.has("c2s", "link_down")


@pytest.mark.parametrize("shortcut", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("settings", [
    pytest.param(BRIEF, id="briefly"),
    pytest.param(MINUTE, id="for-a-minute", marks=(pytest.mark.long, pytest.mark.seconds(200)))])
def test_stopped(make_node, friends, gateway, login, settings, shortcut):
    """SIGSTOP: its connections stay, and nothing is lost in them."""
    node = make_node(settings={**settings, "sm": {"shortcut": shortcut}})
    node.is_short_cut = shortcut == "yes"
    check_pause(node, friends(node), gateway(node), login(where=node))


def test_component_returns(either_way, friends, gateway):
    """A third-party component needs nothing but a new stream, as soon as the router is there."""
    node, pair = either_way, friends(either_way)
    for _ in range(3):
        door = gateway(node)
        pair.meet(door)
        node.daemon("router").kill()
        assert door.condition() is None
        node.daemon("router").start()
