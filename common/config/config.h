/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The configuration file: sections `[router]`, repeated ones with a name `[domain "example.net"]`,
 * lines `key = value`, comments from '#' or ';' at the start of a line (or after white space),
 * lists by repeating the key (`key =` alone is the empty list), values optionally in double quotes
 * with \" and \\, lines up to 4096 bytes. `include = path` is not a thing: `conf.d/<any>.conf`
 * beside the file is read after it, in order; what a later file says about a key replaces what
 * earlier ones said. Within a file only lists may repeat a key. Relative paths begin beside the
 * main file. Sections without a name always stand, with their defaults.
 *
 * One schema table drives everything: parsing, validation, defaults, dump, man page. All errors of
 * all files are reported at once, each with file, line, column and, for unknown keys, a suggestion.
 * Every daemon knows the whole schema (so that one file serves all) and reads its own sections.
 * Secrets are never values, only files: CONFIG_FILE_SECRET names a file, read by the owner.
 *
 * A struct config is immutable; a reload makes a new one, all or nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/macros.h"

enum config_type {
    CONFIG_TEXT,
    CONFIG_BOOL, /* yes, no */
    CONFIG_NUMBER,
    CONFIG_DURATION,    /* 500ms 30s 5m 2h 7d; milliseconds */
    CONFIG_SIZE,        /* 512 64k 2M 1G; bytes */
    CONFIG_DOMAIN,      /* prepared with IDNA */
    CONFIG_JID,         /* looked at only roughly */
    CONFIG_ADDRESS,     /* 127.0.0.1:5222, [::]:5222, unix:/path */
    CONFIG_FILE,        /* a path */
    CONFIG_FILE_SECRET, /* a path to a secret; must not be readable by others */
    CONFIG_CHOICE,      /* one of item->choices */
    CONFIG_NETWORK,     /* 127.0.0.1, 10.0.0.0/8, 2001:db8::/32 */
    CONFIG_URI,         /* mailto:abuse@example.net */
    CONFIG_CONNINFO     /* for libpq; must not hold a password */
};

enum config_flag {
    CONFIG_LIST = 1 << 0,     /* may be repeated */
    CONFIG_REQUIRED = 1 << 1, /* where its section stands */
    CONFIG_RESTART = 1 << 2   /* a change takes effect only after a restart */
};

struct config_item {
    const char *section;
    const char *key;
    enum config_type type;
    unsigned flags;
    /* The default, as text; NULL: none. Those of a list have blanks between them. "{node.host}" is
     * replaced by that value. */
    const char *fallback;
    int64_t minimum, maximum; /* numbers, durations, sizes; both 0: any not negative */
    const char *const *choices;
    const char *help; /* one or two sentences for the manual */
};

struct config_section {
    const char *name;
    bool named; /* [name "instance"], may be repeated */
    const char *help;
    /* What a name has to be; CONFIG_DOMAIN: it is kept prepared. */
    enum config_type name_type;
    const struct config_item *items; /* ends with one without a key */
};

extern const struct config_section config_sections[];
extern const size_t config_sections_count;

struct config;

/* Reports every error on `errors` as "file:line:column: text", and returns ERR_INVALID if there was
 * one; ERR_NOT_FOUND if the file cannot be read (reported too). */
MUST_CHECK int config_load(const char *path, FILE *errors, struct config **config);

/* The same of what will be the file `place`: relative paths begin beside that, and the secrets that
 * it names need not be there yet. */
MUST_CHECK int config_load_for(const char *path, const char *place, FILE *errors,
                               struct config **config);

/* A mistake in a file, and what is wrong there. */
struct config_finding {
    const char *file;
    size_t line, column; /* from 1 */
    const char *text;
};

/* The same, but each mistake goes to `report`. */
MUST_CHECK int config_load_reporting(const char *path,
                                     void (*report)(void *user,
                                                    const struct config_finding *finding),
                                     void *user, struct config **config);
void config_free(struct config *config);

/* Values by (section, instance, key); instance is NULL for sections without a name. Asking for what
 * is not in the schema, or as another type, is a bug and aborts. Without a value, or of an instance
 * that is not configured: the default, else NULL or 0. Strings live as long as `config`. */
const char *config_text(const struct config *config, const char *section, const char *instance,
                        const char *key);
int64_t config_number(const struct config *config, const char *section, const char *instance,
                      const char *key); /* numbers, ms, bytes */
bool config_bool(const struct config *config, const char *section, const char *instance,
                 const char *key);
size_t config_list_size(const struct config *config, const char *section, const char *instance,
                        const char *key);
const char *config_list_item(const struct config *config, const char *section, const char *instance,
                             const char *key, size_t index);
bool config_list_has(const struct config *config, const char *section, const char *instance,
                     const char *key, const char *item);
/* The instances of a named section, in the order of the file. */
size_t config_instances(const struct config *config, const char *section);
const char *config_instance(const struct config *config, const char *section, size_t index);

/* The name of the home of this node: [node] home, or the first label of its host name. free() it.
 */
char *config_home(const struct config *config);

/* Where the sockets of a daemon, "c2s" or "c2s@1", are: in the directory of its name inside [node]
 * run-directory if there is one, else in that itself. free() it. */
char *config_run_directory(const struct config *config, const char *daemon);

/* The content of a secret file without a trailing newline; free with free() after wiping. Of
 * DIRECTORY/FILE a credential of the service manager is read instead that has the name
 * "DIRECTORY_FILE", if there is one (systemd.exec(5), LoadCredential=).
 * ERR_NOT_FOUND, ERR_DENIED (readable by others, or not by us), ERR_TOO_BIG (over 4096 bytes),
 * ERR_INVALID (empty, or no regular file), ERR_SYSTEM. */
MUST_CHECK int config_read_secret(const char *path, char **secret, size_t *length);

/* A difference between two configurations. */
struct config_change {
    const struct config_section *section;
    const char *instance;           /* NULL: the section has no name */
    const struct config_item *item; /* NULL: the whole section came or went */
    const char *before, *after;     /* lists with ", " between, NULL: none; of a whole section "" */
};

/* Calls back for each difference. */
void config_compare(const struct config *before, const struct config *after,
                    void (*report)(void *user, const struct config_change *change), void *user);
/* What takes effect only after a restart stays in `config` as it is in `before`. */
void config_hold(struct config *config, const struct config *before);

enum config_dump_flag {
    CONFIG_DUMP_SAID = 1 << 0,  /* only what the files say, without defaults */
    CONFIG_DUMP_ORIGIN = 1 << 1 /* each key with a comment that says where it is from */
};

/* The values in force, as a file that loads to the same. */
void config_dump(const struct config *config, unsigned flags, FILE *out);

/* A value that a file says, and where the key stands there; of a list the first line. */
struct config_said {
    const struct config_item *item;
    const char *instance; /* NULL: the section has no name */
    const char *text;
    const char *file;
    size_t line, column;
};

void config_each_said(const struct config *config,
                      void (*each)(void *user, const struct config_said *said), void *user);
/* Where the value of a key is from: "file:line", or "default"; free() it. */
char *config_origin(const struct config *config, const char *section, const char *instance,
                    const char *key);
/* The schema as a manual page, section 5 (roff). */
void config_manual(FILE *out);
