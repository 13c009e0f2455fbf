/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Passwords come on standard input only: arguments can be seen by everybody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "kontalkctl/ctl.h"

/* Typed without echo. */
static ssize_t read_hidden(char **line, size_t *size)
{
    struct termios before, quiet;

    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return getline(line, size, stdin);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fputs("Password: ", stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    ssize_t length = getline(line, size, stdin);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return length;
}

char *ctl_read_password(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length = read_hidden(&line, &size);

    if (length > 0 && line[length - 1] == '\n')
        line[--length] = '\0';
    if (length > 0)
        return line;
    free(line);
    ctl_fail("no password on standard input");
    return NULL;
}
