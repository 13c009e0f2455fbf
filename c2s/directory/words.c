/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing and reading what directories say to each other.
 */
#include "c2s/directory/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/xmpp/namespaces.h"

/* Enough for any int64_t. */
#define NUMBER_TEXT_SIZE 24

struct stanza *words_message(const char *to, const char *name, struct element **payload)
{
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct jid jid;

    if (jid_parse(stanza->arena, to, &jid) == 0)
        stanza_set_to(stanza, &jid);
    *payload = element_add(stanza->root, NS_DIRECTORY, name);
    return stanza;
}

void words_set_number(struct element *element, const char *name, int64_t number)
{
    char text[NUMBER_TEXT_SIZE];

    snprintf(text, sizeof(text), "%" PRId64, number);
    element_set(element, name, text);
}

int words_get_number(const struct element *element, const char *name, int64_t *number)
{
    const char *text = element_get(element, name);
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return ERR_MALFORMED;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno || *end ? ERR_MALFORMED : 0;
}

void words_set_bytes(struct element *element, const char *name, const void *bytes, size_t length)
{
    struct buffer text = {0};

    base64_encode(&text, bytes, length);
    element_set(element, name, text.data);
    buffer_fini(&text);
}

int words_get_bytes(const struct element *element, const char *name, uint8_t *bytes, size_t length)
{
    const char *text = element_get(element, name);
    struct buffer decoded = {0};
    int error = text ? base64_decode(&decoded, text, strlen(text)) : ERR_MALFORMED;

    if (error == 0 && decoded.length != length)
        error = ERR_MALFORMED;
    if (error == 0)
        memcpy(bytes, decoded.data, length);
    buffer_fini(&decoded);
    return error;
}

void words_add_grant(struct element *parent, const struct grant *grant, int64_t serial)
{
    struct element *entry = element_add(parent, NS_DIRECTORY, "entry");

    element_set(entry, "jid", grant->jid);
    element_set(entry, "home", grant->home);
    words_set_number(entry, "version", grant->version);
    if (grant->deleted)
        element_set(entry, "deleted", "true");
    words_set_bytes(entry, "key", grant->key_id, sizeof(grant->key_id));
    words_set_bytes(entry, "signature", grant->signature, sizeof(grant->signature));
    if (serial > 0)
        words_set_number(entry, "serial", serial);
}

/* Two ways to write one address would be two names with one signature each. */
static int read_address(struct element *entry, const char **bare)
{
    const char *text = element_get(entry, "jid");
    struct jid jid;

    if (text == NULL || jid_parse(entry->arena, text, &jid) != 0 || jid.resource ||
        strcmp(jid.bare, text) != 0)
        return ERR_MALFORMED;
    *bare = text;
    return 0;
}

int words_read_grant(struct element *element, struct grant *grant, int64_t *serial)
{
    const char *deleted = element_get(element, "deleted");

    *grant = (struct grant){.home = element_get(element, "home")};
    grant->deleted = deleted && strcmp(deleted, "true") == 0;
    *serial = 0;
    if (!element_is(element, NS_DIRECTORY, "entry") || grant->home == NULL ||
        read_address(element, &grant->jid) != 0 ||
        words_get_number(element, "version", &grant->version) != 0 || grant->version < 1)
        return ERR_MALFORMED;
    if (element_get(element, "serial") && words_get_number(element, "serial", serial) != 0)
        return ERR_MALFORMED;
    if (words_get_bytes(element, "key", grant->key_id, sizeof(grant->key_id)) != 0)
        return ERR_MALFORMED;
    return words_get_bytes(element, "signature", grant->signature, sizeof(grant->signature));
}
