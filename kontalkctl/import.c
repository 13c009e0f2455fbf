/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bulk import: lines "jid<TAB>password". Verifiers are made on all cores, block by block; the
 * database gets each block in one transaction, while the verifiers of the next are made.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "c2s/accounts.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "kontalkctl/ctl.h"

#define BLOCK       512
#define THREADS_MAX 64

struct entry {
    size_t line;
    char *text; /* the whole line; password points into it */
    const char *password;
    struct jid *jid;
    struct account_verifiers verifiers;
    const char *problem; /* static; NULL while all is well */
};

struct block {
    struct entry entries[BLOCK];
    size_t count;
    atomic_size_t next; /* the entry that no thread has taken yet */
    pthread_t threads[THREADS_MAX];
    size_t threads_count;
};

static void read_entry(const struct ctl *ctl, struct entry *entry)
{
    struct arena *arena = arena_new();
    char *tab = strchr(entry->text, '\t');
    struct jid jid;

    if (tab == NULL) {
        entry->problem = "no tab";
    } else {
        *tab = '\0';
        entry->password = tab + 1;
        entry->problem = ctl_read_account(ctl, arena, entry->text, true, &jid);
    }
    if (!entry->problem)
        entry->jid = jid_dup(&jid);
    arena_free(arena);
}

/* False at the end of the file. */
static bool read_block(const struct ctl *ctl, FILE *file, size_t *line, struct block *block)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t length;

    block->count = 0;
    while (block->count < BLOCK && (length = getline(&text, &size, file)) >= 0) {
        ++*line;
        if (length > 0 && text[length - 1] == '\n')
            text[--length] = '\0';
        if (length == 0)
            continue;
        struct entry *entry = &block->entries[block->count++];
        *entry = (struct entry){.line = *line, .text = xstrdup(text)};
        read_entry(ctl, entry);
    }
    if (text)
        explicit_bzero(text, size);
    free(text);
    return block->count > 0;
}

static void *make_verifiers(void *user)
{
    struct block *block = user;
    size_t at;

    while ((at = atomic_fetch_add(&block->next, 1)) < block->count) {
        struct entry *entry = &block->entries[at];
        if (!entry->problem && account_verifiers_make(entry->password, &entry->verifiers) != 0)
            entry->problem = "the password is empty or has forbidden characters";
    }
    return NULL;
}

/* The threads go on by themselves, while the block before is being stored. */
static void begin_verifiers(struct block *block)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = (size_t)MAX(1, MIN(cores, THREADS_MAX));

    atomic_store(&block->next, 0);
    block->threads_count = 0;
    while (block->threads_count < wanted &&
           pthread_create(&block->threads[block->threads_count], NULL, make_verifiers, block) == 0)
        block->threads_count++;
}

static void end_verifiers(struct block *block)
{
    make_verifiers(block); /* helps, and does it all if there are no threads */
    for (size_t i = 0; i < block->threads_count; i++)
        pthread_join(block->threads[i], NULL);
}

/* --- names --- */

#define CLAIMS 60 /* in one question to c2s */

struct claim {
    struct block *block;
    size_t next; /* the entry that the next line is about */
};

static bool wants_name(const struct ctl *ctl, const struct entry *entry)
{
    return !entry->problem && ctl_is_networked(ctl, entry->jid);
}

/* "granted JID", "taken JID", "reserved JID" */
static void take_line(void *user, const char *text)
{
    struct claim *claim = user;
    const char *jid = strchr(text, ' ');

    for (size_t i = claim->next; jid && i < claim->block->count; i++) {
        struct entry *entry = &claim->block->entries[i];
        if (entry->problem || strcmp(entry->jid->bare, jid + 1) != 0)
            continue;
        claim->next = i + 1;
        if (strncmp(text, "taken ", 6) == 0)
            entry->problem = "another home of the network has this name";
        else if (strncmp(text, "reserved ", 9) == 0)
            entry->problem = "the name is reserved: its account was deleted";
        return;
    }
}

static int ask_for_names(const struct ctl *ctl, struct block *block, const char *const *words,
                         size_t argc, size_t first)
{
    struct claim claim = {block, first};
    int error = argc > 2 ? ctl_follow(ctl, "c2s", argc, words, take_line, &claim) : 0;

    if (error == ERR_UNAVAILABLE)
        ctl_fail("kontalk-c2s is not running, which has to claim the names");
    return error;
}

/* The names of a block, some at a time. */
static int claim_names(const struct ctl *ctl, struct block *block)
{
    const char *words[2 + CLAIMS] = {"directory", "claim"};
    size_t argc = 2, first = 0;
    int error = 0;

    for (size_t i = 0; i < block->count && error == 0; i++) {
        struct entry *entry = &block->entries[i];
        if (wants_name(ctl, entry))
            words[argc++] = entry->jid->bare;
        if (argc == 2 + CLAIMS) {
            error = ask_for_names(ctl, block, words, argc, first);
            argc = 2;
            first = i + 1;
        }
    }
    return error ? error : ask_for_names(ctl, block, words, argc, first);
}

/* One account in a savepoint of its own, so that one that exists spoils no other. */
static int add_entry(struct db_session *session, struct entry *entry, const char **problem)
{
    int error = db_session_execute(session, "SAVEPOINT entry", problem);

    if (error == 0)
        error = account_change_run(session, ACCOUNT_ADD, entry->jid, &entry->verifiers, problem);
    if (error == 0)
        return db_session_execute(session, "RELEASE entry", problem);
    if (error != ERR_EXISTS)
        return error;
    entry->problem = "exists already";
    return db_session_execute(session, "ROLLBACK TO entry", problem);
}

static int store_block(struct db_session *session, struct block *block, const char **problem)
{
    int error = db_session_execute(session, "BEGIN", problem);

    for (size_t i = 0; i < block->count && error == 0; i++)
        if (!block->entries[i].problem)
            error = add_entry(session, &block->entries[i], problem);
    return error ? error : db_session_execute(session, "COMMIT", problem);
}

/* Reports what was refused; returns how many were added. */
static size_t finish_block(const char *file, struct block *block)
{
    size_t added = 0;

    for (size_t i = 0; i < block->count; i++) {
        struct entry *entry = &block->entries[i];
        if (entry->problem)
            fprintf(stderr, "%s:%zu: %s\n", file, entry->line, entry->problem);
        else
            added++;
        if (entry->password)
            explicit_bzero((char *)entry->password, strlen(entry->password));
        account_verifiers_free(&entry->verifiers);
        free(entry->text);
        free(entry->jid);
    }
    return added;
}

struct import {
    const struct ctl *ctl;
    const char *name;
    FILE *file;
    struct db_session *session;
    size_t line, added, seen;
    int error; /* of the database: the end of it */
};

static void begin_block(struct import *import, struct block *block)
{
    if (read_block(import->ctl, import->file, &import->line, block))
        begin_verifiers(block);
}

static void end_block(struct import *import, struct block *block)
{
    const char *problem = NULL;

    if (import->error == 0)
        import->error = claim_names(import->ctl, block);
    if (import->error == 0)
        import->error = store_block(import->session, block, &problem);
    if (problem)
        ctl_fail("%s", problem);
    size_t good = finish_block(import->name, block);
    import->seen += block->count;
    import->added += import->error ? 0 : good;
}

static void import_blocks(struct import *import)
{
    struct block *block = xcalloc(1, sizeof(*block)), *next = xcalloc(1, sizeof(*next));

    begin_block(import, block);
    while (block->count > 0) {
        end_verifiers(block);
        next->count = 0;
        if (import->error == 0)
            begin_block(import, next);
        end_block(import, block);
        struct block *stored = block;
        block = next;
        next = stored;
    }
    free(block);
    free(next);
}

void ctl_tell_imported(const struct ctl *ctl)
{
    static const char *const words[] = {"accounts", "imported"};

    if (ctl_ask(ctl, "c2s", ARRAY_SIZE(words), words) == ERR_INVALID)
        ctl_fail("some of the accounts may be unknown to kontalk-c2s for a while");
}

static int import_file(const struct ctl *ctl, const char *name, FILE *file,
                       struct db_session *session)
{
    struct import import = {.ctl = ctl, .name = name, .file = file, .session = session};

    import_blocks(&import);
    if (import.added > 0)
        ctl_tell_imported(ctl);
    printf("%zu of %zu accounts added\n", import.added, import.seen);
    return import.error || import.added < import.seen ? EXIT_FAILURE : EXIT_SUCCESS;
}

int user_import(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    FILE *file = fopen(argv[0], "re");
    int first = file ? getc(file) : EOF;

    (void)argc;
    if (file == NULL)
        return ctl_fail("%s: %s", argv[0], strerror(errno));
    if (first == '<') {
        fclose(file);
        return portable_import(ctl, argv[0]);
    }
    ungetc(first, file); /* a pipe cannot be rewound */
    struct db_session *session = ctl_database(ctl);
    int status = EXIT_FAILURE;
    if (session) {
        status = import_file(ctl, argv[0], file, session);
        db_session_close(session);
    }
    fclose(file);
    return status;
}
