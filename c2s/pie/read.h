/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading one account: an account that nobody serves yet, so its rows are written straight.
 */
#pragma once

#include "c2s/pie/pie.h"
#include "common/tls/crypto.h"

struct pie_import {
    struct db_session *session;
    const struct jid *account;
    int64_t owner, seq; /* seq: the last number given */
    int64_t roster_version, blocklist_version;
    struct arena *arena;
    pie_note *note;
    void *note_user;
    int error;
    const char **problem;
};

/* Nothing after an error, which stays. */
void pie_run(struct pie_import *import, const struct db_statement *statement,
             const struct db_value *values);
#define PIE_RUN(import, statement, ...)                                                            \
    pie_run((import), (statement), (const struct db_value[]){__VA_ARGS__})
/* What is not taken. */
void pie_tell(struct pie_import *import, const char *text);
/* SHA-256 of the address, as keys have it. */
#define PIE_HASH(hash) DB_BYTES(hash, crypto_hash_size(CRYPTO_SHA256))
void pie_hash(const char *text, uint8_t hash[CRYPTO_HASH_MAX]);

/* Each takes one child of <user/>. */
void pie_read_roster(struct pie_import *import, const struct element *query);
void pie_read_request(struct pie_import *import, const struct element *presence);
void pie_read_private(struct pie_import *import, const struct element *query);
void pie_read_vcard(struct pie_import *import, const struct element *vcard);
void pie_read_privacy(struct pie_import *import, const struct element *query);
void pie_read_blocklist(struct pie_import *import, const struct element *blocklist);
void pie_read_pubsub(struct pie_import *import, const struct element *user);
void pie_read_messages(struct pie_import *import, const struct element *user);
