/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * vcard-temp (XEP-0054). A vCard is public. Whether there is none, or no such account, is answered
 * alike, against harvesting (§3.3).
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/sm.h"

#define NS_VCARD "vcard-temp"

static const struct db_statement read_statement = {
    .name = "vcard_read",
    .sql = "SELECT xml FROM vcard WHERE owner = $1::bigint",
    .parameters = 1,
};

static const struct db_statement write_statement = {
    .name = "vcard_write",
    .sql = "INSERT INTO vcard (owner, xml) VALUES ($1::bigint, $2)"
           " ON CONFLICT (owner) DO UPDATE SET xml = EXCLUDED.xml",
    .parameters = 2,
};

static void none(struct sm_request *request)
{
    if (request->addressed == SM_TO_SELF)
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
    else
        sm_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
}

static void on_read(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct sm_request *request = user;

    if (status != 0) {
        sm_fail(request, status);
        return;
    }
    if (db_rows(&results[0]) == 0) {
        none(request);
        return;
    }
    struct element *vcard = sm_parse(account->sm, db_get_text(&results[0], 0, 0));
    if (vcard == NULL) {
        sm_error(request, STANZA_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    struct stanza *result = stanza_result(request->iq);
    element_add_copy(result->root, vcard);
    arena_free(vcard->arena);
    sm_reply_take(request, result);
}

static void get(struct sm_request *request)
{
    const struct db_value owner = DB_INT(request->account->owner);

    sm_query(request->account, sm_access_of(request), &read_statement, &owner, on_read, request);
}

static void set(struct sm_request *request)
{
    char *xml = sm_format(request->payload);

    if (strlen(xml) > request->sm->limits.vcard_bytes) {
        sm_error(request, STANZA_POLICY_VIOLATION, "the vCard is too big");
    } else {
        struct sm_unit *unit = sm_unit_new(request->account, SM_WRITE);
        sm_add_values(unit, &write_statement, DB_INT(request->account->owner), DB_TEXT(xml));
        sm_submit_for(unit, request);
    }
    free(xml);
}

static void set_other(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

static const struct sm_iq iqs[] = {
    {NS_VCARD, "vCard", SM_GET, SM_TO_SELF | SM_TO_ACCOUNT, get},
    {NS_VCARD, "vCard", SM_SET, SM_TO_SELF, set},
    {NS_VCARD, "vCard", SM_SET, SM_TO_ACCOUNT, set_other},
    {0},
};

static const char *const features[] = {NS_VCARD, NULL};
static const struct spec specs[] = {{"XEP-0054", "1.3.0", NULL}, {0}};

const struct sm_module vcard_module = {
    .name = "vcard",
    .specs = specs,
    .server_features = features,
    .account_features = features,
    .iqs = iqs,
};
