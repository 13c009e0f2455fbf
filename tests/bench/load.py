# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The load's clients, in a process of their own (load.c).

import os
import subprocess

# Those who begin to log in without waiting for one another.
LOGINS_AT_ONCE = 16


class LoadError(Exception):
    pass


class Load:
    """with Load(server) as load: load.login(1000); load.talk(20000, 50)"""

    def __init__(self, server, accounts=None):
        """accounts: the file of accounts, if it is not the server's own."""
        program = f"{os.environ.get('OBJ', 'build/obj')}/bench/load"
        self._process = subprocess.Popen(
            [program, server.address, server.ca, accounts or server.accounts.path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        """The clients leave in order, unless something is wrong already."""
        if failure:
            self._process.kill()
        _, problems = self._process.communicate()
        if not failure and self._process.returncode != 0:
            raise LoadError(f"status {self._process.returncode}: {problems}")

    def _tell(self, words):
        """Returns the seconds it took, and further numbers of the answer."""
        self._process.stdin.write(words + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().split()
        if answer[:1] != ["ok"]:
            raise LoadError(f"{words}: {self._process.stderr.read()}")
        return [float(number) for number in answer[1:]]

    def login(self, count):
        """Further clients log in until there are `count`."""
        return self._tell(f"login {count} {LOGINS_AT_ONCE}")[0]

    def talk(self, messages, pairs, at_once=1):
        """`at_once` messages of each pair are on their way at any time."""
        return self._tell(f"talk {messages} {pairs} {at_once}")[0]

    def enter(self, service, count, size):
        """The first `count` clients into rooms of `size` each: room0@service and so on."""
        return self._tell(f"enter {service} {count} {size}")[0]

    def say(self, messages, at_once):
        """In the first room, by everybody in turn; each is heard by all in it."""
        return self._tell(f"say {messages} {at_once}")[0]

    def enable(self, count):
        """The first `count` clients have XEP-0198 from now on."""
        self._tell(f"enable {count}")

    def acks(self, messages, per_second, pairs):
        """Of acknowledgements: median, 99th percentile and maximum in milliseconds."""
        return [micros / 1000 for micros in self._tell(f"acks {messages} {per_second} {pairs}")[1:]]

    def delays(self, messages, pause_ms):
        """Of messages from the first client to the second one: median, 99th percentile and maximum
        in milliseconds."""
        return [micros / 1000 for micros in self._tell(f"delays {messages} {pause_ms}")[1:]]
