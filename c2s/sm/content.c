/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kind of message something is.
 */
#include "c2s/sm/content.h"

#include <string.h>

#include "common/base/macros.h"
#include "common/xmpp/namespaces.h"

#define NS_ARCHIVES "urn:xmpp:mam:"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"
#define NS_OPENPGP  "urn:xmpp:openpgp:0"

/* A child of a message; name NULL: any. */
struct kind {
    const char *ns, *name;
};

/* What is nothing by itself. */
static const struct kind trifles[] = {
    {NS_CHAT_STATES, NULL},
    {NS_CLIENT, "thread"},
    {NS_HINTS, NULL},
    {"urn:xmpp:sid:0", NULL},
    {"urn:xmpp:carbons:2", "private"},
    {"urn:xmpp:delay", "delay"},
};

/* What belongs to a conversation though there is no <body/>. */
static const struct kind talk[] = {
    {"urn:xmpp:receipts", NULL},
    {"urn:xmpp:chat-markers:0", NULL},
    {NS_CHAT_STATES, NULL},
    {"jabber:x:conference", "x"},
};

/* What a user is woken for, beside a <body/>. */
static const struct kind calls[] = {
    {"urn:xmpp:jingle-message:0", "propose"},
    {NS_OPENPGP, "openpgp"},
};

/* OMEMO in its versions; without <payload/> it carries keys, and nothing to read. */
static const char *const omemo[] = {"eu.siacs.conversations.axolotl", "urn:xmpp:omemo:1",
                                    "urn:xmpp:omemo:2"};

static bool is_one_of(const struct element *child, const struct kind *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(child->ns, kinds[i].ns) == 0 &&
            (!kinds[i].name || strcmp(child->name, kinds[i].name) == 0))
            return true;
    }
    return false;
}

#define IS_ONE_OF(child, kinds) is_one_of((child), (kinds), ARRAY_SIZE(kinds))

/* What decides whether a message is kept. */
struct traits {
    bool store, no_store; /* hints */
    bool retracts;        /* XEP-0424 */
    bool from_archive;    /* what archives answer (XEP-0313): it is kept there */
    bool fleeting;
};

/* One walk, since every message is asked for it, several times. */
static void look(const struct element *message, struct traits *traits)
{
    *traits = (struct traits){.fleeting = true};
    ELEMENT_FOREACH (child, message) {
        if (element_is(child, NS_CLIENT, "body")) { /* most of them */
            traits->fleeting = false;
        } else if (strcmp(child->ns, NS_HINTS) == 0) {
            traits->store = traits->store || strcmp(child->name, "store") == 0;
            traits->no_store = traits->no_store || strcmp(child->name, "no-store") == 0;
        } else if (element_is(child, NS_RETRACT, "retract")) {
            traits->retracts = true;
            traits->fleeting = false;
        } else {
            traits->from_archive =
                traits->from_archive || (strcmp(child->name, "result") == 0 &&
                                         strncmp(child->ns, NS_ARCHIVES, strlen(NS_ARCHIVES)) == 0);
            traits->fleeting = traits->fleeting && IS_ONE_OF(child, trifles);
        }
    }
}

static bool has_hint(const struct stanza *message, const char *name)
{
    return element_find(message->root, NS_HINTS, name) != NULL;
}

static bool invites(const struct stanza *message)
{
    const struct element *x = element_find(message->root, NS_MUC_USER, "x");

    return x && element_find(x, NS_MUC_USER, "invite");
}

static bool is_fleeting(const struct element *message)
{
    struct traits traits;

    look(message, &traits);
    return traits.fleeting;
}

bool content_is_fleeting(const struct stanza *message)
{
    return is_fleeting(message->root);
}

bool content_is_chat_state(const struct element *message)
{
    return element_find(message, NS_CHAT_STATES, NULL) && is_fleeting(message);
}

/* What a room says to all it keeps itself; errors answer something that was kept, and hints in them
 * were not meant for them (XEP-0334 §5). Headlines are for now (RFC 6121 §5.2.2). */
bool content_is_kept(const struct stanza *message)
{
    struct traits traits;

    if (message->type == MESSAGE_ERROR || message->type == MESSAGE_GROUPCHAT)
        return false;
    look(message->root, &traits);
    if ((traits.no_store && !traits.retracts) || traits.from_archive)
        return false;
    return traits.store || (message->type != MESSAGE_HEADLINE && !traits.fleeting);
}

bool content_is_said(const struct stanza *message)
{
    struct traits traits;

    look(message->root, &traits);
    return !traits.no_store && (traits.store || !traits.fleeting);
}

bool content_is_archived(const struct stanza *message)
{
    return content_is_kept(message) &&
           (!has_hint(message, "no-permanent-store") || content_retracts(message));
}

bool content_retracts(const struct stanza *message)
{
    return message->type != MESSAGE_ERROR && message->type != MESSAGE_GROUPCHAT &&
           element_find(message->root, NS_RETRACT, "retract");
}

static bool has_talk(const struct stanza *message)
{
    ELEMENT_FOREACH (child, message->root) {
        if (IS_ONE_OF(child, talk))
            return true;
    }
    return invites(message);
}

bool content_is_conversation(const struct stanza *message)
{
    if (message->type == MESSAGE_CHAT || has_talk(message))
        return true;
    return message->type != MESSAGE_HEADLINE && element_find(message->root, NS_CLIENT, "body");
}

bool content_is_private(const struct stanza *message)
{
    return element_find(message->root, "urn:xmpp:carbons:2", "private") ||
           (message->type != MESSAGE_ERROR && has_hint(message, "no-copy"));
}

bool content_is_of_room(const struct stanza *message)
{
    return element_find(message->root, NS_MUC_USER, "x") && !invites(message);
}

static bool has_secret(const struct element *message)
{
    for (size_t i = 0; i < ARRAY_SIZE(omemo); i++) {
        const struct element *encrypted = element_find(message, omemo[i], "encrypted");

        if (encrypted && element_find(encrypted, omemo[i], "payload"))
            return true;
    }
    return false;
}

bool content_is_text(const struct stanza *message)
{
    return element_find(message->root, NS_CLIENT, "body") || has_secret(message->root) ||
           element_find(message->root, NS_OPENPGP, "openpgp");
}

/* An OMEMO message without payload has a <body/> for clients that do not know it. */
static bool is_of_keys_only(const struct element *message)
{
    for (size_t i = 0; i < ARRAY_SIZE(omemo); i++) {
        if (element_find(message, omemo[i], "encrypted"))
            return !has_secret(message);
    }
    return false;
}

bool content_wakes(const struct stanza *message)
{
    if (message->type == MESSAGE_ERROR || message->type == MESSAGE_HEADLINE ||
        is_of_keys_only(message->root))
        return false;
    ELEMENT_FOREACH (child, message->root) {
        if (element_is(child, NS_CLIENT, "body") || IS_ONE_OF(child, calls))
            return true;
    }
    return has_secret(message->root);
}
