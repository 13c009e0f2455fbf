/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The network document over the links (docs/NETWORK.md): both ends say which one they have, and who
 * has the older one asks for the newer. Whatever comes is judged by the document in force.
 *
 *     <state serial digest/>    what the sender has; digest: of the body and its suspensions
 *     <ask since [step]/>       send me yours; step: the first of those that followed that serial
 *     <document serial>…        in Base64, because its bytes are signed
 */
#pragma once

#include "net/line.h"

/* Of the element that a document travels in: any document can be sent, and Base64 makes four bytes
 * of three. */
#define DOCUMENT_ELEMENT_MAX (NETWORK_SIZE_MAX / 3 * 4 + (size_t)1024)

/* The link is there: we say what we have. */
void document_greet(struct peer *peer);
/* Another document is in force here: all who can be reached hear of it. Those that are no peers any
 * more get it, so that they know why; to be called while they still are. */
void document_tell_former(struct server *server, const struct network *now);
void document_tell_all(struct server *server);

extern const struct stream_feature line_document;
