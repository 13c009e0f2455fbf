# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Figures as Markdown: on standard output, and with RECORD=yes in docs/BENCHMARKS.md too, between
# the marks of the benchmark.

import datetime
import os
import platform
import re

from tests.node import place

DOCUMENT = "docs/BENCHMARKS.md"


def table(head, rows):
    """The first column is text, the others are figures."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))) + " |"
             for row in cells]
    rule = "|" + "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":"
                          for i, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def machine():
    """What kind of machine this is; nothing that tells one from another."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return (f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), "
            f"{memory:.0f} GiB, {system}, Linux {platform.release().split('-')[0]}")


def publish(name, command, text):
    """`command`: what measured these figures."""
    header = f"Measured by `{command}` on {datetime.date.today()}: {machine()}."
    body = f"{header}\n\n{text}\n"
    print(f"\n{body}", flush=True)
    if os.environ.get("RECORD"):
        record(name, body)


def record(name, body):
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    document = place.read(DOCUMENT)
    before, found, rest = document.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{DOCUMENT} has no place for {name}")
    place.write(DOCUMENT, f"{before}{begin}\n{body}{end}{after}", 0o644)
