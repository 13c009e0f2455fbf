/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The names of services.
 */
#include "c2s/sm/services.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/content.h"

struct durable_service {
    UT_hash_handle hh; /* by name */
    char name[];
};

struct services {
    struct durable_service *all;
};

static struct durable_service *find(const struct sm *sm, const char *name)
{
    struct durable_service *service;

    HASH_FIND_STR(sm->durable_services->all, name, service);
    return service;
}

void services_note(struct sm *sm, const char *name)
{
    struct durable_service *service;
    size_t length = strlen(name);

    if (find(sm, name))
        return;
    service = xcalloc(1, sizeof(*service) + length + 1);
    memcpy(service->name, name, length + 1);
    HASH_ADD_KEYPTR(hh, sm->durable_services->all, service->name, length, service);
}

bool services_keep(const struct sm *sm, const struct stanza *stanza)
{
    if (stanza->kind != STANZA_MESSAGE)
        return false;
    if (content_is_kept(stanza))
        return true;
    return stanza->type == MESSAGE_GROUPCHAT && stanza->has_to && stanza->to.local &&
           find(sm, stanza->to.domain) && content_is_said(stanza);
}

static void start(struct sm *sm)
{
    sm->durable_services = xcalloc(1, sizeof(*sm->durable_services));
}

static void stop(struct sm *sm)
{
    struct durable_service *service, *next;

    HASH_ITER (hh, sm->durable_services->all, service, next) {
        HASH_DEL(sm->durable_services->all, service);
        free(service);
    }
    free(sm->durable_services);
}

const struct sm_module services_module = {.name = "services", .start = start, .stop = stop};
