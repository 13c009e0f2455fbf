/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What libxml2 calls: builds the trees, keeps the limits, refuses what RFC 6120 §11 does.
 */
#include "common/xmpp/parser_sax.h"

#include <string.h>

#include "common/xmpp/namespaces.h"
#include "common/xmpp/parser_context.h"
#include "common/xmpp/parser_limits.h"

/* A tree may take this many times the bytes its element may have: many small elements and
 * attributes are far larger in memory than on the wire. */
#define TREE_FACTOR 4

static const struct parser_error restricted = {STREAM_RESTRICTED_XML, false, NULL, NULL};
static const struct parser_error too_deep = {STREAM_POLICY_VIOLATION, false,
                                             "elements nested too deeply", "stanza-depth"};
static const struct parser_error too_many_elements = {STREAM_POLICY_VIOLATION, false,
                                                      "too many elements", "stanza-elements"};
static const struct parser_error too_many_attributes = {STREAM_POLICY_VIOLATION, false,
                                                        "too many attributes", "stanza-attributes"};
static const struct parser_error too_many_namespaces = {
    STREAM_POLICY_VIOLATION, false, "too many namespace declarations", "stanza-namespaces"};
static const struct parser_error bad_namespace = {STREAM_POLICY_VIOLATION, false,
                                                  "a namespace is no URI", NULL};
static const struct parser_error too_much_memory = {STREAM_POLICY_VIOLATION, false,
                                                    "element too complex", "stanza-size"};
static const struct parser_error too_big_written = {
    STREAM_POLICY_VIOLATION, true, "element too big when it is written anew", "stanza-size"};
static const struct parser_error text_outside = {STREAM_BAD_FORMAT, false,
                                                 "text between top-level elements", NULL};
static const struct parser_error unexpected = {STREAM_NOT_WELL_FORMED, false, NULL, NULL};

/* The first failure counts. */
static void fail(struct parser_context *context, struct parser_error error)
{
    if (context->failed) {
        return;
    }
    context->failed = true;
    context->error = error;
}

/* Not for errors that libxml2 reports: it is in the middle of something then. */
static void fail_and_stop(struct parser_context *context, struct parser_error error)
{
    fail(context, error);
    xmlStopParser(context->xml);
}

/* Errors whose condition is not not-well-formed. */
static const struct {
    int code;
    enum stream_condition condition;
} conditions[] = {
    {XML_ERR_UNDECLARED_ENTITY, STREAM_RESTRICTED_XML},
    {XML_WAR_UNDECLARED_ENTITY, STREAM_RESTRICTED_XML},
    {XML_ERR_ENTITY_LOOP, STREAM_RESTRICTED_XML},
    {XML_ERR_NAME_TOO_LONG, STREAM_POLICY_VIOLATION},
    {XML_ERR_UNSUPPORTED_ENCODING, STREAM_UNSUPPORTED_ENCODING},
};

/* libxml2 goes on after namespace errors and calls the document well-formed; for us they are fatal
 * (RFC 6120 §11.3). Only its opinion on the syntax of namespace URIs is none of ours. */
static bool is_fatal(const xmlError *error)
{
    if (error->code == XML_WAR_NS_URI || error->code == XML_WAR_NS_URI_RELATIVE) {
        return false;
    }
    return error->level >= XML_ERR_ERROR || error->domain == XML_FROM_NAMESPACE;
}

static void on_error(void *user, xmlError *error)
{
    struct parser_error failure = unexpected;

    if (!is_fatal(error)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        if (conditions[i].code == error->code) {
            failure.condition = conditions[i].condition;
        }
    }
    fail(user, failure);
}

static void on_doctype(void *user, const xmlChar *name, const xmlChar *public_id,
                       const xmlChar *system_id)
{
    (void)name;
    (void)public_id;
    (void)system_id;
    fail_and_stop(user, restricted);
}

static void on_comment(void *user, const xmlChar *text)
{
    (void)text;
    fail_and_stop(user, restricted);
}

static void on_processing_instruction(void *user, const xmlChar *target, const xmlChar *data)
{
    (void)target;
    (void)data;
    fail_and_stop(user, restricted);
}

static void on_reference(void *user, const xmlChar *name)
{
    (void)name;
    fail_and_stop(user, restricted);
}

/* Without XML_PARSE_NOENT libxml2 hands out each '&' of an attribute value, and of a namespace, as
 * "&#38;" (and nothing else that begins with '&'). */
static const char *copy_value(struct arena *arena, const char *value, size_t length)
{
    static const char reference[] = "&#38;";
    char *copy = arena_strndup(arena, value, length);
    char *to = memchr(copy, '&', length);

    if (!to) {
        return copy;
    }
    for (const char *from = to; *from;) {
        *to++ = *from;
        from += strncmp(from, reference, sizeof(reference) - 1) == 0 ? sizeof(reference) - 1 : 1;
    }
    *to = '\0';
    return copy;
}

static const char *copy_uri(struct arena *arena, const xmlChar *uri)
{
    const char *text = uri ? (const char *)uri : "";

    return copy_value(arena, text, strlen(text));
}

static bool check_tree_size(struct parser_context *context)
{
    size_t bytes =
        context->header_seen ? context->limits->header_bytes : context->limits->element_bytes;

    /* The first block of an arena is not the element's fault. */
    if (arena_size(context->root->arena) <= MAX(bytes, 1024) * TREE_FACTOR) {
        return true;
    }
    fail_and_stop(context, too_much_memory);
    return false;
}

static void flush_text(struct parser_context *context)
{
    if (context->text.length == 0) {
        return;
    }
    element_add_text_length(context->current, context->text.data, context->text.length);
    buffer_clear(&context->text);
}

/* libxml2 has five pointers per attribute: local name, prefix, URI, value, end of value. */
static void add_attributes(struct element *element, int count, const xmlChar **fields)
{
    struct arena *arena = element->arena;
    struct attribute **tail = &element->attributes;

    for (; count > 0; count--, fields += 5) {
        struct attribute *attribute = arena_alloc(arena, sizeof(*attribute));
        *attribute = (struct attribute){
            .ns = fields[2] ? copy_uri(arena, fields[2]) : NULL,
            .name = arena_strdup(arena, (const char *)fields[0]),
            .value = copy_value(arena, (const char *)fields[3], (size_t)(fields[4] - fields[3])),
        };
        *tail = attribute;
        tail = &attribute->next;
    }
}

static int compare_prefixes(const xmlChar *a, const xmlChar *b)
{
    return strcmp(a ? (const char *)a : "", b ? (const char *)b : "");
}

/* The declaration (prefix, URI) whose prefix comes next behind that of `last`; NULL: none. */
static const xmlChar **next_declaration(const xmlChar **declarations, int count,
                                        const xmlChar **last)
{
    const xmlChar **next = NULL;

    for (; count > 0; count--, declarations += 2) {
        if ((!last || compare_prefixes(declarations[0], last[0]) > 0) &&
            (!next || compare_prefixes(declarations[0], next[0]) < 0)) {
            next = declarations;
        }
    }
    return next;
}

static void write_canonical(struct parser_context *context, const xmlChar *name,
                            const xmlChar *prefix, int count, const xmlChar **declarations)
{
    struct buffer *out = &context->canonical;
    const xmlChar **one = NULL;

    buffer_printf(out, "<%s%s%s", prefix ? (const char *)prefix : "", prefix ? ":" : "", name);
    while ((one = next_declaration(declarations, count, one))) {
        buffer_printf(out, " xmlns%s%s='", one[0] ? ":" : "", one[0] ? (const char *)one[0] : "");
        xml_escape(out, copy_uri(context->root->arena, one[1]));
        buffer_append_char(out, '\'');
    }
    buffer_append_char(out, '>');
}

static bool is_usual_declaration(const xmlChar *prefix, const xmlChar *uri)
{
    if (!prefix) {
        return true;
    }
    return strcmp((const char *)prefix, "stream") == 0 && uri &&
           strcmp((const char *)uri, NS_STREAM) == 0;
}

/* The default namespace as an attribute; other declarations are only noted. */
static void note_declarations(struct parser_context *context, int count,
                              const xmlChar **declarations)
{
    context->prefixes_foreign = false;
    for (; count > 0; count--, declarations += 2) {
        if (!is_usual_declaration(declarations[0], declarations[1])) {
            context->prefixes_foreign = true;
        }
        if (!declarations[0]) {
            element_set(context->root, "xmlns", copy_uri(context->root->arena, declarations[1]));
        }
    }
}

/* Parsers that write expanded names as one string, such as Python's, put one of these characters
 * behind the namespace; newer versions end the stream when one is in it, older ones mistake one
 * name for another (CVE-2022-25236). They are in no URI (RFC 3986 §2). */
static bool check_uris(struct parser_context *context, int count, const xmlChar **declarations)
{
    for (; count > 0; count--, declarations += 2) {
        if (declarations[1] && strpbrk((const char *)declarations[1], "\t\n\r \"<>\\^`{|}")) {
            fail_and_stop(context, bad_namespace);
            return false;
        }
    }
    return true;
}

static bool check_counts(struct parser_context *context, bool is_stanza, unsigned namespaces,
                         int count, const xmlChar **fields)
{
    const struct parser_limits *limits = context->limits;
    unsigned attributes = (unsigned)count;

    if (attributes >= limits->namespaces) { /* else it cannot be more */
        namespaces = MAX(namespaces, limits_written_namespaces(count, fields));
    }
    if (is_stanza && attributes + LIMITS_ADDRESSING > limits->attributes) { /* likewise */
        attributes = MAX(attributes, limits_stanza_attributes(count, fields));
    }
    if (attributes > limits->attributes) {
        fail_and_stop(context, too_many_attributes);
        return false;
    }
    if (namespaces > limits->namespaces) {
        fail_and_stop(context, too_many_namespaces);
        return false;
    }
    return true;
}

static bool check_place(struct parser_context *context)
{
    const struct parser_limits *limits = context->limits;

    if (context->complete) {
        fail_and_stop(context, unexpected); /* the scanner does not let that happen */
        return false;
    }
    if (context->depth >= limits->depth) {
        fail_and_stop(context, too_deep);
        return false;
    }
    if (context->elements >= limits->elements) {
        fail_and_stop(context, too_many_elements);
        return false;
    }
    return true;
}

static void start_tree(struct parser_context *context, const xmlChar *name, const xmlChar *uri)
{
    const char *ns = uri ? (const char *)uri : "";
    struct arena *arena = context->current ? context->current->arena : arena_new();

    if (strchr(ns, '&')) {
        ns = copy_uri(arena, uri);
    }
    if (context->current) {
        flush_text(context);
        context->current = element_add(context->current, ns, (const char *)name);
        return;
    }
    context->root = element_new(arena, ns, (const char *)name);
    context->current = context->root;
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespaces, const xmlChar **declarations, int attributes, int defaulted,
                     const xmlChar **fields)
{
    struct parser_context *context = user;
    bool is_header = !context->primed;

    (void)defaulted;
    if (context->failed) {
        return;
    }
    context->primed = true;
    if (context->priming ||
        !check_counts(context, !is_header && !context->current, (unsigned)namespaces, attributes,
                      fields) ||
        !check_uris(context, namespaces, declarations) || (!is_header && !check_place(context))) {
        return;
    }
    start_tree(context, name, uri);
    add_attributes(context->current, attributes, fields);
    if (is_header) {
        context->header_seen = true;
        context->current = NULL;
        note_declarations(context, namespaces, declarations);
        write_canonical(context, name, prefix, namespaces, declarations);
    } else {
        context->depth++;
        context->elements++;
    }
    check_tree_size(context);
}

static void on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct parser_context *context = user;

    (void)name;
    (void)prefix;
    (void)uri;
    if (context->failed) {
        return;
    }
    if (!context->current) {
        context->footer_seen = true;
        return;
    }
    flush_text(context);
    context->depth--;
    context->current = context->current->parent;
    context->complete = !context->current;
    if (check_tree_size(context) && context->complete &&
        !element_fits(context->root, context->root->ns, context->limits->element_bytes)) {
        fail_and_stop(context, too_big_written);
    }
}

static void on_text(void *user, const xmlChar *text, int length)
{
    struct parser_context *context = user;

    if (context->failed) {
        return;
    }
    if (!context->current) {
        fail_and_stop(context, text_outside); /* the scanner keeps white space back */
        return;
    }
    buffer_append(&context->text, text, (size_t)length);
}

/* A CDATA section comes as it is, without the normalisation of line ends that XML 1.0 §2.11 asks
 * for, and in one piece, as the scanner has waited for its end. */
static void on_cdata(void *user, const xmlChar *text, int length)
{
    const xmlChar *end = text + length;

    while (text < end) {
        const xmlChar *cr = memchr(text, '\r', (size_t)(end - text));
        const xmlChar *stop = cr ? cr : end;
        on_text(user, text, (int)(stop - text));
        text = stop;
        if (cr) {
            on_text(user, (const xmlChar *)"\n", 1);
            text += cr + 1 < end && cr[1] == '\n' ? 2 : 1;
        }
    }
}

const xmlSAXHandler parser_sax = {
    .initialized = XML_SAX2_MAGIC,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_text,
    .ignorableWhitespace = on_text,
    .cdataBlock = on_cdata,
    .serror = on_error,
    /* RFC 6120 §11.1. */
    .internalSubset = on_doctype,
    .externalSubset = on_doctype,
    .comment = on_comment,
    .processingInstruction = on_processing_instruction,
    .reference = on_reference,
};
