# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Stock component libraries work unchanged: slixmpp, gloox; and our own link through the death
# of the router.

import asyncio
import subprocess

import pytest

from tests.harness import slix
from tests.harness.made import made
from tests.harness.wait import SECONDS, until
from tests.router.router import BOT, COMPONENT, HOST, IRC, NETWORK, SECRET, error_of


class Node:
    """What tests.harness.slix asks of a node."""

    def __init__(self, router):
        self.router = router

    def address(self, service):
        assert service == "COMPONENT"
        return self.router.address


@pytest.fixture
def program():
    """program(name, argument…): starts tests/router/<name>, built by make."""
    started = []

    def start(name, *arguments):
        command = [made(f"tests/router/{name}"), *arguments]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_slixmpp(router):
    async def talk():
        async with slix.component(Node(router), IRC, SECRET) as irc, \
                slix.component(Node(router), BOT, SECRET) as bot:
            irc.register_plugin("xep_0030")
            irc.register_plugin("xep_0199")
            bot.register_plugin("xep_0030")
            bot.register_plugin("xep_0199")
            irc["xep_0030"].add_identity(category="conference", itype="irc", name="IRC")
            info = await bot["xep_0030"].get_info(jid=IRC, ifrom=BOT)
            assert ("conference", "irc", None, "IRC") in info["disco_info"]["identities"]
            await bot["xep_0199"].send_ping(IRC, ifrom=f"me@{BOT}")
            irc.send_message(f"someone@{BOT}", "hello", mfrom=f"#c@{IRC}/nick", mtype="chat")
            message = await bot.next("message")
            assert (message["body"], message["from"]) == ("hello", f"#c@{IRC}/nick")
            irc.send_presence(pto=f"me@{BOT}", pfrom=f"x@{IRC}")
            assert (await bot.next("presence"))["from"] == f"x@{IRC}"
            bot.send_message("nobody@nowhere.test", "x", mfrom=BOT)
            error = await bot.next("message_error")
            assert error_of(error.xml) == ("cancel", "remote-server-not-found")
    asyncio.run(talk())


def test_slixmpp_with_a_wrong_secret(router):
    async def talk():
        part = slix.SlixComponent(IRC, "wrong", *router.address)
        part.collect("session_start", "stream_error", "disconnected")
        part.connect()
        error = await part.next("stream_error")
        assert error["condition"] == "not-authorized"
        part.abort()
    asyncio.run(talk())


def test_gloox(router, program):
    bot = router.third_party(BOT)
    gloox = start(program, router, SECRET)
    assert gloox.stdout.readline() == "connected\n"
    bot.message(f"me@{BOT}", f"echo@{IRC}", "hello", id="1", type="chat")
    answer = bot.wait_for(lambda element: element.get("from") == f"echo@{IRC}")
    assert answer.find(f"{{{COMPONENT}}}body").text == "hello"
    gloox.stdin.close()
    assert gloox.stdout.readline() == "disconnected\n"
    assert gloox.wait(SECONDS) == 0
    bot.message(BOT, IRC, id="2")
    assert error_of(bot.expect("2")) == ("wait", "remote-server-timeout")


def test_gloox_hears_the_end(router, program):
    gloox = start(program, router, SECRET)
    assert gloox.stdout.readline() == "connected\n"
    router.kill()
    assert gloox.stdout.readline() == "disconnected\n"
    router.start()


def test_gloox_with_a_wrong_secret(router, program):
    gloox = start(program, router, "wrong")
    assert gloox.stdout.readline() == "disconnected\n"
    router.wait_log("event=component_handshake_failed")


def test_our_links_survive_the_router(router, program):
    """Lesson 6, with SIGKILL in the middle of traffic."""
    address = f"unix:{router.directory}/"
    worker = program("link_probe", address + "c2s.sock", "c2s-1", f"{HOST}=c2s-1",
                     f"{NETWORK}=c2s-1")
    door = program("link_probe", address + "s2s.sock", "s2s", "default")
    for probe in (worker, door):
        wait_line(probe, "up")
    for number in range(3):
        say(worker, f"user@{NETWORK}", "x@jabber.test", f"a{number}")
        wait_line(door, f"message a{number}")
        router.kill()
        for probe in (worker, door):
            wait_line(probe, "down")
        # while it is away
        say(worker, f"user@{NETWORK}", f"user@{NETWORK}", f"b{number}")
        router.start()
        for probe in (worker, door):
            wait_line(probe, "up")
        wait_line(worker, f"message b{number}")
        say(door, "x@jabber.test", f"user@{NETWORK}", f"c{number}")
        wait_line(worker, f"message c{number}")


def test_our_link_is_taken_back_after_a_stop(make_router, program):
    """A worker that is stopped loses its names, and gets them again when it goes on."""
    import signal
    router = make_router(ping_interval="100ms", ping_timeout="500ms")
    address = f"unix:{router.directory}/c2s.sock"
    first = program("link_probe", address, "c2s-1", f"{NETWORK}=c2s-1")
    wait_line(first, "up")
    second = program("link_probe", address, "c2s-2", f"{NETWORK}=c2s-2")
    wait_line(second, "up")
    first.send_signal(signal.SIGSTOP)
    wait_line(second, f"members {NETWORK} c2s-2")
    bot = router.third_party(BOT)
    bot.message(BOT, NETWORK, id="1")
    wait_line(second, "message 1")
    first.send_signal(signal.SIGCONT)
    wait_line(first, "down")
    wait_line(first, "up")
    wait_line(second, f"members {NETWORK} c2s-1 c2s-2", f"members {NETWORK} c2s-2 c2s-1")


def start(program, router, secret):
    host, port = router.address
    return program("gloox_component", host, str(port), IRC, secret)


def say(probe, sender, to, identity):
    probe.stdin.write(f"{sender} {to} {identity}\n")
    probe.stdin.flush()


def wait_line(probe, *wanted):
    def read():
        line = probe.stdout.readline()
        assert line, f"it ended before it said {wanted}"
        return line.strip() in wanted

    until(read, what=str(wanted))
