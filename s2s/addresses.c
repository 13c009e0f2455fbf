/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Headers with addresses, as the server of the recipients reads them.
 */
#include "s2s/addresses.h"

#include <string.h>

#include "common/base/limit.h"
#include "common/xmpp/namespaces.h"

enum kind { KIND_NONE, KIND_OPEN, KIND_BLIND };

static bool is(const char *value, const char *wanted)
{
    return value && strcmp(value, wanted) == 0;
}

/* Other types say something to people, or are not known. */
static enum kind kind_of(const struct element *address)
{
    const char *type = element_get(address, "type");

    if (!element_is(address, NS_ADDRESS, "address"))
        return KIND_NONE;
    if (is(type, "bcc"))
        return KIND_BLIND;
    return is(type, "to") || is(type, "cc") ? KIND_OPEN : KIND_NONE;
}

/* §4.1.5: who has it already does not get it again. */
static bool is_wanted(const struct element *address)
{
    return kind_of(address) != KIND_NONE && !xml_is_true(element_get(address, "delivered"));
}

struct element *addresses_of(const struct stanza *stanza)
{
    if (stanza->kind == STANZA_IQ || stanza_is_error(stanza) || !stanza->has_to ||
        stanza->to.local || stanza->to.resource)
        return NULL;
    return element_find(stanza->root, NS_ADDRESS, "addresses");
}

/* -1, or the error. */
static int check_form(const struct stanza *stanza)
{
    const struct element *addresses = NULL;

    ELEMENT_FOREACH (child, stanza->root) {
        if (!element_is(child, NS_ADDRESS, "addresses"))
            continue;
        if (addresses)
            return STANZA_BAD_REQUEST;
        addresses = child;
    }
    ELEMENT_FOREACH (address, addresses) {
        if (!element_get(address, "type") ||
            (element_get(address, "jid") && element_get(address, "uri")))
            return STANZA_BAD_REQUEST;
    }
    return -1;
}

static bool has(const struct recipients *recipients, const struct jid *jid)
{
    for (size_t i = 0; i < recipients->count; i++) {
        if (jid_equal(&recipients->all[i].jid, jid))
            return true;
    }
    return false;
}

static int add(const struct stanza *stanza, struct element *address, struct recipients *recipients)
{
    const char *text = element_get(address, "jid");
    struct jid jid;

    if (!text || jid_parse(stanza->arena, text, &jid) < 0)
        return STANZA_JID_MALFORMED; /* or it is a URI, of which none is understood */
    if (strcmp(jid.domain, stanza->to.domain) != 0)
        return STANZA_FORBIDDEN; /* §3: nothing is relayed */
    if (!has(recipients, &jid))
        recipients->all[recipients->count++] = (struct recipient){
            .jid = jid, .blind = kind_of(address) == KIND_BLIND ? address : NULL};
    return -1;
}

int addresses_read(struct stanza *stanza, size_t max, struct recipients *recipients)
{
    const struct element *addresses = addresses_of(stanza);
    int problem = check_form(stanza);
    size_t wanted = 0;

    ELEMENT_FOREACH (address, addresses) {
        wanted += is_wanted(address) ? 1 : 0;
    }
    if (problem < 0 && (wanted > max || wanted * arena_size(stanza->arena) > ADDRESSES_BYTES_MAX)) {
        limit_reached("addresses");
        problem = STANZA_NOT_ACCEPTABLE;
    }
    recipients->count = 0;
    if (problem < 0)
        recipients->all = arena_zalloc(stanza->arena, (wanted + 1) * sizeof(*recipients->all));
    ELEMENT_FOREACH (address, addresses) {
        if (problem < 0 && is_wanted(address))
            problem = add(stanza, address, recipients);
    }
    return problem;
}

void addresses_mark(struct stanza *stanza)
{
    struct element *addresses = addresses_of(stanza), *next;

    for (struct element *address = element_first(addresses); address; address = next) {
        next = element_next(address);
        if (kind_of(address) == KIND_BLIND)
            element_remove(addresses, address);
        else if (kind_of(address) == KIND_OPEN)
            element_set(address, "delivered", "true");
    }
}

struct stanza *addresses_copy(const struct stanza *stanza, const struct recipient *recipient)
{
    struct stanza *copy = stanza_copy(stanza);

    if (recipient->blind)
        element_add_copy(addresses_of(copy), recipient->blind);
    stanza_set_to(copy, &recipient->jid);
    return copy;
}

void addresses_begin(struct stanza *stanza, const struct jid *domain)
{
    element_add(stanza->root, NS_ADDRESS, "addresses");
    stanza_set_to(stanza, domain);
}

void addresses_add(struct stanza *stanza, const struct jid *recipient)
{
    struct element *address = element_add(addresses_of(stanza), NS_ADDRESS, "address");

    element_set(address, "type", "bcc");
    element_set(address, "jid", recipient->full);
}

struct stanza *addresses_single(const struct stanza *stanza, const struct jid *recipient)
{
    struct stanza *single = stanza_copy(stanza);

    element_remove(single->root, addresses_of(single));
    stanza_set_to(single, recipient);
    return single;
}
