# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What the checks share: the files of the tree, C text without comments and strings, and the report.
# A check takes the tree to look at as its argument; without one it is the tree it stands in.

import os
import re
import sys

ROOT = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The folders of the tree; whatever else stands beside them was built or is private.
FOLDERS = ("common", "router", "c2s", "net", "s2s", "files", "muc", "kontalkctl", "tests",
           "systemd", "docs", ".ci")
SOURCE_FOLDERS = ("common", "router", "c2s", "net", "s2s", "files", "muc", "kontalkctl")
SKIP = 77


def files(*suffixes, folders=FOLDERS, root_files=True):
    """Paths relative to the tree, sorted; all files if no suffix is given."""
    found = [f for f in os.listdir(ROOT) if root_files and os.path.isfile(path(f)) and f != ".git"]
    for folder in folders:
        for directory, names, leaves in os.walk(path(folder)):
            names[:] = [n for n in names if n != "__pycache__" and not n.startswith(".pytest")]
            found += [os.path.relpath(os.path.join(directory, leaf), ROOT) for leaf in leaves]
    return sorted(f for f in found if not suffixes or f.endswith(suffixes))


def c_files(folders=SOURCE_FOLDERS):
    return files(".c", ".h", folders=folders, root_files=False)


def path(name):
    return os.path.join(ROOT, name)


def read(name):
    with open(path(name), encoding="utf-8", errors="replace") as file:
        return file.read()


def is_script(name):
    with open(path(name), "rb") as file:
        return file.read(2) == b"#!"


def is_text(name):
    with open(path(name), "rb") as file:
        return b"\0" not in file.read(4096)


TOKEN = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
                   re.VERBOSE | re.DOTALL)


def _blank(match):
    text = match.group()
    if text[0] in "\"'":
        return text[0] * 2
    return "\n" * text.count("\n") or " "


def code(name):
    """C without comments and with empty literals; lines keep their numbers."""
    return TOKEN.sub(_blank, read(name))


def lines_matching(text, pattern):
    """(line number, match) for each match in text."""
    for match in re.finditer(pattern, text):
        yield text.count("\n", 0, match.start()) + 1, match


def report(problems):
    problems = list(problems)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


def skip(reason):
    print(reason)
    sys.exit(SKIP)
