/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing one account: statements that are read, and XML that is written as it comes.
 */
#pragma once

#include "c2s/pie/pie.h"
#include "common/base/buffer.h"

struct pie_write {
    struct db_session *session;
    int64_t owner;
    FILE *file;
    struct buffer out;
    int error;
    const char **problem;
};

/* NULL after an error, which stays. The statement has the owner as $1; values has all. */
struct db_result *pie_read(struct pie_write *write, const struct db_statement *statement,
                           const struct db_value *values);
/* Text to the file. */
void pie_flush(struct pie_write *write, size_t above);
/* name='value', escaped; nothing for NULL. */
void pie_attribute(struct pie_write *write, const char *name, const char *value);
/* XML as it is stored (sm_format()): what is in no namespace of its own there is a client's. */
void pie_stored(struct pie_write *write, const char *xml);

void pie_write_pubsub(struct pie_write *write);
void pie_write_messages(struct pie_write *write, const char *bare);
