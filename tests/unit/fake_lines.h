/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas as short lines, and inboxes of them:
 *
 *     presence subscribe bob@example.net > alice@example.net
 *     iq result > alice@example.net/a roster 3 {bob@example.net both}
 *     <a h='3'>
 *     message chat bob@example.net/b > alice@example.net "hello"
 *     message alice@alpha… > bob@beta… [home alpha: message chat alice@… > bob@… "hi"]
 *     message chat alice@example.net > alice@example.net/b sent {alice@example.net/a > x@y.z "hi"}
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/stanza.h"
#include "tests/unit/unit.h"

#define FAKE_LINES 2048

struct fake_inbox {
    char *lines[FAKE_LINES];
    size_t first, count;
};

static void fake_describe_roster(struct buffer *line, const struct element *query)
{
    const char *version = element_get(query, "ver");

    buffer_printf(line, " roster %s", version ? version : "-");
    ELEMENT_FOREACH (item, query) {
        const char *name = element_get(item, "name");

        buffer_printf(line, " {%s %s%s%s", element_get(item, "jid"),
                      element_get(item, "subscription"), element_get(item, "ask") ? " ask" : "",
                      element_get(item, "approved") ? " approved" : "");
        if (name) {
            buffer_printf(line, " '%s'", name);
        }
        ELEMENT_FOREACH (group, item) {
            buffer_printf(line, " [%s]", element_text(group));
        }
        buffer_append_char(line, '}');
    }
}

static void fake_describe_child(struct buffer *line, const struct element *child);

static const char *fake_or(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

/* A carbon or a result of an archive. */
static void fake_describe_forwarded(struct buffer *line, const struct element *wrapper)
{
    const struct element *forwarded = element_find(wrapper, "urn:xmpp:forward:0", "forwarded");
    const struct element *message = element_find(forwarded, NS_CLIENT, "message");

    buffer_printf(line, " %s {%s > %s", wrapper->name, fake_or(element_get(message, "from"), "-"),
                  fake_or(element_get(message, "to"), "-"));
    ELEMENT_FOREACH (child, message) {
        fake_describe_child(line, child);
    }
    buffer_append_char(line, '}');
}

/* [home alpha: presence alice@example.net/a > - bob@example.net bill@example.net] */
static void fake_describe_envelope(struct buffer *line, const struct element *envelope)
{
    buffer_printf(line, " [%s %s", element_get(envelope, "stage"), element_get(envelope, "home"));
    ELEMENT_FOREACH (child, envelope) {
        const char *type = element_get(child, "type");

        if (strcmp(child->name, "to") == 0) {
            buffer_printf(line, " %s", element_text(child));
            continue;
        }
        buffer_printf(line, ": %s%s%s %s > %s", child->name, type ? " " : "", fake_or(type, ""),
                      fake_or(element_get(child, "from"), "-"),
                      fake_or(element_get(child, "to"), "-"));
        ELEMENT_FOREACH (inner, child) {
            fake_describe_child(line, inner);
        }
    }
    buffer_append_char(line, ']');
}

static void fake_describe_child(struct buffer *line, const struct element *child)
{
    if (element_is(child, "jabber:iq:roster", "query")) {
        fake_describe_roster(line, child);
    } else if (element_is(child, NS_CLIENT, "error")) {
        buffer_printf(line, " %s", element_first(child)->name);
    } else if (element_is(child, NS_CLIENT, "body")) {
        buffer_printf(line, " \"%s\"", element_text(child));
    } else if (element_is(child, "urn:kontalk:net:1", "envelope")) {
        fake_describe_envelope(line, child);
    } else if (element_find(child, "urn:xmpp:forward:0", "forwarded")) {
        fake_describe_forwarded(line, child);
    } else {
        buffer_printf(line, " <%s>", child->name);
    }
}

/* The <stanza-id/> that the account of the recipient gives to what it stores: the only one in its
 * name, and the last thing in the message. It is in so many that it is not shown. */
static bool fake_is_stored(const struct stanza *stanza, const struct element *child)
{
    ELEMENT_FOREACH (other, stanza->root) {
        const char *by = element_get(other, "by");

        if (element_is(other, "urn:xmpp:sid:0", "stanza-id") && by && stanza->has_to &&
            strcmp(by, stanza->to.bare) == 0) {
            return other == child && !element_next(other);
        }
    }
    return false;
}

static char *fake_describe(const struct stanza *stanza)
{
    struct buffer line = {0};
    const char *type = stanza_type_name(stanza->type);

    buffer_append_text(&line, stanza_kind_name(stanza->kind));
    if (type) {
        buffer_printf(&line, " %s", type);
    }
    if (stanza->has_from) {
        buffer_printf(&line, " %s", stanza->from.full);
    }
    buffer_printf(&line, " > %s", stanza->has_to ? stanza->to.full : "-");
    ELEMENT_FOREACH (child, stanza->root) {
        if ((stanza->type == PRESENCE_AVAILABLE && element_is(child, NS_CLIENT, "priority")) ||
            fake_is_stored(stanza, child)) {
            continue;
        }
        if (!stanza_is_error(stanza) || element_is(child, NS_CLIENT, "error") ||
            element_find(child, "urn:xmpp:forward:0", "forwarded")) {
            fake_describe_child(&line, child);
        }
    }
    return buffer_take(&line);
}

static void fake_put(struct fake_inbox *inbox, const struct stanza *stanza)
{
    assert_true(inbox->count < FAKE_LINES);
    inbox->lines[(inbox->first + inbox->count++) % FAKE_LINES] = fake_describe(stanza);
}

/* An element that is no stanza: its name and attributes, in their order. */
static UNUSED void fake_put_element(struct fake_inbox *inbox, const struct element *element)
{
    struct buffer line = {0};

    buffer_printf(&line, "<%s", element->name);
    for (const struct attribute *at = element->attributes; at; at = at->next) {
        buffer_printf(&line, " %s='%s'", at->name, at->value);
    }
    buffer_append_char(&line, '>');
    ELEMENT_FOREACH (child, element) {
        buffer_printf(&line, "<%s>", child->name);
    }
    assert_true(inbox->count < FAKE_LINES);
    inbox->lines[(inbox->first + inbox->count++) % FAKE_LINES] = buffer_take(&line);
}

static char *fake_get(struct fake_inbox *inbox)
{
    char *line;

    if (inbox->count == 0) {
        return NULL;
    }
    line = inbox->lines[inbox->first];
    inbox->first = (inbox->first + 1) % FAKE_LINES;
    inbox->count--;
    return line;
}

static void fake_clear(struct fake_inbox *inbox)
{
    for (char *line; (line = fake_get(inbox)) != NULL;) {
        free(line);
    }
}

static UNUSED void fake_expect(struct fake_inbox *inbox, const char *expected)
{
    char *line = fake_get(inbox);

    if (!line) {
        fail_msg("nothing came, but expected: %s", expected);
    }
    assert_string_equal(line, expected);
    free(line);
}

static UNUSED void fake_expect_nothing(struct fake_inbox *inbox)
{
    if (inbox->count > 0) {
        fail_msg("unexpected: %s", inbox->lines[inbox->first]);
    }
}

/* Takes the expected line from wherever it stands among what has come. */
static UNUSED bool fake_took(struct fake_inbox *inbox, const char *expected)
{
    bool found = false;

    for (size_t i = 0, count = inbox->count; i < count; i++) {
        char *line = fake_get(inbox);

        if (!found && strcmp(line, expected) == 0) {
            found = true;
            free(line);
        } else {
            inbox->lines[(inbox->first + inbox->count++) % FAKE_LINES] = line;
        }
    }
    return found;
}
