/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The archive of an account (XEP-0313): who may ask what, the form, what is first and last in it.
 */
#include "c2s/sm/archive.h"

#include "common/xmpp/rsm.h"

const struct db_statement archive_ends = {
    .name = "archive_ends",
    .sql = "(SELECT seq, (extract(epoch FROM received) * 1000000)::bigint FROM message"
           " WHERE owner = $1::bigint AND archived ORDER BY seq LIMIT 1)"
           " UNION ALL"
           " (SELECT seq, (extract(epoch FROM received) * 1000000)::bigint FROM message"
           " WHERE owner = $1::bigint AND archived ORDER BY seq DESC LIMIT 1)",
    .parameters = 1,
};

static int decode(void *user, const char *text, int64_t *seq)
{
    const struct sm_request *request = user;

    return stanza_id_decode(request->sm, request->account->owner, text, seq);
}

static void start_query(struct sm_request *request)
{
    const struct archive_ids ids = {decode, request};
    struct archive_query query;
    int problem = archive_query_read(request->iq->arena, request->payload, &ids, &query);

    if (problem >= 0) {
        archive_query_fini(&query);
        sm_error(request, (enum stanza_condition)problem, NULL);
    } else {
        archive_page_start(request, &query);
    }
}

static void query(struct sm_request *request)
{
    archive_rate(request, start_query);
}

static void form(struct sm_request *request)
{
    struct stanza *result = stanza_result(request->iq);

    archive_query_add_form(element_add(result->root, NS_MAM, "query"));
    sm_reply_take(request, result);
}

int64_t archive_add_metadata(struct element *parent, const struct account *account,
                             const struct db_result *ends)
{
    static const char *const names[] = {"start", "end"};
    struct element *metadata = element_add(parent, NS_MAM, "metadata");

    if (db_rows(ends) != ARRAY_SIZE(names))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char id[STANZA_ID_SIZE];
        stanza_id_encode(account->sm, account->owner, db_get_int(ends, i, 0), id);
        archive_add_end(metadata, names[i], id, db_get_int(ends, i, 1));
    }
    return db_get_int(ends, 1, 0);
}

static void on_ends(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct sm_request *request = user;

    if (status != 0) {
        sm_fail(request, status);
        return;
    }
    struct stanza *result = stanza_result(request->iq);
    archive_add_metadata(result->root, account, &results[0]);
    sm_reply_take(request, result);
}

static void start_metadata(struct sm_request *request)
{
    const struct db_value owner = DB_INT(request->account->owner);

    sm_query(request->account, SM_READ_ASIDE, &archive_ends, &owner, on_ends, request);
}

static void metadata(struct sm_request *request)
{
    archive_rate(request, start_metadata);
}

/* Also where there is no account: nobody learns from it whether there is one. */
static void refuse(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

#define SOMEBODY_ELSE (SM_TO_ACCOUNT | SM_TO_NOBODY)

static const struct sm_iq iqs[] = {
    {NS_MAM, "query", SM_SET, SM_TO_SELF, query},
    {NS_MAM, "query", SM_GET, SM_TO_SELF, form},
    {NS_MAM, "metadata", SM_GET, SM_TO_SELF, metadata},
    {NS_MAM, "query", SM_GET | SM_SET, SOMEBODY_ELSE, refuse},
    {NS_MAM, "metadata", SM_GET, SOMEBODY_ELSE, refuse},
    {0},
};

static const char *const features[] = {NS_MAM, NS_MAM "#extended", NS_MAM "#groupchat-field",
                                       NS_RSM, NULL};
static const struct spec specs[] = {
    {"XEP-0313", "1.1.3", "archives of accounts"},
    {"XEP-0059", "1.0", "no pages by index"},
    {"XEP-0334", "1.0.0", NULL},
    {0},
};

const struct sm_module archive_module = {
    .name = "archive",
    .specs = specs,
    .account_features = features,
    .iqs = iqs,
    .session_writable = archive_page_go_on,
    .session_closed = archive_page_forget,
};
