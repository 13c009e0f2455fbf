/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who follows what, and the lines they get.
 */
#include "common/service/follow.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/base/utf8.h"
#include "common/config/number.h"
#include "common/io/conn.h"
#include "common/io/timer.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/namespaces.h"

/* Of the children of a stanza the names of the first ones, each cut. */
#define CHILDREN_MAX 8
#define NAME_BYTES   32
#define TICK_MS      1000
/* As many bytes may wait for a reader that is slow. */
#define QUEUED_MAX ((size_t)256 * 1024)

struct follow_watch {
    struct control_request *request;
    struct timer *timer;
    char *address; /* a bare or full JID, or a domain */
    char *id;      /* of the stanzas; NULL: any */
    bool is_domain, is_bare;
    uint64_t end_ms;
    unsigned tokens;
    uint64_t left_out, told;
    struct follow_watch *prev, *next;
};

static struct {
    struct loop *loop;
    const char *name;
} follower;

/* --- JSON --- */

static void add_string(struct buffer *out, const char *text, size_t limit)
{
    size_t length = utf8_cut(text, limit);

    buffer_append_char(out, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c == 0x7f)
            buffer_printf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            buffer_printf(out, "\\%c", c);
        else
            buffer_append_char(out, (char)c);
    }
    buffer_append_char(out, '"');
}

/* NULL: there is none. */
static void add_value(struct buffer *out, const char *key, const char *value)
{
    if (!value)
        return;
    buffer_printf(out, ",\"%s\":", key);
    add_string(out, value, FOLLOW_VALUE_MAX);
}

static void add_children(struct buffer *out, const struct element *root)
{
    const char *between = "";
    unsigned count = 0;

    buffer_append_text(out, ",\"children\":[");
    ELEMENT_FOREACH (child, root) {
        if (count++ == CHILDREN_MAX)
            break;
        buffer_append_text(out, between);
        add_string(out, child->name, NAME_BYTES);
        between = ",";
    }
    buffer_append_char(out, ']');
}

static void add_condition(struct buffer *out, const struct element *root)
{
    const struct element *error = element_find(root, NS_CLIENT, "error");
    const struct element *condition = error ? element_find(error, NS_STANZA_ERRORS, NULL) : NULL;

    if (condition)
        add_value(out, "condition", condition->name);
}

static size_t size_of(const struct element *root)
{
    struct buffer bytes = {0};
    size_t size;

    element_write(&bytes, root, NS_CLIENT);
    size = bytes.length;
    buffer_fini(&bytes);
    return size;
}

static void add_stanza(struct buffer *out, const struct element *root)
{
    static const char *const attributes[] = {"type", "id", "from", "to"};

    buffer_append_text(out, ",\"stanza\":");
    add_string(out, root->name, NAME_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
        add_value(out, attributes[i], element_get(root, attributes[i]));
    buffer_printf(out, ",\"size\":%zu", size_of(root));
    add_children(out, root);
    add_condition(out, root);
}

/* --- which --- */

static bool is_of_domain(const char *address, const char *domain)
{
    size_t length = strcspn(address, "/");
    const char *at = memchr(address, '@', length);
    size_t before = at ? (size_t)(at + 1 - address) : 0;

    return length - before == strlen(domain) &&
           memcmp(address + before, domain, length - before) == 0;
}

static bool is_address_of(const struct follow_watch *watch, const char *address)
{
    size_t length = strlen(watch->address);

    if (!address)
        return false;
    if (watch->is_domain)
        return is_of_domain(address, watch->address);
    if (!watch->is_bare)
        return strcmp(address, watch->address) == 0;
    return strncmp(address, watch->address, length) == 0 &&
           (address[length] == '\0' || address[length] == '/');
}

static bool is_wanted(const struct follow_watch *watch, const struct element *root)
{
    const char *id = watch->id ? element_get(root, "id") : NULL;

    if (watch->id && (!id || strcmp(id, watch->id) != 0))
        return false;
    return is_address_of(watch, element_get(root, "from")) ||
           is_address_of(watch, element_get(root, "to"));
}

/* Whatever it says: it is for these (docs/NETWORK.md). */
static bool is_recipient(const struct follow_watch *watch, const struct element *envelope)
{
    ELEMENT_FOREACH (to, envelope) {
        if (element_is(to, NS_NET, "to") && is_address_of(watch, element_text(to)))
            return true;
    }
    return false;
}

/* --- a hop --- */

/* No more than is allowed, and no more than is read. */
static bool may_write(struct follow_watch *watch)
{
    if (watch->tokens == 0 || control_queued(watch->request) > QUEUED_MAX) {
        watch->left_out++;
        return false;
    }
    watch->tokens--;
    return true;
}

static void begin_line(struct buffer *line)
{
    buffer_printf(line, "{\"time\":%" PRId64 ",\"daemon\":", clock_wall_us());
    add_string(line, follower.name, NAME_BYTES);
}

/* At once, and not with the end. */
static void end_line(const struct follow_watch *watch, struct buffer *line)
{
    buffer_append_char(line, '}');
    control_print(watch->request, "%s", line->data);
    control_flush(watch->request);
    buffer_fini(line);
}

static void write_line(const struct follow_watch *watch, const struct element *root,
                       const char *decision)
{
    struct buffer line = {0};

    begin_line(&line);
    add_stanza(&line, root);
    add_value(&line, "decision", decision);
    end_line(watch, &line);
}

/* The stanza in it; NULL: it is no envelope. */
static const struct element *inside(const struct element *envelope)
{
    const struct element *stanza = envelope ? element_first(envelope) : NULL;

    return stanza && strcmp(stanza->ns, NS_CLIENT) == 0 ? stanza : NULL;
}

PRINTF_LIKE(2, 3) static void hop(const struct element *root, const char *format, ...)
{
    const struct element *envelope = element_find(root, NS_NET, "envelope");
    const struct element *stanza = inside(envelope);
    struct follow_watch *watch;
    va_list arguments;
    char *decision = NULL;

    DL_FOREACH (follow_watches, watch) {
        bool wanted = stanza ? is_wanted(watch, stanza) || is_recipient(watch, envelope)
                             : is_wanted(watch, root);
        if (!wanted || !may_write(watch))
            continue;
        if (!decision) {
            va_start(arguments, format);
            decision = xvasprintf(format, arguments);
            va_end(arguments);
        }
        write_line(watch, stanza ? stanza : root, decision);
    }
    free(decision);
}

/* --- a watch --- */

static void watch_end(struct follow_watch *watch, const char *error)
{
    DL_DELETE(follow_watches, watch);
    timer_close(watch->timer);
    control_end(watch->request, error);
    free(watch->address);
    free(watch->id);
    free(watch);
}

static void on_gone(void *user)
{
    watch_end(user, NULL);
}

static void tell_left_out(struct follow_watch *watch)
{
    struct buffer line = {0};

    if (watch->left_out == watch->told)
        return;
    begin_line(&line);
    buffer_printf(&line, ",\"left_out\":%" PRIu64, watch->left_out - watch->told);
    end_line(watch, &line);
    watch->told = watch->left_out;
}

static void on_tick(void *user)
{
    struct follow_watch *watch = user;

    watch->tokens = MIN(watch->tokens + FOLLOW_RATE, FOLLOW_BURST);
    if (control_queued(watch->request) <= QUEUED_MAX)
        tell_left_out(watch);
    if (clock_monotonic_ms() >= watch->end_ms)
        watch_end(watch, NULL);
}

static void watch_begin(struct control_request *request, const struct jid *jid, unsigned seconds,
                        const char *id)
{
    struct follow_watch *watch = xcalloc(1, sizeof(*watch));
    struct buffer line = {0};

    watch->request = request;
    watch->address = xstrdup(jid->full);
    watch->is_domain = !jid->local && !jid->resource;
    watch->is_bare = !jid->resource;
    watch->id = id ? xstrdup(id) : NULL;
    watch->tokens = FOLLOW_BURST;
    watch->end_ms = clock_monotonic_ms() + (uint64_t)seconds * 1000;
    watch->timer = timer_new(follower.loop, on_tick, watch);
    timer_start(watch->timer, TICK_MS, TICK_MS);
    DL_APPEND(follow_watches, watch);
    control_on_gone(request, on_gone, watch);
    begin_line(&line);
    buffer_append_text(&line, ",\"begins\":true");
    end_line(watch, &line);
}

static unsigned count_watches(void)
{
    const struct follow_watch *watch;
    unsigned count = 0;

    DL_FOREACH (follow_watches, watch) {
        count++;
    }
    return count;
}

static void command_trace(void *state UNUSED, struct control_request *request, size_t argc,
                          const char *const *argv)
{
    struct arena *arena = arena_new();
    int64_t seconds;
    struct jid jid;

    if (jid_parse(arena, argv[0], &jid) != 0)
        control_end(request, "this is no JID");
    else if (config_number_parse(CONFIG_NUMBER, argv[1], &seconds) != 0 || seconds < 1 ||
             seconds > FOLLOW_SECONDS_MAX)
        control_end(request, "seconds from 1 to 3600");
    else if (count_watches() >= FOLLOW_WATCHES_MAX)
        control_end(request, "too many traces run already");
    else
        watch_begin(request, &jid, (unsigned)seconds, argc > 2 ? argv[2] : NULL);
    arena_free(arena);
}

static const struct control_command commands[] = {
    {"trace", 2, 3, command_trace,
     "JID SECONDS [ID]  what is decided about stanzas of or for it, without their content"},
    {0},
};

void follow_open(struct loop *loop, struct control *control, const char *name)
{
    follower.loop = loop;
    follower.name = name;
    follow_hop = hop;
    control_add(control, commands, NULL);
}

void follow_close(void)
{
    while (follow_watches)
        watch_end(follow_watches, "the daemon ends");
}
