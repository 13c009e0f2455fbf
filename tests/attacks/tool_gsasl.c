/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A SASL client by GNU SASL for tests: `tool_gsasl MECHANISM USER PASSWORD [TLS-EXPORTER]`. Reads
 * messages of the server from standard input and writes its own to standard output, each a line of
 * base64; the first line comes from it. Ends with 0 once the server has proved itself too. For
 * EXTERNAL USER is the authorization identity, "" for none.
 *
 * PKG: libgsasl
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsasl.h>

static int fail(const char *what, int result)
{
    fprintf(stderr, "%s: %s\n", what, gsasl_strerror(result));
    return EXIT_FAILURE;
}

static void set_identity(Gsasl_session *session, char **words, int count)
{
    if (strcmp(words[1], "EXTERNAL") == 0) {
        gsasl_property_set(session, GSASL_AUTHZID, words[2]);
        return;
    }
    gsasl_property_set(session, GSASL_AUTHID, words[2]);
    gsasl_property_set(session, GSASL_PASSWORD, words[3]);
    if (count > 4)
        gsasl_property_set(session, GSASL_CB_TLS_EXPORTER, words[4]);
}

/* GNU SASL takes an empty input for none, which is what the first step wants. */
static int converse(Gsasl_session *session)
{
    char *line = NULL;
    size_t room = 0;
    char *answer;
    int result;

    do {
        result = gsasl_step64(session, line ? line : "", &answer);
        if (result != GSASL_OK && result != GSASL_NEEDS_MORE)
            break;
        printf("%s\n", answer);
        fflush(stdout);
        gsasl_free(answer);
        if (result == GSASL_OK && line)
            break;
        if (getline(&line, &room, stdin) < 0)
            break;
        line[strcspn(line, "\n")] = '\0';
    } while (result == GSASL_NEEDS_MORE);
    free(line);
    return result;
}

int main(int argc, char **argv)
{
    Gsasl *library;
    Gsasl_session *session;
    int result;

    if (argc < 4)
        return EXIT_FAILURE;
    result = gsasl_init(&library);
    if (result != GSASL_OK)
        return fail("init", result);
    result = gsasl_client_start(library, argv[1], &session);
    if (result != GSASL_OK)
        return fail(argv[1], result);
    set_identity(session, argv, argc);
    result = converse(session);
    gsasl_finish(session);
    gsasl_done(library);
    return result == GSASL_OK ? EXIT_SUCCESS : fail("step", result);
}
