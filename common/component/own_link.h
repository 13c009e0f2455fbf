/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The link of a daemon that is a component with a secret (XEP-0114), of our router or of another
 * server: its section says where that is (router), what it is called (domain) and where its secret
 * is (secret-file).
 */
#pragma once

#include "common/component/link.h"
#include "common/config/config.h"

/* Address, name and secret come from the section, the rest from `settings`. Its name is bound.
 * ERR_INVALID: the secret cannot be read, which has been logged. */
MUST_CHECK int own_link_open(struct loop *loop, struct parser_pool *pool,
                             const struct config *config, const char *section,
                             struct link_settings settings, const struct link_ops *ops, void *user,
                             struct link **link);
