/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Requests from http-parser's callbacks. It refuses what lets two readers disagree about where a
 * request ends (RFC 9112 §11.2): both lengths, wrong numbers, blanks in front of a colon.
 */
#include "common/http/reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <http_parser.h>

#include "common/base/buffer.h"
#include "common/base/memory.h"

/* Fields are kept as offsets, since the text grows while they come. */
struct field {
    uint16_t name;
    uint16_t value;
};

/* Of the request whose head is being read. */
struct reading {
    struct buffer text; /* strings one behind the other, each with its NUL */
    struct field fields[HTTP_HEADERS_MAX];
    size_t count;
    uint16_t url_end;
    bool in_value;
    int refusal;
};

struct http_reader {
    http_parser parser;
    const struct http_reader_ops *ops;
    void *user;
    struct reading *reading; /* NULL: no head is being read */
    bool inside;             /* a request has begun */
    bool upgraded;
};

const char *http_header(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->headers_count; i++)
        if (strcasecmp(head->headers[i].name, name) == 0)
            return head->headers[i].value;
    return NULL;
}

size_t http_header_count(const struct http_head *head, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < head->headers_count; i++)
        count += strcasecmp(head->headers[i].name, name) == 0;
    return count;
}

bool http_has_token(const char *value, const char *token)
{
    size_t length = strlen(token);

    while (value && *value) {
        value += strspn(value, " \t,");
        size_t size = strcspn(value, ",");
        size_t end = size;
        while (end > 0 && strchr(" \t", value[end - 1]))
            end--;
        if (end == length && strncasecmp(value, token, length) == 0)
            return true;
        value += size;
    }
    return false;
}

static struct http_reader *reader_of(http_parser *parser)
{
    return parser->data;
}

static int refuse(struct reading *reading, int status)
{
    reading->refusal = status;
    return 1;
}

/* Appends to the last string. */
static int add_text(struct reading *reading, const char *bytes, size_t length)
{
    if (reading->text.length + length + 2 > HTTP_HEAD_MAX)
        return refuse(reading, 431);
    if (memchr(bytes, '\0', length))
        return refuse(reading, 400);
    buffer_append(&reading->text, bytes, length);
    return 0;
}

/* Begins a string behind the last one. */
static uint16_t next_string(struct reading *reading)
{
    buffer_append_char(&reading->text, '\0');
    return (uint16_t)reading->text.length;
}

static int on_begin(http_parser *parser)
{
    struct http_reader *reader = reader_of(parser);

    reader->inside = true;
    reader->reading = xcalloc(1, sizeof(*reader->reading));
    return 0;
}

static int on_url(http_parser *parser, const char *bytes, size_t length)
{
    return add_text(reader_of(parser)->reading, bytes, length);
}

static int on_field(http_parser *parser, const char *bytes, size_t length)
{
    struct reading *reading = reader_of(parser)->reading;

    if (reading == NULL) /* a field behind a body in chunks: nobody wants it */
        return 0;
    if (reading->count == 0 || reading->in_value) {
        if (reading->count == HTTP_HEADERS_MAX)
            return refuse(reading, 431);
        reading->fields[reading->count++].name = next_string(reading);
        reading->in_value = false;
    }
    /* RFC 9112 §5.1; http-parser takes a name with a blank behind it for the one without. */
    if (memchr(bytes, ' ', length))
        return refuse(reading, 400);
    return add_text(reading, bytes, length);
}

static int on_value(http_parser *parser, const char *bytes, size_t length)
{
    struct reading *reading = reader_of(parser)->reading;

    if (reading == NULL)
        return 0;
    if (!reading->in_value)
        reading->fields[reading->count - 1].value = next_string(reading);
    reading->in_value = true;
    return add_text(reading, bytes, length);
}

static struct http_head make_head(const struct http_reader *reader, struct http_header *headers)
{
    struct reading *reading = reader->reading;
    char *text = reading->text.data;

    text[strcspn(text, "?#")] = '\0';
    for (size_t i = 0; i < reading->count; i++)
        headers[i] =
            (struct http_header){text + reading->fields[i].name, text + reading->fields[i].value};
    return (struct http_head){
        .method = http_method_str((enum http_method)reader->parser.method),
        .path = text,
        .headers = headers,
        .headers_count = reading->count,
        .keep_alive = http_should_keep_alive(&reader->parser),
        .upgrade = reader->parser.upgrade && reader->parser.method != HTTP_CONNECT,
    };
}

static void drop_head(struct http_reader *reader)
{
    if (reader->reading == NULL)
        return;
    buffer_fini(&reader->reading->text);
    free(reader->reading);
    reader->reading = NULL;
}

/* RFC 9112 §6.1: nobody shall see another end of the body than we do. */
static bool is_framed_well(const struct http_head *head)
{
    size_t codings = http_header_count(head, "transfer-encoding");

    return codings == 0 || (codings == 1 && http_header_count(head, "content-length") == 0 &&
                            strcasecmp(http_header(head, "transfer-encoding"), "chunked") == 0);
}

static int on_headers_complete(http_parser *parser)
{
    struct http_reader *reader = reader_of(parser);
    struct http_header headers[HTTP_HEADERS_MAX];

    if (parser->method == HTTP_CONNECT || parser->http_major != 1)
        return refuse(reader->reading, 501) + 2; /* 1 and 2 have a meaning of their own */
    /* A field without a value gets the empty one. */
    for (size_t i = 0; i < reader->reading->count; i++)
        if (reader->reading->fields[i].value == 0)
            reader->reading->fields[i].value = next_string(reader->reading);
    buffer_append_char(&reader->reading->text, '\0');
    const struct http_head head = make_head(reader, headers);
    if (!is_framed_well(&head))
        return refuse(reader->reading, 400) + 2;
    reader->upgraded = reader->ops->head(reader->user, &head) && head.upgrade;
    parser->upgrade = reader->upgraded;
    drop_head(reader);
    return reader->upgraded ? 2 : 0;
}

static int on_body(http_parser *parser, const char *bytes, size_t length)
{
    struct http_reader *reader = reader_of(parser);

    reader->ops->body(reader->user, bytes, length);
    return 0;
}

static int on_complete(http_parser *parser)
{
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

struct http_reader *http_reader_new(const struct http_reader_ops *ops, void *user)
{
    struct http_reader *reader = xcalloc(1, sizeof(*reader));

    http_parser_set_max_header_size(HTTP_HEAD_MAX);
    http_parser_init(&reader->parser, HTTP_REQUEST);
    reader->parser.data = reader;
    reader->ops = ops;
    reader->user = user;
    return reader;
}

void http_reader_free(struct http_reader *reader)
{
    if (reader == NULL)
        return;
    drop_head(reader);
    free(reader);
}

static int status_of(const struct http_reader *reader)
{
    if (reader->reading && reader->reading->refusal)
        return reader->reading->refusal;
    return HTTP_PARSER_ERRNO(&reader->parser) == HPE_HEADER_OVERFLOW ? 431 : 400;
}

ssize_t http_reader_feed(struct http_reader *reader, const char *bytes, size_t length)
{
    size_t read = http_parser_execute(&reader->parser, &settings, bytes, length);
    enum http_errno error = HTTP_PARSER_ERRNO(&reader->parser);

    if (error == HPE_PAUSED) {
        /* The parser stands on the last byte of the request, which belongs to it. */
        http_parser_pause(&reader->parser, 0);
        reader->inside = false;
        reader->ops->end(reader->user);
        return (ssize_t)read;
    }
    return error == HPE_OK ? (ssize_t)read : -status_of(reader);
}

bool http_reader_is_idle(const struct http_reader *reader)
{
    return !reader->inside;
}
