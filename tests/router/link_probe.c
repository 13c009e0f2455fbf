/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A daemon that is nothing but a link to the router: link_probe ADDRESS NAME BIND… with BIND
 * "default", "domain" or "domain=id" (shared). Sends a message for each line "FROM TO ID" of its
 * input, and writes down what it hears.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "common/base/memory.h"
#include "common/component/link.h"
#include "common/xmpp/namespaces.h"

struct probe {
    struct link *link;
    struct buffer input;
};

static void on_up(void *user)
{
    (void)user;
    puts("up");
}

static void on_down(void *user)
{
    (void)user;
    puts("down");
}

static void on_stanza(void *user, struct stanza *stanza, int problem)
{
    (void)user;
    (void)problem;
    printf("%s %s\n", stanza_kind_name(stanza->kind), stanza_id(stanza));
    stanza_unref(stanza);
}

static void on_members(void *user, const struct link_members *members)
{
    (void)user;
    printf("members %s", members->name);
    for (size_t i = 0; i < members->count; i++)
        printf(" %s", members->ids[i]);
    putchar('\n');
}

static void on_undelivered(void *user, struct stanza *stanza)
{
    (void)user;
    printf("undelivered %s\n", stanza_id(stanza));
    stanza_unref(stanza);
}

static void on_closed(void *user)
{
    (void)user;
}

static const struct link_ops ops = {
    .up = on_up,
    .down = on_down,
    .stanza = on_stanza,
    .members = on_members,
    .undelivered = on_undelivered,
    .closed = on_closed,
};

static void say(struct probe *probe, char *line)
{
    char *rest = line;
    const char *from = strtok_r(rest, " ", &rest);
    const char *to = strtok_r(NULL, " ", &rest);
    const char *id = strtok_r(NULL, " ", &rest);
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);
    struct jid jid;
    if (!id || jid_parse(stanza->arena, from, &jid))
        abort();
    stanza_set_from(stanza, &jid);
    if (jid_parse(stanza->arena, to, &jid))
        abort();
    stanza_set_to(stanza, &jid);
    element_set(stanza->root, "id", id);
    if (link_send(probe->link, stanza))
        printf("refused %s\n", id);
    stanza_unref(stanza);
}

static void on_input(void *user, const char *bytes, size_t length)
{
    struct probe *probe = user;
    char *end;
    buffer_append(&probe->input, bytes, length);
    while ((end = memchr(probe->input.data, '\n', probe->input.length))) {
        *end = '\0';
        say(probe, probe->input.data);
        buffer_consume(&probe->input, (size_t)(end + 1 - probe->input.data));
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    char bytes[4096];
    (void)status;
    (void)events;
    ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (got <= 0)
        exit(0);
    on_input(poll->data, bytes, (size_t)got);
}

static void bind_word(struct link *link, char *word)
{
    char *id = strchr(word, '=');
    struct link_bind bind = {.is_default = !strcmp(word, "default")};
    if (id)
        *id++ = '\0';
    bind.name = bind.is_default ? NULL : word;
    bind.shared = id;
    link_bind(link, &bind);
}

int main(int argc, char **argv)
{
    struct probe probe = {0};
    uv_poll_t poll = {.data = &probe};
    if (argc < 3)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct loop *loop = loop_new();
    const struct link_settings settings = {.address = argv[1], .name = argv[2]};
    probe.link = link_new(loop, parser_pool_new(), &settings, &ops, &probe);
    for (int i = 3; i < argc; i++)
        bind_word(probe.link, argv[i]);
    uv_poll_init(loop_uv(loop), &poll, STDIN_FILENO);
    uv_poll_start(&poll, UV_READABLE, on_readable);
    loop_run(loop);
    return 0;
}
