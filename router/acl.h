/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who may do what: for our own daemons by the socket they came through (a table in acl.c), for
 * third-party components by their section of the configuration.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macros.h"
#include "common/config/config.h"

enum role { ROLE_C2S, ROLE_NET, ROLE_S2S, ROLE_COMPONENT, ROLES };

enum acl_right {
    ACL_DEFAULT = 1 << 0,
    ACL_PRIVATE = 1 << 1,
    ACL_SHARED = 1 << 2,
    ACL_LOG = 1 << 3,
    ACL_USE_DEFAULT = 1 << 4, /* what it sends may take the default route */
    ACL_REFLECT = 1 << 5,     /* what it sends may come back to itself */
    ACL_DURABLE = 1 << 6      /* may offer, and be offered */
};

struct acl;
struct acl_set;

/* Reads the secrets of the components. *problem says in words what is wrong (free()). */
MUST_CHECK int acl_set_new(const struct config *config, struct acl_set **set, char **problem);
void acl_set_free(struct acl_set *set);

/* "c2s", "net", "s2s", "component" */
const char *role_name(enum role role);
/* What belongs to a role; not for ROLE_COMPONENT. */
const struct acl *acl_of_role(const struct acl_set *set, enum role role);
/* NULL if there is no such component. `domain` is prepared. */
const struct acl *acl_of_component(const struct acl_set *set, const char *domain);
/* Names that the c2s workers of this node share. */
bool acl_is_local(const struct acl_set *set, const char *domain);
/* Names of this node, whether anybody is there to answer for them or not. */
bool acl_is_known(const struct acl_set *set, const char *domain);
/* The network and everything under it: never reached by the default route. */
bool acl_is_network(const struct acl_set *set, const char *domain);

bool acl_allows(const struct acl *acl, enum acl_right right);
bool acl_may_bind(const struct acl *acl, const char *domain);
bool acl_may_send(const struct acl *acl, const char *domain);
const char *acl_secret(const struct acl *acl);
