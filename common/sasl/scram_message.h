/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The messages of SCRAM as text (RFC 5802 §5 to §7): reading those of clients, writing those of
 * servers. Nothing is decided here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"
#include "common/sasl/verifier.h"

/* A part of somebody else's text, not terminated. */
struct span {
    const char *text;
    size_t length;
};

enum scram_flag {
    SCRAM_NO_BINDING = 'n',        /* the client cannot */
    SCRAM_BINDING_UNOFFERED = 'y', /* the client could, and believes that the server cannot */
    SCRAM_BINDING_USED = 'p'
};

/* The spans are parts of the message, which has to stay. */
struct scram_client_first {
    enum scram_flag flag;
    struct span binding; /* its name, with SCRAM_BINDING_USED */
    char *authzid;       /* decoded; NULL: none */
    struct span header;  /* the GS2 header, with its last comma */
    struct span bare;    /* all behind it */
    char *user;          /* decoded, not prepared */
    struct span nonce;
};

struct scram_client_final {
    struct buffer binding; /* the decoded value of "c=" */
    struct span nonce;
    struct span without_proof;
    struct buffer proof; /* decoded */
};

/* ERR_MALFORMED leaves nothing to be released. Refuses repeated attributes, attributes of other
 * messages, and "m=", which stands for extensions that must be understood. */
MUST_CHECK int scram_client_first_parse(const char *message, size_t length,
                                        struct scram_client_first *first);
void scram_client_first_fini(struct scram_client_first *first);
MUST_CHECK int scram_client_final_parse(const char *message, size_t length,
                                        struct scram_client_final *final);
void scram_client_final_fini(struct scram_client_final *final);

/* Both append. The whole nonce is the client's and the server's, one behind the other. */
void scram_server_first_format(struct buffer *out, struct span client_nonce,
                               const char *server_nonce, const struct verifier *verifier);
void scram_server_final_format(struct buffer *out, const uint8_t *signature, size_t length);
