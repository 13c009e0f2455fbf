/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Files with private keys.
 */
#include "common/tls/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/tls/crypto.h"

static int write_all(int fd, const gnutls_datum_t *bytes)
{
    for (size_t done = 0; done < bytes->size;) {
        ssize_t written = write(fd, bytes->data + done, bytes->size - done);
        if (written < 0)
            return ERR_SYSTEM;
        done += (size_t)written;
    }
    return fsync(fd) == 0 ? 0 : ERR_SYSTEM;
}

int key_file_write(const char *file, const gnutls_datum_t *bytes, unsigned mode)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    if (fd < 0)
        return errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM;
    int error = write_all(fd, bytes);
    int reason = errno;
    close(fd);
    if (error)
        unlink(file);
    errno = reason;
    return error;
}

int key_file_save(gnutls_x509_privkey_t key, const char *file)
{
    gnutls_datum_t pem = {0};

    if (gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem) <
        0)
        abort();
    int error = key_file_write(file, &pem, 0600);
    crypto_wipe(pem.data, pem.size);
    gnutls_free(pem.data);
    return error;
}
