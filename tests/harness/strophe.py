# SPDX-License-Identifier: AGPL-3.0-or-later
#
# tests/clients/tool_strophe.c: a client on libstrophe.

import contextlib
import re
from xml.etree import ElementTree

from tests.harness import program, wait
from tests.harness.made import made

MODES = {"C2S": "starttls", "C2S_TLS": "tls"}


def tool():
    """pytest may be called without make."""
    return made("tools/tool_strophe")


class Strophe(program.Program):
    """Stanzas are elements without the namespace of the stream, as libstrophe prints them."""

    def __init__(self, where, *command):
        super().__init__(where, *command)
        self._seen = 0

    def wait_for(self, matches, seconds=wait.SECONDS):
        """The first stanza since the last one that was waited for, as tests.node.client has it."""
        found = []

        def look():
            lines = re.findall(r"^stanza (.*)$", self.output(), re.MULTILINE)
            while self._seen < len(lines) and not found:
                stanza = ElementTree.fromstring(lines[self._seen])
                self._seen += 1
                found.extend([stanza] if matches(stanza) else [])
            return found

        try:
            return wait.until(look, seconds)[0]
        except TimeoutError as problem:
            raise TimeoutError(f"what was waited for is not in\n{self.output()}") from problem

    def ask(self, kind, payload, to=None):
        """Returns the answer, which may be an error."""
        name = f"q{self._seen}"
        target = f" to='{to}'" if to else ""
        self.say(f"<iq type='{kind}' id='{name}'{target}>{payload}</iq>")
        return self.wait_for(lambda e: e.tag == "iq" and e.get("id") == name
                             and e.get("type") in ("result", "error"))


@contextlib.contextmanager
def running(node, jid, password, service="C2S", ca=None, resume=False):
    """On its way. resume=True: behind a connection that broke, say() anything and it comes back."""
    host, port = node.address(service)
    with program.home(ca or node.ca) as home:
        strophe = Strophe(home, tool(), MODES[service], host, str(port), jid, ca or node.ca,
                          *(["resume"] if resume else []))
        try:
            strophe.say(password)
            yield strophe
        finally:
            strophe.end()


@contextlib.contextmanager
def connected(*args, **options):
    with running(*args, **options) as strophe:
        strophe.wait_output("^connected")
        yield strophe
