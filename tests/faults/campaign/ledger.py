# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What was said, promised and received, by one clock. The checker reads it; nobody else decides
# anything by it.

import time
from collections import defaultdict
from dataclasses import dataclass, field

# A message is known by its key, "pair:number", which is its body, its id and its origin-id.


@dataclass
class Delivery:
    """A message as a client got it."""

    account: str  # whose client it was, bare
    device: str
    key: str
    sender: str  # bare
    stanza_id: str  # the one by the account; None if there is none
    delayed: bool
    at: float
    session: tuple = (True, 0, 0)  # whether it has XEP-0198, logins, resumptions
    told: str = None  # how the client has acknowledged it first: "a", "resume"; None: never


@dataclass
class Ledger:
    sent: dict = field(default_factory=dict)  # key → (sender, recipient), bare; in order
    promised: dict = field(default_factory=dict)  # key → when the server's <a/> covered it
    strangers: set = field(default_factory=set)  # bare JIDs whose server promises nothing to us
    refused: dict = field(default_factory=dict)  # key → condition
    deliveries: list = field(default_factory=list)
    archives: dict = field(default_factory=dict)  # bare → [(stanza-id, key)] in order, at the end
    pending: dict = field(default_factory=lambda: defaultdict(list))  # bare → keys, at the end
    faults: list = field(default_factory=list)  # (when, what, seconds until talk went on or None)
    broken_promises: list = field(default_factory=list)  # what clients saw of the protocol: texts

    def said(self, key, sender, recipient):
        self.sent[key] = (sender, recipient)

    def promise(self, key):
        self.promised.setdefault(key, time.monotonic())

    def refuse(self, key, condition):
        self.refused[key] = condition

    def deliver(self, account, device, key, sender, stanza_id, delayed, session=(True, 0, 0)):
        self.deliveries.append(Delivery(account, device, key, sender, stanza_id, delayed,
                                        time.monotonic(), session))
        return self.deliveries[-1]

    def complain(self, text):
        self.broken_promises.append(f"{text}, {self.time_of(time.monotonic())}")

    def time_of(self, at):
        """Where in the campaign that was, as text."""
        before = [what for when, what, _ in self.faults if when <= at]
        return f"after {before[-1]!r}" if before else "before the first fault"

    # What is still open.

    def received_by(self, account):
        return {d.key for d in self.deliveries if d.account == account}

    def missing(self):
        """Promised by ours, not refused, and received by none of the recipient's clients."""
        received = {(d.account, d.key) for d in self.deliveries}
        return [key for key in self.promised
                if key not in self.refused and (self.sent[key][1], key) not in received
                and self.sent[key][0] not in self.strangers]

    def unanswered(self):
        """Neither promised nor refused."""
        return [key for key in self.sent
                if key not in self.promised and key not in self.refused]
