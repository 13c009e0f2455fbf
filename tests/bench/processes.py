# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What processes use, as the kernel counts it (proc(5)).

import os

TICKS = os.sysconf("SC_CLK_TCK")


def with_children(pid):
    """The process and all below it."""
    found = [pid]
    for parent in found:
        found += _children(parent)
    return found


def _children(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks
                for child in _read(pid, f"task/{task}/children").split()]
    except FileNotFoundError:
        return []


def _read(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
        return file.read()


def private_bytes(pids):
    """Memory that nobody else has: what would be free without these processes."""
    return sum(_rollup(pid, "Private_Clean") + _rollup(pid, "Private_Dirty") for pid in pids)


def proportional_bytes(pids):
    """PSS: what is shared counts in equal parts."""
    return sum(_rollup(pid, "Pss") for pid in pids)


def _rollup(pid, name):
    for line in _read(pid, "smaps_rollup").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {name} in smaps_rollup")


def cpu_seconds(pids):
    """utime + stime of all threads."""
    total = 0
    for pid in pids:
        fields = _read(pid, "stat").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS
