/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Numbers, acknowledgements, sending again: go-back-n over frames that are kept until they are
 * acknowledged.
 */
#include "c2s/front/trunk.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/table.h"

#define RESEND_MS 2000
#define ALIVE_MS  15000
#define DEAD_MS   60000
#define WINDOW    512
#define QUEUE     65536
#define BYTES     (64U << 20)
/* Full is who has this part of it. */
#define BYTES_PART 16
/* So many frames of the other end are acknowledged at once, without waiting for trunk_settle(). */
#define OWED_MAX 64

/* An element that the other end has not acknowledged, in the frame in which it goes. */
struct kept {
    struct stanza *frame;
    uint64_t number;
    size_t bytes;
    struct kept *prev, *next;
};

struct trunk {
    const struct trunk_ops *ops;
    void *user;
    struct trunk_settings settings;
    struct jid *from, *to;
    char *name, *peer;
    struct stanza *begun; /* of trunk_begin() */
    struct kept *kept;
    size_t kept_count, kept_bytes;
    uint64_t numbered; /* the last number given */
    uint64_t sent;     /* the last one on its way */
    uint64_t settled;  /* the last one that the other end has */
    uint64_t came;     /* the last one that came from there */
    unsigned owed;     /* of them: not acknowledged */
    uint64_t heard_ms; /* when anything came */
    uint64_t open_ms;  /* since when the oldest frame on its way is waited for */
    uint64_t asked_ms; /* when it was last asked whether the other end lives */
    uint64_t back;     /* up to here frames were sent again because of a gap: once is enough */
    bool full;         /* ops->room is owed */
    bool dead;
};

static uint64_t or_usual(uint64_t value, uint64_t usual)
{
    return value ? value : usual;
}

struct trunk *trunk_new(const struct trunk_settings *settings, const struct trunk_ops *ops,
                        void *user)
{
    struct trunk *trunk = xcalloc(1, sizeof(*trunk));

    trunk->ops = ops;
    trunk->user = user;
    trunk->settings = *settings;
    trunk->settings.resend_ms = or_usual(settings->resend_ms, RESEND_MS);
    trunk->settings.alive_ms = or_usual(settings->alive_ms, ALIVE_MS);
    trunk->settings.dead_ms = or_usual(settings->dead_ms, DEAD_MS);
    trunk->settings.window = or_usual(settings->window, WINDOW);
    trunk->settings.queue = or_usual(settings->queue, QUEUE);
    trunk->settings.bytes = or_usual(settings->bytes, BYTES);
    trunk->from = jid_dup(settings->from);
    trunk->to = jid_dup(settings->to);
    trunk->name = xstrdup(settings->name);
    trunk->peer = xstrdup_or_null(settings->peer);
    trunk->heard_ms = clock_monotonic_ms();
    return trunk;
}

static void forget_up_to(struct trunk *trunk, uint64_t number)
{
    while (trunk->kept && trunk->kept->number <= number) {
        struct kept *kept = trunk->kept;

        DL_DELETE(trunk->kept, kept);
        trunk->kept_count--;
        trunk->kept_bytes -= kept->bytes;
        stanza_unref(kept->frame);
        free(kept);
    }
}

void trunk_free(struct trunk *trunk)
{
    forget_up_to(trunk, UINT64_MAX);
    stanza_unref(trunk->begun);
    free(trunk->from);
    free(trunk->to);
    free(trunk->name);
    free(trunk->peer);
    free(trunk);
}

const char *trunk_name(const struct trunk *trunk)
{
    return trunk->name;
}

const char *trunk_peer(const struct trunk *trunk)
{
    return trunk->peer;
}

const struct jid *trunk_to(const struct trunk *trunk)
{
    return trunk->to;
}

static void die(struct trunk *trunk, const char *reason)
{
    if (trunk->dead)
        return;
    trunk->dead = true;
    trunk->ops->dead(trunk->user, reason);
}

/* --- frames out --- */

static void set_number(struct element *t, const char *name, uint64_t number)
{
    element_set(t, name, arena_printf(t->arena, "%llu", (unsigned long long)number));
}

static struct element *new_frame(const struct jid *from, const struct jid *to, const char *me,
                                 struct stanza **frame)
{
    struct element *t;

    *frame = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    stanza_set_from(*frame, from);
    stanza_set_to(*frame, to);
    t = element_add((*frame)->root, NS_TRUNK, "t");
    element_set(t, "v", "1");
    element_set(t, "me", me);
    return t;
}

struct stanza *trunk_make_reset(const struct jid *from, const struct jid *to, const char *me,
                                const char *you)
{
    struct stanza *frame;
    struct element *t = new_frame(from, to, me, &frame);

    element_set(t, "you", you);
    element_set(t, "reset", "1");
    return frame;
}

/* What changes each time it is sent. */
static void stamp(const struct trunk *trunk, struct stanza *frame)
{
    struct element *t = element_first(frame->root);

    element_set(t, "you", trunk->peer);
    set_number(t, "a", trunk->came);
}

static bool put(struct trunk *trunk, struct stanza *frame)
{
    if (trunk->ops->send(trunk->user, frame) < 0)
        return false;
    trunk->owed = 0;
    return true;
}

static bool put_kept(struct trunk *trunk, struct kept *kept)
{
    struct stanza *again;
    bool done;

    if (kept->frame->references == 1) {
        stamp(trunk, kept->frame);
        return put(trunk, kept->frame);
    }
    again = stanza_copy(kept->frame); /* somebody on the way still reads the first one */
    stamp(trunk, again);
    done = put(trunk, again);
    stanza_unref(again);
    return done;
}

/* As far as the window and the way allow. */
static void pump(struct trunk *trunk)
{
    for (struct kept *kept = trunk->kept; kept; kept = kept->next) {
        if (kept->number <= trunk->sent)
            continue;
        if (kept->number > trunk->settled + trunk->settings.window || !put_kept(trunk, kept))
            return;
        if (trunk->sent == trunk->settled)
            trunk->open_ms = clock_monotonic_ms();
        trunk->sent = kept->number;
    }
}

static void tell(struct trunk *trunk, const char *what)
{
    struct stanza *frame;
    struct element *t = new_frame(trunk->from, trunk->to, trunk->name, &frame);

    if (what)
        element_set(t, what, "1");
    stamp(trunk, frame);
    put(trunk, frame);
    stanza_unref(frame);
}

struct element *trunk_begin(struct trunk *trunk, const char *name)
{
    struct element *t = new_frame(trunk->from, trunk->to, trunk->name, &trunk->begun);

    set_number(t, "n", ++trunk->numbered);
    return element_add(t, NS_TRUNK, name);
}

void trunk_send(struct trunk *trunk)
{
    struct kept *kept = xcalloc(1, sizeof(*kept));
    bool in_turn = trunk->sent + 1 == trunk->numbered;

    kept->frame = trunk->begun;
    kept->number = trunk->numbered;
    kept->bytes = arena_size(kept->frame->arena);
    trunk->begun = NULL;
    DL_APPEND(trunk->kept, kept);
    trunk->kept_count++;
    trunk->kept_bytes += kept->bytes;
    if (in_turn && kept->number <= trunk->settled + trunk->settings.window &&
        put_kept(trunk, kept)) {
        if (trunk->sent == trunk->settled)
            trunk->open_ms = clock_monotonic_ms();
        trunk->sent = kept->number;
    }
    if (trunk->kept_count > trunk->settings.window ||
        trunk->kept_bytes > trunk->settings.bytes / BYTES_PART)
        trunk->full = true;
}

bool trunk_is_full(const struct trunk *trunk)
{
    return trunk->full;
}

/* --- frames in --- */

static bool read_number(const struct element *frame, const char *name, uint64_t *number)
{
    const char *text = element_get(frame, name);

    *number = 0;
    if (text == NULL)
        return true;
    if (text[0] == '\0' || strlen(text) > 18 || text[strspn(text, "0123456789")] != '\0')
        return false;
    *number = strtoull(text, NULL, 10);
    return true;
}

static bool is_name(const char *text)
{
    return strlen(text) == TRUNK_NAME_SIZE - 1 && text[strspn(text, "0123456789abcdef")] == '\0';
}

bool trunk_read(const struct element *frame, struct trunk_frame *read)
{
    *read = (struct trunk_frame){.me = element_get(frame, "me"), .you = element_get(frame, "you")};
    if (!read->me || !is_name(read->me) || (read->you && !is_name(read->you)))
        return false;
    read->reset = element_get(frame, "reset") != NULL;
    read->ask = element_get(frame, "ask") != NULL;
    read->gap = element_get(frame, "gap") != NULL;
    return read_number(frame, "n", &read->number) && read_number(frame, "a", &read->settled);
}

static bool has_room(const struct trunk *trunk)
{
    return trunk->kept_count <= trunk->settings.window / 2 &&
           trunk->kept_bytes <= trunk->settings.bytes / BYTES_PART / 2;
}

static void take_settled(struct trunk *trunk, const struct trunk_frame *frame)
{
    if (frame->settled > trunk->settled) {
        trunk->settled = frame->settled;
        trunk->sent = MAX(trunk->sent, trunk->settled);
        trunk->open_ms = clock_monotonic_ms();
        forget_up_to(trunk, frame->settled);
    }
    if (frame->gap && trunk->settled >= trunk->back) {
        trunk->back = trunk->sent + 1;
        trunk->sent = trunk->settled;
    }
    pump(trunk);
    if (trunk->full && has_room(trunk)) {
        trunk->full = false;
        trunk->ops->room(trunk->user);
    }
}

/* Whether the element in it is the next. What came before is acknowledged again. */
static bool is_next(struct trunk *trunk, const struct trunk_frame *frame)
{
    if (frame->number == 0)
        return false;
    if (frame->number == trunk->came + 1)
        return true;
    if (frame->number > trunk->came)
        tell(trunk, "gap");
    else
        trunk->owed++;
    return false;
}

static void receive(struct trunk *trunk, const struct element *t)
{
    struct element *element = element_first(t);

    trunk->came++;
    trunk->owed++;
    if (element)
        trunk->ops->receive(trunk->user, element);
}

static bool knows_peer(struct trunk *trunk, const struct trunk_frame *frame)
{
    if (!trunk->peer)
        trunk->peer = xstrdup(frame->me);
    return strcmp(trunk->peer, frame->me) == 0;
}

void trunk_take(struct trunk *trunk, const struct element *t)
{
    struct trunk_frame frame;

    if (trunk->dead || !trunk_read(t, &frame))
        return;
    if (frame.reset || !knows_peer(trunk, &frame)) {
        die(trunk, "the other end has begun anew");
        return;
    }
    if (frame.settled > trunk->numbered) {
        die(trunk, "the other end acknowledges what was never sent");
        return;
    }
    trunk->heard_ms = clock_monotonic_ms();
    if (is_next(trunk, &frame))
        receive(trunk, t);
    if (trunk->dead)
        return;
    take_settled(trunk, &frame);
    if (frame.ask || trunk->owed >= OWED_MAX)
        tell(trunk, NULL);
}

void trunk_settle(struct trunk *trunk)
{
    if (!trunk->dead && trunk->owed > 0)
        tell(trunk, NULL);
}

void trunk_resume(struct trunk *trunk)
{
    if (trunk->dead)
        return;
    trunk->sent = trunk->settled;
    pump(trunk);
    trunk_settle(trunk);
}

void trunk_ask(struct trunk *trunk)
{
    if (trunk->dead)
        return;
    trunk_resume(trunk);
    trunk->asked_ms = clock_monotonic_ms();
    tell(trunk, "ask");
}

/* --- time --- */

static uint64_t left(uint64_t begin_ms, uint64_t length_ms, uint64_t now_ms)
{
    return begin_ms + length_ms > now_ms ? begin_ms + length_ms - now_ms : 0;
}

uint64_t trunk_look(struct trunk *trunk)
{
    const struct trunk_settings *settings = &trunk->settings;
    uint64_t now = clock_monotonic_ms();
    uint64_t quiet_since = MAX(trunk->heard_ms, trunk->asked_ms);

    if (trunk->kept_count > settings->queue || trunk->kept_bytes > settings->bytes) {
        die(trunk, "too much waits for it");
        return 0;
    }
    if (left(trunk->heard_ms, settings->dead_ms, now) == 0) {
        die(trunk, "silence");
        return 0;
    }
    if (trunk->kept && left(trunk->open_ms, settings->resend_ms, now) == 0) {
        trunk->open_ms = now;
        trunk->back = 0;
        trunk_resume(trunk);
    }
    if (left(quiet_since, settings->alive_ms, now) == 0) {
        trunk->asked_ms = quiet_since = now;
        tell(trunk, "ask");
    }
    uint64_t next = MIN(left(trunk->heard_ms, settings->dead_ms, now),
                        left(quiet_since, settings->alive_ms, now));
    if (trunk->kept)
        next = MIN(next, left(trunk->open_ms, settings->resend_ms, now));
    return MAX(next, 1);
}
