/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Letters: written with a change, sent behind it.
 */
#include "c2s/sm/letters.h"

#include <stdlib.h>

#include "c2s/sm/outbox.h"
#include "common/base/macros.h"

/* Removing a contact writes two. */
#define LETTERS_MAX 2

struct letter {
    struct stanza *stanza;
    int64_t seq;
};

struct letters {
    struct account *account;
    struct letter letters[LETTERS_MAX];
    size_t count;
};

struct letters *letters_new(struct account *account)
{
    struct letters *letters = xcalloc(1, sizeof(*letters));

    letters->account = account;
    return letters;
}

void letters_free(struct letters *letters)
{
    if (!letters)
        return;
    for (size_t i = 0; i < letters->count; i++)
        stanza_unref(letters->letters[i].stanza);
    free(letters);
}

/* Nobody is subscribed to our server itself. */
void letters_add(struct letters *letters, struct stanza *stanza)
{
    if (letters->count < LETTERS_MAX && !sm_is_server(letters->account->sm, &stanza->to))
        letters->letters[letters->count++].stanza = stanza_ref(stanza);
}

void letters_add_presence(struct letters *letters, enum stanza_type type, const struct jid *to)
{
    struct stanza *presence = stanza_new(STANZA_PRESENCE, type);

    stanza_set_from(presence, letters->account->jid);
    stanza_set_to(presence, to);
    letters_add(letters, presence);
    stanza_unref(presence);
}

bool letters_empty(const struct letters *letters)
{
    return !letters || letters->count == 0;
}

bool letters_fit(const struct letters *letters)
{
    return letters_empty(letters) ||
           outbox_has_room(letters->account->sm, letters->letters[0].stanza);
}

void letters_write(struct letters *letters, struct sm_unit *unit)
{
    if (letters_empty(letters))
        return;
    sm_unit_repeat(unit);
    for (size_t i = 0; i < letters->count; i++)
        letters->letters[i].seq = sm_next_seq(unit);
    for (size_t i = 0; i < letters->count; i++) {
        char *text = sm_format(letters->letters[i].stanza->root);

        outbox_rows_add_alone(unit, letters->account, letters->letters[i].seq,
                              letters->letters[i].stanza, text);
        free(text);
    }
}

void letters_send(struct letters *letters)
{
    if (letters_empty(letters))
        return;
    for (size_t i = 0; i < letters->count; i++) {
        const struct outbox_row row = {letters->account->owner, letters->letters[i].seq,
                                       letters->account->slot};

        outbox_put(letters->account->sm, &row, letters->letters[i].stanza, 0, false);
    }
}
