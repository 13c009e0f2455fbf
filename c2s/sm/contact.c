/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Contact addresses of the service (XEP-0157), and where to read about outages without it
 * (XEP-0455): forms in the server's disco#info, from [domain "…"] abuse-address and so on.
 */
#include <string.h>

#include "c2s/sm/sm.h"

#define NS_DATA    "jabber:x:data"
#define SERVERINFO "http://jabber.org/network/serverinfo"

/* Those of one form stand together. */
static const struct {
    const char *form;
    const char *key;
    const char *field;
} addresses[] = {
    {SERVERINFO, "abuse-address", "abuse-addresses"},
    {SERVERINFO, "admin-address", "admin-addresses"},
    {SERVERINFO, "feedback-address", "feedback-addresses"},
    {SERVERINFO, "sales-address", "sales-addresses"},
    {SERVERINFO, "security-address", "security-addresses"},
    {SERVERINFO, "status-address", "status-addresses"},
    {SERVERINFO, "support-address", "support-addresses"},
    {"urn:xmpp:sos:0", "external-status-address", "external-status-addresses"},
};

static struct element *add_field(struct element *form, const char *name, const char *type)
{
    struct element *field = element_add(form, NS_DATA, "field");

    element_set(field, "var", name);
    element_set(field, "type", type);
    return field;
}

static struct element *add_form(struct element *query, const char *type)
{
    struct element *form = element_add(query, NS_DATA, "x");

    element_set(form, "type", "result");
    element_add_with_text(add_field(form, "FORM_TYPE", "hidden"), NS_DATA, "value", type);
    return form;
}

static void server_info(struct sm *sm, struct element *query)
{
    const struct config *config = worker_config(sm->worker);
    const char *domain = worker_network(sm->worker);
    struct element *form = NULL;

    for (size_t a = 0; a < ARRAY_SIZE(addresses); a++) {
        size_t count = config_list_size(config, "domain", domain, addresses[a].key);
        struct element *field = NULL;
        if (a > 0 && strcmp(addresses[a].form, addresses[a - 1].form) != 0)
            form = NULL;
        for (size_t i = 0; i < count; i++) {
            form = form ? form : add_form(query, addresses[a].form);
            field = field ? field : add_field(form, addresses[a].field, "list-multi");
            element_add_with_text(field, NS_DATA, "value",
                                  config_list_item(config, "domain", domain, addresses[a].key, i));
        }
    }
}

static const struct spec specs[] = {{"XEP-0157", "1.1.1", NULL},
                                    {"XEP-0455", "0.4.0", "where the status is; nothing is told"},
                                    {0}};

const struct sm_module contact_module = {
    .name = "contact",
    .specs = specs,
    .server_info = server_info,
};
