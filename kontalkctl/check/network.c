/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The network of nodes: the document, and the link to each other node (docs/NETWORK.md).
 */
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/network/network.h"
#include "kontalkctl/check/check.h"

#define DAY_S 86400

static void judge_end(struct check *check, const char *path, int64_t left_s)
{
    static const char remedy[] = "kontalkctl network renew, then each keyholder: kontalkctl "
                                 "network sign KEY";

    if (left_s <= 0)
        check_add(check, CHECK_ERROR, path, remedy, "the document has expired");
    else
        check_add(check,
                  left_s <= 7 * DAY_S    ? CHECK_WARNING
                  : left_s <= 31 * DAY_S ? CHECK_NOTE
                                         : CHECK_OK,
                  path, left_s <= 31 * DAY_S ? remedy : NULL,
                  "the document expires in %" PRId64 " days", left_s / DAY_S);
}

static void check_document(struct check *check, const char *path)
{
    struct network *network = NULL;
    const char *problem = NULL;

    if (network_load(path, NULL, &network) != 0) {
        check_add(check, CHECK_ERROR, path, "kontalkctl network show",
                  "the network document cannot be read");
        return;
    }
    if (network_verify(network, &problem) != 0)
        check_add(check, CHECK_ERROR, path, "kontalkctl network install FILE, of a valid one",
                  "the network document is not signed as it has to be: %s", problem);
    if (!network_member_by_host(network, config_text(check->config, "node", NULL, "host")))
        check_add(check, CHECK_ERROR, path, "kontalkctl network request, and have it added",
                  "this node is no member of the network");
    judge_end(check, path, network->expires - clock_wall_us() / 1000000);
    network_unref(network);
}

/* "HOST STATE seconds=… …" */
static void judge_link(struct check *check, const char *line)
{
    const size_t host = strcspn(line, " ");
    const char *state = line + host + (line[host] == ' ');
    const size_t length = strcspn(state, " ");
    const char *name = arena_strndup(check->arena, line, host);

    if (strncmp(state, "self ", 5) == 0)
        return;
    if (length == 2 && strncmp(state, "up", 2) == 0)
        check_add(check, CHECK_OK, name, NULL, "the link is up");
    else
        check_add(check, CHECK_ERROR, name,
                  "look at that node (kontalkctl status, there), and at port and firewall between: "
                  "kontalkctl network status",
                  "the link is not up: %s", state);
}

static void check_links(struct check *check)
{
    static const char *const words[] = {"status"};
    const char *answer;

    if (check_ask(check, "net", ARRAY_SIZE(words), words, &answer) != 0) {
        check_add(check, CHECK_ERROR, "kontalk-net", "systemctl start kontalk-net",
                  "it does not run");
        return;
    }
    while (*answer) {
        const size_t length = strcspn(answer, "\n");
        judge_link(check, arena_strndup(check->arena, answer, length));
        answer += length + (answer[length] == '\n');
    }
}

void check_network(struct check *check)
{
    const char *path = config_text(check->config, "node", NULL, "document");

    if (!path) {
        check_add(check, CHECK_OK, "network", NULL, "this node is a network of one");
        return;
    }
    check_document(check, path);
    check_links(check);
}
