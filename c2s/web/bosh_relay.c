/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Workers share their addresses, and the requests of a BOSH session come by any connection: one
 * that is another worker's is brought there, through that worker's own socket for this, and the
 * answer back. The sid says whose it is.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/web/bosh.h"
#include "common/base/memory.h"

/* The answer is what a session had queued at most, and a head. */
#define ANSWER_MAX (64 * 1024 * 1024)

struct relay {
    struct bosh_body *body; /* NULL: nobody waits any more */
    struct conn *conn;
    struct buffer answer;
};

char *bosh_relay_address(const struct worker *worker, const char *id)
{
    char *directory = config_run_directory(worker->config, "c2s");
    char *address = xasprintf("unix:%s/kontalk-c2s@%s.http", directory, id);

    free(directory);
    return address;
}

/* The name becomes a part of a path: it is nothing but a name. */
static bool is_name(const char *id)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t length = strlen(id);

    return length > 0 && length <= BOSH_WORKER_MAX && strspn(id, allowed) == length;
}

const char *bosh_relay_suffix(const struct worker *worker)
{
    return is_name(worker->id) ? worker->id : "";
}

const char *bosh_relay_worker(const struct worker *worker, const char *sid)
{
    const char *id = strchr(sid, '.');

    return id && is_name(id + 1) && strcmp(id + 1, worker->id) != 0 ? id + 1 : NULL;
}

/* What a line of the head has behind its name, up to its end. */
static char *find_field(const char *head, const char *name)
{
    const char *found = strcasestr(head, name);

    return found ? xstrndup(found + strlen(name), strcspn(found + strlen(name), "\r\n")) : NULL;
}

static bool is_complete(struct relay *relay, size_t *begin, size_t *length)
{
    char *end = relay->answer.data ? strstr(relay->answer.data, "\r\n\r\n") : NULL;
    char *text;

    if (end == NULL)
        return false;
    *begin = (size_t)(end - relay->answer.data) + 4;
    text = find_field(relay->answer.data, "\r\nContent-Length: ");
    *length = text ? strtoul(text, NULL, 10) : 0;
    free(text);
    return relay->answer.length >= *begin + *length;
}

static void give_answer(struct relay *relay, size_t begin, size_t length)
{
    struct buffer text = {0};
    relay->answer.data[begin - 2] = '\0'; /* fields are in front of the empty line */
    char *type = find_field(relay->answer.data, "\r\nContent-Type: ");
    char *proved = find_field(relay->answer.data, "\r\n" WEB_PROVED ": ");

    if (proved)
        web_connection_proved(relay->body->request->connection);
    free(proved);
    buffer_append(&text, relay->answer.data + begin, length);
    relay->body->relay = NULL;
    bosh_answer_text(relay->body, type ? type : "text/xml; charset=utf-8", &text);
    relay->body = NULL;
    buffer_fini(&text);
    free(type);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct relay *relay = user;
    size_t begin, size;

    if (relay->body == NULL)
        return;
    buffer_append(&relay->answer, bytes, length);
    if (is_complete(relay, &begin, &size)) {
        give_answer(relay, begin, size);
        conn_close(relay->conn);
    } else if (relay->answer.length > ANSWER_MAX) {
        conn_abort(relay->conn);
    }
}

/* There is no such worker any more, and so no such session. */
static void on_closed(void *user, int reason)
{
    struct relay *relay = user;

    (void)reason;
    if (relay->body) {
        relay->body->relay = NULL;
        bosh_refuse(relay->body, "item-not-found");
    }
    buffer_fini(&relay->answer);
    free(relay);
}

static const struct conn_ops conn_ops = {.data = on_data, .closed = on_closed};

void bosh_relay(struct bosh_body *body, const char *worker)
{
    struct relay *relay = xcalloc(1, sizeof(*relay));
    char *address = bosh_relay_address(body->web->worker, worker);
    struct buffer out = {0};

    body->relay = relay;
    relay->body = body;
    relay->conn = conn_connect(body->web->worker->loop, address, &conn_ops, relay);
    buffer_printf(&out,
                  "POST %s HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: %s\r\n"
                  "Connection: close\r\nContent-Length: %zu\r\n\r\n",
                  web_bosh.path, body->address, body->raw.length);
    buffer_append(&out, body->raw.data, body->raw.length);
    conn_write(relay->conn, out.data, out.length);
    buffer_fini(&out);
    buffer_fini(&body->raw);
    free(address);
}

void bosh_relay_abandon(struct relay *relay)
{
    relay->body = NULL;
    conn_abort(relay->conn);
}
