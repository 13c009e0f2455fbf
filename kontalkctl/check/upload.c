/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An upload as a client makes it (XEP-0363), through the public URL: what a page of the web asks
 * first (CORS), PUT, HEAD and GET.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "kontalkctl/check/greeting.h"
#include "kontalkctl/check/names.h"
#include "kontalkctl/check/url.h"

#define CONTENT "kontalkctl check" /* 16 bytes, what the slot is for */

struct upload {
    struct check *check;
    struct url url;
    const char *url_text, *token;
    struct address address;
    bool told; /* that the certificate is not trusted */
};

static const struct step {
    const char *method, *headers;
    int status;
    const char *in_answer; /* in small letters or not */
    const char *remedy;
} STEPS[] = {
    {"OPTIONS",
     "Origin: https://chat.invalid\r\nAccess-Control-Request-Method: PUT\r\n"
     "Access-Control-Request-Headers: authorization,content-type\r\n",
     0, "access-control-allow-origin: ", "let the proxy pass OPTIONS on, and add no header itself"},
    {"PUT", "Content-Type: text/plain\r\nContent-Length: 16\r\n", 201, "",
     "let the proxy pass PUT with Authorization on, of at least [files] size (nginx: "
     "client_max_body_size; proxy_request_buffering off)"},
    {"HEAD", "", 200, "content-length: 16\r\n", "let the proxy pass HEAD on"},
    {"GET", "", 200, CONTENT, "let the proxy pass GET on, unaltered"},
};

static void judge(struct upload *upload, const struct step *step, const struct http_answer *answer)
{
    struct check *check = upload->check;
    const bool good = step->status ? answer->status == step->status : answer->status / 100 == 2;

    if (!good)
        check_add(check, CHECK_ERROR, step->method, step->remedy,
                  "%s is answered with the status %d", upload->url_text, answer->status);
    else if (!strcasestr(answer->text.data, step->in_answer))
        check_add(check, CHECK_ERROR, step->method, step->remedy,
                  "the answer of %s lacks what it has to have: %s", upload->url_text,
                  step->in_answer);
    else
        check_add(check, CHECK_OK, step->method, NULL, "works");
    if (upload->url.tls && !answer->trusted && !upload->told)
        check_add(check, CHECK_ERROR, upload->url.host,
                  arena_printf(check->arena, "certbot certonly -d %s", upload->url.host),
                  "its certificate is not for it, or not trusted: clients do not upload");
    upload->told |= !answer->trusted;
}

/* False: it makes no sense to go on. */
static bool make_step(struct upload *upload, const struct step *step)
{
    const bool put = strcmp(step->method, "PUT") == 0;
    const char *request = arena_printf(
        upload->check->arena, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s%s%s%s\r\n%s",
        step->method, upload->url.path, upload->url.host, step->headers,
        put ? "Authorization: " : "", put ? upload->token : "", put ? "\r\n" : "",
        put ? CONTENT : "");
    struct http_answer answer;
    const char *problem = NULL;
    int error = greeting_http(upload->check, &upload->address,
                              upload->url.tls ? GREET_HTTPS : GREET_HTTP, upload->url.host, request,
                              strcmp(step->method, "GET") != 0, &answer, &problem);

    if (error)
        check_add(upload->check, CHECK_ERROR, step->method,
                  "look at the proxy, the firewall and [files] public-url", "%s is not reached: %s",
                  upload->url_text, problem);
    else
        judge(upload, step, &answer);
    buffer_fini(&answer.text);
    return !error;
}

static void make_all(struct upload *upload)
{
    for (size_t i = 0; i < ARRAY_SIZE(STEPS); i++)
        if (!make_step(upload, &STEPS[i]))
            return;
}

/* The URL, and the token behind it. */
static int read_slot(struct upload *upload, const char *answer)
{
    const char *end = strchr(answer, '\n');
    struct arena *arena = upload->check->arena;

    if (!end)
        return ERR_MALFORMED;
    upload->url_text = arena_strndup(arena, answer, (size_t)(end - answer));
    upload->token = arena_strndup(arena, end + 1, strcspn(end + 1, "\n"));
    return url_read(arena, upload->url_text, &upload->url);
}

static void find_and_make(struct upload *upload, struct names *names)
{
    struct names_addresses addresses;

    if (!names ||
        names_find_addresses(names, upload->url.host, upload->url.port, &addresses) != 0) {
        check_add(upload->check, CHECK_ERROR, upload->url.host, "kontalkctl check dns",
                  "the host of [files] public-url has no address");
        return;
    }
    upload->address = addresses.list[0];
    make_all(upload);
}

void check_upload(struct check *check)
{
    static const char *const words[] = {"slot", "check.txt"};
    struct upload upload = {.check = check};
    const char *answer;

    if (!check_has(check, "files")) {
        check_add(check, CHECK_OK, "files", NULL, "this node has no kontalk-files");
        return;
    }
    if (check_ask(check, "files", ARRAY_SIZE(words), words, &answer) != 0) {
        check_add(check, CHECK_ERROR, "kontalk-files", "systemctl start kontalk-files",
                  "it does not run");
    } else if (read_slot(&upload, answer) != 0) {
        check_add(check, CHECK_ERROR, "public-url", "kontalkctl conf explain public-url",
                  "[files] public-url is no URL");
    } else {
        struct names *names = names_new(check->config);
        find_and_make(&upload, names);
        names_free(names);
    }
}
