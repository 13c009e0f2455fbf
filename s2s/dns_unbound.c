/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The DNS by libunbound.
 */
#include "s2s/dns_unbound.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <unbound.h>
#include <uv.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/io/timer.h"
#include "s2s/records.h"

/* libunbound does not always call back (a file of anchors that is broken, for one). */
#define QUERY_MS      5000
#define RESOLV_CONF   "/etc/resolv.conf"
#define CLASS_IN      1
#define TYPE_CNAME    5
#define HEADER_LENGTH 12
/* More records than any limit of ours are not even looked at. */
#define RECORDS_MAX 64
/* Questions on their way, each with a socket of its own. */
#define AT_ONCE "2048"

struct dns_query {
    struct unbound *unbound;
    char *name;
    enum dns_type type;
    dns_done *done;
    void *user;
    struct timer *timer;
    int id; /* of libunbound; 0: not asked yet */
    struct dns_query *prev, *next;
};

struct unbound {
    struct dns dns;
    struct loop *loop;
    struct ub_ctx *context;
    uv_poll_t *poll;
    struct dns_query *queries;
    char **servers;
    bool validates;
    bool ready; /* the probe is done */
    struct loop_task *turn_off;
};

/* --- a query --- */

static void query_free(struct dns_query *query)
{
    DL_DELETE(query->unbound->queries, query);
    timer_close(query->timer);
    free(query->name);
    free(query);
}

static void answered(struct dns_query *query, const struct dns_answer *answer)
{
    dns_done *done = query->done;
    void *user = query->user;
    query_free(query);
    done(user, answer);
}

static void on_query_timer(void *user)
{
    struct dns_query *query = user;
    if (query->id)
        ub_cancel(query->unbound->context, query->id);
    answered(query, &(struct dns_answer){.status = ERR_TIMEOUT, .problem = "no answer in time"});
}

/* Behind the name at `at`; NULL: it leads out of the packet (RFC 1035 §4.1.4). */
static const uint8_t *skip_name(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at != 0) {
        if (*at >= 0xc0)
            return at + 2 <= end ? at + 2 : NULL;
        at += *at + 1;
    }
    return at < end ? at + 1 : NULL;
}

/* libunbound follows CNAMEs by itself and keeps them in the answer section. */
static unsigned count_aliases(const struct ub_result *result)
{
    const uint8_t *packet = result->answer_packet;
    unsigned aliases = 0;
    if (!packet || result->answer_len < HEADER_LENGTH)
        return 0;
    const uint8_t *end = packet + result->answer_len;
    unsigned answers = (unsigned)(packet[6] << 8 | packet[7]);
    const uint8_t *at = skip_name(packet + HEADER_LENGTH, end);
    at = at && end - at >= 4 ? at + 4 : NULL;
    for (; at && answers > 0; answers--) {
        at = skip_name(at, end);
        if (!at || end - at < 10)
            break;
        aliases += (at[0] << 8 | at[1]) == TYPE_CNAME;
        int length = at[8] << 8 | at[9];
        at = end - at - 10 >= length ? at + 10 + length : NULL;
    }
    return aliases;
}

static int status_of(int error, const struct ub_result *result)
{
    if (error == UB_SYNTAX) /* too long, or a label of it is: the DNS cannot have such a name */
        return ERR_NOT_FOUND;
    if (error || !result)
        return ERR_UNAVAILABLE;
    if (result->bogus)
        return ERR_DENIED;
    if (result->nxdomain)
        return ERR_NOT_FOUND;
    return result->rcode == 0 ? 0 : ERR_UNAVAILABLE;
}

static void on_result(void *user, int error, struct ub_result *result)
{
    struct dns_query *query = user;
    struct dns_record records[RECORDS_MAX];
    struct dns_answer answer = {.status = status_of(error, result), .records = records};
    if (answer.status == 0) {
        answer.secure = query->unbound->validates && result->secure;
        answer.aliases = count_aliases(result);
        while (result->havedata && answer.count < RECORDS_MAX && result->data[answer.count]) {
            records[answer.count].data = (const uint8_t *)result->data[answer.count];
            records[answer.count].length = (size_t)result->len[answer.count];
            answer.count++;
        }
    }
    if (result)
        answer.problem = result->why_bogus;
    answered(query, &answer);
    ub_resolve_free(result);
}

static void begin(struct dns_query *query)
{
    int error = ub_resolve_async(query->unbound->context, query->name, query->type, CLASS_IN, query,
                                 on_result, &query->id);
    if (error) {
        query->id = 0;
        timer_start(query->timer, 0, 0);
        return;
    }
    timer_start(query->timer, QUERY_MS, 0);
}

static struct dns_query *query_new(struct unbound *unbound, const char *name, enum dns_type type,
                                   dns_done *done, void *user)
{
    struct dns_query *query = xcalloc(1, sizeof(*query));
    query->unbound = unbound;
    query->name = xstrdup(name);
    query->type = type;
    query->done = done;
    query->user = user;
    query->timer = timer_new(unbound->loop, on_query_timer, query);
    DL_APPEND(unbound->queries, query);
    return query;
}

static struct dns_query *ask(struct dns *dns, const char *name, enum dns_type type, dns_done *done,
                             void *user)
{
    struct unbound *unbound = CONTAINER_OF(dns, struct unbound, dns);
    struct dns_query *query = query_new(unbound, name, type, done, user);
    if (unbound->ready)
        begin(query);
    return query;
}

static void cancel(struct dns_query *query)
{
    if (query->id)
        ub_cancel(query->unbound->context, query->id);
    query_free(query);
}

static const struct dns_ops unbound_ops = {.ask = ask, .cancel = cancel};

/* --- the context --- */

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct unbound *unbound = poll->data;
    (void)status, (void)events;
    ub_process(unbound->context);
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void context_close(struct unbound *unbound)
{
    if (unbound->poll) {
        uv_close((uv_handle_t *)unbound->poll, on_poll_closed);
        unbound->poll = NULL;
    }
    if (unbound->context)
        ub_ctx_delete(unbound->context);
    unbound->context = NULL;
}

/* Without any libunbound asks the root servers itself. */
static int choose_servers(struct unbound *unbound)
{
    if (!unbound->servers || !unbound->servers[0])
        return access(RESOLV_CONF, R_OK) == 0 ? ub_ctx_resolvconf(unbound->context, NULL) : 0;
    for (size_t i = 0; unbound->servers[i]; i++) {
        int error = ub_ctx_set_fwd(unbound->context, unbound->servers[i]);
        if (error)
            return error;
    }
    /* A server on this machine is asked only if one says so. */
    return ub_ctx_set_option(unbound->context, "do-not-query-localhost:", "no");
}

/* By itself libunbound has 16 questions on their way at once, so that a few names whose servers
 * keep silent would stop all others. */
static int allow_many(struct unbound *unbound)
{
    static const char *const options[] = {"outgoing-range:", "num-queries-per-thread:"};
    int error = 0;
    for (size_t i = 0; !error && i < ARRAY_SIZE(options); i++)
        error = ub_ctx_set_option(unbound->context, options[i], AT_ONCE);
    return error;
}

static int context_open(struct unbound *unbound, const char *anchor_file)
{
    unbound->context = ub_ctx_create();
    if (!unbound->context)
        return UB_NOMEM;
    int error = choose_servers(unbound);
    if (!error)
        error = allow_many(unbound);
    if (!error)
        error = ub_ctx_hosts(unbound->context, NULL);
    if (!error && anchor_file)
        error = ub_ctx_add_ta_file(unbound->context, anchor_file);
    if (!error)
        error = ub_ctx_async(unbound->context, 1);
    if (error)
        return error;
    unbound->poll = xcalloc(1, sizeof(*unbound->poll));
    unbound->poll->data = unbound;
    uv_poll_init(loop_uv(unbound->loop), unbound->poll, ub_fd(unbound->context));
    uv_poll_start(unbound->poll, UV_READABLE, on_readable);
    return 0;
}

static void begin_waiting(struct unbound *unbound)
{
    struct dns_query *query;
    unbound->ready = true;
    DL_FOREACH (unbound->queries, query) {
        begin(query);
    }
}

/* --- the probe --- */

static void turn_off(void *user)
{
    struct unbound *unbound = user;
    unbound->turn_off = NULL;
    context_close(unbound);
    unbound->validates = false;
    int error = context_open(unbound, NULL);
    if (error)
        log_error("dns_unusable", LOG_TEXT("reason", ub_strerror(error)));
    else
        begin_waiting(unbound);
}

static void on_probed(void *user, const struct dns_answer *answer)
{
    struct unbound *unbound = user;
    if (answer->status == 0 && answer->secure && answer->count > 0) {
        log_info("dnssec_on");
        begin_waiting(unbound);
        return;
    }
    log_warn("dnssec_off", LOG_ERROR(answer->status), LOG_TEXT("problem", answer->problem));
    /* Not from inside a callback of the context that ends. */
    unbound->turn_off = loop_defer(unbound->loop, turn_off, unbound);
}

static void probe(struct unbound *unbound)
{
    begin(query_new(unbound, ".", DNS_DNSKEY, on_probed, unbound));
}

static void copy_servers(struct unbound *unbound, const char *const *servers)
{
    size_t count = 0;
    while (servers && servers[count])
        count++;
    unbound->servers = xcalloc(count + 1, sizeof(*unbound->servers));
    for (size_t i = 0; i < count; i++)
        unbound->servers[i] = xstrdup(servers[i]);
}

/* libunbound takes a file that is not there without a word, and then never answers. */
static const char *readable_anchor(const struct dns_settings *settings)
{
    if (!settings->dnssec)
        return NULL;
    if (settings->anchor_file && access(settings->anchor_file, R_OK) == 0)
        return settings->anchor_file;
    log_warn("dnssec_off", LOG_TEXT("problem", "the file of trust anchors cannot be read"),
             LOG_TEXT("file", settings->anchor_file));
    return NULL;
}

int dns_unbound_new(struct loop *loop, const struct dns_settings *settings, struct dns **dns)
{
    struct unbound *unbound = xcalloc(1, sizeof(*unbound));
    const char *anchor = readable_anchor(settings);
    unbound->dns.ops = &unbound_ops;
    unbound->loop = loop;
    unbound->validates = anchor != NULL;
    unbound->ready = anchor == NULL;
    copy_servers(unbound, settings->servers);
    int error = context_open(unbound, anchor);
    if (error) {
        log_error("dns_unusable", LOG_TEXT("reason", ub_strerror(error)));
        dns_unbound_free(&unbound->dns);
        return ERR_SYSTEM;
    }
    if (anchor)
        probe(unbound);
    *dns = &unbound->dns;
    return 0;
}

bool dns_unbound_validates(const struct dns *dns)
{
    return CONTAINER_OF(dns, struct unbound, dns)->validates;
}

void dns_unbound_free(struct dns *dns)
{
    struct unbound *unbound = CONTAINER_OF(dns, struct unbound, dns);
    struct dns_query *query, *next;
    if (unbound->turn_off)
        loop_defer_cancel(unbound->turn_off);
    DL_FOREACH_SAFE (unbound->queries, query, next) {
        cancel(query);
    }
    context_close(unbound);
    for (size_t i = 0; unbound->servers[i]; i++)
        free(unbound->servers[i]);
    free(unbound->servers);
    free(unbound);
}

int dns_unbound_configured(struct loop *loop, const struct config *config, bool validate,
                           struct dns **dns)
{
    size_t count = config_list_size(config, "s2s", NULL, "dns-server");
    const char **servers = xcalloc(count + 1, sizeof(*servers));
    for (size_t i = 0; i < count; i++)
        servers[i] = config_list_item(config, "s2s", NULL, "dns-server", i);
    const struct dns_settings settings = {
        .dnssec = validate && config_bool(config, "s2s", NULL, "dnssec"),
        .anchor_file = validate ? config_text(config, "s2s", NULL, "dnssec-anchor") : NULL,
        .servers = count > 0 ? servers : NULL,
    };
    int error = dns_unbound_new(loop, &settings, dns);
    free(servers);
    return error;
}
