# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Clients that talk while the server is upgraded under them: each sends to the next one, knows what
# was acknowledged (XEP-0198), and resumes its session when the connection is lost.

import threading
import time

from tests.harness import wait
from tests.harness.smacks import SmStream, collect
from tests.node.client import CLIENT, Closed

BODY = f"{{{CLIENT}}}body"
LANES = 8
RESUME_SECONDS = 60
LOST = (Closed, OSError)


class Stream(SmStream):
    """Remembers what was said to it."""

    bodies = frozenset()

    def receive_any(self, *arguments):
        element = super().receive_any(*arguments)
        if element.findtext(BODY):
            self.bodies.add(element.findtext(BODY))
        return element


class Talker:
    def __init__(self, server, account):
        self.server = server
        self.account = account
        self.sent = []        # in this session, in order
        self.acknowledged = 0  # so many of them
        self.longest = 0.0    # pause, in seconds
        self.resumed = 0
        self.refused = 0      # connections, because nobody listened
        self.bodies = set()
        self.stream = Stream(server, account).login()
        self.stream.send_presence()
        self.stream.settle()
        self.stream.bodies = self.bodies
        self.stream.enable()
        self.since = time.monotonic()

    def say(self, to, body):
        """Returns when it is acknowledged, whatever happens meanwhile."""
        self.sent.append((to, body))
        try:
            self.stream.send_message(to, body)
        except LOST:
            self.resume()
        while self.acknowledged < len(self.sent):
            try:
                self.acknowledged = self.stream.ask_h()
            except LOST:
                self.resume()
        self.longest = max(self.longest, time.monotonic() - self.since)
        self.since = time.monotonic()

    def resume(self):
        wait.until(self.tries_to_resume, RESUME_SECONDS, f"a session for {self.account.jid}")
        self.resumed += 1

    def tries_to_resume(self):
        try:
            stream = Stream(self.server, self.account)
            stream.bodies = self.bodies
            self.acknowledged = stream.authenticated().resume(self.stream)
            for to, body in self.sent[self.acknowledged:]:
                stream.send_message(to, body)
        except (*LOST, AssertionError) as problem:
            if "not resumed" in str(problem):
                raise
            self.refused += isinstance(problem, ConnectionRefusedError)
            return False
        self.stream.close()
        self.stream = stream
        return True

    def hear(self, expected):
        """Until all of these have come."""
        deadline = time.monotonic() + RESUME_SECONDS
        while not expected <= self.bodies:
            assert time.monotonic() < deadline, ("lost", self.account.jid,
                                                 sorted(expected - self.bodies)[:5])
            try:
                collect(self.stream)
            except LOST:
                self.resume()


def talk_while(talkers, action):
    """Each says something to the next one, over and over, while action() runs and once more."""
    done = threading.Event()
    problems = []

    def lane(mine):
        number = 0
        try:
            last = False
            while not last:
                last = done.is_set()
                for index in mine:
                    to = talkers[(index + 1) % len(talkers)].account.jid
                    talkers[index].say(to, f"{index}-{number}")
                number += 1
        except BaseException as problem:  # told by the one who waits
            problems.append(problem)

    threads = [threading.Thread(target=lane, args=(range(first, len(talkers), LANES),))
               for first in range(LANES)]
    for talker in talkers:
        talker.since = time.monotonic()
    for thread in threads:
        thread.start()
    try:
        action()
    finally:
        done.set()
        for thread in threads:
            thread.join()
    if problems:
        raise problems[0]
    for index, talker in enumerate(talkers):
        before = talkers[index - 1]
        talker.hear({body for _, body in before.sent})
