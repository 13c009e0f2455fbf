/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lines for the journal of systemd.
 */
#include "common/base/log_journal.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/log_value.h"
#include "common/base/utf8.h"

static const char *journal = "/run/systemd/journal/socket";

void log_journal_set_socket(const char *path)
{
    journal = path;
}

/* $JOURNAL_STREAM has device and inode of the journal's stream, and is inherited by processes whose
 * standard error goes elsewhere. */
bool log_journal_is_stderr(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;

    if (!stream || fstat(STDERR_FILENO, &status) < 0) {
        return false;
    }
    char *end;
    uintmax_t device = strtoumax(stream, &end, 10);
    if (end == stream || *end != ':') {
        return false;
    }
    return device == status.st_dev && strtoumax(end + 1, NULL, 10) == status.st_ino;
}

/* A value with a line feed has its length in front, in 64 bits, the lowest first. */
static void append_value(struct buffer *entry, const char *value, size_t length)
{
    if (!memchr(value, '\n', length)) {
        buffer_append_char(entry, '=');
    } else {
        buffer_append_char(entry, '\n');
        for (unsigned shift = 0; shift < 64; shift += 8) {
            buffer_append_char(entry, (char)((uint64_t)length >> shift & 0xff));
        }
    }
    buffer_append(entry, value, length);
    buffer_append_char(entry, '\n');
}

static void append_text(struct buffer *entry, const char *key, const char *value)
{
    buffer_append_text(entry, key);
    append_value(entry, value, utf8_cut(value, LOG_VALUE_MAX));
}

static void append_field(struct buffer *entry, const struct log_field *field)
{
    if (field->type == LOG_FIELD_TEXT && !field->value.text) {
        return;
    }
    buffer_append_text(entry, "XMPP_");
    for (const char *at = field->key; *at; at++) {
        buffer_append_char(entry, (char)toupper((unsigned char)*at));
    }
    if (field->type == LOG_FIELD_INT) {
        buffer_printf(entry, "=%" PRId64 "\n", field->value.number);
    } else {
        append_value(entry, field->value.text, utf8_cut(field->value.text, LOG_VALUE_MAX));
    }
}

static bool send_entry(const struct buffer *entry)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(journal) >= sizeof(address.sun_path)) {
        return false;
    }
    memcpy(address.sun_path, journal, strlen(journal));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    ssize_t sent = sendto(fd, entry->data, entry->length, MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)&address, sizeof(address));
    close(fd);
    return sent >= 0;
}

bool log_journal_send(char priority, const char *line, const char *event,
                      const struct log_field *fields)
{
    struct buffer entry = {0};

    buffer_printf(&entry, "PRIORITY=%c\nMESSAGE=%s\n", priority, line);
    append_text(&entry, "SYSLOG_IDENTIFIER", program_invocation_short_name);
    append_text(&entry, "XMPP_EVENT", event);
    for (; fields->key; fields++) {
        append_field(&entry, fields);
    }
    bool sent = send_entry(&entry);
    buffer_fini(&entry);
    return sent;
}
