/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A network document as text, and into its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/network/network.h"
#include "common/xmpp/datetime.h"

static void write_bytes(struct buffer *out, const char *key, const uint8_t *bytes, size_t length)
{
    buffer_printf(out, "%s = ", key);
    base64_encode(out, bytes, length);
    buffer_append_char(out, '\n');
}

static void write_time(struct buffer *out, const char *key, int64_t time)
{
    char text[DATETIME_SIZE];

    datetime_format(time * 1000000, text);
    buffer_printf(out, "%s = %s\n", key, text);
}

static void write_quoted(struct buffer *out, const char *text)
{
    buffer_append_char(out, '"');
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\')
            buffer_append_char(out, '\\');
        buffer_append_char(out, *at);
    }
    buffer_append_char(out, '"');
}

static void begin(struct buffer *out, const char *section, const char *instance)
{
    buffer_printf(out, "[%s ", section);
    write_quoted(out, instance);
    buffer_append_text(out, "]\n");
}

static void write_member(struct buffer *out, const struct network_member *member)
{
    begin(out, "member", member->host);
    buffer_printf(out, "number = %u\n", member->number);
    for (size_t i = 0; i < member->addresses_count; i++)
        buffer_printf(out, "address = %s\n", member->addresses[i]);
    write_bytes(out, "pin", member->pin, sizeof(member->pin));
    if (member->has_next_pin)
        write_bytes(out, "next-pin", member->next_pin, sizeof(member->next_pin));
    write_bytes(out, "signing-key", member->signing_key, sizeof(member->signing_key));
    if (member->operator_name) {
        buffer_append_text(out, "operator = ");
        write_quoted(out, member->operator_name);
        buffer_append_char(out, '\n');
    }
    for (unsigned role = NETWORK_FRONT; role <= NETWORK_REGISTRAR; role <<= 1)
        if (member->roles & role)
            buffer_printf(out, "role = %s\n", network_role_name((enum network_role)role));
    buffer_printf(out, "state = %s\n\n", network_state_name(member->state));
}

void network_write(struct buffer *out, const struct network *network)
{
    begin(out, "network", network->domain);
    buffer_printf(out, "format = %u\nserial = %" PRIu64 "\n", network->format, network->serial);
    write_time(out, "expires", network->expires);
    buffer_append_text(out, "registrar = ");
    write_quoted(out, network->registrar->name);
    if (network->lost_registrar) {
        buffer_append_text(out, "\nregistrar-lost = ");
        write_quoted(out, network->lost_registrar);
    }
    buffer_printf(out, "\nlast-number = %u\nrequired-signatures = %u\n\n", network->last_number,
                  network->required_signatures);
    for (size_t i = 0; i < network->keyholders_count; i++) {
        begin(out, "keyholder", network->keyholders[i].name);
        write_bytes(out, "key", network->keyholders[i].key, SIGNING_KEY_SIZE);
        buffer_append_char(out, '\n');
    }
    for (size_t i = 0; i < network->members_count; i++)
        write_member(out, &network->members[i]);
    for (size_t i = 0; i < network->homes_count; i++) {
        begin(out, "home", network->homes[i].name);
        buffer_printf(out, "epoch = %" PRIu64 "\nhost = %s\n\n", network->homes[i].epoch,
                      network->homes[i].member->host);
    }
}

void network_write_suspension(struct buffer *out, const struct network_suspension *suspension)
{
    begin(out, "suspension", suspension->host);
    write_time(out, "begins", suspension->begins);
    write_time(out, "ends", suspension->ends);
    buffer_append_text(out, "by = ");
    write_quoted(out, suspension->signature.keyholder);
    buffer_append_char(out, '\n');
    write_bytes(out, "signature", suspension->signature.value, SIGNATURE_SIZE);
    buffer_append_char(out, '\n');
}

void network_write_signature(struct buffer *out, const struct network_signature *signature)
{
    begin(out, "signature", signature->keyholder);
    write_bytes(out, "value", signature->value, SIGNATURE_SIZE);
    buffer_append_char(out, '\n');
}

/* --- the file --- */

static int write_all(int fd, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t written = write(fd, text + done, length - done);
        if (written < 0)
            return ERR_SYSTEM;
        done += (size_t)written;
    }
    return fchmod(fd, 0644) == 0 && fsync(fd) == 0 ? 0 : ERR_SYSTEM;
}

/* So that the new name, too, survives a loss of power. */
static int sync_directory(const char *path)
{
    char *copy = xstrdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd >= 0 && fsync(fd) == 0 ? 0 : ERR_SYSTEM;

    if (fd >= 0)
        close(fd);
    free(copy);
    return error;
}

static bool is_another(const char *path, const struct stat *before)
{
    struct stat now;

    return stat(path, &now) != 0 || now.st_ino != before->st_ino || now.st_dev != before->st_dev ||
           now.st_size != before->st_size || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
}

/* before NULL: whatever is there. The disk may take its time; what matters is looked at last. */
static int put_in_place(const char *temporary, const char *path, const struct stat *before)
{
    if (before && is_another(path, before))
        return ERR_AGAIN;
    return rename(temporary, path) == 0 ? 0 : ERR_SYSTEM;
}

static int save(const char *path, const struct stat *before, const char *text, size_t length)
{
    char *temporary = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    int error = fd < 0 ? ERR_SYSTEM : write_all(fd, text, length);

    if (fd >= 0) {
        close(fd);
        if (!error)
            error = put_in_place(temporary, path, before);
        int reason = errno;
        if (error)
            unlink(temporary);
        errno = reason;
    }
    free(temporary);
    return error ? error : sync_directory(path);
}

int network_save(const char *path, const char *text, size_t length)
{
    return save(path, NULL, text, length);
}

int network_replace(const char *path, const struct stat *before, const char *text, size_t length)
{
    return save(path, before, text, length);
}
