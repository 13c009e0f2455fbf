/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of base64 and hexadecimal text.
 */
#include "common/base/encode.h"

#include <string.h>

#include "common/base/error.h"
#include "tests/unit/unit.h"

static const struct {
    const char *plain, *encoded;
    size_t length;
} good[] = {
    /* RFC 4648 §10 */
    {"", "", 0},
    {"f", "Zg==", 1},
    {"fo", "Zm8=", 2},
    {"foo", "Zm9v", 3},
    {"foob", "Zm9vYg==", 4},
    {"fooba", "Zm9vYmE=", 5},
    {"foobar", "Zm9vYmFy", 6},
    /* every bit pattern at the edges */
    {"\0", "AA==", 1},
    {"\0\0\0", "AAAA", 3},
    {"\xff", "/w==", 1},
    {"\xff\xff", "//8=", 2},
    {"\xff\xff\xff", "////", 3},
    {"\xfb\xef\xbe", "++++", 3},
    /* PLAIN (RFC 4616 §4) */
    {"\0tim\0tanstaaftanstaaf", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm", 21},
};

static const struct {
    const char *text;
    size_t length; /* 0: the whole text */
} bad[] = {
    {"Z", 0},
    {"Zg", 0},
    {"Zg=", 0},
    {"Zg===", 0},
    {"Zm9", 0},
    {"Zm9vY", 0},
    {"=", 0},
    {"====", 0},
    {"Z===", 0},
    {"=Zg=", 0},
    {"Zg=v", 0},
    {"Zg==Zg==", 0}, /* padding in the middle */
    {"Zm8=Zm9v", 0},
    {"Zh==", 0}, /* bits behind the last byte */
    {"Zm9=", 0},
    {"//9=", 0},
    {"Zm9v\n", 0},
    {"Zm9v\r\nZm", 0},
    {" Zm9v", 0},
    {"Zm v", 0},
    {"Zm9\n", 0},
    {"Zm9-", 0}, /* the URL alphabet */
    {"Zm9_", 0},
    {"Zm9\0", 4},
    {"\0m9v", 4},
    {"Zm9\xc3", 0},
    {"\xff\xff\xff\xff", 0},
    {"Zm9vYmFyZm9vYmF!", 0}, /* the last of several groups */
};

static void test_base64_encodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct buffer out = {0};
        buffer_append_text(&out, ">");
        base64_encode(&out, good[i].plain, good[i].length);
        assert_string_equal(out.data + 1, good[i].encoded);
        buffer_fini(&out);
    }
}

static void test_base64_decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct buffer out = {0};
        buffer_append_text(&out, ">");
        assert_int_equal(base64_decode(&out, good[i].encoded, strlen(good[i].encoded)), 0);
        assert_int_equal(out.length, good[i].length + 1);
        assert_memory_equal(out.data + 1, good[i].plain, good[i].length + 1);
        buffer_fini(&out);
    }
}

static void test_base64_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        size_t length = bad[i].length ? bad[i].length : strlen(bad[i].text);
        struct buffer out = {0};
        buffer_append_text(&out, "kept");
        if (base64_decode(&out, bad[i].text, length) != ERR_MALFORMED) {
            fail_msg("taken: %s", bad[i].text);
        }
        assert_int_equal(out.length, 4);
        assert_string_equal(out.data, "kept");
        buffer_fini(&out);
    }
}

/* All lengths and all bytes there and back. */
static void test_base64_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[300];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    for (size_t length = 0; length <= sizeof(bytes); length++) {
        struct buffer text = {0}, back = {0};
        base64_encode(&text, bytes, length);
        assert_int_equal(text.length, (length + 2) / 3 * 4);
        assert_int_equal(base64_decode(&back, text.data, text.length), 0);
        assert_int_equal(back.length, length);
        assert_memory_equal(back.data, bytes, length);
        buffer_fini(&text);
        buffer_fini(&back);
    }
}

static void test_hex(void **state)
{
    (void)state;
    struct buffer out = {0};

    hex_encode(&out, NULL, 0);
    assert_string_equal(out.data, "");
    hex_encode(&out, "\x00\x01\x7f\x80\xab\xff", 6);
    assert_string_equal(out.data, "00017f80abff");
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_encodes),
        cmocka_unit_test(test_base64_decodes),
        cmocka_unit_test(test_base64_refuses),
        cmocka_unit_test(test_base64_round_trip),
        cmocka_unit_test(test_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
