/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The ends of tags and top-level elements.
 */
#include "common/xmpp/parser_scanner.h"

#include <string.h>

enum state {
    TEXT,
    LESS,  /* behind '<' */
    OPEN,  /* in a start tag or empty-element tag */
    QUOTE, /* in an attribute value */
    CLOSE, /* in an end tag */
    BANG,  /* behind "<!" */
    CDATA,
    OPAQUE /* comment, processing instruction, document type: libxml2 will refuse it */
};

struct run {
    struct scanner *scanner;
    bool header;
    unsigned values_max;
    const char *end;
    const char *whole;
    enum scan_result result;
};

static const char *stop(struct run *run, const char *p, enum scan_result result)
{
    run->result = result;
    return p;
}

/* Behind the '>' of a tag. */
static const char *end_tag(struct run *run, const char *p, bool opened, bool closed)
{
    struct scanner *scanner = run->scanner;

    scanner->state = TEXT;
    run->whole = p;
    if (opened && !closed) {
        scanner->depth++;
    }
    if (closed && !opened && scanner->depth > 0) {
        scanner->depth--;
    }
    return scanner->depth == 0 || run->header ? stop(run, p, SCAN_END) : p;
}

static const char *scan_text(struct run *run, const char *p)
{
    p = memchr(p, '<', (size_t)(run->end - p));
    if (!p) {
        return run->end;
    }
    run->scanner->state = LESS;
    return p + 1;
}

static const char *scan_less(struct run *run, const char *p)
{
    struct scanner *scanner = run->scanner;

    switch (*p) {
    case '/':
        scanner->state = CLOSE;
        return p + 1;
    case '!':
        scanner->state = BANG;
        scanner->matched = 0;
        return p + 1;
    case '?':
        scanner->state = OPAQUE;
        return p + 1;
    default:
        scanner->state = OPEN;
        scanner->values = 0;
        scanner->slash = false;
        return p;
    }
}

static const char *scan_open(struct run *run, const char *p)
{
    static const bool special[256] = {['"'] = true, ['\''] = true, ['<'] = true, ['>'] = true};
    struct scanner *scanner = run->scanner;
    const char *from = p;

    while (p < run->end && !special[(unsigned char)*p]) {
        p++;
    }
    if (p > from) {
        scanner->slash = p[-1] == '/';
    }
    if (p == run->end) {
        return p;
    }
    if (*p == '>') {
        return end_tag(run, p + 1, true, scanner->slash);
    }
    if (*p == '<') {
        return stop(run, p, SCAN_BROKEN_TAG);
    }
    if (++scanner->values > run->values_max) {
        return stop(run, p, SCAN_TOO_MANY_VALUES);
    }
    scanner->quote = *p;
    scanner->state = QUOTE;
    return p + 1;
}

static const char *scan_quote(struct run *run, const char *p)
{
    struct scanner *scanner = run->scanner;
    const char *quote = memchr(p, scanner->quote, (size_t)(run->end - p));
    const char *end = quote ? quote : run->end;
    const char *less = memchr(p, '<', (size_t)(end - p));

    if (less) {
        return stop(run, less, SCAN_BROKEN_TAG);
    }
    if (!quote) {
        return end;
    }
    scanner->state = OPEN;
    scanner->slash = false;
    return quote + 1;
}

static const char *scan_close(struct run *run, const char *p)
{
    while (p < run->end && *p != '>' && *p != '<') {
        p++;
    }
    if (p == run->end) {
        return p;
    }
    return *p == '<' ? stop(run, p, SCAN_BROKEN_TAG) : end_tag(run, p + 1, false, true);
}

static const char *scan_bang(struct run *run, const char *p)
{
    static const char cdata[] = "[CDATA[";
    struct scanner *scanner = run->scanner;

    if (*p != cdata[scanner->matched]) {
        scanner->state = OPAQUE;
        return p;
    }
    if (scanner->depth == 0 && !run->header) {
        return stop(run, p, SCAN_CDATA_OUTSIDE);
    }
    if (cdata[++scanner->matched] == '\0') {
        scanner->state = CDATA;
        scanner->matched = 0;
    }
    return p + 1;
}

static const char *scan_cdata(struct run *run, const char *p)
{
    struct scanner *scanner = run->scanner;

    if (*p == ']') {
        scanner->matched = scanner->matched < 2 ? scanner->matched + 1 : 2;
        return p + 1;
    }
    if (*p == '>' && scanner->matched == 2) {
        scanner->state = TEXT;
        run->whole = p + 1;
        return p + 1;
    }
    scanner->matched = 0;
    p = memchr(p, ']', (size_t)(run->end - p));
    return p ? p : run->end;
}

/* Each '>' may be where libxml2 refuses. */
static const char *scan_opaque(struct run *run, const char *p)
{
    const char *last = memrchr(p, '>', (size_t)(run->end - p));

    if (last) {
        run->whole = last + 1;
    }
    return run->end;
}

enum scan_result scanner_run(struct scanner *scanner, const char *bytes, size_t length, bool header,
                             unsigned values_max, size_t *used, size_t *whole)
{
    static const char *(*const states[])(struct run *, const char *) = {
        [TEXT] = scan_text,   [LESS] = scan_less, [OPEN] = scan_open,   [QUOTE] = scan_quote,
        [CLOSE] = scan_close, [BANG] = scan_bang, [CDATA] = scan_cdata, [OPAQUE] = scan_opaque,
    };
    struct run run = {scanner, header, values_max, bytes + length, bytes, SCAN_MORE};
    const char *p = bytes;

    while (p < run.end && run.result == SCAN_MORE) {
        p = states[scanner->state](&run, p);
    }
    *used = (size_t)(p - bytes);
    *whole = (size_t)(run.whole - bytes);
    return run.result;
}
