/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is said to who follows an attempt.
 */
#include "s2s/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "s2s/targets.h"

void trace_say(struct trace *trace, const char *topic, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    if (!trace)
        return;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    va_end(arguments);
    trace->line(trace, topic, text);
    free(text);
}

/* --- DNS --- */

static const char *type_name(enum dns_type type)
{
    switch (type) {
    case DNS_A:
        return "A";
    case DNS_AAAA:
        return "AAAA";
    case DNS_SRV:
        return "SRV";
    case DNS_TLSA:
        return "TLSA";
    default:
        return "?";
    }
}

static char *srv_text(const struct dns_record *record)
{
    struct srv srv;
    if (record_srv(record, &srv))
        return NULL;
    return xasprintf("%u %u %u %s", srv.priority, srv.weight, srv.port,
                     srv.target[0] ? srv.target : ". (there is no such service)");
}

static char *address_of(enum dns_type type, const struct dns_record *record)
{
    struct address address;
    return record_address(type, record, 0, &address) ? NULL : address_host(&address);
}

static char *tlsa_text(const struct dns_record *record)
{
    struct tls_dane dane;
    if (tls_dane_parse(record->data, record->length, &dane))
        return xstrdup("of a kind that is not used");
    return xasprintf("%u %u %u", dane.usage, dane.selector, dane.matching);
}

static void say_record(struct trace *trace, enum dns_type type, const struct dns_record *record)
{
    char *text = type == DNS_SRV    ? srv_text(record)
                 : type == DNS_TLSA ? tlsa_text(record)
                                    : address_of(type, record);
    trace_say(trace, "dns", "  %s", text ? text : "a record that is malformed");
    free(text);
}

static const char *proof_of(const struct dns_answer *answer)
{
    return answer->secure ? "proven by DNSSEC" : "not proven by DNSSEC";
}

void trace_answer(struct trace *trace, const char *name, enum dns_type type,
                  const struct dns_answer *answer)
{
    if (!trace)
        return;
    if (answer->status == ERR_NOT_FOUND) {
        trace_say(trace, "dns", "%s %s: there is no such name, %s", type_name(type), name,
                  proof_of(answer));
    } else if (answer->status) {
        trace_say(trace, "dns", "%s %s: %s%s%s", type_name(type), name,
                  answer->status == ERR_DENIED ? "forged, as DNSSEC says"
                                               : error_text(answer->status),
                  answer->problem ? ": " : "", answer->problem ? answer->problem : "");
    } else {
        trace_say(trace, "dns", "%s %s: %zu record%s, %s", type_name(type), name, answer->count,
                  answer->count == 1 ? "" : "s", proof_of(answer));
        for (size_t i = 0; i < answer->count && i < RECORDS_SRV_MAX; i++)
            say_record(trace, type, &answer->records[i]);
    }
}
