/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The Cyrus library as a whole: what it may ask us, and that it asks nobody else. No file of the
 * system has a say: no plugin, no configuration, no list of mechanisms (sasl_listmech() is never
 * called, we know what we offer).
 */
#include <string.h>

#include <sasl/sasl.h>

#include "common/base/error.h"
#include "common/base/macros.h"
#include "common/sasl/exchange.h"

/* SASL_CONTINUE: not this file, and no reason to complain. */
static int veto_file(void *context, const char *file, sasl_verify_type_t type)
{
    (void)context;
    (void)file;
    (void)type;
    return SASL_CONTINUE;
}

/* Without this Cyrus asks the environment. What is not a folder has no plugins in it. */
static int get_path(void *context, const char **path)
{
    (void)context;
    *path = "/dev/null";
    return SASL_OK;
}

static int get_option(void *context, const char *plugin, const char *option, const char **result,
                      unsigned *length)
{
    static const struct {
        const char *name;
        const char *value;
    } options[] = {
        {"auto_transition", "no"},
        {"auxprop_plugin", "none"},
        {"canon_user_plugin", "INTERNAL"},
        {"pwcheck_method", "none"},
    };

    (void)context;
    (void)plugin;
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (strcmp(options[i].name, option) != 0)
            continue;
        *result = options[i].value;
        if (length)
            *length = (unsigned)strlen(*result);
        return SASL_OK;
    }
    return SASL_FAIL;
}

/* Its messages may have parts of credentials; the daemon logs the outcome. */
static int drop_log(void *context, int level, const char *message)
{
    (void)context;
    (void)level;
    (void)message;
    return SASL_OK;
}

/* Cyrus keeps the pointer. */
static const sasl_callback_t callbacks[] = {
    {SASL_CB_VERIFYFILE, CYRUS_CALLBACK(veto_file), NULL},
    {SASL_CB_GETPATH, CYRUS_CALLBACK(get_path), NULL},
    {SASL_CB_GETOPT, CYRUS_CALLBACK(get_option), NULL},
    {SASL_CB_LOG, CYRUS_CALLBACK(drop_log), NULL},
    {SASL_CB_LIST_END, NULL, NULL},
};

int sasl_library_start(void)
{
    /* No name of an application: so no file is looked for that would be named after it. */
    if (sasl_server_init(callbacks, NULL) != SASL_OK)
        return ERR_SYSTEM;
    return plugin_register();
}

void sasl_library_stop(void)
{
    sasl_done();
}
