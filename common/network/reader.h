/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The text of a network document as sections with checked values, each with its place; for this
 * folder only.
 */
#pragma once

#include <stdio.h>

#include "common/base/arena.h"
#include "common/config/value.h"

enum reader_section {
    SECTION_NETWORK,
    SECTION_KEYHOLDER,
    SECTION_MEMBER,
    SECTION_HOME,
    SECTION_SUSPENSION, /* from here on it is no longer the body */
    SECTION_SIGNATURE,
    SECTIONS
};

struct reader_place {
    size_t line, column;
};

struct reader_value {
    const struct config_item *item;
    struct config_value value;
    struct reader_place place;
    struct reader_value *next;
};

struct reader_group {
    enum reader_section section;
    const char *instance;
    struct reader_place place;
    struct reader_value *values;
    struct reader_group *next;
};

struct reader {
    struct arena *arena;
    const char *name; /* of the document */
    FILE *errors;     /* NULL: nobody listens */
    size_t mistakes;
    unsigned format; /* as far as it has been read */
    struct reader_place place;
    struct reader_group *groups; /* in the order of the text */
    struct reader_group *group;  /* the one that lines belong to; NULL: none that is known */
    bool in_section;
    size_t body_length;
};

void reader_read(struct reader *reader, const char *text, size_t length);
void reader_report(struct reader *reader, const struct reader_place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The first value of a key; NULL: not given. */
const struct reader_value *reader_find(const struct reader_group *group, const char *key);
const char *reader_section_name(enum reader_section section);
