/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Contexts that stand behind a usual stream header, for whoever needs one. Each has a dictionary of
 * its own, so what one peer fills in goes with that context; it is never shared.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/parser_context.h"

/* Kept of each kind; a context is some 16 kB. */
#define FREE_MAX 32

#define HEADER(content, more)                                                                      \
    "<stream:stream xmlns='" content "'" more " xmlns:stream='" NS_STREAM "'>"

/* As parser_sax.c writes them: declarations in the order of their prefixes. */
static const char *const usual_headers[] = {
    HEADER(NS_CLIENT, ""), HEADER(NS_COMPONENT, ""),
    HEADER(NS_SERVER, ""), HEADER(NS_SERVER, " xmlns:db='jabber:server:dialback'"),
    HEADER(NS_LINK, ""),
};

struct parser_pool {
    size_t lent;
    struct {
        struct parser_context *first;
        size_t count;
    } free[ARRAY_SIZE(usual_headers)];
};

/* libxml2 writes to standard error what no handler of a context takes. */
static void ignore_generic(void *user, const char *format, ...) PRINTF_LIKE(2, 3);
static void ignore_generic(void *user, const char *format, ...)
{
    (void)user;
    (void)format;
}

static void ignore_structured(void *user, xmlError *error)
{
    (void)user;
    (void)error;
}

struct parser_pool *parser_pool_new(void)
{
    xmlInitParser();
    xmlSetGenericErrorFunc(NULL, ignore_generic);
    xmlSetStructuredErrorFunc(NULL, ignore_structured);
    return xcalloc(1, sizeof(struct parser_pool));
}

void parser_pool_free(struct parser_pool *pool)
{
    if (!pool) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(pool->free); i++) {
        while (pool->free[i].first) {
            struct parser_context *context = pool->free[i].first;
            pool->free[i].first = context->next;
            parser_context_free(context);
        }
    }
    free(pool);
}

size_t parser_pool_lent(const struct parser_pool *pool)
{
    return pool->lent;
}

int parser_pool_kind(const char *canonical)
{
    for (size_t i = 0; i < ARRAY_SIZE(usual_headers); i++) {
        if (strcmp(usual_headers[i], canonical) == 0) {
            return (int)i;
        }
    }
    return PARSER_OWN_KIND;
}

struct parser_context *parser_pool_lend(struct parser_pool *pool, int kind, const char *canonical)
{
    pool->lent++;
    if (kind == PARSER_OWN_KIND) {
        return parser_context_new(canonical);
    }
    struct parser_context *context = pool->free[kind].first;
    if (!context) {
        context = parser_context_new(usual_headers[kind]);
        context->kind = kind;
        return context;
    }
    pool->free[kind].first = context->next;
    pool->free[kind].count--;
    return context;
}

struct parser_context *parser_pool_lend_new(struct parser_pool *pool)
{
    pool->lent++;
    return parser_context_new(NULL);
}

void parser_pool_return(struct parser_pool *pool, struct parser_context *context, bool reusable)
{
    int kind = context->kind;

    pool->lent--;
    if (!reusable || kind == PARSER_OWN_KIND || pool->free[kind].count == FREE_MAX ||
        parser_context_is_worn(context)) {
        parser_context_free(context);
        return;
    }
    context->next = pool->free[kind].first;
    pool->free[kind].first = context;
    pool->free[kind].count++;
}
