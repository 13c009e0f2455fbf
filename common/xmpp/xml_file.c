/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * libxml2's text reader, with a stack of files.
 */
#include "common/xmpp/xml_file.h"

#include <libxml/xmlreader.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/table.h"

#define NS_INCLUDE "http://www.w3.org/2001/XInclude"
/* How deep files may include each other, and elements be nested. */
#define FILES_MAX 8
#define DEPTH_MAX 128

struct level {
    xmlTextReader *reader;
    char *path;
    struct level *below; /* that includes it */
};

struct xml_file {
    struct level *top;
    unsigned files;
    char *problem;
};

static int fail(struct xml_file *file, const char **problem, const char *what)
{
    const struct level *level = file->top;
    int line = level ? xmlTextReaderGetParserLineNumber(level->reader) : 0;

    free(file->problem);
    file->problem = level ? xasprintf("%s:%d: %s", level->path, line, what) : xstrdup(what);
    *problem = file->problem;
    return ERR_INVALID;
}

static void ignore(void *user, const char *message, xmlParserSeverities severity,
                   xmlTextReaderLocatorPtr locator)
{
    (void)user;
    (void)message;
    (void)severity;
    (void)locator;
}

static int push(struct xml_file *file, const char *path, const char **problem)
{
    struct level *level;
    xmlTextReader *reader =
        file->files < FILES_MAX ? xmlReaderForFile(path, NULL, XML_PARSE_NONET) : NULL;

    if (!reader) {
        char *text = xasprintf("%s cannot be read", path);
        int error = fail(file, problem, text);
        free(text);
        return error;
    }
    xmlTextReaderSetErrorHandler(reader, ignore, NULL);
    level = xcalloc(1, sizeof(*level));
    level->reader = reader;
    level->path = xstrdup(path);
    LL_PREPEND2(file->top, level, below);
    file->files++;
    return 0;
}

static void pop(struct xml_file *file)
{
    struct level *level = file->top;

    file->top = level->below;
    file->files--;
    xmlFreeTextReader(level->reader);
    free(level->path);
    free(level);
}

int xml_file_open(const char *path, struct xml_file **file, const char **problem)
{
    *file = xcalloc(1, sizeof(**file));
    return push(*file, path, problem);
}

void xml_file_close(struct xml_file *file)
{
    if (!file)
        return;
    while (file->top)
        pop(file);
    free(file->problem);
    free(file);
}

/* --- elements --- */

static const char *text_of(const xmlChar *text)
{
    return text ? (const char *)text : "";
}

static const char *name_of(xmlTextReader *reader)
{
    return text_of(xmlTextReaderConstLocalName(reader));
}

static const char *namespace_of(xmlTextReader *reader)
{
    return text_of(xmlTextReaderConstNamespaceUri(reader));
}

static void copy_attributes(xmlTextReader *reader, struct element *element)
{
    while (xmlTextReaderMoveToNextAttribute(reader) == 1) {
        const char *ns = (const char *)xmlTextReaderConstNamespaceUri(reader);
        const char *value = text_of(xmlTextReaderConstValue(reader));

        if (xmlTextReaderIsNamespaceDecl(reader) == 1)
            continue;
        if (ns)
            element_set_ns(element, ns, name_of(reader), value);
        else
            element_set(element, name_of(reader), value);
    }
    xmlTextReaderMoveToElement(reader);
}

static struct element *begin(xmlTextReader *reader, struct element *parent)
{
    struct element *element = parent
                                  ? element_add(parent, namespace_of(reader), name_of(reader))
                                  : element_new(arena_new(), namespace_of(reader), name_of(reader));

    copy_attributes(reader, element);
    return element;
}

static bool is_text(int type)
{
    return type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_CDATA ||
           type == XML_READER_TYPE_WHITESPACE || type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE;
}

static bool is_refused(int type)
{
    return type == XML_READER_TYPE_DOCUMENT_TYPE || type == XML_READER_TYPE_ENTITY_REFERENCE;
}

/* All that is inside, behind the start tag. */
static int read_inside(struct xml_file *file, struct element *root, const char **problem)
{
    xmlTextReader *reader = file->top->reader;
    struct element *at = root;
    unsigned depth = 0;
    int type;

    if (xmlTextReaderIsEmptyElement(reader) == 1)
        return 0;
    while (xmlTextReaderRead(reader) == 1) {
        type = xmlTextReaderNodeType(reader);
        if (is_refused(type) || depth > DEPTH_MAX)
            break;
        if (type == XML_READER_TYPE_END_ELEMENT) {
            if (at == root)
                return 0;
            at = at->parent;
            depth--;
        } else if (type == XML_READER_TYPE_ELEMENT) {
            struct element *child = begin(reader, at);
            if (xmlTextReaderIsEmptyElement(reader) != 1) {
                at = child;
                depth++;
            }
        } else if (is_text(type)) {
            element_add_text(at, text_of(xmlTextReaderConstValue(reader)));
        }
    }
    return fail(file, problem, "this is no well-formed XML");
}

/* --- files in files --- */

static bool is_include(xmlTextReader *reader)
{
    return strcmp(namespace_of(reader), NS_INCLUDE) == 0 && strcmp(name_of(reader), "include") == 0;
}

/* Beside the file that says so. */
static char *path_of(const struct xml_file *file, const char *href)
{
    const char *slash = strrchr(file->top->path, '/');
    int length = slash ? (int)(slash - file->top->path + 1) : 0;

    return xasprintf("%.*s%s", length, file->top->path, href);
}

static int include(struct xml_file *file, const char **problem)
{
    struct element *element = begin(file->top->reader, NULL);
    const char *href = element_get(element, "href");
    int error;

    if (!href || element_get(element, "parse") || element_get(element, "xpointer") ||
        href[0] == '/' || strstr(href, "..") || strchr(href, ':')) {
        error = fail(file, problem, "only files beside this one or below can be included");
    } else {
        char *path = path_of(file, href);

        error = read_inside(file, element, problem);
        if (error == 0)
            error = push(file, path, problem);
        free(path);
    }
    arena_free(element->arena);
    return error;
}

static int take_element(struct xml_file *file, bool (*enter)(const char *ns, const char *name),
                        enum xml_file_event *event, struct element **element, const char **problem)
{
    xmlTextReader *reader = file->top->reader;
    bool enters =
        enter(namespace_of(reader), name_of(reader)) && xmlTextReaderIsEmptyElement(reader) != 1;
    int error;

    *element = begin(reader, NULL);
    *event = enters ? XML_FILE_BEGIN : XML_FILE_WHOLE;
    error = enters ? 0 : read_inside(file, *element, problem);
    if (error)
        arena_free((*element)->arena);
    return error;
}

int xml_file_next(struct xml_file *file, bool (*enter)(const char *ns, const char *name),
                  enum xml_file_event *event, struct element **element, const char **problem)
{
    *event = XML_FILE_DONE;
    while (file->top) {
        int more = xmlTextReaderRead(file->top->reader), type;

        if (more == 0) {
            pop(file);
            continue;
        }
        type = more == 1 ? xmlTextReaderNodeType(file->top->reader) : -1;
        if (type < 0 || is_refused(type))
            return fail(file, problem, "this is no well-formed XML without a document type");
        if (type == XML_READER_TYPE_END_ELEMENT) {
            *event = XML_FILE_END;
            return 0;
        }
        if (type == XML_READER_TYPE_ELEMENT && !is_include(file->top->reader))
            return take_element(file, enter, event, element, problem);
        if (type == XML_READER_TYPE_ELEMENT) {
            int error = include(file, problem);
            if (error)
                return error;
        }
    }
    return 0;
}
