/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The schema as a manual page, kontalk.conf(5), in the man macros of roff.
 */
#include <string.h>

#include "common/base/arena.h"
#include "common/config/number.h"
#include "common/config/schema.h"
#include "common/config/value.h"

static const char introduction[] =
    ".TH KONTALK.CONF 5 \"\" Kontalk \"Kontalk server\"\n"
    ".SH NAME\n"
    "kontalk.conf \\- configuration of the Kontalk server\n"
    ".SH DESCRIPTION\n"
    "One file serves all daemons of a node; each reads the sections it needs.\n"
    "A section begins with its name in brackets, such as\n"
    ".BR [c2s] ;\n"
    "some can stand several times under names of their own:\n"
    ".BR \"[domain \\(dqexample.net\\(dq]\" .\n"
    "In it are lines\n"
    ".IR \"key \" = \" value\" .\n"
    "A key that is a list may stand several times, once for each value; without a value it is the\n"
    "empty list. Values with a blank at either end, or with a comment sign behind a blank, stand "
    "in\n"
    "double quotes, where\n"
    ".B \\e\\(dq\n"
    "and\n"
    ".B \\e\\e\n"
    "mean the sign itself. A comment begins with\n"
    ".B #\n"
    "or\n"
    ".B ;\n"
    "at the start of a line or behind a blank. A line has at most 4096 bytes.\n"
    ".PP\n"
    "Behind the file itself\n"
    ".I conf.d/*.conf\n"
    "beside it are read, in the order of their names. What a later file says about a key replaces\n"
    "what earlier files said, lists as a whole. Relative paths begin beside the main file.\n"
    "Secrets never stand in these files but in files of their own, out of reach for others.\n"
    ".PP\n"
    "Durations have the units ms, s, m, h and d; sizes k, M and G for 1024 bytes and its powers.\n"
    "After a reload all changes are in force but those of keys marked\n"
    ".IR restart .\n"
    "A default such as {node.host} is the value of that key in that section.\n";

/* Text for roff: its control characters, and a hyphen that can be copied. */
static void write_text(const char *text, FILE *out)
{
    if (*text == '.' || *text == '\'') {
        fputs("\\&", out);
    }
    for (; *text; text++) {
        if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else {
            fputc(*text, out);
        }
    }
}

static void write_flags(const struct config_item *item, FILE *out)
{
    static const struct {
        enum config_flag flag;
        const char *text;
    } flags[] = {{CONFIG_LIST, "list"}, {CONFIG_REQUIRED, "required"}, {CONFIG_RESTART, "restart"}};

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (item->flags & flags[i].flag) {
            fprintf(out, ", \\fI%s\\fR", flags[i].text);
        }
    }
}

static void write_choices(const struct config_item *item, FILE *out)
{
    if (item->choices) {
        fputs("One of:", out);
        for (const char *const *choice = item->choices; *choice; choice++) {
            fputs(choice == item->choices ? " " : ", ", out);
            write_text(*choice, out);
        }
        fputs(".\n", out);
    }
}

static void write_range(const struct config_item *item, FILE *out)
{
    struct arena *arena = arena_new();

    if (item->minimum != 0 || item->maximum != 0) {
        fprintf(out, "From %s to %s.\n", config_number_text(arena, item->type, item->minimum),
                config_number_text(arena, item->type, item->maximum));
    }
    arena_free(arena);
}

static void write_default(const struct config_item *item, FILE *out)
{
    if (item->fallback) {
        fputs("Default: ", out);
        write_text(item->fallback, out);
        fputs(".\n", out);
    }
}

static void write_item(const struct config_item *item, FILE *out)
{
    fputs(".TP\n\\fB", out);
    write_text(item->key, out);
    fputs("\\fR (", out);
    write_text(config_type_text(item->type), out);
    write_flags(item, out);
    fputs(")\n", out);
    write_text(item->help, out);
    fputc('\n', out);
    write_choices(item, out);
    write_range(item, out);
    write_default(item, out);
}

static void write_section(const struct config_section *section, FILE *out)
{
    size_t count;
    const struct config_item *items = config_section_items(section, &count);

    fprintf(out, ".SH \"[%s%s]\"\n", section->name, section->named ? " \\(dqname\\(dq" : "");
    write_text(section->help, out);
    fputc('\n', out);
    for (size_t i = 0; i < count; i++) {
        write_item(&items[i], out);
    }
}

void config_manual(FILE *out)
{
    fputs(introduction, out);
    for (size_t i = 0; i < config_sections_count; i++) {
        write_section(&config_sections[i], out);
    }
    fputs(".SH FILES\n.I /etc/kontalk/kontalk.conf\n.br\n.I /etc/kontalk/conf.d/*.conf\n", out);
}
