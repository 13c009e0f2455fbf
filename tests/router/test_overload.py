# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Components that are slow, stopped, killed or greedy; and the others, who must not notice.

import select
import socket

import pytest

from tests.router.router import BOT, COMPONENT, IRC, NETWORK, ROUTER, error_of

KIB = 1024


def drain(component):
    """Everything that is there, unread."""
    component.socket.settimeout(0.5)
    size = 0
    try:
        while data := component.socket.recv(1 << 20):
            size += len(data)
    except TimeoutError:
        pass
    return size


def listening(router):
    """A third party that hears who comes and goes."""
    bot = router.third_party(BOT)
    bot.send(f"<protocols xmlns='{ROUTER}'><protocol name='router' version='1'/></protocols>")
    return bot


def slow_daemon(router):
    """It binds the network and reads nothing. What the kernel holds for a unix socket is little."""
    daemon = router.daemon("c2s")
    daemon.bind(name=NETWORK)
    return daemon


def stanzas_until(component, identity):
    seen = []
    while not seen or seen[-1] != identity:
        element = component.receive()
        if element.tag == f"{{{COMPONENT}}}message":
            seen.append(element.get("id"))
    return seen


def bounced(component):
    """Those of its stanzas that came back, with their conditions."""
    component.message(component.name, component.name, id="end")
    errors = {}
    while (stanza := component.receive()).get("id") != "end":
        errors[int(stanza.get("id"))] = error_of(stanza)
    return errors


def test_a_full_queue_sends_stanzas_back(make_router):
    router = make_router(queue_size="256k")
    slow, bot = slow_daemon(router), router.third_party(BOT)
    body, count = "x" * (8 * KIB), 200
    for number in range(count):
        bot.message(BOT, NETWORK, body, id=str(number))
    errors = bounced(bot)
    assert set(errors.values()) == {("wait", "resource-constraint")}
    # the first of them is behind what the queue and the socket hold; from then on all
    first = min(errors)
    assert first * 8 * KIB >= 256 * KIB
    assert sorted(errors) == list(range(first, count))
    # what was not refused arrives, in order
    assert stanzas_until(slow, str(first - 1)) == [str(n) for n in range(first)]
    bot.message(BOT, NETWORK, id="after")
    slow.expect("after")


def test_at_the_limit_and_one_byte_beyond(make_router):
    """A stanza larger than the queue never fits, even if nothing waits."""
    router = make_router(queue_size="64k")
    irc, bot = router.third_party(IRC), router.third_party(BOT)
    empty = len(f"<message from='{BOT}' to='{IRC}' id='1'><body></body></message>")
    bot.message(BOT, IRC, "x" * (64 * KIB - empty), id="1")
    irc.expect("1")
    bot.message(BOT, IRC, "x" * (64 * KIB - empty + 1), id="2")
    assert error_of(bot.expect("2")) == ("wait", "resource-constraint")


def test_errors_to_a_full_sender_are_dropped(make_router):
    """No circle: one that sends and never reads gets what fits, and is not waited for."""
    router = make_router(queue_size="64k")
    greedy, other = router.third_party(IRC), router.third_party(BOT)
    text = f"<message from='{IRC}' to='nobody.test' id='1'><body>{'x' * 4096}</body></message>"
    for _ in range(500):
        greedy.send(text)
    other.message(BOT, BOT, id="1")
    other.expect("1")
    assert drain(greedy) < 64 * KIB + 2 * (1 << 20)
    assert greedy.is_open()


def test_a_circle_of_full_queues(make_router):
    """Two that flood each other and read nothing do not stop the router."""
    router = make_router(queue_size="64k")
    one, two, other = router.third_party(IRC), slow_daemon(router), router.third_party(BOT)
    for _ in range(300):
        one.message(IRC, NETWORK, "x" * 4096, id="1")
        two.message(NETWORK, IRC, "x" * 4096, id="1")
        other.message(BOT, BOT, id="1")
    assert other.seen_until("1") == ["1"]
    assert drain(one) > 0 and drain(two) > 0
    assert one.is_open()


def test_memory_of_a_slow_component_is_bounded(make_router):
    router = make_router(queue_size="256k")
    router.third_party(IRC)
    bot = router.third_party(BOT)
    bot.message(BOT, BOT, id="warm")
    bot.expect("warm")
    before = router.memory()
    for number in range(2000):
        bot.message(BOT, IRC, "x" * (8 * KIB), id=str(number))
        if number % 20 == 19:
            bot.message(BOT, BOT, id=f"mark{number}")
            bot.expect(f"mark{number}")
    assert router.memory() - before < 4 * 1024 * KIB


def test_a_silent_daemon_is_withdrawn(make_router):
    """Like one stopped by SIGSTOP: its connection is open, and nothing comes."""
    router = make_router(ping_interval="100ms", ping_timeout="500ms")
    stopped = router.worker("c2s-1")
    other = router.daemon("c2s", "c2s-2")
    # the other one lives by any sign of life
    router_gone = False
    while not router_gone:
        other.send(" ")
        router_gone = "event=component_silent role=c2s name=c2s-1" in router.log()
        select.select([], [], [], 0.02)
    other.expect_route(NETWORK, available=False)
    assert stopped.condition() is None
    again = router.daemon("c2s", "c2s-1")
    assert again.request("bind", name=NETWORK, shared="c2s-1") is None
    # third parties know no ping and are left alone
    assert "role=component" not in "".join(
        line for line in router.log().splitlines() if "component_silent" in line)


def test_daemons_are_pinged(make_router):
    router = make_router(ping_interval="100ms", ping_timeout="500ms")
    worker = router.worker()
    seen = set()
    while len(seen) < 10:
        ping = worker.wait_for(lambda element: element.tag == f"{{{ROUTER}}}ping")
        seen.add(ping.get("id"))
        worker.send(f"<pong xmlns='{ROUTER}' id='{ping.get('id')}'/>")
    assert worker.is_open()


def test_a_router_that_was_stopped_blames_nobody(make_router):
    import signal
    import time
    router = make_router(ping_interval="100ms", ping_timeout="500ms")
    worker = router.worker()
    router.process.send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        select.select([], [], [], 0.1)
    router.process.send_signal(signal.SIGCONT)
    for _ in range(5):
        ping = worker.wait_for(lambda element: element.tag == f"{{{ROUTER}}}ping")
        worker.send(f"<pong xmlns='{ROUTER}' id='{ping.get('id')}'/>")
    assert worker.is_open()
    assert "component_silent" not in router.log()


@pytest.mark.parametrize("said", [
    "", "<stream:str", f"<stream:stream xmlns='{COMPONENT}' "
    "xmlns:stream='http://etherx.jabber.org/streams' to='irc.example.test'>"],
    ids=["nothing", "half", "header"])
def test_killed_before_the_handshake(router, said):
    for _ in range(20):
        component = router.connect("component")
        component.send(said)
        component.close()
    router.check()


@pytest.mark.parametrize("said", ["", "<message", f"<message from='{IRC}' to='{BOT}'><body>",
                                  f"<message from='{IRC}' to='{BOT}' id='1'/>" * 1000],
                         ids=["nothing", "a name", "half", "many"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_killed_at_any_moment(router, said, how):
    bot = listening(router)
    for _ in range(5):
        component = router.third_party(IRC)
        component.bind(name="irc2.example.test")
        bot.expect_route("irc2.example.test")
        component.send(said)
        if how == "reset":
            component.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                        b"\x01\0\0\0\0\0\0\0")
        component.close()
        bot.expect_route(IRC, available=False)
    assert bot.is_open()


def test_killed_with_a_full_queue(make_router):
    router = make_router(queue_size="64k")
    bot = listening(router)
    for _ in range(3):
        irc = router.third_party(IRC)
        for number in range(100):
            bot.message(BOT, IRC, "x" * 4096, id=str(number))
        irc.close()
        bot.expect_route(IRC, available=False)
        bot.message(BOT, BOT, id="end")
        bot.expect("end")


def test_routes_that_nobody_reads(make_router):
    """Announcements are no stanzas: one that does not even take these is cut off."""
    router = make_router(queue_size="64k")
    deaf = router.daemon("c2s", "deaf")
    assert deaf.is_open()
    net = router.daemon("net")
    name = "n" * 60 + ".example.test"
    for _ in range(200):
        net.send("".join(f"<{what} xmlns='{ROUTER}' id='1' name='{name}'/>"
                         for what in ("bind", "unbind")) * 20)
        net.socket.settimeout(20)
        drained = select.select([net.socket], [], [], 0)[0]
        while drained:
            net.socket.recv(1 << 20)
            drained = select.select([net.socket], [], [], 0)[0]
    router.wait_log("event=component_overrun role=c2s name=deaf")
    router.wait_log("event=component_closed[^\n]*name=deaf")
    router.check()


def test_dead_streams_leave_no_memory(router):
    bot = listening(router)

    def round_trip():
        component = router.third_party(IRC)
        component.message(IRC, IRC, id="1")
        component.expect("1")
        component.close()
        router.components.remove(component)
        bot.expect_route(IRC, available=False)

    for _ in range(50):
        round_trip()
    before = router.memory()
    for _ in range(300):
        round_trip()
    assert router.memory() - before < 512 * KIB
