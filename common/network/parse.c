/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * From the sections of a document to a struct network, and whether it makes sense as a whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/config/address.h"
#include "common/network/network.h"
#include "common/network/reader.h"
#include "common/xmpp/datetime.h"

struct parse {
    struct reader reader;
    struct network *network;
};

/* --- single values; all keys that are required are there --- */

static const char *text_of(const struct reader_group *group, const char *key)
{
    const struct reader_value *value = reader_find(group, key);

    return value ? value->value.text : NULL;
}

static int64_t number_of(const struct reader_group *group, const char *key)
{
    const struct reader_value *value = reader_find(group, key);

    return value ? value->value.number : 0;
}

static int64_t time_of(struct parse *parse, const struct reader_group *group, const char *key)
{
    const struct reader_value *value = reader_find(group, key);
    int64_t time_us = 0;

    if (value && datetime_parse(value->value.text, &time_us) != 0)
        reader_report(&parse->reader, &value->place,
                      "\"%s\" is not a time, such as 2027-01-31T12:00:00Z", value->value.text);
    return time_us / 1000000;
}

/* False: it is not given. */
static bool bytes_of(struct parse *parse, const struct reader_group *group, const char *key,
                     uint8_t *bytes, size_t size)
{
    const struct reader_value *value = reader_find(group, key);
    struct buffer decoded = {0};

    if (!value)
        return false;
    if (base64_decode(&decoded, value->value.text, strlen(value->value.text)) != 0 ||
        decoded.length != size)
        reader_report(&parse->reader, &value->place, "\"%s\" has to be %zu bytes in Base64", key,
                      size);
    else
        memcpy(bytes, decoded.data, size);
    buffer_fini(&decoded);
    return true;
}

/* --- sections --- */

static void read_network(struct parse *parse, const struct reader_group *group)
{
    struct network *network = parse->network;
    const struct reader_value *needs = reader_find(group, "needs-format");

    network->domain = group->instance;
    network->format = (unsigned)number_of(group, "format");
    network->serial = (uint64_t)number_of(group, "serial");
    network->expires = time_of(parse, group, "expires");
    network->last_number = (unsigned)number_of(group, "last-number");
    network->required_signatures = (unsigned)number_of(group, "required-signatures");
    if (needs && needs->value.number > NETWORK_FORMAT)
        reader_report(&parse->reader, &needs->place,
                      "this document needs a newer release: it has parts that this one does not "
                      "know");
}

static void read_keyholder(struct parse *parse, const struct reader_group *group)
{
    struct network_keyholder *holder =
        &parse->network->keyholders[parse->network->keyholders_count++];

    holder->name = group->instance;
    bytes_of(parse, group, "key", holder->key, sizeof(holder->key));
}

static void read_addresses(struct parse *parse, const struct reader_group *group,
                           struct network_member *member)
{
    const struct reader_value *value;
    size_t count = 0;

    LL_FOREACH (group->values, value) {
        count += strcmp(value->item->key, "address") == 0;
    }
    const char **addresses = arena_alloc(parse->network->arena, count * sizeof(*addresses));
    count = 0;
    LL_FOREACH (group->values, value) {
        if (strcmp(value->item->key, "address") != 0)
            continue;
        const char *problem = strncmp(value->value.text, "unix:", 5) == 0
                                  ? "other nodes cannot reach it"
                                  : config_address_check(value->value.text);
        if (problem)
            reader_report(&parse->reader, &value->place, "\"%s\" is not an address: %s",
                          value->value.text, problem);
        addresses[count++] = value->value.text;
    }
    member->addresses = addresses;
    member->addresses_count = count;
}

static unsigned roles_of(const struct reader_group *group)
{
    const struct reader_value *value;
    unsigned roles = 0;

    LL_FOREACH (group->values, value) {
        enum network_role role;
        if (strcmp(value->item->key, "role") == 0 &&
            network_role_find(value->value.text, &role) == 0)
            roles |= role;
    }
    return roles;
}

static void read_member(struct parse *parse, const struct reader_group *group)
{
    struct network_member *member = &parse->network->members[parse->network->members_count++];

    member->host = group->instance;
    member->number = (unsigned)number_of(group, "number");
    parse->network->last_number = MAX(parse->network->last_number, member->number);
    member->operator_name = text_of(group, "operator");
    member->roles = roles_of(group);
    if (network_state_find(text_of(group, "state"), &member->state) != 0)
        member->state = NETWORK_SUSPENDED; /* the schema lets no other words through */
    read_addresses(parse, group, member);
    bytes_of(parse, group, "pin", member->pin, sizeof(member->pin));
    member->has_next_pin =
        bytes_of(parse, group, "next-pin", member->next_pin, sizeof(member->next_pin));
    bytes_of(parse, group, "signing-key", member->signing_key, sizeof(member->signing_key));
}

static void read_home(struct parse *parse, const struct reader_group *group)
{
    struct network_home *home = &parse->network->homes[parse->network->homes_count++];
    const struct reader_value *host = reader_find(group, "host");

    home->name = group->instance;
    home->epoch = (uint64_t)number_of(group, "epoch");
    home->member = network_member_by_host(parse->network, host->value.text);
    if (group->instance[strspn(group->instance, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        reader_report(&parse->reader, &group->place,
                      "names of homes are made of a to z, digits and '-'");
    if (!home->member)
        reader_report(&parse->reader, &host->place, "there is no member \"%s\"", host->value.text);
    else if (!(home->member->roles & NETWORK_HOME))
        reader_report(&parse->reader, &host->place, "\"%s\" has not the role home",
                      host->value.text);
}

static void read_suspension(struct parse *parse, const struct reader_group *group)
{
    struct network_suspension *suspension =
        &parse->network->suspensions[parse->network->suspensions_count++];

    suspension->host = group->instance;
    suspension->begins = time_of(parse, group, "begins");
    suspension->ends = time_of(parse, group, "ends");
    suspension->signature.keyholder = text_of(group, "by");
    bytes_of(parse, group, "signature", suspension->signature.value, SIGNATURE_SIZE);
    if (suspension->ends <= suspension->begins ||
        suspension->ends - suspension->begins > NETWORK_SUSPENSION_MAX)
        reader_report(&parse->reader, &group->place, "a suspension lasts 24 hours at most");
    if (!network_member_by_host(parse->network, suspension->host))
        reader_report(&parse->reader, &group->place, "there is no member \"%s\"", suspension->host);
}

static void read_signature(struct parse *parse, const struct reader_group *group)
{
    struct network_signature *signature =
        &parse->network->signatures[parse->network->signatures_count++];

    signature->keyholder = group->instance;
    bytes_of(parse, group, "value", signature->value, sizeof(signature->value));
}

/* In this order: what refers to others comes behind them. */
static void (*const readers[SECTIONS])(struct parse *, const struct reader_group *) = {
    [SECTION_NETWORK] = read_network,       [SECTION_KEYHOLDER] = read_keyholder,
    [SECTION_MEMBER] = read_member,         [SECTION_HOME] = read_home,
    [SECTION_SUSPENSION] = read_suspension, [SECTION_SIGNATURE] = read_signature,
};

static void read_groups(struct parse *parse)
{
    struct network *network = parse->network;
    const struct reader_group *group;
    size_t counts[SECTIONS] = {0};

    LL_FOREACH (parse->reader.groups, group) {
        counts[group->section]++;
    }
#define LIST(field, section)                                                                       \
    network->field = arena_zalloc(network->arena, counts[section] * sizeof(*network->field))
    LIST(keyholders, SECTION_KEYHOLDER);
    LIST(members, SECTION_MEMBER);
    LIST(homes, SECTION_HOME);
    LIST(suspensions, SECTION_SUSPENSION);
    LIST(signatures, SECTION_SIGNATURE);
#undef LIST
    for (int section = 0; section < SECTIONS; section++) {
        LL_FOREACH (parse->reader.groups, group) {
            if ((int)group->section == section)
                readers[section](parse, group);
        }
    }
}

/* --- as a whole --- */

static const struct reader_group *group_of(const struct parse *parse, enum reader_section section,
                                           const char *instance)
{
    const struct reader_group *group;

    LL_FOREACH (parse->reader.groups, group) {
        if (group->section == section && (!instance || strcmp(group->instance, instance) == 0))
            return group;
    }
    return NULL;
}

static bool pin_taken(const struct network_member *member, const uint8_t pin[TLS_PIN_SIZE])
{
    return memcmp(member->pin, pin, TLS_PIN_SIZE) == 0 ||
           (member->has_next_pin && memcmp(member->next_pin, pin, TLS_PIN_SIZE) == 0);
}

static const char *clash_of(const struct network_member *a, const struct network_member *b)
{
    if (a->number == b->number)
        return "number";
    if (pin_taken(b, a->pin) || (a->has_next_pin && pin_taken(b, a->next_pin)))
        return "pin";
    return memcmp(a->signing_key, b->signing_key, SIGNING_KEY_SIZE) == 0 ? "signing-key" : NULL;
}

static void check_members(struct parse *parse)
{
    const struct network *network = parse->network;

    for (size_t i = 0; i < network->members_count; i++) {
        const struct network_member *member = &network->members[i];
        const struct reader_group *group = group_of(parse, SECTION_MEMBER, member->host);
        if (strcmp(member->host, network->domain) == 0)
            reader_report(&parse->reader, &group->place,
                          "a node cannot have the name of the network");
        for (size_t k = 0; k < i; k++) {
            const char *key = clash_of(member, &network->members[k]);
            if (key)
                reader_report(&parse->reader, &group->place, "\"%s\" of \"%s\" is that of \"%s\"",
                              key, member->host, network->members[k].host);
        }
    }
}

static void check_registrar(struct parse *parse)
{
    struct network *network = parse->network;
    const struct reader_value *value =
        reader_find(group_of(parse, SECTION_NETWORK, NULL), "registrar");

    network->registrar = network_home_by_name(network, value->value.text);
    if (!network->registrar)
        reader_report(&parse->reader, &value->place, "there is no home \"%s\"", value->value.text);
    else if (network->registrar->member && !(network->registrar->member->roles & NETWORK_REGISTRAR))
        reader_report(&parse->reader, &value->place,
                      "\"%s\", which serves it, has not the role "
                      "registrar",
                      network->registrar->member->host);
}

static void check_lost_registrar(struct parse *parse)
{
    struct network *network = parse->network;
    const struct reader_value *value =
        reader_find(group_of(parse, SECTION_NETWORK, NULL), "registrar-lost");

    if (!value)
        return;
    network->lost_registrar = value->value.text;
    const struct network_home *lost = network_home_by_name(network, network->lost_registrar);
    if (!lost)
        reader_report(&parse->reader, &value->place, "there is no home \"%s\"", value->value.text);
    else if (lost == network->registrar)
        reader_report(&parse->reader, &value->place, "this is the registrar");
}

static void check_keyholders(struct parse *parse)
{
    const struct network *network = parse->network;
    const struct reader_value *value =
        reader_find(group_of(parse, SECTION_NETWORK, NULL), "required-signatures");

    if (network->required_signatures > network->keyholders_count)
        reader_report(&parse->reader, &value->place, "there are only %zu keyholders",
                      network->keyholders_count);
    for (size_t i = 1; i < network->keyholders_count; i++)
        for (size_t k = 0; k < i; k++)
            if (memcmp(network->keyholders[i].key, network->keyholders[k].key, SIGNING_KEY_SIZE) ==
                0) {
                const char *name = network->keyholders[i].name;
                reader_report(&parse->reader, &group_of(parse, SECTION_KEYHOLDER, name)->place,
                              "\"%s\" and \"%s\" have one key", network->keyholders[k].name, name);
            }
}

static void check_all(struct parse *parse)
{
    const struct reader_place start = {1, 1};

    if (parse->reader.mistakes > 0)
        return;
    if (!group_of(parse, SECTION_NETWORK, NULL)) {
        reader_report(&parse->reader, &start, "[network \"example.net\"] is missing");
        return;
    }
    read_groups(parse);
    check_members(parse);
    check_registrar(parse);
    check_lost_registrar(parse);
    check_keyholders(parse);
}

/* --- the ways in --- */

static bool is_too_big(const struct network *network)
{
    return network->text_length > NETWORK_SIZE_MAX || network->body_length > NETWORK_BODY_MAX;
}

static void report_size(struct parse *parse)
{
    const struct network *network = parse->network;
    bool body = network->text_length <= NETWORK_SIZE_MAX;

    reader_report(&parse->reader, &(struct reader_place){1, 1},
                  "the document is too big for the links between nodes: %s has %zu bytes, and may "
                  "have %zu",
                  body ? "what is signed" : "it",
                  body ? network->body_length : network->text_length,
                  body ? NETWORK_BODY_MAX : NETWORK_SIZE_MAX);
}

int network_parse(const char *name, const char *text, size_t length, FILE *errors,
                  struct network **network)
{
    struct arena *arena = arena_new();
    struct network *parsed = arena_zalloc(arena, sizeof(*parsed));
    struct parse parse = {.reader = {.arena = arena, .name = name, .errors = errors},
                          .network = parsed};

    *parsed = (struct network){.arena = arena, .references = 1};
    parsed->text = arena_strndup(arena, text, length);
    parsed->text_length = length;
    if (length <= NETWORK_SIZE_MAX)
        reader_read(&parse.reader, parsed->text, length);
    parsed->body_length = parse.reader.body_length;
    bool too_big = is_too_big(parsed);
    if (too_big)
        report_size(&parse);
    else
        check_all(&parse);
    if (parse.reader.mistakes > 0) {
        arena_free(arena);
        return too_big ? ERR_TOO_BIG : ERR_INVALID;
    }
    *network = parsed;
    return 0;
}

/* One byte beyond the limit tells that there is more. */
static int read_file(const char *path, struct buffer *text)
{
    FILE *file = fopen(path, "re");
    size_t got;

    if (!file)
        return errno;
    while (text->length <= NETWORK_SIZE_MAX &&
           (got = fread(buffer_reserve(text, 4096), 1, 4096, file)) > 0)
        buffer_added(text, got);
    int reason = ferror(file) ? errno : 0;
    fclose(file);
    return reason;
}

int network_load(const char *path, FILE *errors, struct network **network)
{
    struct buffer text = {0};
    int reason = read_file(path, &text);
    int error = ERR_NOT_FOUND;

    if (reason && errors)
        fprintf(errors, "%s:1:1: cannot read the file: %s\n", path, strerror(reason));
    if (!reason)
        error = network_parse(path, text.data ? text.data : "", text.length, errors, network);
    buffer_fini(&text);
    return error;
}

struct network *network_ref(const struct network *network)
{
    struct network *counted = (struct network *)network;

    counted->references++;
    return counted;
}

void network_unref(const struct network *network)
{
    struct network *counted = (struct network *)network;

    if (counted && --counted->references == 0)
        arena_free(counted->arena);
}
