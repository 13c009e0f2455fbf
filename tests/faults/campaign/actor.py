# SPDX-License-Identifier: AGPL-3.0-or-later
#
# One client that behaves as a real one: it comes back after every loss, resumes its session if it
# can (XEP-0198), says again what was not acknowledged, under the same id and origin-id, and
# acknowledges what it has received.

import asyncio
import contextlib
import random
from collections import deque
from xml.sax.saxutils import quoteattr

from tests.faults.campaign.wire import SECONDS, Broken, Wire
from tests.node.client import BIND, CLIENT

SM = "urn:xmpp:sm:3"
SID = "urn:xmpp:sid:0"
DELAY = "urn:xmpp:delay"
CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
PING = "urn:xmpp:ping"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
MODULUS = 2**32
BACK_OFF = (0.1, 1.0)  # seconds between two attempts: from, to


class Actor:
    """account: jid and password; sm: whether it speaks XEP-0198; asks: after how many messages it
    asks for an acknowledgement; carbons: whether it wants the messages of its other devices."""

    def __init__(self, server, account, ledger, device="phone", sm=True, asks=3, carbons=False):
        self.server = server
        self.account = account
        self.bare = account.jid
        self.user, _, self.domain = account.jid.partition("@")
        self.ledger = ledger
        self.device = device
        self.sm = sm
        self.asks = asks
        self.carbons = carbons
        self._silent = self._owes = False  # reads, but answers no <r/>; there was one
        self.logins = self.resumptions = 0
        self.ready = asyncio.Event()
        self._wire = None
        self._lost = []  # wires that the server may still hold for connected
        self._previous = None  # the id to resume by
        self._out = 0  # stanzas sent in this session
        self._acknowledged = 0
        self._in = 0  # stanzas received in this session
        self._untold = []  # deliveries of this session that it has not acknowledged
        self._unacknowledged = deque()  # (number or None if not sent yet, xml, key or None)
        self._task = None
        self._deaf = False

    # What the campaign does with it.

    def start(self):
        self._task = asyncio.create_task(self._live(), name=f"{self.bare}/{self.device}")

    @property
    def started(self):
        return self._task is not None

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        while self._lost:
            await self._lost.pop().close()

    async def leave(self, forget=False):
        """Its connection is cut, and it does not come back before start(); forget: nor does it know
        its session then."""
        await self.stop()
        if forget:
            self._previous = None

    def deaf(self):
        """From the next login on, until it leaves, it reads nothing once it is online."""
        self._deaf = True
        return self

    def failed(self):
        """The exception that ended it by itself: a defect of the crowd; None."""
        done = self._task and self._task.done() and not self._task.cancelled()
        return self._task.exception() if done else None

    def say(self, to, key):
        """To be sent as soon as it is connected, and until it is acknowledged."""
        self.ledger.said(key, self.bare, to)
        name = quoteattr(key)
        self._say(f"<message type='chat' to={quoteattr(to)} id={name}><body>{key}</body>"
                  f"<origin-id xmlns='{SID}' id={name}/></message>", key)

    def cut(self, forget=False):
        """forget: as if the program had been started anew; what it wants to say was on its disk."""
        if forget:
            self._previous = None
        if self._wire:
            self._wire.cut()

    def vanish(self):
        """Its network is gone without a word to anybody; it comes back over another one."""
        if self._wire:
            self._lost.append(self._wire)
            self._wire.lose()

    def hush(self, yes):
        """It answers no <r/> until this is over, then the last one."""
        self._silent = yes
        if not yes and self._owes and self.ready.is_set():
            with contextlib.suppress(Broken):
                self._acknowledge()

    def pause(self, yes):
        if self._wire:
            self._wire.pause(yes)

    @property
    def idle(self):
        """Everything it has said has been acknowledged."""
        return not self._unacknowledged

    # Out.

    def _say(self, xml, key=None):
        self._unacknowledged.append([None, xml, key])
        if self.ready.is_set():
            with contextlib.suppress(Broken):
                self._flush()

    def _flush(self):
        for entry in self._unacknowledged:
            if entry[0] is None:
                self._transmit(entry)

    def _transmit(self, entry):
        self._out = (self._out + 1) % MODULUS
        entry[0] = self._out
        self._wire.send(entry[1])
        if self._out % self.asks == 0:
            self.ask()

    def ask(self):
        """Whether everything so far has arrived. Without XEP-0198 a ping behind it tells that."""
        if not self.ready.is_set():
            return
        with contextlib.suppress(Broken):
            if self.sm:
                self._wire.send(f"<r xmlns='{SM}'/>")
            elif self._unacknowledged:
                name = f"barrier-{self.logins}-{self._out}"
                self._wire.send(f"<iq type='get' id='{name}' to='{self.domain}'>"
                                f"<ping xmlns='{PING}'/></iq>")

    def _settle(self, h):
        """The server has everything up to number h of this session."""
        if (h - self._acknowledged) % MODULUS > (self._out - self._acknowledged) % MODULUS:
            self.ledger.complain(f"{self.bare}: h={h} behind {self._acknowledged}, beyond "
                                 f"{self._out} sent")
            return
        self._acknowledged = h
        while self._unacknowledged and self._unacknowledged[0][0] is not None:
            number, _, key = self._unacknowledged[0]
            if 0 < (number - h) % MODULUS < MODULUS // 2:
                break
            self._unacknowledged.popleft()
            if key:
                self.ledger.promise(key)

    # The session.

    async def _live(self):
        while True:
            try:
                await self._connect()
                await self._listen()
            except Broken:
                pass
            finally:
                self.ready.clear()
                if self._wire and self._wire not in self._lost:
                    await self._wire.close()
            await asyncio.sleep(random.uniform(*BACK_OFF))

    async def _connect(self):
        self._owes = False
        self._wire = Wire(self.server, self.domain)
        await self._wire.connect(self.user, self.account.password)
        if not (self._previous and await self._resume()):
            await self._begin()
        if self._deaf:
            self._deaf = False
            self._wire.pause(True)
        self.ready.set()
        self._flush()
        self.ask()

    async def _resume(self):
        self._wire.send(f"<resume xmlns='{SM}' previd={quoteattr(self._previous)} h='{self._in}'/>")
        self._tell("resume")
        element = await self._wire.receive(SECONDS)
        h = element.get("h")
        if element.tag == f"{{{SM}}}resumed":
            self.resumptions += 1
            self._settle(int(h))
            for entry in list(self._unacknowledged):
                if entry[0] is not None:
                    self._wire.send(entry[1])
            return True
        if element.tag != f"{{{SM}}}failed":
            raise Broken("no answer to <resume/>")
        if h is not None:
            self._settle(int(h))
        self._previous = None
        return False

    async def _begin(self):
        """A new session; what is not acknowledged is said again in it."""
        self.logins += 1
        self._out = self._acknowledged = self._in = 0
        self._untold.clear()
        self._unacknowledged = deque([None, *entry[1:]] for entry in self._unacknowledged
                                     if entry[2])
        await self._ask("set", f"<bind xmlns='{BIND}'><resource>{self.device}</resource></bind>")
        self.sm = self.sm and self._wire.features.find(f"{{{SM}}}sm") is not None
        if self.sm:
            self._wire.send(f"<enable xmlns='{SM}' resume='true'/>")
            enabled = await self._until(f"{{{SM}}}enabled")
            self._previous = enabled.get("id") if enabled.get("resume") in ("true", "1") else None
        # What has been stored is asked for first: a copy would come before it.
        self._count_out("<presence/>")
        if self.carbons:
            self._count_out(f"<iq type='set' id='carbons'><enable xmlns='{CARBONS}'/></iq>")

    def _count_out(self, xml):
        """At once, before what it has not said yet; for this session only."""
        entry = [None, xml, None]
        if self.sm:
            sent = sum(number is not None for number, _, _ in self._unacknowledged)
            self._unacknowledged.insert(sent, entry)
        self._transmit(entry)

    async def _ask(self, kind, payload):
        self._wire.send(f"<iq type='{kind}' id='ask'>{payload}</iq>")
        answer = await self._wire.expect(f"{{{CLIENT}}}iq")
        if answer.get("type") != "result":
            raise Broken("an error to a question of the login")

    async def _until(self, tag):
        while (element := await self._wire.receive(SECONDS)).tag != tag:
            self._handle(element)
        return element

    async def _listen(self):
        while True:
            self._handle(await self._wire.receive())

    # In.

    def _acknowledge(self):
        self._owes = False
        self._wire.send(f"<a xmlns='{SM}' h='{self._in}'/>")
        self._tell("a")

    def _tell(self, how):
        for delivery in self._untold:
            delivery.told = how
        self._untold.clear()

    def _handle(self, element):
        kind = element.tag.partition("}")[2]
        if element.tag == f"{{{SM}}}r":
            self._owes = True
            if not self._silent:
                self._acknowledge()
        elif element.tag == f"{{{SM}}}a":
            self._settle(int(element.get("h")))
        elif kind in ("message", "presence", "iq"):
            self._in = (self._in + 1) % MODULUS
            getattr(self, f"_on_{kind}")(element)

    def _on_presence(self, element):
        pass

    def _on_iq(self, element):
        name, kind = element.get("id", ""), element.get("type")
        if kind in ("get", "set"):
            to = f" to={quoteattr(element.get('from'))}" if element.get("from") else ""
            self._count_out(f"<iq type='result' id={quoteattr(name)}{to}/>")
        elif name.startswith(f"barrier-{self.logins}-") and not self.sm:
            self._settle(int(name.rpartition("-")[2]))

    def _on_message(self, element):
        if element.get("type") == "error":
            condition = element.find(f"{{{CLIENT}}}error/*")
            self.ledger.refuse(element.get("id"), "" if condition is None else condition.tag)
            return
        carbon = element.find(f"{{{CARBONS}}}received/{{{FORWARD}}}forwarded/{{{CLIENT}}}message")
        if carbon is not None:
            element = carbon
        elif element.find(f"{{{CARBONS}}}sent") is not None:
            return
        key = element.findtext(f"{{{CLIENT}}}body")
        if key is None:
            return
        by = [e.get("id") for e in element.findall(f"{{{SID}}}stanza-id")
              if e.get("by") == self.bare]
        self._untold.append(self.ledger.deliver(
            self.bare, self.device, key, element.get("from").partition("/")[0],
            by[0] if by else None, element.find(f"{{{DELAY}}}delay") is not None,
            (self.sm, self.logins, self.resumptions)))
