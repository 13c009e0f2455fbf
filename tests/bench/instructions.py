# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Instructions for each chat message, counted by callgrind: one pair of clients, one message on its
# way at a time, so that every message is read, handled and written by itself. The same daemon is
# counted with FEW and then with MANY messages; what is there anyway (timers, pings) falls out of
# (instructions of MANY - of FEW) / (MANY - FEW). What the kernel does is not in it.

import collections
import contextlib
import glob
import os
import re
import subprocess
import tempfile

from tests.bench import network, servers
from tests.bench.load import Load

FEW, MANY = 500, 2500
IN_ROOM, AT_ONCE = (10, 40), 4


class Callgrind:
    """One daemon under callgrind, and its counts from dump to dump."""

    def __init__(self, directory, daemon):
        self.out = f"{directory}/callgrind"
        self.daemon = daemon
        # The branches of libraries that depend on the processor are those of valgrind's.
        self.words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.out}",
                      "--error-limit=no", "--log-file=/dev/null"]

    def dump(self, server):
        """Ends a count and begins the next; returns the file of the one that has ended."""
        before = self._dumps()
        (pid,) = server.parts()[self.daemon]
        subprocess.run(["callgrind_control", "--dump", str(pid)], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (new,) = self._dumps() - before
        return new

    def _dumps(self):
        return set(glob.glob(f"{self.out}.[0-9]*"))


def functions(dump):
    """{function: instructions of its own}. In the file names come with a number the first time
    and as that number alone later; a line behind "calls=" is what the called function cost."""
    names, found = {}, collections.Counter()
    function = program = ""
    with open(dump, encoding="utf-8", errors="replace") as file:
        for line in file:
            if match := re.match(r"c?(fn|ob)=\((\d+)\)(?: (.*))?", line):
                kind, number, name = match.groups()
                if name:
                    names[kind, number] = name
                if line.startswith("fn="):
                    function = names[kind, number]
                elif line.startswith("ob="):
                    program = names[kind, number]
            elif line.startswith("calls="):
                next(file)
            elif match := re.match(r"[+*\d-]\S* (\d+)$", line):
                found[describe(function, program)] += int(match[1])
    return found


def describe(function, program):
    """With the library if it is none of ours; recursion levels count as one function."""
    name = re.sub(r"'\d+$", "", function)
    library = re.match(r"(lib[a-z_+-]+[0-9]*|ld-linux[\w-]*)[-.]", os.path.basename(program))
    return f"{name} ({library[1]})" if library else name


@contextlib.contextmanager
def watched(daemon, clients, **options):
    """(server, load, callgrind)"""
    with tempfile.TemporaryDirectory(prefix="kontalk-bench-callgrind-") as directory:
        callgrind = Callgrind(directory, daemon)
        with servers.running("kontalk", clients, wrap={daemon: callgrind.words},
                             **options) as server, Load(server) as load:
            load.login(clients)
            yield server, load, callgrind


def difference(server, callgrind, say, few, many):
    """{function: instructions for each beyond `few`}. say(count)"""
    say(few)
    callgrind.dump(server)
    say(few)
    less = functions(callgrind.dump(server))
    say(many)
    more = functions(callgrind.dump(server))
    return {name: (more[name] - less[name]) / (many - few) for name in more}


def count(daemon, settings, meanwhile=None):
    """{function: instructions per message}. meanwhile(server): a context in which they are said."""
    with watched(daemon, 2, settings=settings) as (server, load, callgrind), \
            meanwhile(server) if meanwhile else contextlib.nullcontext():
        return difference(server, callgrind, lambda count: load.talk(count, 1), FEW, MANY)


def count_between(daemon, node):
    """The same of a daemon of alpha, which says all of them, or of beta, which hears them."""
    with tempfile.TemporaryDirectory(prefix="kontalk-bench-callgrind-") as directory:
        callgrind = Callgrind(directory, f"{daemon} of {node}")
        with network.running(wrap={daemon: callgrind.words}, wrapped=node) as pair, \
                Load(pair, pair.fill(1)[1]) as load:
            load.login(2)
            return difference(pair, callgrind, lambda count: load.talk(count, 1), FEW, MANY)


def count_in_room(daemon, size):
    """{function: instructions per delivery}, 4 messages on their way at any time."""
    settings = {"muc": {"rate": "100000"}}
    with watched(daemon, size, rooms=True, settings=settings) as (server, load, callgrind):
        load.enter(server.conference, size, size)
        cost = difference(server, callgrind, lambda count: load.say(count, AT_ONCE), *IN_ROOM)
        return {name: value / size for name, value in cost.items()}
