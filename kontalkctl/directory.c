/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The directory of the network: which home a name has. Only a running c2s knows; for a room a
 * running kontalk-muc claims it.
 */
#include <stdlib.h>

#include "kontalkctl/ctl.h"

static int ask(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    return ctl_asked("c2s", ctl_ask(ctl, "c2s", argc, argv));
}

static int show(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    const char *const words[] = {"user", "show", argv[0]};

    (void)argc;
    return ask(ctl, ARRAY_SIZE(words), words);
}

static int lookup(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    const char *const words[] = {"directory", "lookup", argv[0]};

    (void)argc;
    return ask(ctl, ARRAY_SIZE(words), words);
}

static int verify(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const words[] = {"directory", "verify"};
    const char *rooms = config_text(ctl->config, "muc", NULL, "domain");
    int verified = ask(ctl, ARRAY_SIZE(words), words), compared = EXIT_SUCCESS;

    (void)argc;
    (void)argv;
    if (config_text(ctl->config, "node", NULL, "document") && rooms &&
        config_list_has(ctl->config, "node", NULL, "shared-service", rooms))
        compared = directory_compare_rooms(ctl);
    return verified == EXIT_SUCCESS ? compared : verified;
}

const struct ctl_verb directory_verbs[] = {
    {"user show", 1, 1, show, "JID  shows an account, and which home it has"},
    {"directory lookup", 1, 1, lookup, "JID  which home has this name, and which node serves it"},
    {"directory verify", 0, 0, verify,
     "  whether every entry has a valid grant, and what differs from other homes"},
    {0},
};
