/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Invitations: a link for whoever shall make an account, or a new password, by himself (XEP-0445),
 * also as a QR code for the camera of a phone. A running c2s keeps them.
 */
#include <pwd.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "common/xmpp/uri.h"
#include "kontalkctl/ctl.h"

#define DEFAULT_EXPIRY       "7d"
#define DEFAULT_RESET_EXPIRY "1d"
#define QUIET                2 /* modules around it, white; ISO 18004 wants 4, cameras need less */

struct wish {
    const char *kind, *address, *admin, *uses, *expires;
    bool qr, json;
};

/* --- the code --- */

static bool is_dark(const QRcode *code, int x, int y)
{
    bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;

    return inside && (code->data[y * code->width + x] & 1);
}

/* Two rows of modules are one line of text. Light is what is printed, so that it is right on a dark
 * terminal; on a light one it is inverted, which most cameras read too. */
static void print_code(const QRcode *code)
{
    static const char *const halves[2][2] = {{"█", "▀"}, {"▄", " "}};

    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        for (int x = -QUIET; x < code->width + QUIET; x++)
            fputs(halves[is_dark(code, x, y)][is_dark(code, x, y + 1)], stdout);
        putchar('\n');
    }
}

static void print_qr(const char *uri)
{
    QRcode *code = QRcode_encodeString8bit(uri, 0, QR_ECLEVEL_L);

    if (code)
        print_code(code);
    QRcode_free(code);
}

/* --- what c2s answers: id, address, end, token --- */

struct made {
    char *id, *address, *expires, *token;
};

static void on_made(void *user, const char *text)
{
    struct made *made = user;
    char **const parts[] = {&made->id, &made->address, &made->expires, &made->token};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        size_t length = strcspn(text, " ");
        free(*parts[i]);
        *parts[i] = xasprintf("%.*s", (int)length, text);
        text += length + (text[length] == ' ');
    }
}

/* The page that shows it, with it behind '#' (XEP-0379 §3.3); NULL: none is configured. */
static char *page_of(const struct ctl *ctl, const struct made *made, const char *uri)
{
    const char *at = strchr(made->address, '@');
    const char *page =
        config_text(ctl->config, "domain", at ? at + 1 : made->address, "invite-page");

    return page ? xasprintf("%s#%s", page, uri + strlen("xmpp:")) : NULL;
}

static void show_json(const struct made *made, const char *uri, const char *page)
{
    ctl_print_json(json_pack("{s:s, s:s, s:s, s:s, s:s*}", "invitation", made->id, "address",
                             made->address, "expires", made->expires, "uri", uri, "page", page));
}

static void show_text(const struct made *made, const struct wish *wish, const char *uri,
                      const char *page)
{
    puts(uri);
    if (page)
        puts(page);
    if (wish->qr)
        print_qr(uri);
    fprintf(stderr, "invitation %s, good until %s\n", made->id, made->expires);
}

static void show(const struct ctl *ctl, const struct made *made, const struct wish *wish)
{
    char *query = xasprintf("register;preauth=%s", made->token);
    char *uri = uri_of_address(made->address, query);
    char *page = page_of(ctl, made, uri);

    if (wish->json)
        show_json(made, uri, page);
    else
        show_text(made, wish, uri, page);
    crypto_wipe_text(uri);
    crypto_wipe_text(query);
    crypto_wipe_text(page);
}

static const char *creator(void)
{
    const struct passwd *who = getpwuid(getuid());

    return who ? who->pw_name : "?";
}

static int make(const struct ctl *ctl, const struct wish *wish)
{
    const char *const words[] = {"invite",    "create",   wish->kind,    wish->address,
                                 wish->admin, wish->uses, wish->expires, creator()};
    struct made made = {0};
    int error = ctl_follow(ctl, "c2s", ARRAY_SIZE(words), words, on_made, &made);
    int status = error ? EXIT_FAILURE : EXIT_SUCCESS;

    if (error == ERR_UNAVAILABLE)
        status = ctl_fail("kontalk-c2s is not running");
    if (!error && made.token)
        show(ctl, &made, wish);
    if (made.token)
        explicit_bzero(made.token, strlen(made.token));
    free(made.id);
    free(made.address);
    free(made.expires);
    free(made.token);
    return status;
}

/* --- the verbs --- */

static int read_options(size_t argc, const char *const *argv, struct wish *wish)
{
    const struct {
        const char *name;
        const char **value; /* NULL: it has none */
    } options[] = {
        {"--name", &wish->address},
        {"--domain", &wish->address},
        {"--uses", &wish->uses},
        {"--expires", &wish->expires},
    };

    for (size_t i = 0; i < argc; i++) {
        size_t which = 0;
        while (which < ARRAY_SIZE(options) && strcmp(options[which].name, argv[i]) != 0)
            which++;
        if (strcmp(argv[i], "--admin") == 0)
            wish->admin = "yes";
        else if (strcmp(argv[i], "--qr") == 0)
            wish->qr = true;
        else if (strcmp(argv[i], "--json") == 0)
            wish->json = true;
        else if (which == ARRAY_SIZE(options))
            return ctl_fail("no option is called '%s'", argv[i]);
        else if (++i == argc || !*argv[i])
            return ctl_fail("%s needs a value", argv[i - 1]);
        else
            *options[which].value = argv[i];
    }
    return EXIT_SUCCESS;
}

static int create(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct wish wish = {
        .kind = "account",
        .address = config_text(ctl->config, "node", NULL, "network"),
        .admin = "no",
        .uses = "1",
        .expires = DEFAULT_EXPIRY,
        .qr = isatty(STDOUT_FILENO),
    };
    int status = read_options(argc, argv, &wish);

    return status == EXIT_SUCCESS ? make(ctl, &wish) : status;
}

static int reset(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct wish wish = {
        .kind = "reset",
        .address = argv[0],
        .admin = "no",
        .uses = "1",
        .expires = DEFAULT_RESET_EXPIRY,
        .qr = isatty(STDOUT_FILENO),
    };

    if (argc > 1 && strcmp(argv[1], "--qr") != 0 && strcmp(argv[1], "--expires") != 0 &&
        strcmp(argv[1], "--json") != 0)
        return ctl_fail("no option for a reset is called '%s'", argv[1]);
    int status = read_options(argc - 1, argv + 1, &wish);
    return status == EXIT_SUCCESS ? make(ctl, &wish) : status;
}

static int ask(const struct ctl *ctl, size_t argc, const char *const *words)
{
    return ctl_asked("c2s", ctl_ask(ctl, "c2s", argc, words));
}

/* "ID KIND ADDRESS[ admin] uses=N expires=TIME by=WHO" */
static void on_row(void *user, const char *text)
{
    char id[64], kind[64], address[4096], expires[64];
    const char *rest, *by;
    long uses;
    int length = 0;

    if (sscanf(text, "%63s %63s %4095s%n", id, kind, address, &length) != 3)
        return;
    rest = strstr(text + length, " uses=");
    by = rest ? strstr(rest, " by=") : NULL;
    if (!by || sscanf(rest, " uses=%ld expires=%63s", &uses, expires) != 2)
        return;
    json_array_append_new(user, json_pack("{s:s, s:s, s:s, s:b, s:I, s:s, s:s}", "invitation", id,
                                          "kind", kind, "address", address, "admin",
                                          rest != text + length, "uses", (json_int_t)uses,
                                          "expires", expires, "by", by + strlen(" by=")));
}

static const char *const list_words[] = {"invite", "list"};

/* NULL: it has been said why not. */
static json_t *read_rows(const struct ctl *ctl)
{
    json_t *rows = json_array();
    int error = ctl_follow(ctl, "c2s", ARRAY_SIZE(list_words), list_words, on_row, rows);

    if (error == ERR_UNAVAILABLE)
        ctl_fail("kontalk-c2s is not running");
    if (!error)
        return rows;
    json_decref(rows);
    return NULL;
}

static int list(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    bool json;
    json_t *rows;

    if (ctl_is_json(argc, argv, &json) < 0)
        return EXIT_FAILURE;
    if (!json)
        return ask(ctl, ARRAY_SIZE(list_words), list_words);
    rows = read_rows(ctl);
    if (!rows)
        return EXIT_FAILURE;
    ctl_print_json(rows);
    return EXIT_SUCCESS;
}

/* A line for each thing that is known of it. */
static void print_invitation(json_t *row)
{
    const char *key;
    json_t *value;

    json_object_foreach(row, key, value)
    {
        if (json_is_string(value))
            printf("%-11s %s\n", key, json_string_value(value));
        else if (json_is_integer(value))
            printf("%-11s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
        else
            printf("%-11s %s\n", key, json_is_true(value) ? "yes" : "no");
    }
}

static int show_one(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    json_t *rows, *row, *found = NULL;
    size_t index;
    bool json;

    if (ctl_is_json(argc - 1, argv + 1, &json) < 0 || !(rows = read_rows(ctl)))
        return EXIT_FAILURE;
    json_array_foreach(rows, index, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "invitation")), argv[0]) == 0)
            found = json_incref(row);
    }
    json_decref(rows);
    if (!found)
        return ctl_fail("there is no such invitation that is open");
    if (json) {
        ctl_print_json(found);
        return EXIT_SUCCESS;
    }
    print_invitation(found);
    json_decref(found);
    return EXIT_SUCCESS;
}

static int end(const struct ctl *ctl, size_t argc UNUSED, const char *const *argv)
{
    const char *const words[] = {"invite", "revoke", argv[0]};

    return ask(ctl, ARRAY_SIZE(words), words);
}

const struct ctl_verb invite_verbs[] = {
    {"invite create", 0, 10, create,
     "[--name JID] [--domain DOMAIN] [--admin] [--uses N] [--expires TIME] [--qr] [--json]  a link "
     "by which somebody makes an account"},
    {"invite reset", 1, 5, reset,
     "JID [--expires TIME] [--qr] [--json]  a link by which somebody gets a new password"},
    {"invite list", 0, 1, list, "[--json]  the invitations that are open"},
    {"invite show", 1, 2, show_one, "ID [--json]  what is known of one that is open"},
    {"invite revoke", 1, 1, end, "ID  it is good for nothing any more"},
    {"invite", 0, 10, create, "…  the same as invite create"},
    {0},
};
