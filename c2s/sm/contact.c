/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Contact addresses of the service (XEP-0157): a form in the server's disco#info, from
 * [domain "…"] abuse-address and so on.
 */
#include "c2s/sm/sm.h"

#define NS_DATA "jabber:x:data"

static const struct {
    const char *key;
    const char *field;
} addresses[] = {
    {"abuse-address", "abuse-addresses"},       {"admin-address", "admin-addresses"},
    {"feedback-address", "feedback-addresses"}, {"sales-address", "sales-addresses"},
    {"security-address", "security-addresses"}, {"status-address", "status-addresses"},
    {"support-address", "support-addresses"},
};

static struct element *add_field(struct element *form, const char *name, const char *type)
{
    struct element *field = element_add(form, NS_DATA, "field");

    element_set(field, "var", name);
    element_set(field, "type", type);
    return field;
}

static struct element *add_form(struct element *query)
{
    struct element *form = element_add(query, NS_DATA, "x");

    element_set(form, "type", "result");
    element_add_with_text(add_field(form, "FORM_TYPE", "hidden"), NS_DATA, "value",
                          "http://jabber.org/network/serverinfo");
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
        for (size_t i = 0; i < count; i++) {
            form = form ? form : add_form(query);
            field = field ? field : add_field(form, addresses[a].field, "list-multi");
            element_add_with_text(field, NS_DATA, "value",
                                  config_list_item(config, "domain", domain, addresses[a].key, i));
        }
    }
}

static const struct spec specs[] = {{"XEP-0157", "1.1.1", NULL}, {0}};

const struct sm_module contact_module = {
    .name = "contact",
    .specs = specs,
    .server_info = server_info,
};
