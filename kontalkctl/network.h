/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The verbs `network …`: work on the network document and on files beside it. Changes are collected
 * in the pending document, FILE.next, until enough keyholders have signed it.
 */
#pragma once

#include "common/network/network.h"
#include "kontalkctl/ctl.h"

/* The path of [node] document; NULL: complained. */
const char *network_path(const struct ctl *ctl);
/* Loads a document; complains. ERR_NOT_FOUND, ERR_INVALID. */
MUST_CHECK int network_must_load(const char *path, struct network **network);
/* "…/network.conf.next"; free() it. */
char *network_pending_path(const char *path);
/* A copy to change of the pending document or, if there is none, of the one in force with the next
 * serial. NULL: complained. */
struct network *network_edit(const struct ctl *ctl);
/* Takes it, and writes it as the pending document, without signatures. An exit status. */
int network_pend_take(const struct ctl *ctl, struct network *network);
/* Puts a document into its place, for the daemons to follow. An exit status. */
int network_put(const char *path, const struct network *network);
/* Appends one signature or suspension, and parses the result. NULL: complained. */
struct network *network_append_signature(const struct network *network,
                                         const struct network_signature *signature);
/* Whose key in FILE is; NULL: complained. free() the key with signing_key_free(). */
const struct network_keyholder *network_load_key(const struct network *network, const char *file,
                                                 struct signing_key **key);
/* As SHA-256 in groups, for comparing by voice: of a node's keys. free() it. */
char *network_fingerprint(const struct network_member *member);
int64_t network_now(void);

/* For the next document. An exit status. */
int network_set_state(const struct ctl *ctl, const char *host, enum network_state state);

/* network_make.c, network_change.c, network_sign.c, network_show.c */
int network_init(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_request(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_add(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_remove(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_drain(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_activate(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_registrar(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_renew(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_next(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_suspend(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_sign_pending(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_install(const struct ctl *ctl, size_t argc, const char *const *argv);
int network_show(const struct ctl *ctl, size_t argc, const char *const *argv);
