/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where a domain's servers are.
 *
 *    both SRV sets ──► addresses and TLSA of every target ──► done
 */
#include "s2s/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/error.h"
#include "common/base/memory.h"

#define PORT_FALLBACK 5269 /* RFC 6120 §3.2.2 */

enum service { SERVICE_DIRECT, SERVICE_STARTTLS, SERVICES };

static const struct {
    const char *prefix;
    bool direct_tls;
} SERVICE_ROWS[SERVICES] = {
    [SERVICE_DIRECT] = {"_xmpps-server._tcp.", true},
    [SERVICE_STARTTLS] = {"_xmpp-server._tcp.", false},
};

/* What came of the SRV records of a service. */
enum outcome { OUTCOME_NONE, OUTCOME_FOUND, OUTCOME_REFUSED, OUTCOME_FAILED };

/* A question that is open. */
struct question {
    struct resolve *resolve;
    struct target *target; /* of addresses and TLSA */
    enum service service;  /* of SRV */
    enum dns_type type;
    struct dns_query *query; /* NULL: answered */
};

#define QUESTIONS_MAX (3 * RECORDS_SRV_MAX)

struct resolve {
    struct dns *dns;
    struct resolve_settings settings;
    char *domain;
    void (*done)(void *user, struct resolution *resolution);
    void *user;
    struct question questions[QUESTIONS_MAX];
    size_t asked, open;
    enum outcome outcomes[SERVICES];
    bool failed;  /* an address could not be asked for now */
    bool refused; /* an address was passed over */
    const char *problem;
    struct resolution *result;
};

static void end(struct resolve *resolve, int status, const char *why)
{
    struct resolution *result = resolve->result;
    void (*done)(void *, struct resolution *) = resolve->done;
    void *user = resolve->user;
    result->status = status;
    result->why = why;
    resolve->result = NULL;
    resolve_cancel(resolve);
    done(user, result);
}

static char *name_of(const struct question *question)
{
    const struct target *target = question->target;
    if (question->type == DNS_SRV)
        return xasprintf("%s%s", SERVICE_ROWS[question->service].prefix, question->resolve->domain);
    if (question->type == DNS_TLSA)
        return xasprintf("_%u._tcp.%s", target->srv.port, target->srv.target);
    return xstrdup(target->srv.target);
}

static void ask(struct resolve *resolve, const struct question *what, dns_done *done)
{
    struct question *question = &resolve->questions[resolve->asked++];
    *question = *what;
    question->resolve = resolve;
    resolve->open++;
    char *name = name_of(question);
    question->query = resolve->dns->ops->ask(resolve->dns, name, what->type, done, question);
    free(name);
}

static void narrate(const struct question *question, const struct dns_answer *answer)
{
    if (!question->resolve->settings.trace)
        return;
    char *name = name_of(question);
    trace_answer(question->resolve->settings.trace, name, question->type, answer);
    free(name);
}

/* --- addresses --- */

static bool is_wanted(struct resolve *resolve, const struct address *address)
{
    const struct resolve_settings *settings = &resolve->settings;
    if (!settings->internal_allowed && address_is_internal(address))
        return false;
    for (size_t i = 0; i < settings->own_count; i++) {
        if (address_same(address, &settings->own[i]))
            return false;
    }
    return true;
}

static void take_address(struct question *question, const struct dns_record *record)
{
    struct resolve *resolve = question->resolve;
    struct address address;
    if (record_address(question->type, record, question->target->srv.port, &address))
        return;
    if (is_wanted(resolve, &address)) {
        target_add_address(question->target, &address);
        return;
    }
    resolve->refused = true;
    if (!resolve->settings.trace)
        return;
    char *host = address_host(&address);
    trace_say(resolve->settings.trace, "dns",
              "  %s is not used: it is of this machine or of a private network", host);
    free(host);
}

static void take_tlsa(struct target *target, const struct dns_record *record)
{
    if (target->dane_count < ARRAY_SIZE(target->dane) &&
        !tls_dane_parse(record->data, record->length, &target->dane[target->dane_count]))
        target->dane_count++;
}

static void finish(struct resolve *resolve)
{
    struct resolution *result = resolve->result;
    result->count = targets_candidates(result->targets, result->targets_count, result->candidates,
                                       ARRAY_SIZE(result->candidates));
    if (result->count > 0)
        end(resolve, 0, NULL);
    else if (resolve->failed)
        end(resolve, ERR_UNAVAILABLE, resolve->problem);
    else if (resolve->refused)
        end(resolve, ERR_NOT_FOUND, "the DNS names only addresses that must not be used");
    else
        end(resolve, ERR_NOT_FOUND, "the DNS knows no address of a server");
}

static void note_failure(struct resolve *resolve, const struct dns_answer *answer)
{
    resolve->problem = answer->status == ERR_DENIED    ? "DNSSEC says that the answer is forged"
                       : answer->status == ERR_TIMEOUT ? "the DNS does not answer"
                                                       : "the DNS servers of the domain fail";
}

/* RFC 7671 §2: addresses that are not secure make TLSA records meaningless. */
static void on_address(void *user, const struct dns_answer *answer)
{
    struct question *question = user;
    struct resolve *resolve = question->resolve;
    bool usable = answer->status == 0 && answer->aliases <= RECORDS_ALIASES_MAX;
    question->query = NULL;
    narrate(question, answer);
    if (answer->status && answer->status != ERR_NOT_FOUND) {
        resolve->failed = true;
        note_failure(resolve, answer);
    }
    for (size_t i = 0; usable && i < answer->count; i++) {
        if (question->type != DNS_TLSA)
            take_address(question, &answer->records[i]);
        else if (answer->secure)
            take_tlsa(question->target, &answer->records[i]);
    }
    if (--resolve->open == 0)
        finish(resolve);
}

static void ask_for_target(struct resolve *resolve, struct target *target)
{
    static const enum dns_type types[] = {DNS_AAAA, DNS_A};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        ask(resolve, &(struct question){.target = target, .type = types[i]}, on_address);
    if (target->secure)
        ask(resolve, &(struct question){.target = target, .type = DNS_TLSA}, on_address);
}

/* --- services --- */

/* Without any SRV record the domain itself is the server (RFC 6120 §3.2.2). */
static void use_domain_itself(struct resolve *resolve)
{
    struct target *target = &resolve->result->targets[resolve->result->targets_count++];
    *target = (struct target){.srv.port = PORT_FALLBACK};
    memcpy(target->srv.target, resolve->domain, strlen(resolve->domain) + 1);
}

static bool came_to(const struct resolve *resolve, enum outcome outcome)
{
    return resolve->outcomes[SERVICE_STARTTLS] == outcome ||
           resolve->outcomes[SERVICE_DIRECT] == outcome;
}

static void on_services(struct resolve *resolve)
{
    struct resolution *result = resolve->result;
    resolve->asked = 0;
    if (result->targets_count == 0 && came_to(resolve, OUTCOME_FAILED)) {
        end(resolve, ERR_UNAVAILABLE, resolve->problem);
        return;
    }
    /* Who uses SRV records at all is not at the domain itself (XEP-0368 §5). */
    if (result->targets_count == 0 && came_to(resolve, OUTCOME_REFUSED)) {
        end(resolve, ERR_NOT_FOUND, "the domain has no XMPP service, as its DNS says");
        return;
    }
    if (result->targets_count == 0)
        use_domain_itself(resolve);
    targets_order(result->targets, result->targets_count, resolve->settings.pick);
    for (size_t i = 0; i < result->targets_count; i++)
        ask_for_target(resolve, &result->targets[i]);
}

/* Half of the places for each service, so that none can crowd out the other. */
static enum outcome take_services(struct question *question, const struct dns_answer *answer)
{
    struct resolution *result = question->resolve->result;
    enum outcome outcome = OUTCOME_NONE;
    size_t taken = 0;
    for (size_t i = 0; i < answer->count && taken < RECORDS_SRV_MAX / SERVICES; i++) {
        struct target *target = &result->targets[result->targets_count];
        struct srv srv;
        if (record_srv(&answer->records[i], &srv))
            continue;
        outcome = outcome == OUTCOME_NONE ? OUTCOME_REFUSED : outcome;
        if (srv.target[0] == '\0')
            continue;
        *target = (struct target){.srv = srv,
                                  .direct_tls = SERVICE_ROWS[question->service].direct_tls,
                                  .secure = answer->secure};
        result->targets_count++;
        taken++;
        outcome = OUTCOME_FOUND;
    }
    return outcome;
}

static void on_service(void *user, const struct dns_answer *answer)
{
    struct question *question = user;
    struct resolve *resolve = question->resolve;
    enum outcome *outcome = &resolve->outcomes[question->service];
    question->query = NULL;
    narrate(question, answer);
    if (answer->status == 0 && answer->aliases <= RECORDS_ALIASES_MAX) {
        *outcome = take_services(question, answer);
    } else if (answer->status && answer->status != ERR_NOT_FOUND) {
        *outcome = OUTCOME_FAILED;
        note_failure(resolve, answer);
    }
    if (--resolve->open == 0)
        on_services(resolve);
}

struct resolve *resolve_start(struct dns *dns, const struct resolve_settings *settings,
                              const char *domain,
                              void (*done)(void *user, struct resolution *resolution), void *user)
{
    struct resolve *resolve = xcalloc(1, sizeof(*resolve));
    resolve->dns = dns;
    resolve->settings = *settings;
    resolve->domain = xstrndup(domain, DNS_NAME_MAX);
    resolve->done = done;
    resolve->user = user;
    resolve->result = xcalloc(1, sizeof(*resolve->result));
    for (int service = 0; service < SERVICES; service++)
        ask(resolve, &(struct question){.service = service, .type = DNS_SRV}, on_service);
    return resolve;
}

void resolve_cancel(struct resolve *resolve)
{
    if (!resolve)
        return;
    for (size_t i = 0; i < resolve->asked; i++) {
        if (resolve->questions[i].query)
            resolve->dns->ops->cancel(resolve->questions[i].query);
    }
    free(resolve->result);
    free(resolve->domain);
    free(resolve);
}
