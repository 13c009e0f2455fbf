/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalk-files without its network: types and names, ranges, slots, quotas.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/tls/crypto.h"
#include "files/media.h"
#include "files/quota.h"
#include "files/range.h"
#include "files/slot.h"
#include "tests/unit/unit.h"

#define HOUR_US INT64_C(3600000000)

static const struct {
    const char *text, *type; /* type NULL: it is none */
    bool shown;
} TYPES[] = {
    {"image/jpeg", "image/jpeg", true},
    {"IMAGE/PNG", "IMAGE/PNG", true},
    {"image/svg+xml", "image/svg+xml", false},
    {"image/svg+xml; charset=utf-8", "image/svg+xml", false},
    {"Image/SVG+xml", "Image/SVG+xml", false},
    {"text/html; charset=utf-8", "text/html", false},
    {"video/mp4", "video/mp4", true},
    {"audio/ogg", "audio/ogg", true},
    {"application/octet-stream", "application/octet-stream", false},
    {"", NULL, false},
    {"image", NULL, false},
    {"/jpeg", NULL, false},
    {"image/", NULL, false},
    {"image/; a=b", NULL, false},
    {"image/jpeg\r\nSet-Cookie: a=b", NULL, false},
    {"im age/jpeg", NULL, false},
    {"image/a/b", NULL, false},
};

static void test_types(void **state UNUSED)
{
    char type[MEDIA_TYPE_MAX + 1];

    for (size_t i = 0; i < ARRAY_SIZE(TYPES); i++) {
        assert_int_equal(media_type_read(TYPES[i].text, type), TYPES[i].type != NULL);
        if (TYPES[i].type) {
            assert_string_equal(type, TYPES[i].type);
            assert_int_equal(media_type_is_shown(type), TYPES[i].shown);
        }
    }
}

static void test_long_type(void **state UNUSED)
{
    char text[MEDIA_TYPE_MAX + 3] = "a/", type[MEDIA_TYPE_MAX + 1];

    memset(text + 2, 'b', MEDIA_TYPE_MAX - 2);
    assert_true(media_type_read(text, type));
    assert_int_equal(strlen(type), MEDIA_TYPE_MAX);
    text[MEDIA_TYPE_MAX] = 'b';
    assert_false(media_type_read(text, type));
}

static const struct {
    const char *name, *encoded; /* NULL: it is no name */
} NAMES[] = {
    {"a.jpg", "a.jpg"},
    {"tr\xc3\xa8s cool.jpg", "tr%C3%A8s%20cool.jpg"},
    {"100%?#&=+.txt", "100%25%3F%23%26%3D%2B.txt"},
    {"...", "..."},
    {"", NULL},
    {".", NULL},
    {"..", NULL},
    {"../etc/passwd", NULL},
    {"a\\b", NULL},
    {"a\nb", NULL},
    {"a\x7f", NULL},
};

static void test_names(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        struct buffer out = {0};

        assert_int_equal(media_name_is_valid(NAMES[i].name), NAMES[i].encoded != NULL);
        if (NAMES[i].encoded == NULL)
            continue;
        media_name_encode(&out, NAMES[i].name);
        assert_string_equal(out.data, NAMES[i].encoded);
        buffer_fini(&out);
    }
}

static const struct {
    const char *text;
    uint64_t size;
    struct range range;
} RANGES[] = {
    {NULL, 10, {RANGE_ALL, 0, 10}},
    {"bytes=0-0", 10, {RANGE_PART, 0, 1}},
    {"bytes=0-9", 10, {RANGE_PART, 0, 10}},
    {"bytes=0-99", 10, {RANGE_PART, 0, 10}},
    {"bytes=9-", 10, {RANGE_PART, 9, 1}},
    {"bytes=10-", 10, {RANGE_OUTSIDE, 0, 0}},
    {"bytes=99999999999999999999999-", 10, {RANGE_OUTSIDE, 0, 0}},
    {"bytes=0-99999999999999999999999", 10, {RANGE_PART, 0, 10}},
    {"bytes=-3", 10, {RANGE_PART, 7, 3}},
    {"bytes=-30", 10, {RANGE_PART, 0, 10}},
    {"bytes=-0", 10, {RANGE_OUTSIDE, 0, 0}},
    {"bytes=0-", 0, {RANGE_OUTSIDE, 0, 0}},
    {"bytes=-1", 0, {RANGE_OUTSIDE, 0, 0}},
    {"bytes=5-4", 10, {RANGE_ALL, 0, 10}},
    {"bytes=0-1,3-4", 10, {RANGE_ALL, 0, 10}},
    {"bytes=", 10, {RANGE_ALL, 0, 10}},
    {"bytes=-", 10, {RANGE_ALL, 0, 10}},
    {"bytes=a-b", 10, {RANGE_ALL, 0, 10}},
    {"bytes=+1-2", 10, {RANGE_ALL, 0, 10}},
    {"lines=0-1", 10, {RANGE_ALL, 0, 10}},
};

static void test_ranges(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(RANGES); i++) {
        struct range range = range_read(RANGES[i].text, RANGES[i].size);

        assert_int_equal(range.kind, RANGES[i].range.kind);
        assert_int_equal(range.offset, RANGES[i].range.offset);
        assert_int_equal(range.length, RANGES[i].range.length);
    }
}

/* --- slots --- */

static const struct slot SLOT = {
    .id = "00112233445566778899aabbccddeeff00112233",
    .name = "a b.jpg",
    .type = "image/jpeg",
    .owner = "alice@example.test",
    .size = UINT64_MAX,
    .until_us = INT64_MAX,
    .expires_us = 1,
};

static void test_slot(void **state UNUSED)
{
    uint8_t key[SLOT_KEY_SIZE], other[SLOT_KEY_SIZE];
    struct arena *arena = arena_new();
    struct buffer token = {0};
    struct slot slot;

    crypto_random(key, sizeof(key));
    crypto_random(other, sizeof(other));
    slot_write(&token, &SLOT, key);
    assert_int_equal(slot_read(arena, token.data, key, &slot), 0);
    assert_string_equal(slot.id, SLOT.id);
    assert_string_equal(slot.name, SLOT.name);
    assert_string_equal(slot.type, SLOT.type);
    assert_string_equal(slot.owner, SLOT.owner);
    assert_true(slot.size == SLOT.size && slot.until_us == SLOT.until_us &&
                slot.expires_us == SLOT.expires_us);
    assert_int_equal(slot_read(arena, token.data, other, &slot), ERR_DENIED);
    for (size_t i = 0; i < token.length; i++) {
        token.data[i] ^= 1;
        assert_int_equal(slot_read(arena, token.data, key, &slot), ERR_DENIED);
        token.data[i] ^= 1;
    }
    for (size_t length = 0; length < token.length; length++)
        assert_int_equal(slot_read(arena, arena_strndup(arena, token.data, length), key, &slot),
                         ERR_DENIED);
    buffer_fini(&token);
    arena_free(arena);
}

static void test_slot_without_type(void **state UNUSED)
{
    static const uint8_t key[SLOT_KEY_SIZE] = {1};
    struct arena *arena = arena_new();
    struct buffer token = {0};
    struct slot slot = SLOT;

    slot.type = NULL;
    slot_write(&token, &slot, key);
    slot.type = "unchanged";
    assert_int_equal(slot_read(arena, token.data, key, &slot), 0);
    assert_null(slot.type);
    buffer_fini(&token);
    arena_free(arena);
}

/* --- quotas --- */

static const struct quota_limits LIMITS = {
    .slots_per_hour = 3, .bytes_per_day = 1000, .slot_us = HOUR_US / 12};

static bool take(struct quota *quota, const char *owner, const char *id, uint64_t size,
                 int64_t now_us, int64_t *again_us)
{
    const struct quota_request request = {.owner = owner, .id = id, .size = size, .now_us = now_us};

    return quota_take(quota, &LIMITS, &request, again_us) == NULL;
}

static void test_slots_per_hour(void **state UNUSED)
{
    struct quota *quota = quota_new();
    int64_t again_us = 0;

    assert_true(take(quota, "alice", "1", 1, 1, &again_us));
    assert_true(take(quota, "alice", "2", 1, 2, &again_us));
    quota_used(quota, "alice", "2"); /* it was a slot all the same */
    assert_true(take(quota, "alice", "3", 1, 3, &again_us));
    assert_false(take(quota, "alice", "4", 1, 4, &again_us));
    assert_true(again_us == HOUR_US + 1);
    assert_true(take(quota, "bob", "5", 1, 4, &again_us));
    assert_true(take(quota, "alice", "6", 1, HOUR_US + 1, &again_us));
    assert_false(take(quota, "alice", "7", 1, HOUR_US + 1, &again_us));
    quota_sweep(quota, 3 * HOUR_US);
    assert_true(take(quota, "alice", "8", 1, 3 * HOUR_US, &again_us));
    quota_free(quota);
}

static void test_bytes_per_day(void **state UNUSED)
{
    struct quota *quota = quota_new();
    struct quota_request request = {.owner = "alice", .id = "1", .size = 600, .now_us = 1};
    int64_t again_us = 0;

    assert_null(quota_take(quota, &LIMITS, &request, &again_us));
    request.id = "2";
    assert_non_null(quota_take(quota, &LIMITS, &request, &again_us)); /* 600 are promised */
    assert_true(again_us == LIMITS.slot_us + 1);
    quota_used(quota, "alice", "1");
    request.stored = 600;
    request.oldest_us = 1;
    assert_non_null(quota_take(quota, &LIMITS, &request, &again_us)); /* and then stored */
    assert_true(again_us == 24 * HOUR_US + 1);
    request.size = 400;
    assert_null(quota_take(quota, &LIMITS, &request, &again_us));
    quota_free(quota);
}

/* Nothing is held for a slot that was never used. */
static void test_promises_end(void **state UNUSED)
{
    struct quota *quota = quota_new();
    int64_t again_us = 0;

    assert_true(take(quota, "alice", "1", 1000, 1, &again_us));
    assert_false(take(quota, "alice", "2", 1, LIMITS.slot_us, &again_us));
    assert_true(take(quota, "alice", "3", 1000, LIMITS.slot_us + 1, &again_us));
    quota_free(quota);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),          cmocka_unit_test(test_long_type),
        cmocka_unit_test(test_names),          cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_slot),           cmocka_unit_test(test_slot_without_type),
        cmocka_unit_test(test_slots_per_hour), cmocka_unit_test(test_bytes_per_day),
        cmocka_unit_test(test_promises_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
