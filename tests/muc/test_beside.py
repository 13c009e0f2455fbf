# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalk-muc as a component of Prosody: XEP-0114 and no more.

import os
import socket

from tests.files.beside import (SECRET, accepts, directory, free_port, run,  # noqa: F401
                                write_prosody)
from tests.harness import wait
from tests.muc.rooms import MUC, Room, codes, error
from tests.node import configuration, place
from tests.node.node import MUC_ROLE
from tests.node.ports import ADDRESS
from tests.peers.foreign import PeerClient

DOMAIN = "conference.example.test"
DATABASE = "beside"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"


def configure(node, directory, component):
    """Its own schema in a database of its own."""
    node.postgres.create(DATABASE)
    node.postgres.query(DATABASE, f"CREATE SCHEMA {MUC_ROLE} AUTHORIZATION {MUC_ROLE}")
    place.write(f"{directory}/secret", f"{SECRET}\n")
    place.write(f"{directory}/kontalk.conf", configuration.text({
        "node": {"host": "alpha.example.test", "network": "example.test",
                 "run-directory": directory},
        "muc": {"router": f"{ADDRESS}:{component}", "secret-file": f"{directory}/secret",
                "conninfo": node.postgres.conninfo_of(DATABASE, MUC_ROLE)}}))


def test_component_of_prosody(node, directory, run):
    component = free_port()
    c2s = write_prosody(directory, DOMAIN, component)
    configure(node, directory, component)
    run("prosody", "-F", "--config", f"{directory}/prosody.cfg.lua")
    run(os.path.abspath(f"{os.environ.get('BIN', 'build')}/kontalk-muc"),
        "-c", f"{directory}/kontalk.conf")
    wait.until(lambda: accepts(c2s))

    def login(resource):
        return PeerClient((ADDRESS, c2s), "alice@example.test", socket.create_connection,
                          resource).login()

    one, two = login("one"), login("two")
    # Prosody answers for a component that is not there yet.
    wait.until(lambda: one.ask("get", INFO, to=DOMAIN).get("type") == "result")
    room = object.__new__(Room)
    room.jid = f"tea@{DOMAIN}"
    assert codes(room.join(one, "alice")[0]) >= {110, 201}
    room.configure(one, roomname="Tea")
    assert not error(room.join(two, "alice")[-1])
    room.say(two, "hello")
    for client in (one, two):
        assert room.hears(client, "hello").get("from") == room.nick("alice")
    answer = one.ask("get", INFO, to=room.jid)
    assert MUC in {f.get("var") for f in answer.iter() if f.get("var")}
    one.logout()
    two.logout()
