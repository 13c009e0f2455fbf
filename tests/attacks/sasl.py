# SPDX-License-Identifier: AGPL-3.0-or-later
#
# SASL on the wire of a stream: messages one by one, and clients that play whole exchanges.

import base64
import os
import subprocess

from tests.attacks.answers import SASL, check_failure
from tests.node.scram import Scram

TOOL = os.path.join(os.environ.get("OBJ", "build/obj"), "tools", "tool_gsasl")


def encode(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def auth(stream, mechanism, text=None):
    """<auth/> with base64, or without anything."""
    content = f">{text}</auth>" if text is not None else "/>"
    stream.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'{content}")
    return stream.receive()


def respond(stream, text):
    stream.send(f"<response xmlns='{SASL}'>{text}</response>")
    return stream.receive()


def is_success(element):
    return element.tag == f"{{{SASL}}}success"


def check_success(element):
    assert is_success(element), [child.tag for child in element]


def challenge_of(element):
    """The message in a <challenge/>."""
    assert element.tag == f"{{{SASL}}}challenge", [child.tag for child in element]
    return base64.b64decode(element.text or "")


def plain(user, password, authzid=""):
    return encode(f"{authzid}\0{user}\0{password}")


def scram_first(user="nobody", flag="n", nonce="abc", authzid=""):
    return encode(f"{flag},{authzid},n={user},r={nonce}")


def play_scram(stream, mechanism, flag="n", binding=b"", authzid="", change=lambda final: final):
    """Returns the last element of the exchange; the server has proved itself if it is a success."""
    scram = Scram(mechanism, stream.user, stream.password, flag, binding, authzid)
    element = auth(stream, mechanism, encode(scram.first()))
    if element.tag == f"{{{SASL}}}failure":
        return element
    final = change(scram.final(challenge_of(element)))
    element = respond(stream, encode(final))
    if is_success(element):
        scram.verify(base64.b64decode(element.text))
    return element


def play_gsasl(stream, mechanism, exporter=None, user=None):
    """GNU SASL as the client; returns the last element and whether GNU SASL was content."""
    words = [TOOL, mechanism, stream.user if user is None else user, stream.password]
    words += [encode(exporter)] if exporter else []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tool:
        element = auth(stream, mechanism, tool.stdout.readline().strip() or "=")
        while element.tag == f"{{{SASL}}}challenge":
            tool.stdin.write((element.text or "") + "\n")
            tool.stdin.flush()
            element = respond(stream, tool.stdout.readline().strip() or "=")
        if is_success(element) and element.text:
            tool.stdin.write(element.text + "\n")
            tool.stdin.flush()
        tool.communicate(timeout=20)
        return element, tool.returncode == 0


def who(stream):
    """The bare JID that the stream is, after a success."""
    stream.begin()
    stream.bind()
    return stream.full.partition("/")[0]


def check_refused(element, condition="not-authorized"):
    check_failure(element, condition)
