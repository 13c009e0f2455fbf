# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The checker of campaigns sees what it is there for: histories with one defect each.

import pytest

from tests.faults.campaign import checker
from tests.faults.campaign.ledger import Ledger

A, B, C = "a@example.test", "b@example.test", "c@example.test"
KEYS = [f"p0:{n}" for n in range(4)]


def history(count=4):
    """All went well."""
    ledger = Ledger()
    for number, key in enumerate(KEYS[:count]):
        ledger.said(key, A, B)
        ledger.promise(key)
        ledger.deliver(B, "phone", key, A, f"b{number}", False)
    ledger.archives = {A: [(f"a{n}", key) for n, key in enumerate(KEYS[:count])],
                       B: [(f"b{n}", key) for n, key in enumerate(KEYS[:count])]}
    return ledger


def lose(ledger):
    del ledger.deliveries[1]


def lose_of_a_stranger(ledger):
    lose(ledger)
    ledger.strangers.add(A)


def refuse_instead(ledger):
    del ledger.deliveries[1]
    ledger.refuse(KEYS[1], "wait")


def never_promised(ledger):
    del ledger.promised[KEYS[1]], ledger.deliveries[1]


def deliver_again(ledger):
    ledger.deliver(B, "phone", KEYS[3], A, "b3", True)


def deliver_again_silently(ledger):
    ledger.deliver(B, "phone", KEYS[3], A, "b3", False)


def deliver_to_another_device(ledger):
    ledger.deliver(B, "laptop", KEYS[3], A, "b3", False)


def deliver_again_elsewhere(ledger):
    deliver_again_silently(ledger)
    ledger.strangers.add(B)


def store_twice(ledger):
    ledger.deliver(B, "phone", KEYS[3], A, "b9", True)


def archive_twice(ledger):
    ledger.archives[B].append(("b9", KEYS[3]))


def swap(ledger):
    ledger.deliveries[1:3] = ledger.deliveries[2:0:-1]


def swap_in_archives(ledger):
    for entries in ledger.archives.values():
        entries[1:3] = entries[2:0:-1]


def archive_one_side_only(ledger):
    del ledger.archives[A][2]


def keep_pending(ledger):
    ledger.pending[B] = [KEYS[0]]


def deliver_to_another(ledger):
    ledger.deliver(C, "phone", KEYS[0], A, "c0", False)


def forge(ledger):
    ledger.deliver(B, "phone", "p7:0", A, "b7", False)


def fall(ledger):
    ledger.complain("h fell")


@pytest.mark.parametrize("change, rule", [
    (lambda ledger: None, None),
    (lose, "I1"), (lose_of_a_stranger, None), (refuse_instead, None), (never_promised, None),
    (archive_twice, "I2"),
    (deliver_again, None), (deliver_again_silently, "I3"), (deliver_again_elsewhere, None),
    (store_twice, "I3"),
    (deliver_to_another_device, None),
    (swap, "I4"), (swap_in_archives, "I4"),
    (archive_one_side_only, "I5"),
    (keep_pending, "I6"),
    (fall, "I7"),
    (deliver_to_another, "I8"), (forge, "I8"),
], ids=lambda value: getattr(value, "__name__", str(value)))
def test_rule(change, rule):
    ledger = history()
    change(ledger)
    found = checker.violations(ledger)
    assert [text[:2] for text in found] == ([rule] if rule else []), found


def test_summary_counts():
    ledger = history()
    lose(ledger)
    ledger.faults = [(0.0, "SIGKILL c2s", 0.5), (1.0, "SIGKILL c2s", None)]
    text = checker.summary(ledger)
    assert "2 rounds, 4 messages sent, 4 acknowledged, 0 refused; lost 1, doubled 0" in text
    assert "SIGKILL c2s: 1 times" in text and "I1 lost: p0:1" in text


@pytest.mark.parametrize("before, told, after, what", [
    ((False, 1, 0), None, (False, 2, 0), "to clients without XEP-0198"),
    ((True, 1, 0), "a", (True, 1, 0), "on the same stream, acknowledged by <a/>"),
    ((True, 1, 0), "resume", (True, 1, 1), "in resumed sessions, acknowledged by <resume/>"),
    ((True, 1, 1), None, (True, 2, 1), "in new sessions, never acknowledged"),
])
def test_causes(before, told, after, what):
    ledger = history()
    ledger.deliver(B, "laptop", KEYS[0], A, "b0", False, before).told = told
    ledger.deliver(B, "laptop", KEYS[0], A, "b0", True, after)
    assert checker.causes(ledger) == {what: 1}
    assert f"repeated {what}: 1, 16.7%" in checker.summary(ledger)
