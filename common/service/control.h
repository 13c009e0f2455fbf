/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The control socket: how kontalkctl talks to a running daemon. Unix stream socket, mode 0660,
 * one request per connection: the words of the command, each ended by NUL, an empty word at the end
 * (no argument is ever empty), at most 64 words and 64 KiB. Answer: lines of text, then, last,
 * "ok" or "error <text>".
 */
#pragma once

#include <stddef.h>

#include "common/base/macros.h"
#include "common/io/loop.h"

struct control;
struct control_request;

struct control_command {
    const char *words; /* "user add": matched against the first words */
    size_t arguments_min, arguments_max;
    /* Arguments are what follows the words. Answer now or later, exactly once control_end(). */
    void (*run)(void *state, struct control_request *request, size_t argc, const char *const *argv);
    const char *help; /* "JID  add an account; the password is the second argument" */
};

MUST_CHECK int control_open(struct loop *loop, const char *path, struct control **control,
                            const char **problem);
/* A table that ends with words NULL; may be called for several, each with its own state. */
void control_add(struct control *control, const struct control_command *commands, void *state);
/* Open requests are cut off; their control_end() may still be called later. */
void control_close(struct control *control);

/* A line of the answer. What of it would act on a terminal is '?' (utf8_hide_controls()): it may
 * come from strangers. */
void control_print(struct control_request *request, const char *format, ...) PRINTF_LIKE(2, 3);
/* What was printed goes out now, and not only with the end. */
void control_flush(struct control_request *request);
/* For a command that goes on: gone() when the one who asked has closed its connection; it has to
 * call control_end(). At most once, and not after control_end(). */
void control_on_gone(struct control_request *request, void (*gone)(void *user), void *user);
/* Bytes of the answer that the one who asked has not read, as far as they are ours. */
size_t control_queued(const struct control_request *request);
/* error NULL: success. Frees the request. */
void control_end(struct control_request *request, const char *error);

/* The asking side, blocking, for kontalkctl. Copies the answer's lines to `out` (free()).
 * ERR_UNAVAILABLE: nobody listens; ERR_INVALID: the daemon said error, or may not be asked, and
 * that is in *out. */
MUST_CHECK int control_ask(const char *path, size_t argc, const char *const *argv, char **out);
/* The same, line by line as they come, without their newline. *error is NULL or, with ERR_INVALID,
 * what the daemon said or why it cannot be asked (free()). */
MUST_CHECK int control_follow(const char *path, size_t argc, const char *const *argv,
                              void (*line)(void *user, const char *text), void *user, char **error);
