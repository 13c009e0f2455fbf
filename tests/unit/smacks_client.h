/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What tests of stream management (XEP-0198) say to the session manager beside stanzas.
 */
#pragma once

#include "common/stream/ack.h"
#include "tests/unit/fake_client.h"

#define ENABLE "<enable xmlns='" NS_SM "' resume='true'/>"

static inline const struct c2s_element *row_of(const struct element *element)
{
    const struct c2s_element *row = sm_plugin.elements;

    while (!element_is(element, row->ns, row->name)) {
        row++;
    }
    return row;
}

/* A top-level element of the client. */
static inline void tell(struct client *client, const char *xml)
{
    struct element *element = fake_parse_element(xml);

    row_of(element)->handle(fake.state, client, client->session, element);
    arena_free(element->arena);
    pump();
}

/* The lines of its inbox up to this one, which is the beginning of a line, are taken. */
static inline void skip_to(struct client *client, const char *beginning)
{
    for (char *line; (line = fake_get(&client->inbox)) != NULL;) {
        bool found = strncmp(line, beginning, strlen(beginning)) == 0;

        free(line);
        if (found) {
            return;
        }
    }
    fail_msg("nothing begins with %s", beginning);
}

/* Returns its SM-ID, to be freed. */
static inline char *enable(struct client *client)
{
    char *line, *id;

    tell(client, ENABLE);
    line = fake_get(&client->inbox);
    assert_memory_equal(line, "<enabled id='", 13);
    id = xstrndup(line + 13, strcspn(line + 13, "'"));
    free(line);
    return id;
}

static inline void answer_all(void)
{
    while (fake_db.waiting_count > 0) {
        fake_db_answer();
        pump();
    }
}
