/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bulk import: lines "jid<TAB>password". Verifiers are made on all cores, block by block; the
 * database gets each block in one transaction.
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
        if (jid_parse(arena, entry->text, &jid) != 0 || jid.local == NULL || jid.resource)
            entry->problem = "not the address of an account";
        else if (!account_registrable(entry->text, &jid))
            entry->problem = "this name cannot be registered";
        else
            entry->jid = jid_dup(&jid);
    }
    for (size_t i = 0; entry->jid; i++) {
        if (i == config_instances(ctl->config, "domain")) {
            entry->problem = "not a domain of this node";
            break;
        }
        if (strcmp(config_instance(ctl->config, "domain", i), entry->jid->domain) == 0)
            break;
    }
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

static void make_all_verifiers(struct block *block)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = (size_t)MAX(1, MIN(cores, THREADS_MAX)), started = 0;
    pthread_t threads[THREADS_MAX];

    atomic_store(&block->next, 0);
    while (started < wanted && pthread_create(&threads[started], NULL, make_verifiers, block) == 0)
        started++;
    make_verifiers(block); /* helps, and does it all if there were no threads */
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
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

static int import_file(const struct ctl *ctl, const char *name, FILE *file,
                       struct db_session *session)
{
    struct block *block = xcalloc(1, sizeof(*block));
    size_t line = 0, added = 0, seen = 0;
    int error = 0;

    while (error == 0 && read_block(ctl, file, &line, block)) {
        const char *problem = NULL;
        make_all_verifiers(block);
        error = store_block(session, block, &problem);
        if (error)
            ctl_fail("%s", problem ? problem : error_text(error));
        size_t good = finish_block(name, block);
        seen += block->count;
        added += error ? 0 : good;
    }
    free(block);
    printf("%zu of %zu accounts added\n", added, seen);
    return error || added < seen ? EXIT_FAILURE : EXIT_SUCCESS;
}

int user_import(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    FILE *file = fopen(argv[0], "re");

    (void)argc;
    if (file == NULL)
        return ctl_fail("%s: %s", argv[0], strerror(errno));
    struct db_session *session = ctl_database(ctl);
    int status = EXIT_FAILURE;
    if (session) {
        status = import_file(ctl, argv[0], file, session);
        db_session_close(session);
    }
    fclose(file);
    return status;
}
