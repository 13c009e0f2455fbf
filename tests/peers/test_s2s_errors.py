# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What senders are told of domains that are not reached.

import socket

from tests.node import ports
from tests.peers.meeting import condition, error_text, wait_error

SILENT = "silent.test"
WHY = "no server of the domain can be connected to"


def reserved_port():
    reservation = ports.Reservation()
    try:
        return ports.first_free([], reservation)
    finally:
        reservation.release()


def test_why_the_attempt_before_failed(pair, login):
    """The stanza expires during an attempt that nothing can be said about yet."""
    node, port = pair.left, reserved_port()
    node.reconfigure({f'peer "{SILENT}"': {"address": f"{ports.ADDRESS}:{port}"},
                      "s2s": {**node.settings["s2s"], "stanza-expiry": "6s"}})
    client = login(where=node)
    # of a kind that the session manager does not keep
    client.send_message(f"somebody@{SILENT}", "lost", "headline")
    node.daemon("s2s").wait_log(f"event=s2s_failed domain={SILENT}")
    with socket.create_server((ports.ADDRESS, port)) as server:
        server.settimeout(20)
        with server.accept()[0]:
            error = wait_error(client, f"somebody@{SILENT}")
    node.reconfigure({"s2s": {**node.settings["s2s"], "stanza-expiry": None}})
    assert condition(error) == ("wait", "remote-server-timeout")
    assert error_text(error) == WHY
