/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a newcomer is told of what was said before (XEP-0045 §§7.2.12 and 7.2.13).
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/config/number.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/namespaces.h"
#include "muc/message.h"
#include "muc/subject.h"

#define US_IN_SECOND INT64_C(1000000)

struct wish {
    int64_t stanzas, chars; /* at most */
    int64_t since_us;
};

static void narrow(const struct element *history, const char *name, int64_t *limit)
{
    const char *text = element_get(history, name);
    int64_t number;

    if (text && config_number_parse(CONFIG_NUMBER, text, &number) == 0 && number < *limit)
        *limit = number;
}

static struct wish read_wish(const struct room *room, const struct element *history)
{
    uint64_t most = MIN(room_number(room, OPTION_HISTORY), room->muc->limits.history);
    struct wish wish = {.stanzas = (int64_t)most, .chars = INT64_MAX, .since_us = INT64_MIN};
    int64_t seconds = INT64_MAX, since;
    const char *text = history ? element_get(history, "since") : NULL;

    if (history == NULL)
        return wish;
    narrow(history, "maxstanzas", &wish.stanzas);
    narrow(history, "maxchars", &wish.chars);
    narrow(history, "seconds", &seconds);
    if (seconds < INT64_MAX / US_IN_SECOND)
        wish.since_us = clock_wall_us() - seconds * US_IN_SECOND;
    if (text && datetime_parse(text, &since) == 0)
        wish.since_us = MAX(wish.since_us, since);
    return wish;
}

void stanza_delay(struct stanza *stanza, const struct room *room, int64_t said_us)
{
    struct element *delay = element_add(stanza->root, NS_DELAY, "delay");
    char stamp[DATETIME_SIZE];

    datetime_format(said_us, stamp);
    element_set(delay, "from", room->jid->bare);
    element_set(delay, "stamp", stamp);
}

static struct stanza *delayed(const struct room *room, const struct message *message,
                              const struct session *session)
{
    struct stanza *stanza = stanza_copy(message->stanza);

    stanza_set_to(stanza, session->jid);
    stanza_delay(stanza, room, message->said_us);
    return stanza;
}

/* §7.2.13: the characters of whole stanzas count. */
static int64_t length_of(const struct stanza *stanza)
{
    struct buffer bytes = {0};
    int64_t length;

    stanza_write(&bytes, stanza, NS_CLIENT);
    length = (int64_t)bytes.length;
    buffer_fini(&bytes);
    return length;
}

/* From the newest to the oldest as many as fit, then in the order in which they were said. */
void message_send_history(struct turn *turn, const struct session *session,
                          const struct element *history)
{
    const struct room *room = turn->room;
    struct wish wish = read_wish(room, history);
    const struct message *first = NULL, *message = room->history ? room->history->prev : NULL;
    struct stanza *stanza;

    for (; message && wish.stanzas > 0; message = message == room->history ? NULL : message->prev) {
        if (message->said_us < wish.since_us)
            break;
        if (subject_is_change(message->stanza))
            continue;
        stanza = delayed(room, message, session);
        wish.chars -= length_of(stanza);
        stanza_unref(stanza);
        if (wish.chars < 0)
            break;
        wish.stanzas--;
        first = message;
    }
    for (message = first; message; message = message->next)
        if (!subject_is_change(message->stanza)) /* the present one follows */
            turn_send_take(turn, delayed(room, message, session));
}
