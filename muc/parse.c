/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading back stanzas that were stored as XML text.
 */
#include <string.h>

#include "common/base/log.h"
#include "common/xmpp/stored.h"
#include "muc/muc.h"

struct stanza *muc_parse_stanza(struct muc *muc, const char *xml)
{
    struct stanza *stanza = stored_stanza(muc->parsers, xml);

    if (!stanza)
        log_error("muc_stored_xml_damaged", LOG_INT("length", strlen(xml)));
    return stanza;
}
