/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The table.
 */
#include "c2s/pubsub/defaults.h"

#include <string.h>

/* Everybody may read the last item (XEP-0222). */
static const struct pubsub_setting open_one[] = {{"pubsub#access_model", "open"}, {0}};

/* Everybody may read, and each item is something else. */
static const struct pubsub_setting open_many[] = {
    {"pubsub#access_model", "open"}, {"pubsub#max_items", "max"}, {0}};

/* For the account alone (XEP-0223). */
static const struct pubsub_setting closed_one[] = {{"pubsub#access_model", "whitelist"}, {0}};

/* The same with all items, which clients fetch when they come. */
static const struct pubsub_setting closed_many[] = {{"pubsub#access_model", "whitelist"},
                                                    {"pubsub#max_items", "max"},
                                                    {"pubsub#send_last_published_item", "never"},
                                                    {0}};

static const struct {
    const char *node;
    bool begins; /* what its name begins with */
    const struct pubsub_setting *settings;
} rows[] = {
    {"urn:xmpp:vcard4", false, open_one},                           /* XEP-0292 §4.1 */
    {"urn:xmpp:contacts", false, closed_many},                      /* XEP-0292 §5.2 */
    {"urn:xmpp:mds:displayed:0", false, closed_many},               /* XEP-0490 §4.2 */
    {"urn:xmpp:bookmarks:1", false, closed_many},                   /* XEP-0402 §5.1 */
    {"storage:bookmarks", false, closed_one},                       /* XEP-0048 §3.1 */
    {"urn:xmpp:omemo:2:devices", false, open_one},                  /* XEP-0384 §5.3.1 */
    {"urn:xmpp:omemo:2:bundles", false, open_many},                 /* XEP-0384 §5.3.2 */
    {"eu.siacs.conversations.axolotl.devicelist", false, open_one}, /* XEP-0384, version 0.3 */
    {"eu.siacs.conversations.axolotl.bundles:", true, open_one},
    {"urn:xmpp:openpgp:0:public-keys", true, open_one},   /* XEP-0373 §4 */
    {"urn:xmpp:openpgp:0:secret-key", false, closed_one}, /* XEP-0373 §5.3 */
};

const struct pubsub_setting *defaults_of(const char *node)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].begins ? strncmp(rows[i].node, node, strlen(rows[i].node)) == 0
                           : strcmp(rows[i].node, node) == 0)
            return rows[i].settings;
    }
    return NULL;
}
