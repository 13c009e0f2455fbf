/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The link of a daemon that is a component with a secret.
 */
#include "common/component/own_link.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/tls/crypto.h"

int own_link_open(struct loop *loop, struct parser_pool *pool, const struct config *config,
                  const char *section, struct link_settings settings, const struct link_ops *ops,
                  void *user, struct link **link)
{
    const char *path = config_text(config, section, NULL, "secret-file");
    char *secret;
    size_t length;
    int error = path ? config_read_secret(path, &secret, &length) : ERR_NOT_FOUND;

    if (error) {
        log_error("secret_unreadable", LOG_TEXT("file", path), LOG_ERROR(error));
        return ERR_INVALID;
    }
    settings.address = config_text(config, section, NULL, "router");
    settings.name = config_text(config, section, NULL, "domain");
    settings.secret = secret;
    const struct link_bind bind = {.name = settings.name};
    *link = link_new(loop, pool, &settings, ops, user);
    link_bind(*link, &bind);
    crypto_wipe_text(secret);
    return 0;
}
