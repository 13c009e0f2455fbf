# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Programs with fault points (common/base/fault_point.h), and daemons of them that end themselves
# at one.

import asyncio
from dataclasses import dataclass

from tests.faults.campaign.faults import Fault
from tests.harness import wait
from tests.harness.made import made_programs
from tests.harness.node import scratch_place
from tests.node import place

VARIABLE = "KONTALK_FAULT"
PASSES = 10  # the most passes until the end
SECONDS = 60


@dataclass(frozen=True)
class Point:
    daemon: str
    name: str

    def __str__(self):
        return f"{self.daemon}-{self.name}"


POINTS = [Point(daemon, name) for daemon, names in {
    "c2s": ("after_parse", "before_batch", "batch_sent", "commit_returned_before_ack",
            "ack_written", "before_notice", "notice_sent", "before_deliver",
            "delivered_before_cursor", "cursor_sent", "s2s_acked_before_delete"),
    "router": ("router_in", "router_out"),
    "s2s": ("s2s_row_before_send", "s2s_acked_before_delete"),
}.items() for name in names]


def programs():
    """The directory of the programs that have them."""
    return made_programs("points", FAULT_POINTS="yes")


def place_with_points():
    """Of a node of these programs."""
    where = scratch_place(place.NETWORK)
    where.bin = programs()
    return where


def start_armed(daemon, words):
    """Returns when it is ready, or has ended before that by the point."""
    process = daemon.process
    command = process.command
    process.command = ["env", f"{VARIABLE}={words}", *command]
    try:
        daemon.start()
    except place.Error:
        if process.runs() or process.ending() != "by SIGKILL":
            raise
    finally:
        process.command = command


def hit(daemon, words):
    """The daemon is started anew, ends at that point, and is started as usual."""
    daemon.kill()
    start_armed(daemon, words)
    wait.until(lambda: not daemon.process.runs(), SECONDS, f"{daemon.name} to end at {words}")
    ending = daemon.process.ending()
    assert ending == "by SIGKILL", f"{daemon.name} ended {ending} at {words}"
    daemon.start()


def fault_at(node, point):
    """What a campaign does; at which pass is chance."""
    async def strike(campaign):
        words = f"{point.name}:{campaign.random.randint(1, PASSES)}"
        await asyncio.get_running_loop().run_in_executor(
            None, hit, node.daemon(point.daemon), words)
    return Fault(str(point), strike, federation=point.daemon != "c2s")
