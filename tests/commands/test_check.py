# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl check: each area with one thing made wrong.

import contextlib
import socket

import pytest

from tests.attacks.s2s import zones
from tests.commands import stun
from tests.commands.checked import SERVICES, bad, checked, checked_node, dns  # noqa: F401
from tests.node import certificates, place
from tests.node.ports import ADDRESS


@pytest.fixture
def turn():
    with contextlib.closing(stun.Server("secret of calls", ADDRESS)) as server:
        yield server


def test_nothing_is_wrong(checked):
    checked.change({"c2s": {"max-connections": 100}})
    status, found = checked.findings("config", "dns", "tls", "ports", "limits")
    assert (status, bad(found)) == (0, [])
    ways = [row["subject"] for row in found if "by _xmpp" in row["subject"]]
    assert len(ways) == len(SERVICES)
    assert {row["area"] for row in found} == {"config", "dns", "tls", "ports", "limits"}


def test_services(checked):
    status, found = checked.findings("services", "network", "push")
    named = {row["subject"] for row in found if row["severity"] == "ok"}
    where = checked.node.place
    assert {checked.domain, where.upload, where.conference, "network", "push"} <= named, found
    assert [row["subject"] for row in bad(found)] == [where.component] and status == 1


def test_features(checked):
    status, found = checked.findings("features")
    assert (status, [row["severity"] for row in found]) == (0, ["ok"]), found


def test_push(checked, login):
    """The service of a client is where nothing gets to."""
    where = checked.node
    client = login(where=where)
    client.ask("set", "<enable xmlns='urn:xmpp:push:0' jid='app@push.example' node='n'/>")
    checked.names.put_server("push.example", ADDRESS, 9)
    status, found = checked.findings("push")
    assert (status, [row["subject"] for row in found]) == (2, ["push.example"]), found
    assert "can be connected to" in found[0]["cause"] and "5269" in found[0]["remedy"]
    client.ask("set", "<disable xmlns='urn:xmpp:push:0' jid='app@push.example'/>")
    status, found = checked.findings("push")
    assert (status, [row["subject"] for row in found]) == (0, ["push"]), found


def test_not_in_force(checked):
    """Neither a reload nor a restart has come since the files were changed."""
    checked.change({"c2s": {"max-connections": 99}, "router": {"queue-size": "5M"},
                    "database": {"connections": 5}})
    _, found = checked.findings("config")
    remedies = {row["subject"]: row["remedy"] for row in found if row["severity"] == "note"}
    assert remedies["kontalk-router"] == "kontalkctl reload"
    assert [remedy for process, remedy in remedies.items() if process.startswith("kontalk-c2s") and
            remedy.startswith(f"systemctl restart {process}")]


def test_upload(checked):
    status, found = checked.findings("upload")
    assert (status, [row["subject"] for row in found]) == (0, ["OPTIONS", "PUT", "HEAD", "GET"])


def with_relay(checked, turn):
    password = f"{checked.directory}/password"
    place.write(password, "secret of calls\n")
    checked.change({'external-service "calls"': {
        "type": "turn", "host": ADDRESS, "port": turn.port, "username": "caller",
        "password-file": password}})


def test_calls(checked, turn):
    """The relay is asked for with the credentials of clients, and given back."""
    with_relay(checked, turn)
    status, found = checked.findings("turn")
    assert status == 0 and f"gives a relay, at {ADDRESS}:49152" in found[0]["cause"], found
    assert [asked[::2] for asked in turn.asked] == [(3, False), (3, True), (4, True)]


def test_stun(checked, turn):
    checked.change({'external-service "calls"': {"type": "stun", "host": ADDRESS,
                                                 "port": turn.port}})
    status, found = checked.findings("turn")
    assert (status, [row["cause"] for row in found]) == (0, ["answers as a STUN server"])


def test_stale_nonce(checked, turn):
    """RFC 8489 §9.2.5: asked again, with the new one."""
    with_relay(checked, turn)
    turn.refusals = [stun.challenge(438, "second"), stun.challenge(438, "third")]
    status, found = checked.findings("turn")
    assert (status, len(found)) == (0, 1), found


def test_port_of_somebody_else(checked, turn):
    """RFC 8656 §7.2: there is a relay for this port already, so another one is tried."""
    with_relay(checked, turn)
    turn.refusals = [stun.refusal(437)]
    status, found = checked.findings("turn")
    assert (status, len(found)) == (0, 1), found
    assert len({port for _, port, _ in turn.asked}) == 2


def no_relay(number):
    def make_wrong(turn):
        turn.refusals = [stun.refusal(number) for _ in range(4)]
    make_wrong.__name__ = f"error_{number}"
    return make_wrong


def private_address(turn):
    turn.relayed = "10.1.2.3"


def not_signed(turn):
    turn.signs = False


def for_everybody(turn):
    turn.password = None


def stale_for_ever(turn):
    turn.refusals = [stun.challenge(438, str(number)) for number in range(9)]


REFUSED = (
    # (what the server does, severity, part of the cause, of the remedy)
    (no_relay(401), "error", "refuses the credentials that clients get (realm realm.example)",
     "user=caller:"),
    (no_relay(403), "error", "forbids relays", "stun-only"),
    (no_relay(437), "error", "has a relay already", "coturn"),
    (no_relay(486), "error", "quota", "user-quota"),
    (no_relay(508), "error", "no room", "max-port"),
    (no_relay(500), "error", "error 500", "journalctl"),
    (stale_for_ever, "error", "stale", "stale-nonce"),
    (private_address, "error", "nobody outside", f"external-ip={ADDRESS}/10.1.2.3"),
    (not_signed, "error", "not signed", "coturn"),
    (for_everybody, "warning", "relays for everybody", "use-auth-secret"),
)


@pytest.mark.parametrize("make_wrong, severity, cause, remedy", REFUSED,
                         ids=[case[0].__name__ for case in REFUSED])
def test_no_relay(checked, turn, make_wrong, severity, cause, remedy):
    with_relay(checked, turn)
    make_wrong(turn)
    status, found = checked.findings("turn")
    assert [row["severity"] for row in bad(found)] == [severity], found
    assert cause in bad(found)[0]["cause"] and remedy in bad(found)[0]["remedy"], found
    assert status == (2 if severity == "error" else 1)


def test_domain_that_is_not_reached(checked):
    """Each step is told, and then why."""
    checked.names.put_server("away.example", ADDRESS, 9)
    status, found = checked.findings("s2s", "away.example")
    assert status == 2 and any("_xmpp-server._tcp.away.example" in row["cause"] for row in found)
    assert "can be connected to" in found[-1]["cause"] and "5269" in found[-1]["remedy"]


def test_database(checked):
    """Tests do without fsync, which is the one thing to find; how fast it answers is what it is."""
    status, found = checked.findings("database")
    wrong = [row for row in bad(found) if row["subject"] != "latency"]
    assert [row["subject"] for row in wrong] == ["fsync"]
    assert status == 2 and "ALTER SYSTEM SET fsync" in wrong[0]["remedy"]
    assert {"schema", "latency", "version", "connections", "privileges", "tables of rooms",
            "files"} <= {row["subject"] for row in found}


def test_clock(checked):
    _, found = checked.findings("clock")
    assert {row["subject"]: row["severity"] for row in found}["database"] == "ok"
    assert "NTP" in {row["subject"] for row in found}  # nobody may keep that of this machine


def missing_record(checked):
    checked.names.rows.pop((f"_xmpp-client._tcp.{checked.domain}", zones.SRV))


def missing_direct_record(checked):
    checked.names.rows.pop((f"_xmpps-server._tcp.{checked.domain}", zones.SRV))


def not_there(checked):
    checked.put_service("_xmpp-server", target="", port=0)


def other_host(checked):
    checked.names.put("elsewhere.example", zones.address("192.0.2.1"))
    checked.put_service("_xmpp-server", target="elsewhere.example")


def target_without_address(checked):
    checked.put_service("_xmpp-client", target="nowhere.example")


def other_port(checked):
    checked.put_service("_xmpp-client", port=9)


def no_address(checked):
    checked.names.rows.pop((checked.host, zones.A))
    checked.names.put(checked.host)


def alias(checked):
    checked.names.put("real.example", zones.address(ADDRESS))
    checked.names.rows.pop((checked.host, zones.A))
    checked.names.rows[checked.host, zones.CNAME] = lambda query: zones.Reply(
        [zones.alias("real.example"), ("real.example", *zones.address(ADDRESS))]
        if query.kind == zones.A else [zones.alias("real.example")])


def broken_dns(checked):
    for service in SERVICES:
        checked.names.rows[f"{service}._tcp.{checked.domain}", zones.SRV] = zones.Reply(
            code=zones.SERVFAIL)


def other_name(checked):
    checked.show(*checked.certificate("issue_server", "other.example"))


def expired(checked):
    checked.show(*checked.certificate("issue_expired", checked.domain))


def nearly_over(checked):
    checked.show(*checked.node.authority.issue_server(f"{checked.directory}/short",
                                                      [checked.domain], days=5))


def renewed(checked):
    checked.show(*checked.certificate("issue_server", checked.domain))


def other_key(checked):
    certificate, _ = checked.certificate("issue_server", checked.domain)
    _, key = certificates.issue_self_signed(f"{checked.directory}/own", [checked.domain])
    checked.show(certificate, key)


def unknown_authority(checked):
    certificate, _ = certificates.issue_self_signed(f"{checked.directory}/own", [checked.domain])
    checked.change({"s2s": {"ca-file": certificate}})


def nobody_listens(checked):
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        port = free.getsockname()[1]
    checked.change({"c2s": {"listen": f"{ADDRESS}:{port}"}})


def listens_otherwise(checked):
    """The port of TLS at once, without it."""
    checked.change({"c2s": {"listen-tls": f"{ADDRESS}:{checked.node.ports['C2S']}"}})


def no_web(checked):
    checked.change({"c2s": {"http-listen": f"{ADDRESS}:{checked.node.ports['COMPONENT']}"}})


def way_is_closed(checked):
    checked.put_service("_xmpp-server", port=9)


def no_database(checked):
    checked.change({"database": {"conninfo": f"host={checked.directory} dbname=kontalk"}})


def no_rooms(checked):
    checked.change({"muc": {"conninfo": f"host={checked.directory} dbname=kontalk"}})


def few_files(checked):
    checked.change({"c2s": {"max-connections": 10000000}})


def small_backlog(checked):
    checked.change({"c2s": {"backlog": 65535, "max-connections": 100}})


def no_upload(checked):
    checked.names.rows.pop((checked.node.place.upload, zones.A))


def component_away(checked):
    secret = f"{checked.directory}/secret"
    place.write(secret, "secret of a gateway\n")
    checked.change({'component "irc.checked.example"': {"secret-file": secret}})


def no_turn(checked):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((ADDRESS, 0))
        port = free.getsockname()[1]
    checked.change({'external-service "calls"': {"type": "turn", "host": ADDRESS, "port": port}})


def no_document(checked):
    checked.change({"node": {"document": f"{checked.directory}/document"}})


def nobody_serves(checked):
    checked.change({"node": {"shared-service": f"halls.{checked.domain}"}})


CASES = (
    # (what is made wrong, area, severity, part of the subject, of the cause, of the remedy)
    (missing_record, "dns", "error", "_xmpp-client._tcp", "no such record", "IN SRV 0 5 {C2S} "),
    (missing_direct_record, "dns", "warning", "_xmpps-server._tcp", "XEP-0368", "{S2S_TLS} "),
    (not_there, "dns", "error", "_xmpp-server._tcp", 'target is "."', "IN SRV 0 5 {S2S} "),
    (other_host, "dns", "warning", "_xmpp-server._tcp", "not to this node", "IN SRV"),
    (target_without_address, "dns", "error", "_xmpp-client._tcp", "no address", "IN A"),
    (other_port, "dns", "warning", "_xmpp-client._tcp", "does not listen", "{C2S}"),
    (no_address, "dns", "error", "alpha.", "no address", "IN A"),
    (alias, "dns", "warning", "_xmpp-client._tcp", "alias", "IN A"),
    (broken_dns, "dns", "error", "_xmpp-client._tcp", "does not answer", "dns-server"),
    (other_name, "tls", "error", "kontalk-c2s", "name", "with its chain"),
    (expired, "tls", "error", "kontalk-s2s", "expired", "with its chain"),
    (nearly_over, "tls", "warning", "kontalk-c2s", "ends at", "renew"),
    (renewed, "tls", "warning", "kontalk-c2s", "another certificate", "ask c2s reload"),
    (other_key, "tls", "error", "kontalk-c2s", "key does not belong", "with its chain"),
    (unknown_authority, "tls", "warning", "kontalk-s2s", "not trusted", "certbot"),
    (nobody_listens, "ports", "error", "[c2s] listen ", "refused", "systemctl status"),
    (listens_otherwise, "ports", "error", "[c2s] listen-tls", "", "systemctl status"),
    (no_web, "ports", "error", "[c2s] http-listen", "host-meta", "systemctl status"),
    (way_is_closed, "ports", "error", "by _xmpp-server", "refused", "let port 9 pass"),
    (no_database, "database", "error", "connection", "cannot be reached", "postgresql"),
    (no_rooms, "database", "error", "rooms", "cannot be reached", "postgresql"),
    (few_files, "limits", "warning", "kontalk-c2s", "too few", "LimitNOFILE"),
    (no_upload, "upload", "error", "upload.", "no address", "check dns"),
    (component_away, "services", "warning", "irc.", "not connected", "start the component"),
    (nobody_serves, "services", "error", "halls.", "no component", "run kontalk-muc"),
    (no_document, "services", "warning", "conference.", "own users", "shared-service = "),
    (no_turn, "turn", "error", "calls", "TURN", "coturn"),
    (no_document, "network", "error", "document", "cannot be read", "network show"),
    (small_backlog, "limits", "warning", "somaxconn", "backlog", "sysctl"),
)


@pytest.mark.parametrize("make_wrong, area, severity, subject, cause, remedy", CASES,
                         ids=[case[0].__name__ for case in CASES])
def test_one_is_wrong(checked, make_wrong, area, severity, subject, cause, remedy):
    make_wrong(checked)
    remedy = remedy.format(**checked.node.ports)
    status, found = checked.findings(area)
    assert any(row["severity"] == severity and subject in row["subject"] and
               cause in row["cause"] and remedy in row["remedy"] for row in bad(found)), found
    assert status == (2 if any(row["severity"] == "error" for row in found) else 1)


def test_areas_do_not_wait_for_each_other(checked):
    no_database(checked)
    _, found = checked.findings()
    assert {row["area"] for row in bad(found)} >= {"database"}
    assert not bad(row for row in found if row["area"] in ("config", "dns", "tls", "ports"))


def test_mistake_in_the_configuration(checked):
    """Then nothing else is known."""
    place.write(f"{checked.directory}/conf.d/changes.conf", "[c2s]\nlisen = 127.0.0.1:5222\n")
    status, found = checked.findings()
    assert status == 2 and [row["area"] for row in found] == ["config"]
    assert "changes.conf:2:1" in found[0]["subject"] and "listen" in found[0]["cause"]


def test_for_people(checked):
    missing_direct_record(checked)
    done = checked.run("dns")
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and lines[-1] == "0 errors, 1 warning"
    place_of_it = next(i for i, line in enumerate(lines) if line.startswith("warning  dns"))
    assert lines[place_of_it + 1].strip().startswith("-> add to the zone: _xmpps-server._tcp.")


@pytest.mark.parametrize("words, said", (
    (["nothing"], "no area is called"), (["--jsn"], "no area is called"),
    (["s2s"], "has to be followed")))
def test_no_such_area(checked, words, said):
    done = checked.run(*words)
    assert done.returncode == 2 and said in done.stderr


@pytest.mark.long
def test_who_keeps_silent(checked):
    """A host that takes the connection and never answers is given up in time."""
    with socket.create_server((ADDRESS, 0)) as silent:
        checked.change({"c2s": {"listen": f"{ADDRESS}:{silent.getsockname()[1]}"}})
        _, found = checked.findings("ports")
    assert "no answer in time" in [row["cause"] for row in bad(found)]
