# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The process of a router, and components that speak to it byte by byte.

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from tests.harness import wait
from tests.node.client import SECONDS, Closed, Stream

ROUTER = "urn:kontalk:router:1"
COMPONENT = "jabber:component:accept"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
HOST, NETWORK = "alpha.example.test", "example.test"
IRC, IRC2, BOT = "irc.example.test", "irc2.example.test", "bot.test"
SECRET = "not told to anybody"
DURABLE = "urn:kontalk:durable:1"
PROTOCOLS = (f"<protocols xmlns='{ROUTER}'><protocol name='router' version='1'/>"
             "<protocol name='durable' version='1'/></protocols>")
SANITIZER_REPORT = re.compile(r"Sanitizer|runtime error:")

CONFIGURATION = """
[node]
host = {host}
network = {network}
run-directory = {directory}
[router]
listen = {address}
{settings}
[component "{irc}"]
secret-file = {directory}/secret
domain = {irc2}
[component "{bot}"]
secret-file = {directory}/secret
from = {network}
allow = default
allow = private
allow = shared
allow = log
allow = durable
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Router:
    def __init__(self, settings):
        # A unix socket's path is at most 107 bytes.
        self.directory = tempfile.mkdtemp(prefix="kr-", dir=os.environ.get("TEST_SCRATCH", "/tmp"))
        self.address = ("127.0.0.1", free_port())
        self.log_path = f"{self.directory}/log"
        self.process = None
        self.components = []
        self._write("secret", SECRET + "\n")
        self.configure(**settings)
        self.start()

    def _write(self, name, text):
        path = f"{self.directory}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)

    def configure(self, more="", **settings):
        settings = {"shared_hold": "0", **settings}
        lines = "\n".join(f"{key.replace('_', '-')} = {value}" for key, value in settings.items())
        self._write("kontalk.conf", CONFIGURATION.format(
            directory=self.directory, address="%s:%d" % self.address, settings=lines, host=HOST,
            network=NETWORK, irc=IRC, irc2=IRC2, bot=BOT) + more)

    # --- the process ---

    def start(self):
        begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [os.environ.get("BIN", "build") + "/kontalk-router", "-c",
                 f"{self.directory}/kontalk.conf"], stderr=log)
        wait.until(lambda: "event=service_ready" in self.log()[begin:], what="the router")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_log(self, pattern):
        return wait.until(lambda: re.search(pattern, self.log()), what=f"{pattern!r} in the log")

    def reload(self):
        before = self.log().count("event=config_reload")
        self.process.send_signal(signal.SIGHUP)
        wait.until(lambda: self.log().count("event=config_reload") > before, what="the reload")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def alive(self):
        return self.process.poll() is None

    def memory(self):
        """Resident bytes. None that count under a sanitizer, which keeps what was freed."""
        if os.environ.get("SANITIZE"):
            return 0
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def end(self):
        """Stops it and removes all of it; returns what was wrong with it."""
        problems = []
        for component in self.components:
            component.close()
        if not self.alive():
            problems.append(f"the router ended by itself: {self.process.returncode}")
        else:
            self.process.terminate()
            try:
                if self.process.wait(SECONDS) != 0:
                    problems.append(f"the router ended with {self.process.returncode}")
            except subprocess.TimeoutExpired:
                problems.append("the router did not end")
                self.kill()
        if SANITIZER_REPORT.search(self.log()):
            problems.append(self.log()[-6000:])
        if SECRET in self.log():
            problems.append("a secret is in the log")
        shutil.rmtree(self.directory)
        return problems

    # --- components ---

    def connect(self, door):
        """A connection that has said nothing; door: c2s, net, s2s, component."""
        where = self.address if door == "component" else f"{self.directory}/{door}.sock"
        self.components.append(Component(where))
        return self.components[-1]

    def third_party(self, domain=IRC, secret=SECRET):
        component = self.connect("component")
        component.name = domain
        component.begin(domain)
        component.prove(secret)
        return component

    def daemon(self, role, name=None):
        component = self.connect(role)
        component.name = name or role
        component.begin(component.name)
        component.send("<handshake/>")
        assert component.receive().tag == f"{{{COMPONENT}}}handshake"
        protocols = component.receive()
        assert protocols.tag == f"{{{ROUTER}}}protocols"
        assert [dict(child.attrib) for child in protocols] == [
            {"name": "router", "version": "1"}, {"name": "durable", "version": "1"},
            {"name": "batch", "version": "1"}]
        component.send(PROTOCOLS)
        return component

    def worker(self, worker="c2s-1"):
        component = self.daemon("c2s", worker)
        for name in (HOST, NETWORK):
            component.bind(name=name, shared=worker)
        return component

    def federation(self):
        component = self.daemon("s2s")
        component.bind(default="true")
        return component

    def check(self):
        """It routes: a third party's message to itself comes back."""
        component = self.third_party(BOT)
        component.message(BOT, BOT, id="check")
        component.expect("check")
        component.close()


class Component(Stream):
    """Like a component, but it may do anything."""

    def __init__(self, where):
        if isinstance(where, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(where)
            self.content_ns = COMPONENT
            self.header = None
            self._reset()
        else:
            super().__init__(where, content_ns=COMPONENT)
        self.name = None
        self.requests = 0

    def begin(self, to):
        self.open(to, version=None)
        self.read_header()

    def read_header(self):
        while self.header is None:
            self._feed(wait.time.monotonic() + SECONDS)

    def prove(self, secret):
        proof = hashlib.sha1((self.header["id"] + secret).encode()).hexdigest()
        self.send(f"<handshake>{proof}</handshake>")
        assert self.receive().tag == f"{{{COMPONENT}}}handshake"

    def request(self, what, **attributes):
        """Returns None or (type, condition)."""
        self.requests += 1
        number = str(self.requests)
        text = "".join(f" {key}='{value}'" for key, value in attributes.items())
        self.send(f"<{what} xmlns='{ROUTER}' id='{number}'{text}/>")
        answer = self.wait_for(lambda element: element.tag == f"{{{ROUTER}}}{what}")
        assert answer.get("id") == number
        error = answer.find(f"{{{ROUTER}}}error")
        if error is None:
            return None
        assert len(error) == 1 and error[0].tag.startswith(f"{{{STANZAS}}}")
        return error.get("type"), error[0].tag.partition("}")[2]

    def bind(self, **attributes):
        assert self.request("bind", **attributes) is None

    def message(self, sender, to, body="x", **attributes):
        text = "".join(f" {key}='{value}'" for key, value in attributes.items())
        self.send(f"<message from='{sender}' to='{to}'{text}><body>{body}</body></message>")

    def expect(self, identity, seconds=SECONDS):
        """The stanza with this id; others are dropped."""
        return self.wait_for(lambda element: element.get("id") == identity, seconds)

    def expect_route(self, name, available=True):
        kind = None if available else "unavailable"
        return self.wait_for(lambda element: element.tag.endswith("}presence")
                             and element.get("from") == name and element.get("type") == kind
                             and element.find(f"{{{ROUTER}}}route") is not None)

    def condition(self, seconds=SECONDS):
        """The stream error, when the stream has ended."""
        try:
            while True:
                self.receive(seconds)
        except Closed as closed:
            return closed.condition

    def is_open(self):
        """The router answers."""
        self.send(f"<ping xmlns='{ROUTER}' id='open'/>")
        return self.wait_for(lambda element: element.tag == f"{{{ROUTER}}}pong") is not None

    def seen_until(self, identity):
        """The ids of all stanzas up to this one; what the router asks now and then is none."""
        seen = []
        while not seen or seen[-1] != identity:
            element = self.receive()
            if element.tag.startswith(f"{{{COMPONENT}}}"):
                seen.append(element.get("id"))
        return seen


def error_of(stanza):
    """(type, condition) of an error stanza."""
    assert stanza.get("type") == "error"
    error = stanza.find(f"{{{COMPONENT}}}error")
    return error.get("type"), error[0].tag.partition("}")[2]
