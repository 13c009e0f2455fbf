# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Conversations as files (docs/CONVERSATIONS.md): from text to actors and steps.

import re
import textwrap
from dataclasses import dataclass, field

SEPARATOR = "-----"
ACTOR = re.compile(r"\[(Client|Component|Account)\] ([A-Z]\w*)")
OPTION = re.compile(r"\s+([a-z-]+): (\S.*)")
STEP = re.compile(r"(The administrator|[A-Z]\w*) (\w.*?)(:?)")

OPTIONS = {
    "Client": {"account", "resource", "service", "questions", "mechanism", "contacts"},
    "Component": {"account"},
    "Account": {"contacts"},
}
# What an actor can do, and whether an indented block follows.
VERBS = {
    "connects": False,
    "disconnects": False,
    "is cut off": False,
    "goes online": False,
    "sends": True,
    "sends raw": True,
    "receives": True,
    "receives in any order": True,
    "receives nothing": False,
    "is disconnected": False,
    "runs": True,
    # Of stream negotiation, one by one.
    "dials": False,
    "opens a stream": False,
    "starts TLS": False,
    "authenticates": False,
    "binds": False,
}
STREAM_ERROR = re.compile(r"receives the stream error ([a-z-]+)")


class ScriptError(Exception):
    pass


@dataclass
class Actor:
    kind: str
    name: str
    options: dict = field(default_factory=dict)

    @property
    def account(self):
        """The alias of its account: its own name unless it shares another's."""
        return self.options.get("account", self.name)


@dataclass
class Step:
    line: int
    actor: str
    verb: str
    block: str = ""
    argument: str = ""

    def __str__(self):
        return f"{self.actor} {self.verb}"


@dataclass
class Script:
    path: str
    actors: dict
    steps: list

    @property
    def accounts(self):
        """Aliases of the accounts that it needs, in order."""
        return list(dict.fromkeys(actor.account for actor in self.actors.values()
                                  if actor.kind != "Component"))

    @property
    def contacts(self):
        """(account, contact, subscription), by aliases: "contacts: Juliet:both"."""
        for actor in self.actors.values():
            for pair in actor.options.get("contacts", "").split():
                contact, _, subscription = pair.partition(":")
                yield actor.account, contact, subscription

    @property
    def components(self):
        return [actor.name for actor in self.actors.values()
                if actor.kind == "Component" and "account" not in actor.options]

    @property
    def is_between_actors(self):
        """Stanzas pass between several: there is more than one way for them."""
        return len(self.actors) > 1


    @property
    def is_of_stanzas(self):
        """Nothing in it is about bytes or TLS, nor how a client connects."""
        return not any("service" in actor.options for actor in self.actors.values()) and \
            all(step.verb not in ("starts TLS", "opens a stream", "sends raw")
                for step in self.steps)


class _Reader:
    """Numbered lines without comments, which begin in the first column."""

    def __init__(self, path, text):
        self.path = path
        self.lines = [(number, line.rstrip()) for number, line in
                      enumerate(text.splitlines(), 1) if not line.startswith("#")]
        self.position = 0

    def next(self):
        """The next line that is not empty, or (None, None)."""
        while self.position < len(self.lines):
            number, line = self.lines[self.position]
            self.position += 1
            if line:
                return number, line
        return None, None

    def indented(self):
        """All lines up to the next one in the first column."""
        taken = []
        while self.position < len(self.lines):
            number, line = self.lines[self.position]
            if line and not line[0].isspace():
                break
            taken.append((number, line))
            self.position += 1
        return taken

    def error(self, number, text):
        raise ScriptError(f"{self.path}:{number}: {text}")


def parse(path, text):
    reader = _Reader(path, text)
    actors = _actors(reader)
    return Script(path, actors, list(_steps(reader, actors)))


def _actors(reader):
    actors = {}
    while True:
        number, line = reader.next()
        if line is None or line == SEPARATOR:
            return actors
        match = ACTOR.fullmatch(line)
        if not match:
            reader.error(number, f"no actor: {line}")
        actor = Actor(*match.groups())
        for at, option in reader.indented():
            if option:
                _option(reader, actor, at, option)
        actors[actor.name] = actor


def _option(reader, actor, number, line):
    match = OPTION.fullmatch(line)
    if not match or match[1] not in OPTIONS[actor.kind]:
        reader.error(number, f"no option of a {actor.kind}: {line.strip()}")
    actor.options[match[1]] = match[2]


def _steps(reader, actors):
    while True:
        number, line = reader.next()
        if line is None:
            return
        match = STEP.fullmatch(line)
        if not match:
            reader.error(number, f"no step: {line}")
        actor, verb, colon = match.groups()
        if actor not in actors and actor != "The administrator":
            reader.error(number, f"nobody is called {actor}")
        yield _step(reader, Step(number, actor, verb), bool(colon))


def _step(reader, step, has_block):
    error = STREAM_ERROR.fullmatch(step.verb)
    if error:
        step.verb, step.argument = "receives the stream error", error[1]
        wants_block = False
    elif step.verb in VERBS:
        wants_block = VERBS[step.verb]
    else:
        reader.error(step.line, f"no verb: {step.verb}")
    lines = [line for _, line in reader.indented()]
    step.block = textwrap.dedent("\n".join(lines)).strip("\n")
    if wants_block != has_block or wants_block != bool(step.block.strip()):
        reader.error(step.line, f"{step}: {'a' if wants_block else 'no'} block is expected")
    return step
