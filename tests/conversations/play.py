# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Plays a conversation on a node (docs/CONVERSATIONS.md).

import base64
import itertools
import re
import threading
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.conversations import match, wire
from tests.conversations.friends import befriend
from tests.harness.node import Account
from tests.node.client import BIND, STREAM, Closed, local_name

# Further than any rule of ours reaches: a stanza, what answers it, what that one causes.
ROUNDS = 3
SHOWN = 40  # of the conversation so far
ADMINISTRATOR = "The administrator"
NUMBERS = itertools.count(1)
LOCK = threading.Lock()


def encode_plain(account):
    """The message of SASL PLAIN (RFC 4616)."""
    return base64.b64encode(f"\0{account.user}\0{account.password}".encode()).decode()


class Mismatch(Exception):
    """The conversation went another way; the text says where and how."""


class Cast:
    """Who plays in one conversation: accounts and component names that nobody else uses."""

    def __init__(self, script, domain, components):
        """components: names that the node admits, as many as the script needs."""
        self.domain = domain
        self.accounts = {alias: self._account(alias) for alias in script.accounts}
        self.components = dict(zip(script.components, components, strict=True))

    def _account(self, alias):
        with LOCK:
            number = next(NUMBERS)
        return Account(f"{alias.lower()}-{number}@{self.domain}", f"secret-of-{number}")


class Player:
    """One actor with its stream, if it has one now."""

    def __init__(self, actor, cast):
        self.actor = actor
        self.name = actor.name
        self.wire = None
        self.account = cast.accounts.get(actor.account)
        self.jid = self.account.jid if self.account else cast.components[actor.account]
        self.resource = actor.options.get("resource", actor.name.lower())
        self.ready = False  # stanzas may be sent

    @property
    def full(self):
        if not self.account:
            return self.jid
        return getattr(self.wire, "full", None) or f"{self.jid}/{self.resource}"

    @property
    def is_live(self):
        return self.ready and self.wire is not None and not self.wire.has_ended()

    @property
    def sender(self):
        """For stanzas that the runner itself sends: components have to say who they are."""
        return "" if self.account else f" from='{self.jid}'"

    def close(self):
        if self.wire:
            self.wire.close()
        self.wire, self.ready = None, False


class Play:
    """homes: {alias: the node where that account was made}, without it `node`; fronts: {actor: the
    node to which it connects}, without it the home of its account; service: how clients connect
    that do not say it themselves."""

    def __init__(self, node, script, cast, secret, homes=None, fronts=None, service="C2S"):
        self.service = service
        self.node = node
        self.homes = homes or {}
        self.fronts = fronts or {}
        self.script = script
        self.cast = cast
        self.secret = secret
        self.players = {name: Player(actor, cast) for name, actor in script.actors.items()}
        self.kept = {}
        self.told = []  # the conversation so far, for reports

    def run(self):
        step = None
        try:
            befriend(self._home, self.cast, self.script.contacts)
            for step in self.script.steps:
                self._do(step)
            step = None
            self._settle()
            for player in self.players.values():
                self._expect_nothing(player)
        except (Mismatch, Closed, TimeoutError, OSError, ElementTree.ParseError,
                AssertionError) as problem:
            raise Mismatch(self._report(step, problem)) from None
        finally:
            for player in self.players.values():
                player.close()

    def _home(self, alias):
        return self.homes.get(alias, self.node)

    def _do(self, step):
        self.told.append(f"{step.line}: {step}")
        method = getattr(self, "_" + step.verb.replace(" ", "_").lower())
        method(self.players.get(step.actor), step)

    # Texts.

    def _values(self):
        values = {"domain": self.node.network, "host": self.node.place.host, **self.kept}
        for alias, account in self.cast.accounts.items():
            values.update({alias: account.jid, f"{alias}.user": account.user,
                           f"{alias}.password": account.password,
                           f"{alias}.plain": encode_plain(account)})
        for name, player in self.players.items():
            values.setdefault(name, player.jid)
            values.update({f"{name}.full": player.full, f"{name}.resource": player.resource})
        return values

    def _fill(self, text):
        """${names}, then ${base64:text} and ${repeat:number:text}."""
        values = self._values()

        def value(found):
            if found[1] not in values:
                raise Mismatch(f"${{{found[1]}}} has no value")
            return values[found[1]]

        text = re.sub(r"\$\{([\w.]+)\}", value, text)
        text = re.sub(r"\$\{repeat:(\d+):([^}]*)\}", lambda m: int(m[1]) * m[2], text)
        return re.sub(r"\$\{base64:([^}]*)\}", lambda m: base64.b64encode(
            m[1].replace("\\0", "\0").encode()).decode(), text)

    def _readable(self, text):
        """Names in place of addresses."""
        for name, player in self.players.items():
            if player.account:
                text = text.replace(player.full, f"${{{name}.full}}")
        for name, jid in [(a, b.jid) for a, b in self.cast.accounts.items()] + \
                list(self.cast.components.items()):
            text = text.replace(jid, f"${{{name}}}")
        return text

    def _report(self, step, problem):
        where = f"{self.script.path}:{step.line}: {step}" if step else f"{self.script.path}: end"
        kind = "" if isinstance(problem, Mismatch) else f"{type(problem).__name__}: "
        so_far = "\n".join(f"  {line}" for line in self.told[-SHOWN:])
        return self._readable(f"{where}\n{kind}{problem}\nthe conversation so far\n{so_far}")

    # Steps: connections.

    def _dials(self, player, step):
        if player.account is None:
            player.wire = wire.ComponentWire(self.node, player.jid, self.secret,
                                             wire.next_source())
            return
        options = player.actor.options
        front = self.fronts.get(player.name, self._home(player.actor.account))
        player.wire = wire.ClientWire(
            front, player.account, options.get("service", self.service), wire.next_source(),
            player.resource, answers_questions=options.get("questions") != "shown")
        player.wire.dial()

    def _connects(self, player, step):
        self._dials(player, step)
        if player.account is None:
            player.wire.login()
        else:
            if player.actor.options.get("service") == "C2S_TLS":
                player.wire.begin()
            else:
                player.wire.secure()
            player.wire.authenticate(player.actor.options.get("mechanism", "SCRAM-SHA-256"))
            player.wire.bind()
        player.ready = True

    def _starts_tls(self, player, step):
        player.wire.begin()
        player.wire.switch_to_tls()

    def _opens_a_stream(self, player, step):
        player.wire.begin()

    def _authenticates(self, player, step):
        player.wire.begin()
        player.wire.prove(player.actor.options.get("mechanism", "SCRAM-SHA-256"))
        player.wire.begin()

    def _binds(self, player, step):
        player.wire.bind()
        player.ready = True

    def _goes_online(self, player, step):
        """Initial presence, which comes back to who sent it (RFC 6121 §4.2.2)."""
        self._send(player, "<presence/>")
        self._expect(player, f"<presence from='{player.full}' to='{player.full}'/>")

    def _disconnects(self, player, step):
        """In order: everything that was sent to it has been looked at, then both close."""
        self._settle()
        self._expect_nothing(player)
        player.wire.send("</stream:stream>")
        last = player.wire.take()
        if last != wire.FOOTER:
            raise Mismatch(f"{player.name} got behind its footer\n  {self._show(last)}")
        self._expect_end(player)

    def _is_cut_off(self, player, step):
        """The connection breaks, whatever was on its way."""
        player.close()

    def _is_disconnected(self, player, step):
        self._take_footer(player)
        self._expect_end(player)

    def _receives_the_stream_error(self, player, step):
        """RFC 6120 §4.9: the error, the footer, the end of the connection. The header that the
        error may need in front of it need not be mentioned."""
        element = player.wire.take()
        if element != wire.FOOTER and element.tag == wire.HEADER:
            element = player.wire.take()
        got = "the footer" if element == wire.FOOTER else self._show(element)
        self.told.append(f"   {player.name} ← {got}")
        if element == wire.FOOTER or element.tag != f"{{{STREAM}}}error" or \
                local_name(element[0].tag) != step.argument:
            raise Mismatch(f"expected\n  the stream error {step.argument}\ngot\n  {got}")
        self._take_footer(player)
        self._expect_end(player)

    def _take_footer(self, player):
        element = player.wire.take()
        if element != wire.FOOTER:
            raise Mismatch(f"expected\n  the footer\ngot\n  {self._show(element)}")

    def _expect_end(self, player):
        try:
            element = player.wire.take()
        except (Closed, OSError):
            player.close()
            return
        raise Mismatch(f"{player.name} got behind the footer\n  {element}")

    # Steps: stanzas.

    def _sends(self, player, step):
        text = self._fill(step.block)
        match.parse(text)
        self._send(player, text)

    def _send(self, player, text):
        """When this returns, the accounts it was for have handled it, in this order."""
        self.told.append(f"   {player.name} → {text}")
        player.wire.send(text)
        if player.is_live:
            player.wire.probe(self._addresses(), player.sender)
            wire.await_probes(self._live_wires())

    def _sends_raw(self, player, step):
        text = self._fill(step.block)
        self.told.append(f"   {player.name} → {text}")
        player.wire.send(text)

    def _receives(self, player, step):
        self._expect(player, self._fill(step.block))

    def _expect(self, player, text):
        for expected in match.parse(text):
            actual = self._take(player, expected)
            matcher = match.Matcher(self.kept)
            if not matcher.matches(expected, actual):
                raise Mismatch(self._compare(expected, actual, matcher.differences))
            self.kept = matcher.kept

    def _take(self, player, expected):
        try:
            element = player.wire.take()
        except (Closed, TimeoutError, OSError) as problem:
            raise Mismatch(f"expected\n  {match.to_text(expected)}\ngot nothing: {problem!r}") \
                from None
        if element == wire.FOOTER:
            raise Mismatch(f"expected\n  {match.to_text(expected)}\ngot the footer")
        self.told.append(f"   {player.name} ← {self._show(element)}")
        return element

    def _receives_in_any_order(self, player, step):
        wanted = match.parse(self._fill(step.block))
        for _ in range(len(wanted)):
            actual = self._take(player, wanted[0])
            matcher = None
            for expected in wanted:
                matcher = match.Matcher(self.kept)
                if matcher.matches(expected, actual):
                    break
            else:
                raise Mismatch("expected one of\n" + "".join(
                    f"  {match.to_text(one)}\n" for one in wanted)
                    + f"got\n  {self._show(actual)}")
            self.kept = matcher.kept
            wanted.remove(expected)

    def _receives_nothing(self, player, step):
        self._settle()
        self._expect_nothing(player)

    def _expect_nothing(self, player):
        if not player.wire:
            return
        if player.wire._elements:
            raise Mismatch(f"{player.name} got what was not expected\n" + "\n".join(
                f"  {self._show(element)}" for element in player.wire._elements))
        if player.wire.over:
            raise Mismatch(f"the stream of {player.name} has ended")

    def _runs(self, player, step):
        """kontalkctl; what stands behind a bar is its standard input."""
        words, _, given = self._fill(step.block).partition(" | ")
        self.node.control(*words.split(), password=given)

    # What makes "nothing" certain.

    def _addresses(self):
        live = [p.jid for p in self.players.values() if not p.account and p.is_live]
        return [account.jid for account in self.cast.accounts.values()] + live

    def _settle(self):
        """Every actor asks every account and component something behind everything that was sent;
        accounts and links keep the order. After as many rounds as effects have steps, everything
        that was caused has arrived."""
        for _ in range(ROUNDS):
            for player in self.players.values():
                if player.is_live:
                    player.wire.probe(self._addresses(), player.sender)
            wire.await_probes(self._live_wires())

    def _live_wires(self):
        return [player.wire for player in self.players.values() if player.is_live]

    def _show(self, element):
        return "the footer" if element == wire.FOOTER else match.to_text(element)

    def _compare(self, expected, actual, differences):
        lines = "\n".join(f"  {difference}" for difference in differences)
        return (f"expected\n  {match.to_text(expected)}\ngot\n  {match.to_text(actual)}\n"
                f"differences\n{lines}")
