/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A client on libstrophe, driven by lines: `tool_strophe starttls|tls HOST PORT JID CA`. The first
 * line of standard input is the password, each further one a stanza to send. It prints
 * "connected", "stanza XML" for each that comes, and "disconnected". With a further argument
 * "resume" a line behind "disconnected" makes it connect again and go on with its session.
 *
 * PKG: libstrophe
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <unistd.h>

#define LOOK_MS 10

struct tool {
    xmpp_ctx_t *ctx;
    xmpp_conn_t *conn;
    char **arguments;
    bool over;    /* this connection */
    bool leaving; /* of its own will */
};

static bool read_line(char **line, size_t *size)
{
    ssize_t length = getline(line, size, stdin);

    if (length > 0 && (*line)[length - 1] == '\n')
        (*line)[length - 1] = '\0';
    return length > 0;
}

static int on_stanza(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *user)
{
    struct tool *tool = user;
    char *text;
    size_t length;

    (void)conn;
    if (xmpp_stanza_to_text(stanza, &text, &length) == 0) {
        printf("stanza %s\n", text);
        xmpp_free(tool->ctx, text);
    }
    return 1;
}

static void on_event(xmpp_conn_t *conn, xmpp_conn_event_t event, int error,
                     xmpp_stream_error_t *stream_error, void *user)
{
    struct tool *tool = user;

    (void)error;
    if (event == XMPP_CONN_CONNECT) {
        xmpp_handler_add(conn, on_stanza, NULL, NULL, NULL, tool);
        printf("connected %s\n", xmpp_conn_is_secured(conn) ? "secured" : "in clear");
        return;
    }
    printf("disconnected %d\n", stream_error ? (int)stream_error->type : -1);
    tool->over = true;
}

/* As a tree, so that the bytes are libstrophe's own. */
static void send_line(struct tool *tool, const char *line)
{
    xmpp_stanza_t *stanza = xmpp_stanza_new_from_string(tool->ctx, line);

    if (stanza == NULL) {
        printf("malformed\n");
        return;
    }
    xmpp_send(tool->conn, stanza);
    xmpp_stanza_release(stanza);
}

static void run(struct tool *tool)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char *line = NULL;
    size_t size = 0;

    while (!tool->over) {
        xmpp_run_once(tool->ctx, LOOK_MS);
        if (tool->over || poll(&input, 1, 0) <= 0)
            continue;
        if (read_line(&line, &size)) {
            send_line(tool, line);
            continue;
        }
        tool->leaving = true;
        xmpp_disconnect(tool->conn);
        input.fd = -1;
    }
    free(line);
}

static bool connect_again(struct tool *tool, const char *password, xmpp_sm_state_t *state)
{
    char **arguments = tool->arguments;
    bool direct = strcmp(arguments[1], "tls") == 0;

    if (tool->conn)
        xmpp_conn_release(tool->conn);
    tool->over = false;
    tool->conn = xmpp_conn_new(tool->ctx);
    xmpp_conn_set_jid(tool->conn, arguments[4]);
    xmpp_conn_set_pass(tool->conn, password);
    xmpp_conn_set_cafile(tool->conn, arguments[5]);
    xmpp_conn_set_flags(tool->conn,
                        direct ? XMPP_CONN_FLAG_LEGACY_SSL : XMPP_CONN_FLAG_MANDATORY_TLS);
    if (state && xmpp_conn_set_sm_state(tool->conn, state) != XMPP_EOK)
        xmpp_free_sm_state(state);
    return xmpp_connect_client(tool->conn, arguments[2],
                               (unsigned short)strtoul(arguments[3], NULL, 10), on_event,
                               tool) == 0;
}

static void stay_connected(struct tool *tool, const char *password)
{
    xmpp_sm_state_t *state = NULL;
    char *line = NULL;
    size_t size = 0;

    do {
        if (connect_again(tool, password, state))
            run(tool);
        state = tool->arguments[6] ? xmpp_conn_get_sm_state(tool->conn) : NULL;
    } while (state && !tool->leaving && read_line(&line, &size));
    free(line);
}

int main(int argc, char **argv)
{
    struct tool tool = {.arguments = argv};
    char *password = NULL;
    size_t size = 0;

    setvbuf(stdin, NULL, _IONBF, 0); /* poll() sees what is left */
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 6 || !read_line(&password, &size))
        return 2;
    xmpp_initialize();
    tool.ctx = xmpp_ctx_new(NULL, NULL);
    stay_connected(&tool, password);
    xmpp_conn_release(tool.conn);
    xmpp_ctx_free(tool.ctx);
    xmpp_shutdown();
    free(password);
    return 0;
}
