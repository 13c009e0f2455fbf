/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The way to another domain and back, by the running kontalk-s2s: DNS, connection, TLS, proof,
 * and a ping (XEP-0199). Also to the services that push notifications go to (XEP-0357).
 */
#include <string.h>

#include "common/base/error.h"
#include "kontalkctl/check/database.h"

/* What to do, by what kontalk-s2s says was the reason. */
static const struct {
    const char *reason, *remedy;
} REMEDIES[] = {
    {"no XMPP service",
     "they have no XMPP server, or their records are missing: look at the steps"},
    {"certificate", "their certificate has to be put right by them; to federate without one: "
                    "[s2s] require-certificate = no"},
    {"no TLS", "they have to offer TLS; to federate without it: [s2s] require-tls = no"},
    {"can be connected to", "their server is down, or a firewall on the way: try port 5269 from "
                            "elsewhere, and see that outgoing connections pass here"},
    {"DNSSEC", "their zone is signed wrongly; they have to put it right"},
    {"internal", "the records lead into a private network: [s2s] internal-addresses = yes, if that "
                 "is meant"},
    {"not federate", "kontalkctl conf explain s2s.allow; kontalkctl conf explain s2s.deny"},
    {"too many", "try again later"},
    {"", "look at the steps: kontalkctl check s2s DOMAIN; kontalkctl check dns ports"},
};

static const char *remedy_of(const char *problem)
{
    size_t i = 0;

    while (!strstr(problem, REMEDIES[i].reason))
        i++;
    return REMEDIES[i].remedy;
}

struct narration {
    struct check *check;
    const char *domain;
    bool narrated;
};

static void on_step(void *user, const char *text)
{
    const struct narration *narration = user;

    if (narration->narrated)
        check_add(narration->check, CHECK_OK, narration->domain, NULL, "%s", text);
}

void check_reach(struct check *check, const char *domain, bool narrated)
{
    const char *const words[] = {"probe", domain};
    struct narration narration = {check, domain, narrated};
    char *problem = NULL;
    int error = ctl_follow_quietly(check->ctl, "s2s", ARRAY_SIZE(words), words, on_step, &narration,
                                   &problem);

    if (error == ERR_UNAVAILABLE)
        check_add(check, CHECK_ERROR, "kontalk-s2s", "systemctl start kontalk-s2s",
                  "it does not run");
    else if (error)
        check_add(check, CHECK_ERROR, domain, remedy_of(problem ? problem : ""), "%s",
                  problem ? problem : error_text(error));
    else
        check_add(check, CHECK_OK, domain, NULL, "is reached, and answers");
}

void check_s2s(struct check *check)
{
    check_reach(check, check->argument, true);
}

/* A service of this node needs no federation. */
static bool is_own(const struct check *check, const char *domain)
{
    for (size_t i = 0; i < config_instances(check->config, "component"); i++)
        if (strcmp(config_instance(check->config, "component", i), domain) == 0)
            return true;
    return false;
}

/* The domains of the services, those with the most clients first. */
void check_push(struct check *check)
{
    const char *problem = NULL;
    struct db_session *session = database_open(check, &problem);

    if (!session)
        return; /* which is for the area database */
    struct db_result *result = database_ask(
        check, session,
        "SELECT regexp_replace(regexp_replace(service, '/.*', ''), '^.*@', ''), count(*)"
        " FROM push GROUP BY 1 ORDER BY 2 DESC LIMIT 3",
        &problem);
    for (size_t row = 0; result && row < db_rows(result); row++)
        if (!is_own(check, db_get_text(result, row, 0)))
            check_reach(check, arena_strdup(check->arena, db_get_text(result, row, 0)), false);
    if (result && db_rows(result) == 0)
        check_add(check, CHECK_OK, "push", NULL, "no client has a service for notifications");
    db_result_free(result);
    db_session_close(session);
}
