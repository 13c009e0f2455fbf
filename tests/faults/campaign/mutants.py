# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Servers with one promise broken on purpose: what a campaign is worth if it does not see that
# (docs/FAULTS.md). Each is a few texts of the tree that are replaced, in a copy of it.

import os
import shutil
import subprocess
from dataclasses import dataclass, field

# What the programs are made of.
SOURCES = ("Makefile", "common", "router", "c2s", "net", "s2s", "muc", "files", "kontalkctl")


@dataclass
class Mutant:
    name: str
    rules: tuple  # of the checker, by one of which it shows
    changes: list = field(default_factory=list)  # (file, text, its replacement)
    database: str = ""  # options of the server's sessions


MUTANTS = (
    Mutant("acknowledged before the commit", ("I1",), [
        ("c2s/sm/store.c", "post->ticket = settle_take(session);", "post->ticket = NULL;"),
        ("c2s/sm/smacks_ack.c", "? smacks->h_row : h;", "? h : h;"),
    ]),
    Mutant("what is written is delivered", ("I1",), [
        ("c2s/sm/catch_up.c", """    if (!session_acknowledges(session))
        confirm_sent(session, seq);
}

void offline_deliver""", """    offline_acknowledged(session, &seq, 1);
}

void offline_deliver"""),
    ]),
    Mutant("nothing is sent again to who resumes", ("I1",), [
        ("c2s/sm/smacks_resume.c", "    send_again(session);\n", "    (void)send_again;\n"),
    ]),
    Mutant("a message that is sent again is another one", ("I3",), [
        ("c2s/sm/store_rows.c", "    if (!text)\n        return;\n    buffer_printf(&key",
         "    if (true)\n        return;\n    buffer_printf(&key"),
    ]),
    Mutant("an offer is lost, and nobody sees the gap", ("I1", "I4"), [
        ("c2s/sm/outbox_offer.c", "return parcel == parcel->list->parcels ? NULL",
         "return true ? NULL"),
        ("c2s/sm/outbox_offer.c", "    if (error) {\n        list->due_ms = UINT64_MAX;",
         "    if (error && parcel->row.seq % 8 != 0) {\n        list->due_ms = UINT64_MAX;"),
        ("c2s/sm/outbox_offer.c", "    error = words_offer(",
         "    error = parcel->row.seq % 8 == 0 ? -1 : words_offer("),
    ]),
    Mutant("what comes live overtakes what is stored", ("I4",), [
        ("c2s/sm/catch_up.c", """    if (!session->behind)
        write_stored(session, message, seq);
}""", """    write_stored(session, message, seq);
}"""),
    ]),
    Mutant("nobody looks for what a full client has missed", ("I1",), [
        ("c2s/sm/catch_up.c", "!session->reading && session->client && delivery_takes",
         "false && session->client && delivery_takes"),
    ]),
    Mutant("commits do not wait for the disk", ("I1", "I5"), database="-c synchronous_commit=off"),
)

# What is broken between homes: tests/network/test_network_campaign.py sees it.
NETWORK_MUTANTS = (
    Mutant("what is offered again is another message", ("I3",), [
        ("c2s/sm/store_rows.c", '"$5::bigint"\n#define TAKES',
         '"$5::bigint AND false"\n#define TAKES'),
        ("c2s/sm/store_rows.c", "origin = $11::bytea AND seq <> $5::bigint AND received > "
         "$12::timestamptz\"\n                 \" LIMIT 1)",
         "origin = $11::bytea AND seq <> $5::bigint AND received > "
         "$12::timestamptz\"\n                 \" AND false LIMIT 1)"),
        ("c2s/sm/taker.c", "    if (arrival) {\n        offered_again(",
         "    if (arrival && !arrival->taking.stanza)\n"
         "        takings_forget(sm->taker->known, &arrival->taking), arrival = NULL;\n"
         "    if (arrival) {\n        offered_again("),
    ]),
    Mutant("an offer is lost between nodes, and nobody sees the gap", ("I1", "I4"), [
        ("c2s/sm/outbox_offer.c", "return parcel == parcel->list->parcels ? NULL",
         "return true ? NULL"),
        ("c2s/sm/outbox_offer.c", "    if (error) {\n        list->due_ms = UINT64_MAX;",
         "    if (error && parcel->row.seq % 8 != 0) {\n        list->due_ms = UINT64_MAX;"),
        ("c2s/sm/outbox_offer.c", "    error = words_offer(",
         "    error = parcel->row.seq % 8 == 0 ? -1 : words_offer("),
    ]),
    Mutant("an offer is answered before it is committed", ("I1",), [
        ("c2s/sm/taker.c", "        store_offered(account, stanza, arrival->taking.id);\n",
         "        took(account->sm, arrival);\n"
         "        store_offered(account, stanza, arrival->taking.id);\n"),
    ]),
    Mutant("what is for another home is kept until it is offered", ("I1",), [
        ("c2s/sm/outbox_offer.c", "    parcel->offered = true;\n",
         "    parcel->offered = true;\n"
         "    if (list->away)\n        outbox_rows_done(outbox->rows, &parcel->row, NULL);\n"),
    ]),
)


def apply(mutant, tree):
    for name, before, after in mutant.changes:
        path = os.path.join(tree, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert text.count(before) == 1, f"{mutant.name}: {name} has changed"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(before, after))


def build(mutant, tree, *programs):
    """Returns the directory of the programs: of these, or of all."""
    os.makedirs(tree)
    for name in SOURCES:
        (shutil.copytree if os.path.isdir(name) else shutil.copy2)(name, os.path.join(tree, name))
    objects = os.path.join(os.environ.get("BUILD", "build"), "obj")
    if os.path.isdir(objects):  # only what differs is compiled
        shutil.copytree(objects, f"{tree}/build/obj",
                        ignore=lambda _, names: {"unit", "tools", "tests"} & set(names))
    apply(mutant, tree)
    subprocess.run(["make", "-C", tree, f"-j{os.cpu_count()}", "BUILD=build", "SANITIZE=",
                    *([f"build/{name}" for name in programs] or ["programs"])], check=True,
                   stdout=subprocess.DEVNULL)
    return f"{tree}/build"
