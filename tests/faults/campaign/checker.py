# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Compares what a ledger says with what the server promised (docs/FAULTS.md numbers the rules). A
# violation is a text that begins with its rule.

from collections import Counter, defaultdict

SHOWN = 20


def pair_and_number(key):
    pair, _, number = key.rpartition(":")
    return pair, int(number)


def lost(ledger):
    """I1: what was promised arrives, or its sender is told."""
    for key in ledger.missing():
        sender, recipient = ledger.sent[key]
        yield f"I1 lost: {key} from {sender} to {recipient}"


def doubled_in_archives(ledger):
    """I2: once in each archive."""
    for account, entries in ledger.archives.items():
        seen = set()
        for _, key in entries:
            if key in seen:
                yield f"I2 twice in the archive of {account}: {key}"
            seen.add(key)


def doubled(ledger):
    """I3: a repeated delivery has the same stanza-id; on one device it says that it is late.
    Another server that has taken a message without saying so gets it again, and may not know it."""
    identities = defaultdict(set)
    times = defaultdict(int)
    for delivery in ledger.deliveries:
        identities[delivery.account, delivery.key].add(delivery.stanza_id)
        at = (delivery.account, delivery.device, delivery.key)
        times[at] += 1
        if times[at] > 1 and not delivery.delayed and delivery.account not in ledger.strangers:
            yield f"I3 again without a delay: {delivery.key} to {delivery.account}"
    for (account, key), found in identities.items():
        if len(found) > 1:
            yield f"I3 doubled: {key} to {account} as {sorted(map(str, found))}"


def reordered(ledger):
    """I4: first deliveries to a device are in the order of sending."""
    latest = {}
    seen = set()
    for delivery in ledger.deliveries:
        at = (delivery.account, delivery.device, delivery.key)
        if at in seen:
            continue
        seen.add(at)
        pair, number = pair_and_number(delivery.key)
        stream = (delivery.account, delivery.device, pair)
        if number < latest.get(stream, -1):
            yield (f"I4 out of order: {delivery.key} to {delivery.account}/{delivery.device} "
                   f"behind {latest[stream]}, {ledger.time_of(delivery.at)}")
        latest[stream] = max(number, latest.get(stream, -1))


def archives_disagree(ledger):
    """I5: what is in one archive of a conversation is in the other, in the same order."""
    def between(account, other):
        return [key for _, key in ledger.archives[account]
                if set(ledger.sent.get(key, ())) == {account, other}]

    pairs = {tuple(sorted(ends)) for ends in ledger.sent.values()}
    for one, other in pairs:
        if one not in ledger.archives or other not in ledger.archives:
            continue
        left, right = between(one, other), between(other, one)
        refused = set(ledger.refused)
        for key in sorted((set(left) ^ set(right)) - refused, key=pair_and_number):
            yield f"I5 in one archive of {one} and {other} only: {key}"
        by_pair = defaultdict(list)
        for key in left:
            by_pair[pair_and_number(key)[0]].append(pair_and_number(key)[1])
        for pair, numbers in by_pair.items():
            if numbers != sorted(numbers):
                yield f"I4 out of order in the archive of {one}: {pair}"


def still_pending(ledger):
    """I6: at the end nothing waits for those who have received it."""
    for account, keys in ledger.pending.items():
        received = ledger.received_by(account)
        for key in keys:
            if key in received:
                yield f"I6 still pending for {account}: {key}"


def strange(ledger):
    """I8: nothing is received that was not said to that account by that sender."""
    for delivery in ledger.deliveries:
        if ledger.sent.get(delivery.key) != (delivery.sender, delivery.account):
            yield f"I8 strange: {delivery.key} from {delivery.sender} to {delivery.account}"


def protocol(ledger):
    """I7: h neither falls nor passes what was sent, and whatever else a client noticed."""
    yield from (f"I7 {text}" for text in ledger.broken_promises)


RULES = (lost, doubled_in_archives, doubled, reordered, archives_disagree, still_pending, strange,
         protocol)


def violations(ledger):
    return [text for rule in RULES for text in rule(ledger)]


def repeats(ledger):
    """Deliveries beyond the first to a device: allowed, but worth counting."""
    places = [(d.account, d.device, d.key) for d in ledger.deliveries]
    return len(places) - len(set(places))


# What a client had told before it got something again. Of the first the server can know nothing.
ACKNOWLEDGED = {None: "never acknowledged", "resume": "acknowledged by <resume/>",
                "a": "acknowledged by <a/>"}


def causes(ledger):
    """Why devices were sent something again. Whether a client without XEP-0198 that was killed, or
    whose server was, had got the last of it nobody can know."""
    latest, count = {}, Counter()
    for delivery in ledger.deliveries:
        before = latest.get(place := (delivery.account, delivery.device, delivery.key))
        latest[place] = delivery
        if before is None:
            continue
        if not delivery.session[0]:
            count["to clients without XEP-0198"] += 1
            continue
        if before.session == delivery.session:
            where = "on the same stream"
        elif before.session[1] == delivery.session[1]:
            where = "in resumed sessions"
        else:
            where = "in new sessions"
        count[f"{where}, {ACKNOWLEDGED[before.told]}"] += 1
    return count


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def summary(ledger):
    """A line for people."""
    recoveries = defaultdict(list)
    for _, what, seconds in ledger.faults:
        if seconds is not None:
            recoveries[what].append(seconds)
    found = violations(ledger)
    count = Counter(text[:2] for text in found)
    lines = [f"{len(ledger.faults)} rounds, {len(ledger.sent)} messages sent, "
             f"{len(ledger.promised)} acknowledged, {len(ledger.refused)} refused; "
             f"lost {count['I1']}, doubled {count['I3']}, reordered {count['I4']}; "
             f"{repeats(ledger)} repeated deliveries",
             f"  broken rules: {', '.join(sorted(count)) or 'none'}"]
    reasons = Counter(condition.partition("}")[2] for condition in ledger.refused.values())
    lines += [f"  refused: {n} {condition}" for condition, n in sorted(reasons.items())]
    total = max(1, len(ledger.deliveries))
    lines += [f"  repeated {what}: {n}, {n / total:.1%} of all deliveries"
              for what, n in sorted(causes(ledger).items())]
    lines += [f"  {what}: {len(values)} times, talk went on after p50 "
              f"{percentile(values, 0.5):.2f} s, p95 {percentile(values, 0.95):.2f} s"
              for what, values in sorted(recoveries.items())]
    lines += found[:SHOWN]
    if len(found) > SHOWN:
        lines.append(f"… and {len(found) - SHOWN} more")
    return "\n".join(lines)
