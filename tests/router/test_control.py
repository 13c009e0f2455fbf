# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What the router says about itself on its control socket.

import socket

from tests.router.router import BOT, HOST, IRC, NETWORK


def ask(router, *words):
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(f"{router.directory}/kontalk-router.ctl")
        control.sendall(b"".join(word.encode() + b"\0" for word in words) + b"\0")
        answer = b""
        while data := control.recv(65536):
            answer += data
    lines = answer.decode().splitlines()
    assert lines.pop() == "ok"
    return lines


def test_show_routes(router):
    assert ask(router, "show", "routes") == []
    router.federation()
    first, second = router.worker("c2s-1"), router.worker("c2s-2")
    net = router.daemon("net")
    net.bind(name="beta.example.test", private="true")
    router.third_party(IRC).close()
    first.expect_route(IRC, available=False)
    lines = ask(router, "show", "routes")
    assert lines[0] == "(default) s2s/s2s"
    slots = [line.split() for line in lines if line.startswith(NETWORK)]
    assert [line[1:4] for line in slots] == [["c2s/c2s-1", "shared", "id=c2s-1"],
                                             ["c2s/c2s-2", "shared", "id=c2s-2"]]
    assert sum(int(line[4].removeprefix("slots=")) for line in slots) == 64
    assert sum(line.startswith(HOST) for line in lines) == 2
    assert "beta.example.test net/net private" in lines
    assert f"{IRC} down" in lines
    assert second.is_open()


def test_show_components(router):
    bot = router.third_party(BOT)
    silent = router.connect("component")
    bot.message(BOT, BOT, id="1")
    bot.expect("1")
    lines = ask(router, "show", "components")
    assert lines[0].startswith(f"component/{BOT} address=127.0.0.1 state=ready names=1 in=1 out=1 ")
    assert lines[1].startswith("component/? address=127.0.0.1 state=opening names=0 ")
    silent.close()


def test_show_counters(router):
    bot, irc = router.third_party(BOT), router.third_party(IRC)
    bot.bind(log="true")
    bot.message(BOT, IRC, id="1")
    irc.expect("1")
    irc.message(IRC, IRC, id="2")
    irc.message(IRC, "nobody.test", id="3")
    irc.message(IRC, "nobody.test", id="4", type="error")
    irc.message(IRC, IRC, id="5")
    irc.expect("5")
    assert ask(router, "show", "counters") == ["routed 3", "bounced 1", "dropped 1", "tapped 2",
                                               "offered 0", "full 0", "refused 0"]
