/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accounts as portable data (XEP-0227), into a file and out of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "c2s/pie/pie.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/xml_file.h"
#include "kontalkctl/ctl.h"

/* --- out --- */

/* Of the account, or of all domains of this node. */
static int export_all(const struct ctl *ctl, struct db_session *session, const struct jid *only,
                      FILE *file, size_t *count, const char **problem)
{
    const struct config *config = ctl->config;
    const char *network = config_text(config, "node", NULL, "network");
    int error;

    if (only)
        return pie_export(session, only->domain, only->local, file, count, problem);
    error = pie_export(session, network, NULL, file, count, problem);
    for (size_t i = 0; i < config_instances(config, "domain") && error == 0; i++) {
        const char *domain = config_instance(config, "domain", i);

        if (strcmp(domain, network) != 0)
            error = pie_export(session, domain, NULL, file, count, problem);
    }
    return error;
}

/* All as it was at one moment, while it is being used. */
static int write_file(const struct ctl *ctl, const struct jid *only, const char *name, FILE *file)
{
    struct db_session *session = ctl_database(ctl);
    const char *problem = NULL;
    size_t count = 0;
    int error;

    if (!session)
        return EXIT_FAILURE;
    fputs("<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='" NS_PIE "'>\n", file);
    error =
        db_session_execute(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &problem);
    if (error == 0)
        error = export_all(ctl, session, only, file, &count, &problem);
    fputs("</server-data>\n", file);
    if (error)
        ctl_fail("%s", problem ? problem : error_text(error));
    else if (fflush(file) != 0 || ferror(file) || fsync(fileno(file)) != 0)
        error = ctl_fail("%s: %s", name, strerror(errno));
    else
        printf("%zu accounts written\n", count);
    db_session_close(session);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* There are verifiers in it: nobody else reads it, and no file is overwritten. */
int user_export(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct arena *arena = arena_new();
    const char *wrong = NULL;
    struct jid jid;
    int fd = -1, status = EXIT_FAILURE;
    FILE *file = NULL;

    if (argc > 1)
        wrong = ctl_read_account(ctl, arena, argv[1], false, &jid);
    if (wrong) {
        ctl_fail("%s: %s", argv[1], wrong);
    } else if ((fd = open(argv[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0 ||
               (file = fdopen(fd, "w")) == NULL) {
        ctl_fail("%s: %s", argv[0], strerror(errno));
    } else {
        status = write_file(ctl, argc > 1 ? &jid : NULL, argv[0], file);
        if (fclose(file) != 0)
            status = ctl_fail("%s: %s", argv[0], strerror(errno));
    }
    arena_free(arena);
    return status;
}

/* --- in --- */

struct import {
    const struct ctl *ctl;
    const char *name;
    struct db_session *session;
    char *host; /* whose accounts come; NULL: nobody's */
    const char *account, *taken;
    size_t added, seen;
};

static void tell(const struct import *import, const char *who, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", import->name, who, what);
}

static void note(void *user, const char *text)
{
    const struct import *import = user;
    char *what = xasprintf("not taken: %s", text);

    tell(import, import->account, what);
    free(what);
}

/* "granted JID", "taken JID", "reserved JID" */
static void take_line(void *user, const char *text)
{
    struct import *import = user;

    if (strncmp(text, "taken ", 6) == 0)
        import->taken = "another home of the network has this name";
    else if (strncmp(text, "reserved ", 9) == 0)
        import->taken = "the name is reserved: its account was deleted";
}

/* NULL: its name may be given to it. */
static const char *claim(struct import *import, const struct jid *jid)
{
    const char *const words[] = {"directory", "claim", jid->bare};
    int error;

    import->taken = NULL;
    if (!ctl_is_networked(import->ctl, jid))
        return NULL;
    error = ctl_follow(import->ctl, "c2s", ARRAY_SIZE(words), words, take_line, import);
    return error ? "its name cannot be claimed now" : import->taken;
}

static const char *store(struct import *import, const struct jid *jid, const struct element *user)
{
    const char *problem = NULL;
    int error = db_session_execute(import->session, "BEGIN", &problem);

    if (error == 0)
        error = pie_import(import->session, jid, user, note, import, &problem);
    if (error == 0)
        error = db_session_execute(import->session, "COMMIT", &problem);
    if (error == 0)
        return NULL;
    if (error == ERR_EXISTS)
        problem = "exists already";
    else if (error == ERR_INVALID && !problem)
        problem = "has neither a password nor credentials that are known";
    else if (!problem)
        problem = error_text(error);
    tell(import, jid->bare, problem);
    (void)!db_session_execute(import->session, "ROLLBACK", &problem);
    return "is not added";
}

static void take_user(struct import *import, const struct element *user)
{
    struct arena *arena = arena_new();
    const char *local = element_get(user, "name");
    char *text = xasprintf("%s@%s", local ? local : "", import->host);
    struct jid jid;
    const char *wrong = ctl_read_account(import->ctl, arena, text, true, &jid);

    import->seen++;
    import->account = text;
    if (!wrong)
        wrong = claim(import, &jid);
    if (wrong)
        tell(import, text, wrong);
    else if (store(import, &jid, user) == NULL)
        import->added++;
    import->account = NULL;
    free(text);
    arena_free(arena);
}

static bool enters(const char *ns, const char *name)
{
    return strcmp(ns, NS_PIE) == 0 &&
           (strcmp(name, "server-data") == 0 || strcmp(name, "host") == 0);
}

static void take_element(struct import *import, enum xml_file_event event,
                         const struct element *element)
{
    if (event == XML_FILE_BEGIN && element_is(element, NS_PIE, "host")) {
        free(import->host);
        import->host = xstrdup_or_null(element_get(element, "jid"));
    } else if (event == XML_FILE_WHOLE && element_is(element, NS_PIE, "user") && import->host) {
        take_user(import, element);
    } else if (event == XML_FILE_WHOLE && !element_is(element, NS_PIE, "host")) {
        tell(import, element->name, "not taken");
    }
}

static int read_file(struct import *import)
{
    struct xml_file *file;
    struct element *element;
    enum xml_file_event event = XML_FILE_END;
    const char *problem = NULL;
    int error = xml_file_open(import->name, &file, &problem);

    while (error == 0 && event != XML_FILE_DONE) {
        error = xml_file_next(file, enters, &event, &element, &problem);
        if (error == 0 && (event == XML_FILE_BEGIN || event == XML_FILE_WHOLE)) {
            take_element(import, event, element);
            arena_free(element->arena);
        }
    }
    if (error)
        ctl_fail("%s", problem);
    xml_file_close(file);
    free(import->host);
    return error;
}

int portable_import(const struct ctl *ctl, const char *name)
{
    struct import import = {.ctl = ctl, .name = name, .session = ctl_database(ctl)};
    int error;

    if (!import.session)
        return EXIT_FAILURE;
    error = read_file(&import);
    if (import.added > 0)
        ctl_tell_imported(ctl);
    printf("%zu of %zu accounts added\n", import.added, import.seen);
    db_session_close(import.session);
    return error || import.added < import.seen ? EXIT_FAILURE : EXIT_SUCCESS;
}
