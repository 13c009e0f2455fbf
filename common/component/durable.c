/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading and writing the words of urn:kontalk:durable:1.
 */
#include "common/component/durable.h"

#include <string.h>

#include "common/base/error.h"
#include "common/component/durable_internal.h"
#include "common/config/number.h"
#include "common/xmpp/namespaces.h"

static const char *const NAMES[DURABLE_KINDS] = {
    [DURABLE_OFFER] = "offer",
    [DURABLE_TOOK] = "took",
    [DURABLE_REFUSED] = "refused",
    [DURABLE_FORGET] = "forget",
};

const char *durable_name(enum durable_kind kind)
{
    return NAMES[kind];
}

/* --- reading --- */

static int read_kind(const struct element *element, enum durable_kind *kind)
{
    for (int i = 0; i < DURABLE_KINDS; i++) {
        if (element_is(element, NS_DURABLE, NAMES[i])) {
            *kind = (enum durable_kind)i;
            return 0;
        }
    }
    return ERR_MALFORMED;
}

bool durable_is_line(const char *text)
{
    return !strpbrk(text, "\t\n");
}

unsigned durable_number(const char *text)
{
    int64_t number;
    if (!text || config_number_parse(CONFIG_NUMBER, text, &number) || number > INT32_MAX)
        return 0;
    return (unsigned)number;
}

int durable_read_address(const struct element *element, const char *name, struct jid *jid)
{
    const char *text = element_get(element, name);
    *jid = (struct jid){0};
    return text ? jid_parse(element->arena, text, jid) : ERR_NOT_FOUND;
}

static bool is_id(const char *text)
{
    return *text && strlen(text) <= DURABLE_ID_MAX && durable_is_line(text);
}

/* -1, or why it cannot be passed on. Whoever gets it looks closer. */
static int judge_stanza(struct element *stanza)
{
    if (!stanza || element_next(stanza) || strcmp(stanza->ns, NS_CLIENT))
        return STANZA_BAD_REQUEST;
    return strcmp(stanza->name, "message") && strcmp(stanza->name, "presence") ? STANZA_BAD_REQUEST
                                                                               : -1;
}

static int read_offer(struct element *element, struct durable *durable, int *problem)
{
    durable->attempt = durable_number(element_get(element, "attempt"));
    durable->after = element_get(element, "after");
    if (durable->after && !durable_is_line(durable->after))
        return ERR_MALFORMED;
    durable->stanza = element_first(element);
    if (!durable->stanza || durable_read_address(durable->stanza, "from", &durable->from))
        return ERR_MALFORMED;
    *problem = judge_stanza(durable->stanza);
    int error = durable_read_address(durable->stanza, "to", &durable->to);
    if (*problem < 0 && error)
        *problem = error == ERR_NOT_FOUND ? STANZA_BAD_REQUEST : STANZA_JID_MALFORMED;
    return 0;
}

static int read_answer(struct element *element, struct durable *durable)
{
    bool refused = durable->kind == DURABLE_REFUSED;
    const char *reason = element_get(element, "reason");
    int error = durable_read_address(element, "from", &durable->from);
    if (durable_read_address(element, "to", &durable->to) || (error && !refused))
        return ERR_MALFORMED;
    if (!refused)
        return 0;
    int condition = reason ? stanza_condition_parse(reason) : -1;
    durable->reason = condition < 0 ? STANZA_UNDEFINED_CONDITION : (enum stanza_condition)condition;
    durable->type = element_get(element, "type");
    if (!durable->type)
        durable->type = stanza_condition_type(durable->reason);
    const char *text = element_text(element);
    durable->text = *text ? text : NULL;
    durable->retry_after = durable_number(element_get(element, "retry-after"));
    return 0;
}

int durable_read(struct element *element, struct durable *durable, int *problem)
{
    *durable = (struct durable){.id = element_get(element, "id")};
    *problem = -1;
    int error = read_kind(element, &durable->kind);
    if (error || !durable->id || !is_id(durable->id))
        return ERR_MALFORMED;
    if (durable->kind == DURABLE_OFFER)
        return read_offer(element, durable, problem);
    return read_answer(element, durable);
}

int durable_take_stanza(struct durable *offer, struct stanza **stanza, int *problem)
{
    struct element *root = element_take_out(offer->stanza);
    offer->stanza = NULL;
    return stanza_from_element_take(root, NS_CLIENT, stanza, problem);
}

/* --- writing --- */

void durable_write_attribute(struct buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_append_char(out, ' ');
    buffer_append_text(out, name);
    buffer_append_text(out, "='");
    xml_escape(out, value);
    buffer_append_char(out, '\'');
}

static void write_offer(struct buffer *out, const struct durable *durable)
{
    buffer_append_text(out, " attempt='");
    buffer_append_number(out, durable->attempt);
    buffer_append_char(out, '\'');
    durable_write_attribute(out, "after", durable->after);
    buffer_append_char(out, '>');
    element_write(out, durable->stanza, NS_DURABLE);
}

static void write_answer(struct buffer *out, const struct durable *durable)
{
    durable_write_attribute(out, "from", durable->from.full);
    durable_write_attribute(out, "to", durable->to.full);
    if (durable->kind == DURABLE_REFUSED) {
        durable_write_attribute(out, "reason", stanza_condition_name(durable->reason));
        durable_write_attribute(
            out, "type", durable->type ? durable->type : stanza_condition_type(durable->reason));
        if (durable->retry_after > 0)
            buffer_printf(out, " retry-after='%u'", durable->retry_after);
    }
    buffer_append_char(out, '>');
    if (durable->kind == DURABLE_REFUSED && durable->text)
        xml_escape(out, durable->text);
}

void durable_write(struct buffer *out, const struct durable *durable)
{
    const char *name = NAMES[durable->kind];
    buffer_append_char(out, '<');
    buffer_append_text(out, name);
    buffer_append_text(out, " xmlns='" NS_DURABLE "'");
    durable_write_attribute(out, "id", durable->id);
    if (durable->kind == DURABLE_OFFER)
        write_offer(out, durable);
    else
        write_answer(out, durable);
    buffer_append_text(out, "</");
    buffer_append_text(out, name);
    buffer_append_char(out, '>');
}

/* Answers go to the bare JID, so that they find whoever answers for the account now. A worker of a
 * node is found by its resource. */
static struct jid bare_of(const struct jid *jid)
{
    struct jid bare = *jid;
    if (!jid->local)
        return bare;
    bare.resource = NULL;
    bare.full = bare.bare;
    return bare;
}

struct durable durable_answer(const struct durable *offer, enum durable_kind kind)
{
    return (struct durable){
        .kind = kind, .id = offer->id, .from = offer->to, .to = bare_of(&offer->from)};
}

static const char *copy_text(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

/* Domain NULL: it is missing. */
static struct jid copy_address(struct arena *arena, const struct jid *jid)
{
    return jid->domain ? jid_copy(arena, jid) : (struct jid){0};
}

void durable_copy(struct arena *arena, const struct durable *durable, struct durable *copy)
{
    *copy = *durable;
    copy->id = copy_text(arena, durable->id);
    copy->from = copy_address(arena, &durable->from);
    copy->to = copy_address(arena, &durable->to);
    copy->stanza = NULL;
    copy->after = copy_text(arena, durable->after);
    copy->type = copy_text(arena, durable->type);
    copy->text = copy_text(arena, durable->text);
}
