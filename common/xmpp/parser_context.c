/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The life of a libxml2 push context. What it reads is handled in parser_sax.c.
 */
#include "common/xmpp/parser_context.h"

#include <stdlib.h>
#include <string.h>

#include <libxml/parserInternals.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/parser_sax.h"

/* A context is retired when its dictionary of names and URIs (an attacker can send new ones for
 * hours), its counters or its input buffer have grown beyond these. */
#define DICTIONARY_MAX ((size_t)64 * 1024)
#define PUSHED_MAX     ((size_t)64 * 1024 * 1024)
#define ELEMENT_MAX    ((size_t)32 * 1024)

/* The one of the stream is read elsewhere (parser_prolog.h); a further one is an error. */
#define DECLARATION "<?xml version='1.0'?>"

static const struct parser_error failed_inside = {STREAM_NOT_WELL_FORMED, false, NULL, NULL};

static void prime(struct parser_context *context, const char *text)
{
    context->priming = true;
    if (parser_context_push(context, text, strlen(text))) {
        abort(); /* a header was parsed before it was made canonical */
    }
    context->priming = false;
}

struct parser_context *parser_context_new(const char *canonical)
{
    struct parser_context *context = xcalloc(1, sizeof(*context));

    context->kind = PARSER_OWN_KIND;
    context->xml = xmlCreatePushParserCtxt((xmlSAXHandler *)&parser_sax, context, NULL, 0, NULL);
    if (!context->xml) {
        abort();
    }
    /* No other encoding, whatever the bytes look like (RFC 6120 §11.6); no XML_PARSE_NOENT,
     * DTDLOAD, RECOVER or HUGE, ever. Names as before the fifth edition of XML 1.0: expat, which
     * half of the clients use, refuses the others and the client would lose its stream. */
    xmlCtxtUseOptions(context->xml, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_OLD10);
    xmlSwitchEncoding(context->xml, XML_CHAR_ENCODING_UTF8);
    prime(context, DECLARATION);
    if (canonical) {
        prime(context, canonical);
    }
    return context;
}

static void forget(struct parser_context *context)
{
    if (context->root) {
        arena_free(context->root->arena);
    }
    context->root = NULL;
}

void parser_context_free(struct parser_context *context)
{
    forget(context);
    buffer_fini(&context->text);
    buffer_fini(&context->canonical);
    xmlFreeParserCtxt(context->xml);
    free(context);
}

int parser_context_push(struct parser_context *context, const char *bytes, size_t length)
{
    context->pushed += length;
    xmlParseChunk(context->xml, bytes, (int)length, 0);
    /* libxml2 may stop without having told the handler. */
    if (!context->failed && (context->xml->disableSAX || !context->xml->wellFormed)) {
        context->failed = true;
        context->error = failed_inside;
    }
    return context->failed ? ERR_MALFORMED : 0;
}

bool parser_context_is_drained(struct parser_context *context)
{
    return xmlByteConsumed(context->xml) == (long)context->pushed;
}

struct element *parser_context_take(struct parser_context *context)
{
    struct element *root = context->root;

    context->root = NULL;
    context->current = NULL;
    context->complete = false;
    context->depth = 0;
    context->elements = 0;
    return root;
}

bool parser_context_is_worn(struct parser_context *context)
{
    return context->pushed > PUSHED_MAX || context->largest > ELEMENT_MAX ||
           xmlDictGetUsage(context->xml->dict) > DICTIONARY_MAX;
}
