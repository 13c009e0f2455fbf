# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl setup: four answers make a configuration that daemons take, with a certificate that
# clients can verify. The whole on a machine with systemd is in tests/systemd.

import os
import pty
import ssl
import stat
import subprocess

import pytest

from tests.node import certificates, place

DOMAIN = "example.net"


class Site:
    """A directory as /etc/kontalk is behind the installation."""

    def __init__(self, directory, program):
        self.directory = directory
        self.main = f"{directory}/kontalk.conf"
        self.program = program
        os.mkdir(directory)
        with open(self.main, "w", encoding="utf-8") as file:
            file.write(f"[node]\nhost = localhost\nrun-directory = {directory}/run\n")

    def ctl(self, *words):
        return subprocess.run([self.program, "-c", self.main, *words], text=True, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)

    def setup(self, *words, domain=DOMAIN, database="none"):
        return self.ctl("setup", "--domain", domain, "--database", database, *words)

    def tls(self, name):
        return f"{self.directory}/tls/{DOMAIN}/{name}"

    def secret(self, name):
        return f"{self.directory}/secrets/components/{name}"

    def read(self):
        return place.read(f"{self.directory}/conf.d/site.conf")

    def is_untouched(self):
        return os.listdir(self.directory) == ["kontalk.conf"]


@pytest.fixture
def site(tmp_path, node):
    return Site(str(tmp_path / "etc"), node.place.program("kontalkctl"))


@pytest.fixture
def issued(tmp_path):
    """issued("example.net"): certificate and key for these names."""
    authority = certificates.Authority(str(tmp_path))
    authority.ensure()
    return lambda *names: authority.issue_server(str(tmp_path / "fullchain"), names)


def verified(site, name):
    """Whether a client that trusts the authority alone takes the certificate for the name."""
    server, client = (ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER,
                                                        ssl.PROTOCOL_TLS_CLIENT))
    server.load_cert_chain(site.tls("fullchain.pem"), site.tls("privkey.pem"))
    client.load_verify_locations(site.tls("authority.pem"))
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(down, up, server_hostname=name),
            server.wrap_bio(up, down, server_side=True))
    for end in (*ends, *ends):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
    return ends[0].version() == "TLSv1.3"


def test_trial(site):
    done = site.setup("--host", "one.example.net", "--admin", f"Admin@{DOMAIN}")
    assert done.returncode == 0, done.stderr
    assert site.read().splitlines()[1:] == [
        "[node]", "host = one.example.net", f"network = {DOMAIN}",
        f"shared-service = conference.{DOMAIN}", "", f'[domain "{DOMAIN}"]',
        f"certificate = {site.tls('fullchain.pem')}", f"key = {site.tls('privkey.pem')}",
        f"service = conference.{DOMAIN}", f"service = upload.{DOMAIN}",
        f"admin-address = xmpp:admin@{DOMAIN}", f"abuse-address = xmpp:admin@{DOMAIN}", "",
        f'[component "conference.{DOMAIN}"]', f"secret-file = {site.secret('conference')}",
        "allow = durable", "",
        "[muc]", f"domain = conference.{DOMAIN}", f"secret-file = {site.secret('conference')}",
        "durable = yes", "",
        f'[component "upload.{DOMAIN}"]', f"secret-file = {site.secret('upload')}", "",
        "[files]", f"domain = upload.{DOMAIN}", f"secret-file = {site.secret('upload')}",
        "listen-tls = [::]:5443", f"certificate = {site.tls('fullchain.pem')}",
        f"key = {site.tls('privkey.pem')}", f"public-url = https://upload.{DOMAIN}:5443"]
    assert site.ctl("conf", "check").returncode == 0
    assert stat.S_IMODE(os.stat(site.tls("privkey.pem")).st_mode) & 0o007 == 0
    assert f"    _xmpp-client._tcp.{DOMAIN}. 3600 IN SRV 0 5 5222 one.example.net." in done.stdout
    for name in (DOMAIN, f"conference.{DOMAIN}"):
        record = f"    _xmpps-server._tcp.{name}. 3600 IN SRV 0 5 5270 one.example.net."
        assert record in done.stdout
    assert f"    upload.{DOMAIN}. 3600 IN A" in done.stdout
    assert "systemctl enable --now kontalk.target kontalk-muc kontalk-files\n" in done.stdout
    assert f"user add admin@{DOMAIN}" in done.stdout
    assert f"invite --name admin@{DOMAIN} --admin" in done.stdout


def test_trial_certificate(site):
    assert site.setup().returncode == 0
    for name in (DOMAIN, f"upload.{DOMAIN}", f"conference.{DOMAIN}"):
        assert verified(site, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        verified(site, "other.example")


def test_secrets(site):
    """Each component has one of its own, which nobody else can read; what is there stays."""
    os.makedirs(os.path.dirname(site.secret("upload")))
    with open(site.secret("upload"), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write("made before")
    assert site.setup().returncode == 0
    assert len(place.read(site.secret("conference"))) == 40
    assert stat.S_IMODE(os.stat(site.secret("conference")).st_mode) == 0o600
    assert place.read(site.secret("upload")) == "made before"


def test_without_rooms_and_files(site):
    done = site.setup("--rooms", "none", "--files", "none")
    assert done.returncode == 0, done.stderr
    assert "component" not in site.read() and "service" not in site.read()
    assert "systemctl enable --now kontalk.target\n" in done.stdout
    assert "conference" not in done.stdout and "upload" not in done.stdout


def test_certificate_for_the_domain_alone(site, issued):
    """Files are under a name that it is for; that other servers do not believe rooms is told."""
    certificate, key = issued(DOMAIN)
    done = site.setup("--certificate", certificate, "--key", key)
    assert done.returncode == 0, done.stderr
    assert f"public-url = https://{DOMAIN}:5443" in site.read()
    assert f"-d {DOMAIN} -d conference.{DOMAIN}" in done.stdout
    assert "upload." not in done.stdout


def test_twice(site):
    """What was set up is never overwritten."""
    assert site.setup().returncode == 0
    before = site.read(), place.read(site.tls("privkey.pem"))
    done = site.setup("--host", "two.example.net")
    assert done.returncode == 1 and "has been set up" in done.stderr
    assert (site.read(), place.read(site.tls("privkey.pem"))) == before


def test_given_certificate(site, issued):
    certificate, key = issued(DOMAIN)
    done = site.setup("--certificate", certificate, "--key", key)
    assert done.returncode == 0, done.stderr
    assert place.read(site.tls("fullchain.pem")) == place.read(certificate)
    assert place.read(site.tls("privkey.pem")) == place.read(key)
    assert "trial" not in done.stdout


def test_key_beside_the_certificate(site, issued, tmp_path):
    """As certbot puts it there; without it nothing is written."""
    certificate, key = issued(DOMAIN)
    done = site.setup("--certificate", certificate)
    assert done.returncode == 1 and site.is_untouched()
    os.rename(key, tmp_path / "privkey.pem")
    assert site.setup("--certificate", certificate).returncode == 0


def test_certificate_of_somebody_else(site, issued):
    certificate, key = issued("other.example")
    done = site.setup("--certificate", certificate, "--key", key)
    assert done.returncode == 1 and certificate in done.stderr and site.is_untouched()


@pytest.mark.parametrize("rooms", ("rooms.example.com", f"x{DOMAIN}"))
def test_rooms_that_are_not_below_the_domain(site, rooms):
    """A network cannot have such together."""
    done = site.setup("--rooms", rooms)
    assert done.returncode == 0, done.stderr
    assert f"domain = {rooms}\n" in site.read() and "shared-service" not in site.read()


@pytest.mark.parametrize("words, said", (
    (["--domain", "a@example.net"], "is no domain"),
    (["--domain", "localhost"], "is no domain"),
    (["--domain", DOMAIN, "--admin", "admin@other.example"], "no address of"),
    (["--domain"], "needs a value"),
    (["--domain", DOMAIN, "--rooms", DOMAIN], "no domain of its own"),
    (["--domain", DOMAIN, "--rooms", "rooms.example.net", "--database", "dbname=x"],
     "--rooms-database"),
    (["--password", "x"], "no option is called")))
def test_wrong_answers(site, words, said):
    done = site.ctl("setup", *words)
    assert done.returncode == 1 and said in done.stderr and site.is_untouched()


def test_database(site, node):
    """One that is there already gets its tables."""
    done = site.setup(database=node.postgres.conninfo)
    assert done.returncode == 0, done.stderr
    assert "schema version" in done.stdout
    assert site.read().count(f"conninfo = {node.postgres.conninfo}") == 1
    assert "No rooms" in done.stderr and "[muc]" not in site.read()


def test_database_of_rooms(site, node):
    """They have a role, and so a way to connect, of their own."""
    done = site.setup("--rooms-database", "dbname=rooms", database=node.postgres.conninfo)
    assert done.returncode == 0, done.stderr
    assert "durable = yes\nconninfo = dbname=rooms\n" in site.read()


def test_no_database(site):
    """How to go on is told."""
    done = site.setup(database="host=/nonexistent dbname=x")
    assert done.returncode == 1 and "kontalkctl db migrate" in done.stderr


def test_questions(site):
    """On a terminal all four are asked, each with its default; an empty line takes it."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([site.program, "-c", site.main, "setup"], stdin=theirs, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        os.close(theirs)
        os.write(ours, f"{DOMAIN}\n\nnone\n\n".encode())
        said, _ = running.communicate(timeout=60)
    os.close(ours)
    assert running.returncode == 0, said
    for question in ("The domain of the addresses", "or 'trial' to have one made [trial]:",
                     "or 'none' for now [local]:", f"or 'none' [admin@{DOMAIN}]:"):
        assert question in said
    assert f"admin-address = xmpp:admin@{DOMAIN}" in site.read()
