/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The answering side of the control socket.
 */
#include "common/service/control.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/base/utf8.h"
#include "common/io/conn.h"
#include "common/io/listener.h"

#define WORDS_MAX 64
#define BYTES_MAX (64 * 1024)

struct command_table {
    const struct control_command *commands;
    void *state;
    struct command_table *next;
};

struct control {
    struct loop *loop;
    struct listener *listener;
    struct command_table *tables;
    struct control_request *requests; /* those whose connection lives */
};

/* Lives until both the connection has closed and the command has ended. */
struct control_request {
    struct control *control;
    struct conn *conn; /* NULL: gone */
    struct buffer in;
    struct buffer out;
    bool running; /* between run() and control_end() */
    void (*gone)(void *user);
    void *gone_user;
    bool answered;
    struct control_request *prev, *next;
};

static void request_free(struct control_request *request)
{
    buffer_wipe(&request->in); /* passwords */
    buffer_fini(&request->in);
    buffer_fini(&request->out);
    free(request);
}

static void answer(struct control_request *request, const char *error)
{
    request->answered = true;
    if (error)
        control_print(request, "error %s", error);
    else
        buffer_append_text(&request->out, "ok\n");
    conn_write(request->conn, request->out.data, request->out.length);
    conn_close(request->conn);
}

void control_print(struct control_request *request, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *line = xvasprintf(format, arguments);
    va_end(arguments);
    utf8_hide_controls(line);
    buffer_append_text(&request->out, line);
    buffer_append_char(&request->out, '\n');
    free(line);
}

void control_flush(struct control_request *request)
{
    if (request->conn)
        conn_write(request->conn, request->out.data, request->out.length);
    buffer_clear(&request->out);
}

void control_on_gone(struct control_request *request, void (*gone)(void *user), void *user)
{
    request->gone = gone;
    request->gone_user = user;
}

size_t control_queued(const struct control_request *request)
{
    return request->out.length + (request->conn ? conn_queued(request->conn) : 0);
}

void control_end(struct control_request *request, const char *error)
{
    request->running = false;
    if (request->conn == NULL)
        request_free(request);
    else
        answer(request, error);
}

/* How many of the words the command's name takes up, 0 if it is another command. */
static size_t words_matched(const char *name, size_t count, const char *const *words)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(words[i]);
        if (strncmp(name, words[i], length) != 0)
            return 0;
        if (name[length] == '\0')
            return i + 1;
        if (name[length] != ' ')
            return 0;
        name += length + 1;
    }
    return 0;
}

static void print_help(struct control_request *request)
{
    for (struct command_table *table = request->control->tables; table; table = table->next)
        for (const struct control_command *c = table->commands; c->words; c++)
            control_print(request, "%s %s", c->words, c->help);
    answer(request, NULL);
}

static void run(struct control_request *request, size_t count, const char *const *words)
{
    if (count == 1 && strcmp(words[0], "help") == 0) {
        print_help(request);
        return;
    }
    for (struct command_table *table = request->control->tables; table; table = table->next) {
        for (const struct control_command *c = table->commands; c->words; c++) {
            size_t matched = words_matched(c->words, count, words);
            if (matched == 0)
                continue;
            if (count - matched < c->arguments_min || count - matched > c->arguments_max) {
                control_print(request, "usage: %s %s", c->words, c->help);
                answer(request, "wrong number of arguments");
                return;
            }
            request->running = true;
            c->run(table->state, request, count - matched, words + matched);
            return;
        }
    }
    answer(request, "unknown command");
}

/* Splits what has arrived into words; runs the command once the empty word has come. */
static void parse(struct control_request *request)
{
    const char *words[WORDS_MAX];
    size_t count = 0;
    const char *at = request->in.data;
    const char *end = at + request->in.length;

    while (at < end) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));
        if (nul == NULL)
            return;
        if (nul == at) {
            run(request, count, words);
            return;
        }
        if (count == WORDS_MAX) {
            answer(request, "too many words");
            return;
        }
        words[count++] = at;
        at = nul + 1;
    }
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct control_request *request = user;

    if (request->running || request->answered)
        return;
    buffer_append(&request->in, bytes, length);
    if (request->in.length > BYTES_MAX)
        answer(request, "too long");
    else
        parse(request);
}

static void on_closed(void *user, int reason UNUSED)
{
    struct control_request *request = user;

    if (request->control)
        DL_DELETE(request->control->requests, request);
    request->conn = NULL;
    if (!request->running)
        request_free(request);
    else if (request->gone)
        request->gone(request->gone_user);
}

static const struct conn_ops request_ops = {.data = on_data, .closed = on_closed};

static void on_accepted(void *user, int fd, const char *peer UNUSED)
{
    struct control *control = user;
    struct control_request *request = xcalloc(1, sizeof(*request));

    request->control = control;
    DL_APPEND(control->requests, request);
    request->conn = conn_accepted(control->loop, fd, &request_ops, request);
}

int control_open(struct loop *loop, const char *path, struct control **control,
                 const char **problem)
{
    struct control *c = xcalloc(1, sizeof(*c));
    char *address = xasprintf("unix:%s", path);
    /* The router has the groups of others (docs/ROUTER.md), and is not to administer them. */
    const struct listener_settings settings = {.address = address, .backlog = 16, .mode = 0600};

    c->loop = loop;
    int error = listener_open(loop, &settings, on_accepted, c, &c->listener, problem);
    free(address);
    if (error) {
        free(c);
        return error;
    }
    *control = c;
    return 0;
}

void control_add(struct control *control, const struct control_command *commands, void *state)
{
    struct command_table *table = xcalloc(1, sizeof(*table));

    table->commands = commands;
    table->state = state;
    LL_APPEND(control->tables, table);
}

void control_close(struct control *control)
{
    struct control_request *request, *next;
    struct command_table *table, *following;

    listener_close(control->listener);
    DL_FOREACH_SAFE (control->requests, request, next) {
        DL_DELETE(control->requests, request);
        request->control = NULL;
        if (!request->answered) /* what was answered is still being sent */
            conn_abort(request->conn);
    }
    LL_FOREACH_SAFE (control->tables, table, following) {
        free(table);
    }
    free(control);
}
