# SPDX-License-Identifier: AGPL-3.0-or-later
#
# python3 -m tests.node run|start|stop: what `make run`, `make start` and `make stop` call. RUN and
# BIN come from the environment.

import argparse
import os
import signal
import sys
import time

from tests.node import place, proof
from tests.node.node import Node
from tests.node.ports import ADDRESS

LOOK_SECONDS = 1


class Ended(Exception):
    """A signal asks us to end."""


def arguments():
    parser = argparse.ArgumentParser(prog="python3 -m tests.node")
    parser.add_argument("command", choices=("run", "start", "stop"))
    parser.add_argument("--nodes", default="1")
    parser.add_argument("--workers", default="1")
    return parser.parse_args()


def refuse_what_is_no_number(options):
    for name in ("nodes", "workers"):
        value = getattr(options, name)
        if not value.isdigit() or int(value) < 1:
            raise place.Error(f"{name.upper()}={value}: a number from 1 on is needed")


def make_system(options):
    """A node, or a network of several: what is there, if that runs or is to be stopped, or what is
    asked for."""
    run_directory, programs = os.environ.get("RUN", "run"), os.environ.get("BIN", "build")
    asked, there = int(options.nodes), count_below(run_directory)
    workers = int(options.workers)
    old = of_size(there, run_directory, programs) if there and there != asked else None
    if old and (options.command == "stop" or old.is_running()):
        return old
    if old:
        with old.locked():
            old.stop()
    return of_size(asked, run_directory, programs, workers)


def of_size(count, run_directory, programs, workers=1):
    if count == 1:
        return Node(place.Place(run_directory, programs), workers=workers, files=True,
                    muc=True)
    from tests.node.network import Network  # needs a package that one node does not
    return Network(run_directory, programs, count, workers=workers, muc=True)


def count_below(run_directory):
    """How many nodes a RUN directory has."""
    places = (place.Place(run_directory, "", host=name) for name in place.HOSTS)
    return sum(os.path.exists(where.configuration) for where in places)


def describe(system):
    if isinstance(system, Node):
        describe_node(system)
        return
    print(f"{len(system.nodes)} nodes serve {system.place.network}.")
    print("alice, connected to each of them, sent bob, connected to each of them, a message.")
    for node in system.nodes.values():
        print(f"""{node.place.host}
  clients        {ADDRESS}:{node.ports['C2S']} (STARTTLS), {ADDRESS}:{node.ports['C2S_TLS']} (TLS)
  other nodes    {ADDRESS}:{node.ports['NET']}
  configuration  {shown(node.place.configuration)}, for shells {shown(node.place.environment)}
  logs           {shown(node.place.log)}""")
    print(f"accounts       {shown(system.place.accounts)} (JID and password)", flush=True)


def describe_node(node):
    where = node.place
    print(f"""{where.host} serves {where.network}.
alice sent bob a message through real connections.
  clients        {ADDRESS}:{node.ports['C2S']} (STARTTLS), {ADDRESS}:{node.ports['C2S_TLS']} (TLS)
  web clients    wss://{ADDRESS}:{node.ports['HTTPS']}/xmpp-websocket
                 ws://{ADDRESS}:{node.ports['HTTP']}/xmpp-websocket
  files          {ADDRESS}:{node.ports['FILES']} (HTTPS), for {where.upload}
  rooms          name@{where.conference}
  components     {ADDRESS}:{node.ports['COMPONENT']}, as {place.COMPONENT}
                 with the secret in {shown(where.secrets)}/{place.COMPONENT}
  accounts       {shown(where.accounts)} (JID and password)
  authority      {shown(node.authority.certificate)} (clients must trust it)
  configuration  {shown(where.configuration)}, for shells {shown(where.environment)}
  logs           {shown(where.log)}
  database       {shown(node.postgres.data)}""", flush=True)


def shown(path):
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def bring_up(node):
    """With proof; whatever fails, nothing is left running."""
    node.start()
    try:
        prove(node)
    except BaseException as problem:
        ignore_signals()
        gone = "".join(f"\n{name} ended {node.part(name).ending()}" for name in node.missing())
        node.stop()
        if isinstance(problem, place.Error):
            raise place.Error(f"{problem}{gone}\n{logs(node)}") from problem
        raise


def prove(system):
    if isinstance(system, Node):
        proof.send_message(system)
    else:
        proof.reach_all(system)


def logs(node):
    return "\n".join(f"last lines of {shown(process.log)}:\n{process.log_tail()}"
                     for process in node.processes())


def start(node):
    with node.locked():
        if node.is_running():
            print(f"{node.title} is already running ({shown(node.place.run)})")
            return
        bring_up(node)
    describe(node)
    print("It runs in the background; `make stop` ends it.")


def stop(node):
    if not os.path.isdir(node.place.run):
        return
    with node.locked():
        node.stop()


def run(node):
    started = False
    try:
        with node.locked():
            if node.is_running():
                raise place.Error(f"{node.title} is already running; `make stop` ends it")
            started = True
            bring_up(node)
        describe(node)
        print("Ctrl-C ends it.", flush=True)
        watch(node)
    except Ended:
        pass
    finally:
        ignore_signals()
        if started:
            with node.locked():
                node.stop()


def watch(node):
    """Until a signal comes or nothing is left; daemons may end and be started again."""
    gone = []
    while len(gone) <= len(node.processes()):
        time.sleep(LOOK_SECONDS)
        missing = node.missing()
        for name in missing:
            if name not in gone:
                tell_end(node, name)
        gone = missing


def tell_end(node, name):
    part = node.part(name)
    print(f"{name} ended {part.ending()}; the others go on.", flush=True)
    if part in node.processes():
        print(f"  to start it again: {' '.join(part.command)}", flush=True)


def end(*_):
    """Once: what the signal began is not to be interrupted by another."""
    ignore_signals()
    raise Ended


def ignore_signals():
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def main():
    options = arguments()
    for number in SIGNALS:
        signal.signal(number, end)
    try:
        refuse_what_is_no_number(options)
        COMMANDS[options.command](make_system(options))
    except place.Error as problem:
        print(f"{options.command}: {problem}", file=sys.stderr)
        return 1
    except Ended:
        return 130
    return 0


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COMMANDS = {"run": run, "start": start, "stop": stop}
sys.exit(main())
