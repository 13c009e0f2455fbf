/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The network document: which nodes make up the network, by which keys they are known, what each
 * may do, which homes there are and who serves them (docs/NETWORK.md). It is a text file in the
 * syntax of the configuration, signed by its keyholders:
 *
 *     [network "example.net"]           serial, expires, registrar, required-signatures
 *     [keyholder "ada"]                 key
 *     [member "alpha.example.net"]      number, address, pin, next-pin, signing-key, operator,
 *                                       role, state
 *     [home "alpha"]                    epoch, host
 *     [suspension "beta.example.net"]   begins, ends, by, signature
 *     [signature "ada"]                 value
 *
 * What stands before the first [suspension …] or [signature …] is the body, and its bytes are what
 * is signed. A suspension is signed by itself, by one keyholder, and holds for a day at most.
 *
 * A struct network is immutable and counted; everything in it lives as long as it does. Times are
 * seconds since 1970.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"
#include "common/tls/pin.h"
#include "common/tls/signing.h"

/* What this release knows. */
#define NETWORK_FORMAT 1
/* In bytes: of a document, and of its body, so that there is always room for suspensions and
 * signatures. Links carry whole documents, whatever else their limits are. */
#define NETWORK_SIZE_MAX       ((size_t)1024 * 1024)
#define NETWORK_BODY_MAX       (NETWORK_SIZE_MAX / 2)
#define NETWORK_SUSPENSION_MAX ((int64_t)24 * 3600)

enum network_role {
    NETWORK_FRONT = 1 << 0,    /* users connect there */
    NETWORK_HOME = 1 << 1,     /* it may serve homes */
    NETWORK_S2S = 1 << 2,      /* other domains connect there */
    NETWORK_REGISTRAR = 1 << 3 /* it may serve the registrar home */
};

enum network_state {
    NETWORK_JOINING,  /* it may connect, and serves nobody yet */
    NETWORK_ACTIVE,   /* all that its roles say */
    NETWORK_DRAINING, /* it goes on with what it has and gets nothing new */
    NETWORK_SUSPENDED /* as if it were not there, but known by name */
};

struct network_member {
    const char *host;
    unsigned number; /* never given out a second time, see last_number */
    const char *const *addresses;
    size_t addresses_count;
    uint8_t pin[TLS_PIN_SIZE];
    bool has_next_pin;
    uint8_t next_pin[TLS_PIN_SIZE];
    uint8_t signing_key[SIGNING_KEY_SIZE];
    const char *operator_name; /* NULL: not said */
    unsigned roles;
    enum network_state state; /* as it is written: see network_member_state() */
};

struct network_home {
    const char *name;
    uint64_t epoch;
    const struct network_member *member; /* who serves it now */
};

struct network_keyholder {
    const char *name;
    uint8_t key[SIGNING_KEY_SIZE];
};

struct network_signature {
    const char *keyholder;
    uint8_t value[SIGNATURE_SIZE];
};

struct network_suspension {
    const char *host;
    int64_t begins, ends;
    struct network_signature signature;
};

struct arena;
struct network {
    struct arena *arena;
    unsigned references;
    const char *domain;
    unsigned format;
    uint64_t serial;
    int64_t expires;
    unsigned required_signatures;
    unsigned last_number; /* the highest that a member has, or ever had */
    const struct network_home *registrar;
    const char *lost_registrar; /* the home that was it before, and cannot be asked; NULL: it can */
    struct network_keyholder *keyholders;
    size_t keyholders_count;
    struct network_member *members; /* in the order of the file, as all of these */
    size_t members_count;
    struct network_home *homes;
    size_t homes_count;
    struct network_suspension *suspensions;
    size_t suspensions_count;
    struct network_signature *signatures;
    size_t signatures_count;
    const char *text; /* the whole document */
    size_t text_length;
    size_t body_length; /* of it, what is signed */
};

/* --- reading and writing (parse.c, write.c) --- */

/* `name` is what errors call the document; each is reported on `errors` as "name:line:column: text"
 * (NULL: nowhere), all at once. ERR_INVALID, ERR_TOO_BIG. Signatures are not looked at. */
MUST_CHECK int network_parse(const char *name, const char *text, size_t length, FILE *errors,
                             struct network **network);
/* The same from a file. ERR_NOT_FOUND: it cannot be read, which is reported too. */
MUST_CHECK int network_load(const char *path, FILE *errors, struct network **network);
struct network *network_ref(const struct network *network);
/* NULL is allowed. */
void network_unref(const struct network *network);
/* The body in the form that kontalkctl writes; parsed again it is the same network. Suspensions and
 * signatures are appended to it. */
void network_write(struct buffer *out, const struct network *network);
void network_write_suspension(struct buffer *out, const struct network_suspension *suspension);
void network_write_signature(struct buffer *out, const struct network_signature *signature);
/* A request to become a member is a document that a node makes of itself, signed with its own
 * signing key: its only member, with its home, all roles, and as its own keyholder. ERR_INVALID: it
 * is none, or the node does not have the key. */
MUST_CHECK int network_check_request(const struct network *network, const char **problem);
/* What to put into place of the file, atomically; a reader sees the old one or the new one. The
 * file is for everybody to read. ERR_SYSTEM (see errno). */
MUST_CHECK int network_save(const char *path, const char *text, size_t length);
/* The same, unless it has become another file than `before` (as of stat(2)) meanwhile: ERR_AGAIN.
 */
struct stat;
MUST_CHECK int network_replace(const char *path, const struct stat *before, const char *text,
                               size_t length);

/* --- signatures (signed.c) --- */

/* Signed by enough of its own keyholders; its suspensions by one each. Else ERR_DENIED; *problem
 * says why, in the arena of the network. */
MUST_CHECK int network_verify(const struct network *network, const char **problem);
/* `next` may follow `network`: the same domain, a higher serial, signed by enough keyholders of
 * both, no epoch lower, no home moved without a higher one, and another registrar is a home that is
 * there already, at a node that is. ERR_EXISTS: the serial is no higher;
 * ERR_DENIED. *problem as above, of `next`. */
MUST_CHECK int network_verify_next(const struct network *network, const struct network *next,
                                   const char **problem);
/* How many different keyholders of `judge` have signed `network`. */
size_t network_count_signatures(const struct network *network, const struct network *judge);
/* The signature of a keyholder under the body. */
void network_sign(const struct network *network, const struct signing_key *key,
                  uint8_t signature[SIGNATURE_SIZE]);
void network_sign_suspension(const struct network *network, const struct signing_key *key,
                             struct network_suspension *suspension);
/* Which keyholder has this key; NULL: none. */
const struct network_keyholder *network_find_key(const struct network *network,
                                                 const uint8_t key[SIGNING_KEY_SIZE]);
/* Two documents of one body, the second perhaps of a stranger: appends one with the suspensions of
 * both, and with the signatures of `a` and those of keyholders in `b`. Of two suspensions of one
 * member the one that began first stays, so that none can be drawn out. */
void network_merge(struct buffer *out, const struct network *a, const struct network *b);
/* SHA-256 of the body and the suspensions: equal where there is nothing to merge. */
#define NETWORK_DIGEST_SIZE 32
void network_digest(const struct network *network, uint8_t digest[NETWORK_DIGEST_SIZE]);

/* --- asking (lookup.c); NULL: there is none --- */

const struct network_member *network_member_by_host(const struct network *network,
                                                    const char *host);
const struct network_member *network_member_by_number(const struct network *network,
                                                      unsigned number);
/* Who has asked from `domain/<number>/<nonce>`: the resource of an address that answers are for. */
const struct network_member *network_member_by_return(const struct network *network,
                                                      const char *resource);
/* Such a resource; free() it. */
char *network_return(const struct network_member *member, const char *nonce);
/* The resource is for this nonce, with or without a member before it. */
bool network_is_return(const char *resource, const char *nonce);
/* The name under which kontalk-s2s of that host hears of answers that came in elsewhere. free(). */
char *network_return_door(const char *host);
/* Whose current or next pin it is. */
const struct network_member *network_member_by_pin(const struct network *network,
                                                   const uint8_t pin[TLS_PIN_SIZE]);
const struct network_home *network_home_by_name(const struct network *network, const char *name);
/* The member serves the home, in this epoch, now. */
bool network_serves(const struct network *network, const char *host, const char *home,
                    uint64_t epoch);
const struct network_keyholder *network_keyholder_by_name(const struct network *network,
                                                          const char *name);
/* With the suspensions that hold at this time (seconds since 1970). */
enum network_state network_member_state(const struct network *network,
                                        const struct network_member *member, int64_t now);
/* It may connect: not suspended. */
bool network_member_is_linked(const struct network *network, const struct network_member *member,
                              int64_t now);
/* It has the role and may use it: active or draining. */
bool network_member_may(const struct network *network, const struct network_member *member,
                        enum network_role role, int64_t now);
bool network_is_expired(const struct network *network, int64_t now);
/* Two members are the same in all that the document says of them. */
bool network_member_equal(const struct network_member *a, const struct network_member *b);

/* "active"; "front". */
const char *network_state_name(enum network_state state);
const char *network_role_name(enum network_role role);
/* ERR_INVALID. */
MUST_CHECK int network_state_find(const char *name, enum network_state *state);
MUST_CHECK int network_role_find(const char *name, enum network_role *role);
