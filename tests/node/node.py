# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A node: what it consists of, in which order that starts and ends.

import contextlib
import fcntl
import os
import subprocess

from tests.node import accounts, certificates, configuration, place, ports
from tests.node.postgres import DATABASE, Postgres
from tests.node.process import Process, remove

# In the order in which they start; each can be restarted alone at any time.
DAEMONS = ("kontalk-router", "kontalk-c2s", "kontalk-s2s")
NETWORK_DAEMONS = ("kontalk-router", "kontalk-net", "kontalk-c2s", "kontalk-s2s")
FILES = "kontalk-files"
MUC = "kontalk-muc"
MUC_ROLE = "kontalk_muc"
POSTGRES = "postgres"
CONTROL_SECONDS = 60


class Node:
    def __init__(self, where, settings=None, durable=True, usual_ports=True, postgres=None,
                 member_of=None, workers=1, files=False,
                 muc=False):
        """settings: {section: {key: value}} to put into its kontalk.conf, for tests;
        member_of: its Network, which has a database for it; workers: so many c2s; files: with
        kontalk-files; muc: with kontalk-muc."""
        self.place = where
        self.settings = settings
        self.usual_ports = usual_ports
        self.member_of = member_of
        self.postgres = postgres or Postgres(where, durable)
        self.authority = certificates.Authority(where.ca)
        self.daemons = {name: self._daemon(name)
                        for name in (NETWORK_DAEMONS if member_of else DAEMONS)}
        self.workers = workers
        for number in range(2, workers + 1):
            self.daemons[f"kontalk-c2s@c2s-{number}"] = self._worker(f"c2s-{number}")
        if files:
            self.daemons[FILES] = self._daemon(FILES)
        if muc:
            self.daemons[MUC] = self._daemon(MUC)
        self.ports = ports.recall(where.ports)
        self._reservation = None
        self.domains = {where.network: (where.network, where.host)}

    def _daemon(self, name):
        conf = self.place.configuration
        return Process(name, [self.place.program(name), "-c", conf], conf,
                       f"{self.place.log}/{name}.log")

    def _worker(self, instance):
        """A further c2s; it has a file of its own with the same in it."""
        conf = self.place.configuration_of(instance)
        return Process("kontalk-c2s", [self.place.program("kontalk-c2s"), "-c", conf,
                                       "--instance", instance], conf,
                       f"{self.place.log}/kontalk-{instance}.log")

    @contextlib.contextmanager
    def locked(self):
        """One start or stop at a time."""
        self.place.prepare()
        with open(self.place.lock, "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # How it is.

    @property
    def title(self):
        return self.place.host

    def processes(self):
        return list(self.daemons.values())

    def part(self, name):
        return self.daemons.get(name) or self.postgres.process

    def missing(self):
        """The names of what does not run."""
        return [name for name in (POSTGRES, *self.daemons) if not self.part(name).pids()]

    def is_running(self):
        return os.path.islink(self.place.sockets) and not self.missing()

    # Start.

    def start(self):
        """All of it; if a part fails everything is stopped again. What a crash left is ended."""
        self.stop()
        try:
            self.place.make_sockets()
            self.choose_ports()
            self.postgres.start()
            if MUC in self.daemons:
                self.postgres.create_role(MUC_ROLE)
            self.configure()
            self.control("db", "migrate")
            for name in self.daemons:
                self.start_daemon(name)
            if not self.member_of:
                accounts.ensure(self)
        except BaseException:
            self.stop()
            raise
        finally:
            self._release_ports()

    def choose_ports(self):
        """Ours until the daemons are there."""
        if self._reservation is None:
            self._reservation = ports.Reservation()
            self.ports = ports.choose(self.place.ports, self._reservation, self.usual_ports,
                                      in_network=self.member_of is not None)

    def _release_ports(self):
        if self._reservation is not None:
            self._reservation.release()
        self._reservation = None

    def configure(self):
        """Writes the files that daemons and people read."""
        self.authority.ensure()
        pairs = {domain: self.authority.issue_server(f"{self.place.tls}/{domain}", names)
                 for domain, names in self.domains.items()}
        conninfo = self.postgres.conninfo
        base = configuration.sections(self.place, self.ports, conninfo, pairs,
                                      self.authority.certificate)
        if FILES in self.daemons:
            pair = self.authority.issue_server(f"{self.place.tls}/{self.place.upload}",
                                               (self.place.upload,))
            base = configuration.merge(
                base, configuration.files_sections(self.place, self.ports, pair))
        if MUC in self.daemons:
            base = configuration.merge(base, configuration.muc_sections(
                self.place, self.ports, self.postgres.conninfo_of(DATABASE, MUC_ROLE)))
        services = [domain for daemon, domain in ((FILES, self.place.upload),
                                                  (MUC, self.place.conference))
                    if daemon in self.daemons]
        if services:
            base = configuration.merge(base,
                                       configuration.service_sections(self.place, services))
        if self.member_of:
            base = configuration.merge(base, self.member_of.sections_of(self))
        settings = configuration.merge(base, self.settings)
        place.write(self.place.configuration, configuration.text(self.of_worker(settings, 1)))
        for number in range(2, self.workers + 1):
            place.write(self.place.configuration_of(f"c2s-{number}"),
                        configuration.text(self.of_worker(settings, number)))
        built = {service: port for service, port in self.ports.items()
                 if service != "FILES" or FILES in self.daemons}
        place.write(self.place.environment,
                    configuration.environment(self.place, built, conninfo,
                                              self.authority.certificate), 0o644)

    def of_worker(self, settings, number):
        """What the file of a worker has in it: the same in all of them."""
        return settings

    def start_daemon(self, name):
        pid = self.daemons[name].start(self.place.short(f"notify-{name}"))
        place.write(self._pid_file(name), f"{pid}\n", 0o644)

    # Stop.

    def stop(self):
        """Everything of ours that still runs, also what was left by a crash or started by hand."""
        orderly = all([self.stop_daemon(name) for name in reversed(self.daemons)])
        for instance in self.place.instances():  # an earlier start may have had more of them
            orderly = self._worker(instance).stop() and orderly
            remove(self._pid_file(f"kontalk-c2s@{instance}"))
        orderly = self.postgres.stop() and orderly
        self.place.remove_sockets()
        return orderly

    def stop_daemon(self, name):
        orderly = self.daemons[name].stop()
        remove(self._pid_file(name))
        return orderly

    def _pid_file(self, name):
        return f"{self.place.pids}/{name}.pid"

    # Administration.

    def control(self, *words, password=None, seconds=CONTROL_SECONDS):
        """kontalkctl; returns what it prints."""
        command = [self.place.program("kontalkctl"), "-c", self.place.configuration, *words]
        try:
            done = subprocess.run(command, input=password or "", capture_output=True, text=True,
                                  timeout=seconds, check=False)
        except FileNotFoundError as problem:
            raise place.Error(f"{command[0]} is not there: has it been built?") from problem
        if done.returncode != 0:
            raise place.Error(f"kontalkctl {' '.join(words)}: status {done.returncode}\n"
                              f"{done.stdout}{done.stderr}".rstrip())
        return done.stdout
