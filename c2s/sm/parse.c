/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Elements to and from the XML text that they are stored as.
 */
#include <string.h>

#include "c2s/sm/sm.h"
#include "common/base/log.h"
#include "common/xmpp/stored.h"

static void note_damage(const char *xml)
{
    log_error("sm_stored_xml_damaged", LOG_INT("length", strlen(xml)));
}

struct element *sm_parse(struct sm *sm, const char *xml)
{
    struct element *root = stored_element(sm->parsers, xml);

    if (!root) {
        note_damage(xml);
    }
    return root;
}

struct stanza *sm_parse_stanza(struct sm *sm, const char *xml)
{
    struct stanza *stanza = stored_stanza(sm->parsers, xml);

    if (!stanza) {
        note_damage(xml);
    }
    return stanza;
}

char *sm_format(const struct element *element)
{
    struct buffer out = {0};

    buffer_reserve(&out, STANZA_USUAL_SIZE);
    element_write(&out, element, NS_CLIENT);
    return buffer_take(&out);
}
