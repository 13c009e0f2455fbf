/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * XML files of any size, element by element: for what administrators give, blocking. Files that a
 * file includes (XInclude with a relative href and nothing else, XEP-0227 §5) are read in its
 * place. Nothing else is fetched; a document type is refused.
 */
#pragma once

#include "common/base/macros.h"
#include "common/xmpp/element.h"

struct xml_file;

/* *problem: what is wrong, valid until the file is closed; *file is set even then. */
MUST_CHECK int xml_file_open(const char *path, struct xml_file **file, const char **problem);
void xml_file_close(struct xml_file *file);

enum xml_file_event {
    XML_FILE_BEGIN, /* an element that is entered: its attributes, no children */
    XML_FILE_WHOLE, /* all of an element */
    XML_FILE_END,   /* of one that was entered */
    XML_FILE_DONE
};

/* The next one. `enter` says whether an element with its name is entered, or read as a whole.
 * *element is a root of its own, for the caller to free with its arena (BEGIN, WHOLE). ERR_INVALID:
 * no well-formed XML, or what was said above. */
MUST_CHECK int xml_file_next(struct xml_file *file, bool (*enter)(const char *ns, const char *name),
                             enum xml_file_event *event, struct element **element,
                             const char **problem);
