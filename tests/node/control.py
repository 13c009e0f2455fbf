# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The control socket of a daemon (common/service/control.h).

import socket

from tests.node import place

SECONDS = 60


def ask(node, daemon, *words):
    """The lines of the answer of a node's daemon, by its short name."""
    path = node.place.short(f"kontalk-{daemon}.ctl")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(path)
        connection.sendall(b"".join(word.encode() + b"\0" for word in (*words, "")))
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    lines = answer.splitlines()
    if not lines or lines[-1] != "ok":
        raise place.Error(f"{daemon} of {node.place.host}, {' '.join(words)}: {answer.strip()}")
    return lines[:-1]


def links(node):
    """{host: {"state": …, key: value}}: how the net daemon of a node sees the others."""
    found = {}
    for line in ask(node, "net", "status"):
        line, _, problem = line.partition(" problem=")  # which has blanks
        host, state, *pairs = line.split(" ")
        found[host] = {"state": state, "problem": problem,
                       **dict(pair.split("=", 1) for pair in pairs)}
    return found
