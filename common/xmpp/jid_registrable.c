/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which local parts an account may have: those that nodeprep and PRECIS UsernameCaseMapped
 * (RFC 8265 §3.3) both leave unchanged, so that the account keeps its name whichever of the two a
 * peer applies, now or later. What is refused here is still a fine address of somebody else.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "common/base/macros.h"
#include "common/base/memory.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/jid_prepare.h"

struct name {
    uint32_t *points;
    size_t length;
};

static bool in_script(const struct name *name, size_t at, const char *script)
{
    const uc_script_t *found = at < name->length ? uc_script(name->points[at]) : NULL;

    return found && strcmp(found->name, script) == 0;
}

static bool has_between(const struct name *name, uint32_t first, uint32_t last)
{
    for (size_t i = 0; i < name->length; i++) {
        if (name->points[i] >= first && name->points[i] <= last)
            return true;
    }
    return false;
}

/* The contextual rules, RFC 5892 §A.3 to §A.9. Those of the joiners are not needed: nodeprep drops
 * joiners, so a name with one is changed by it. */
static bool middle_dot(const struct name *name, size_t at)
{
    return at > 0 && name->points[at - 1] == 'l' && at + 1 < name->length &&
           name->points[at + 1] == 'l';
}

static bool keraia(const struct name *name, size_t at)
{
    return in_script(name, at + 1, "Greek");
}

static bool geresh(const struct name *name, size_t at)
{
    return at > 0 && in_script(name, at - 1, "Hebrew");
}

static bool katakana_dot(const struct name *name, size_t at)
{
    (void)at;
    for (size_t i = 0; i < name->length; i++) {
        if (in_script(name, i, "Hiragana") || in_script(name, i, "Katakana") ||
            in_script(name, i, "Han"))
            return true;
    }
    return false;
}

static bool arabic_digit(const struct name *name, size_t at)
{
    (void)at;
    return !has_between(name, 0x6F0, 0x6F9);
}

static bool extended_arabic_digit(const struct name *name, size_t at)
{
    (void)at;
    return !has_between(name, 0x660, 0x669);
}

static bool always(const struct name *name, size_t at)
{
    (void)name;
    (void)at;
    return true;
}

/* RFC 8264 §9.6, the Exceptions; without a rule they are disallowed. */
static const struct {
    uint32_t first;
    uint32_t last;
    bool (*valid)(const struct name *name, size_t at);
} exceptions[] = {
    {0x00B7, 0x00B7, middle_dot},   {0x00DF, 0x00DF, always},
    {0x0375, 0x0375, keraia},       {0x03C2, 0x03C2, always},
    {0x05F3, 0x05F4, geresh},       {0x0640, 0x0640, NULL},
    {0x0660, 0x0669, arabic_digit}, {0x06F0, 0x06F9, extended_arabic_digit},
    {0x06FD, 0x06FE, always},       {0x07FA, 0x07FA, NULL},
    {0x0F0B, 0x0F0B, always},       {0x3007, 0x3007, always},
    {0x302E, 0x302F, NULL},         {0x3031, 0x3035, NULL},
    {0x303B, 0x303B, NULL},         {0x30FB, 0x30FB, katakana_dot},
};

/* RFC 8264 §9.17: a compatibility equivalent of something else. */
static bool has_compatibility_form(uint32_t point)
{
    size_t length = 0;
    uint32_t *normal = u32_normalize(UNINORM_NFKC, &point, 1, NULL, &length);
    bool differs = !normal || length != 1 || normal[0] != point;

    free(normal);
    return differs;
}

static bool is_old_hangul_jamo(uint32_t point)
{
    return (point >= 0x1100 && point <= 0x11FF) || (point >= 0xA960 && point <= 0xA97C) ||
           (point >= 0xD7B0 && point <= 0xD7FB);
}

/* RFC 8264 §9.1. */
static bool is_letter_or_digit(uint32_t point)
{
    return uc_is_general_category_withtable(point, UC_CATEGORY_MASK_Ll | UC_CATEGORY_MASK_Lu |
                                                       UC_CATEGORY_MASK_Lo | UC_CATEGORY_MASK_Nd |
                                                       UC_CATEGORY_MASK_Lm | UC_CATEGORY_MASK_Mn |
                                                       UC_CATEGORY_MASK_Mc);
}

/* In the IdentifierClass, by the algorithm of RFC 8264 §8. */
static bool point_valid(const struct name *name, size_t at)
{
    uint32_t point = name->points[at];

    for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++) {
        if (point >= exceptions[i].first && point <= exceptions[i].last)
            return exceptions[i].valid && exceptions[i].valid(name, at);
    }
    if (point >= 0x21 && point <= 0x7E)
        return true;
    if (is_old_hangul_jamo(point) || uc_is_property_default_ignorable_code_point(point) ||
        has_compatibility_form(point))
        return false;
    return is_letter_or_digit(point);
}

static bool has_bidi_class(uint32_t point, const int *classes, size_t count)
{
    int found = uc_bidi_class(point);

    for (size_t i = 0; i < count; i++) {
        if (classes[i] == found)
            return true;
    }
    return false;
}

#define BIDI_IS(point, ...)                                                                        \
    has_bidi_class((point), (const int[]){__VA_ARGS__}, ARRAY_SIZE(((const int[]){__VA_ARGS__})))

static bool has_class(const struct name *name, int bidi_class)
{
    for (size_t i = 0; i < name->length; i++) {
        if (uc_bidi_class(name->points[i]) == bidi_class)
            return true;
    }
    return false;
}

/* RFC 5893 §2. Only names that begin with a right-to-left letter and have only what may stand
 * beside one: the rule for left-to-right names forbids all right-to-left characters. */
static bool direction_valid(const struct name *name)
{
    size_t end = name->length;

    if (!has_class(name, UC_BIDI_R) && !has_class(name, UC_BIDI_AL) && !has_class(name, UC_BIDI_AN))
        return true;
    if (!BIDI_IS(name->points[0], UC_BIDI_R, UC_BIDI_AL))
        return false;
    for (size_t i = 0; i < name->length; i++) {
        if (!BIDI_IS(name->points[i], UC_BIDI_R, UC_BIDI_AL, UC_BIDI_AN, UC_BIDI_EN, UC_BIDI_ES,
                     UC_BIDI_CS, UC_BIDI_ET, UC_BIDI_ON, UC_BIDI_BN, UC_BIDI_NSM))
            return false;
    }
    while (end > 1 && uc_bidi_class(name->points[end - 1]) == UC_BIDI_NSM)
        end--;
    return BIDI_IS(name->points[end - 1], UC_BIDI_R, UC_BIDI_AL, UC_BIDI_EN, UC_BIDI_AN) &&
           !(has_class(name, UC_BIDI_EN) && has_class(name, UC_BIDI_AN));
}

/* Case mapping and NFC at once; width mapping changes only characters with a compatibility form. */
static bool mapping_unchanged(const struct name *name)
{
    size_t length = 0;
    uint32_t *mapped = u32_tolower(name->points, name->length, NULL, UNINORM_NFC, NULL, &length);
    bool same = mapped && length == name->length &&
                memcmp(mapped, name->points, length * sizeof(*mapped)) == 0;

    free(mapped);
    return same;
}

static bool precis_unchanged(const struct name *name)
{
    for (size_t i = 0; i < name->length; i++) {
        if (!point_valid(name, i))
            return false;
    }
    return mapping_unchanged(name) && direction_valid(name);
}

static bool nodeprep_unchanged(const char *local)
{
    struct jid_part part;
    size_t length = strlen(local);
    bool same;

    if (jid_part_local(&part, local, length) < 0)
        return false;
    same = !part.fold && part.length == length && memcmp(part.text, local, length) == 0;
    jid_part_fini(&part);
    return same;
}

bool jid_local_registrable(const char *local)
{
    struct name name = {0};
    bool valid;

    if (!nodeprep_unchanged(local))
        return false;
    name.points = u8_to_u32((const uint8_t *)local, strlen(local), NULL, &name.length);
    valid = name.points && precis_unchanged(&name);
    free(name.points);
    return valid;
}
