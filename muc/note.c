/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Notes: storing and posting them.
 */
#include "muc/note.h"

#include <stdlib.h>

#include "muc/mail.h"
#include "muc/message.h"
#include "muc/store.h"

static char *join(const struct jid *const *to, size_t count)
{
    struct buffer text = {0};

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_char(&text, '\n');
        buffer_append_text(&text, to[i]->full);
    }
    return buffer_take(&text);
}

static void keep(struct turn *turn, struct output *output, struct posting note,
                 const struct jid *const *to, size_t count)
{
    char *recipients = join(to, count);

    store_note(turn, &note, recipients);
    output_post_take(output, note.seq, note.undelivered);
    free(recipients);
}

void note_send_take(struct turn *turn, struct stanza *stanza, const struct jid *const *to,
                    size_t count)
{
    struct output *output;

    stanza_set_to(stanza, NULL);
    output = turn_send_to_take(turn, stanza);
    for (size_t i = 0; i < count; i++)
        output_add(output, to[i]);
    if (!turn->muc->mail || !message_is_kept(stanza))
        return;
    keep(turn, output,
         (struct posting){
             .seq = ++turn->room->seq,
             .stanza = stanza,
             .undelivered = situation_error(turn->request, SITUATION_UNDELIVERED),
         },
         to, count);
}

/* Each line is a JID. */
static size_t split(struct arena *arena, const char *recipients, struct jid *to, size_t max)
{
    char *text = arena_strdup(arena, recipients), *rest = text;
    size_t count = 0;

    for (char *line; count < max && (line = strsep(&rest, "\n"));)
        count += jid_parse(arena, line, &to[count]) == 0;
    return count;
}

static size_t lines_in(const char *text)
{
    size_t lines = 1;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

void note_repost(struct room *room, int64_t seq, struct stanza *stanza, const char *recipients,
                 struct stanza *undelivered)
{
    const struct posting note = {.seq = seq, .stanza = stanza, .undelivered = undelivered};
    size_t count = lines_in(recipients);
    struct jid *to = arena_alloc(stanza->arena, count * sizeof(*to));
    const struct jid **each = arena_alloc(stanza->arena, count * sizeof(*each));

    count = split(stanza->arena, recipients, to, count);
    for (size_t i = 0; i < count; i++)
        each[i] = &to[i];
    mail_repost(room, &note, each, count);
}
