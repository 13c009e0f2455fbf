/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * common/xmpp/jid.h: what is an address, what is not, what they become, which may be registered.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/macros.h"
#include "common/base/memory.h"
#include "common/xmpp/jid.h"
#include "tests/unit/unit.h"

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void check_text(const char *text, const char *expected, const char *of)
{
    bool same = text && expected ? strcmp(text, expected) == 0 : text == expected;

    if (!same)
        fail_msg("of '%s': '%s' instead of '%s'", of, text ? text : "none",
                 expected ? expected : "none");
}

static void parse_or_fail(const char *text, struct jid *jid)
{
    if (jid_parse(arena, text, jid) != 0)
        fail_msg("refused: '%s'", text);
}

/* NULL: none. */
static const struct {
    const char *text;
    const char *local;
    const char *domain;
    const char *resource;
} good[] = {
    {"h.test", NULL, "h.test", NULL},
    {"a@h.test", "a", "h.test", NULL},
    {"a@h.test/r", "a", "h.test", "r"},
    {"h.test/r", NULL, "h.test", "r"},
    {"localhost", NULL, "localhost", NULL},
    /* RFC 7622 §3.5, examples of valid addresses. */
    {"juliet@example.com/foo bar", "juliet", "example.com", "foo bar"},
    {"juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"},
    {"foo\\20bar@example.com", "foo\\20bar", "example.com", NULL},
    {"fussball@example.com", "fussball", "example.com", NULL},
    {"π@example.com", "π", "example.com", NULL},
    {"king@example.com/♚", "king", "example.com", "♚"},
    {"a.example.com/b@example.net", NULL, "a.example.com", "b@example.net"},
    {"a@h.test/b/c@d//", "a", "h.test", "b/c@d//"},
    {"a@h.test/ r ", "a", "h.test", " r "},
    {"h.test//", NULL, "h.test", "/"},
    {"!#$%()*+,-.;=?[\\]^_`{|}~0@h.test", "!#$%()*+,-.;=?[\\]^_`{|}~0", "h.test", NULL},
    {"a@h.test/!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "a", "h.test",
     "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
    /* Case goes in local part and domain only. */
    {"ALICE@H.Test/ReS", "alice", "h.test", "ReS"},
    {"Ünal@h.test", "ünal", "h.test", NULL},
    {"Straße@h.test", "strasse", "h.test", NULL},
    {"ΣΊΣΥΦΟΣ@h.test", "σίσυφοσ", "h.test", NULL},
    {"Ａｌｉｃｅ@h.test", "alice", "h.test", NULL},
    {"ali\xC2\xAD"
     "ce@h.test",
     "alice", "h.test", NULL},
    {"u\xCC\x88@h.test/u\xCC\x88", "ü", "h.test", "ü"},
    {"henry⁵@h.test/⁵", "henry5", "h.test", "5"},
    /* Newer than Unicode 3.2, so unassigned for stringprep. */
    {"a@h.test/😀", "a", "h.test", "😀"},
    {"a@h.test/🫠", "a", "h.test", "🫠"},
    {"😀@h.test", "😀", "h.test", NULL},
    {"שלום@h.test/שלום", "שלום", "h.test", "שלום"},
    /* Domains. */
    {"a@h.test.", "a", "h.test", NULL},
    {"a@h.test./r", "a", "h.test", "r"},
    {"xn--mnchen-3ya.example", NULL, "münchen.example", NULL},
    {"XN--Mnchen-3YA.Example", NULL, "münchen.example", NULL},
    {"MÜNCHEN.example", NULL, "münchen.example", NULL},
    {"mu\xCC\x88nchen.example.", NULL, "münchen.example", NULL},
    {"münchen。example。", NULL, "münchen.example", NULL},
    {"faß.example", NULL, "faß.example", NULL},
    {"xn--fa-hia.example", NULL, "faß.example", NULL},
    {"Ｈ.test", NULL, "h.test", NULL},
    {"אב1.example", NULL, "אב1.example", NULL},
    {"a---b.h.test", NULL, "a---b.h.test", NULL},
    {"192.0.2.1", NULL, "192.0.2.1", NULL},
    {"a@[::1]/r", "a", "[::1]", "r"},
    {"[2001:DB8:0:0:0:0:0:1]", NULL, "[2001:db8::1]", NULL},
    {"[::ffff:192.0.2.1]", NULL, "[::ffff:192.0.2.1]", NULL},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct jid jid;
        char *bare = good[i].local ? xasprintf("%s@%s", good[i].local, good[i].domain)
                                   : xstrdup(good[i].domain);
        char *full = good[i].resource ? xasprintf("%s/%s", bare, good[i].resource) : xstrdup(bare);

        parse_or_fail(good[i].text, &jid);
        check_text(jid.local, good[i].local, good[i].text);
        check_text(jid.domain, good[i].domain, good[i].text);
        check_text(jid.resource, good[i].resource, good[i].text);
        check_text(jid.bare, bare, good[i].text);
        check_text(jid.full, full, good[i].text);
        free(bare);
        free(full);
    }
}

/* What came out once is its own preparation: the forms are canonical. */
static void test_preparation_is_stable(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct jid once;
        struct jid twice;

        parse_or_fail(good[i].text, &once);
        parse_or_fail(once.full, &twice);
        check_text(twice.full, once.full, good[i].text);
    }
}

static const char *const bad[] = {
    "",
    "/",
    "@",
    "@/",
    "@h.test",
    "a@",
    "a@/r",
    "/r",
    "a@h.test/",
    "h.test/",
    "a@b@c",
    "a@@h.test",
    "@@",
    "a@h.test@",
    /* Local parts: what nodeprep forbids, ASCII and not. */
    "a b@h.test",
    " a@h.test",
    "a @h.test",
    "\"a@h.test",
    "a&b@h.test",
    "a'b@h.test",
    "a:b@h.test",
    "<a@h.test",
    "a>@h.test",
    "a\tb@h.test",
    "a\nb@h.test",
    "a\x7F"
    "b@h.test",
    "a\x01@h.test",
    "a\xC2\xA0"
    "b@h.test", /* no-break space */
    "a＠b@h.test",
    "a／b@h.test",
    "\xC2\xAD@h.test", /* nothing left */
    "ab\xE2\x80\xAE"
    "c@h.test", /* U+202E */
    "a\xE2\x80\xA8@h.test",
    "a\xEF\xBF\xBD@h.test", /* U+FFFD */
    "a\xEE\x80\x80@h.test", /* private use */
    "שa@h.test",            /* RFC 3454 §6 */
    "ש1@h.test",
    /* Resources. */
    "a@h.test/\t",
    "a@h.test/r\n",
    "a@h.test/\x7F",
    "a@h.test/r\xE2\x80\xAE"
    "x", /* U+202E */
    "a@h.test/\xE2\x80\x8E",
    "a@h.test/\xC2\x85",
    "a@h.test/\xC2\xAD",
    "a@h.test/\xEF\xBF\xBE", /* not a character */
    "a@h.test/שa",
    /* Not UTF-8 at all. */
    "\xC3@h.test",
    "a\x80@h.test",
    "a@h.test/\xED\xA0\x80",
    "a@h.test/\xE2\x82",
    "a@h\xFF.test",
    "\xC0\xAF@h.test",
    "a@h.test/\xF4\x90\x80\x80",
    /* Domains. */
    "a@.",
    "a@..",
    "a@.h.test",
    "a@h..test",
    "a@h.test..",
    "a@-h.test",
    "a@h-.test",
    "a@h_1.test",
    "a@h test",
    "a@h.test:5222",
    "a@h,test",
    "a@ü b.test",
    "a@ü_.test",
    "ü@ü＠h.test",
    "ü／.test",
    "ü%.test",
    "ü..test",
    ".ü",
    "-ü.test",
    "\xCC\x80"
    "a.test",
    "1אב.test",
    "ü\xE2\x80\xAE.test",
    "\xE2\x80\x8D.test",
    "☃.test",
    "xn--.test",
    "xn--a.test",
    "xn--zzzzzz.test",
    "xn--n3h.test",
    "xn--ls8h.test",
    "xn--abc-.test",
    "xn--example-.test", /* would be "example" in A-label disguise */
    "\xC2\xAD",
    "[]",
    "[",
    "[:]",
    "[::1",
    "[::1]x",
    "[::1%lo]",
    "[192.0.2.1]",
    "[1:2:3:4:5:6:7:8:9]",
    "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
};

static void test_bad(void **state)
{
    (void)state;
    assert_true(ARRAY_SIZE(bad) >= 60);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct jid jid;

        if (jid_parse(arena, bad[i], &jid) != ERR_MALFORMED)
            fail_msg("accepted: '%s' as '%s'", bad[i], jid.full);
    }
}

/* `count` times `text`, then `end`, all in the arena. */
static const char *repeat(const char *text, size_t count, const char *end)
{
    size_t length = strlen(text);
    char *result = arena_alloc(arena, length * count + strlen(end) + 1);

    for (size_t i = 0; i < count; i++)
        memcpy(result + i * length, text, length);
    memcpy(result + count * length, end, strlen(end) + 1);
    return result;
}

/* 63-byte labels and a rest, `length` bytes in all. */
static const char *long_domain(size_t length)
{
    char *domain = arena_alloc(arena, length + 1);

    for (size_t i = 0; i < length; i++)
        domain[i] = i % 64 == 63 ? '.' : 'd';
    domain[length] = '\0';
    return domain;
}

static void test_limits(void **state)
{
    const struct {
        const char *local;
        const char *domain;
        const char *resource;
        int result;
    } rows[] = {
        {repeat("a", 1023, ""), long_domain(1023), repeat("r", 1023, ""), 0},
        {repeat("a", 1024, ""), "h.test", NULL, ERR_MALFORMED},
        {"a", long_domain(1025), NULL, ERR_MALFORMED},
        {"a", repeat("d", 63, ".test"), NULL, 0},
        {"a", repeat("d", 64, ".test"), NULL, ERR_MALFORMED},
        {"a", "h.test", repeat("r", 1024, ""), ERR_MALFORMED},
        /* The border in the middle of a character. */
        {repeat("ü", 511, "a"), "h.test", repeat("♚", 341, ""), 0},
        {repeat("ü", 512, ""), "h.test", NULL, ERR_MALFORMED},
        {"a", "h.test", repeat("♚", 341, "r"), ERR_MALFORMED},
        {"a", "h.test", repeat("😀", 255, "rrr"), 0},
        {"a", "h.test", repeat("😀", 256, ""), ERR_MALFORMED},
        /* It is the prepared form that counts, shorter and longer than what came. */
        {repeat("ａ", 1023, ""), "h.test", repeat("ａ", 1023, ""), 0},
        {repeat("ａ", 1024, ""), "h.test", NULL, ERR_MALFORMED},
        {repeat("ß", 511, "a"), "h.test", NULL, 0},
        {"a", "h.test", repeat("\xEF\xB7\xBA", 400, ""), ERR_MALFORMED},
        {repeat("\xC2\xAD", 100000, "a"), "h.test", NULL, ERR_MALFORMED},
        {"a", repeat("ü", 100000, ".test"), NULL, ERR_MALFORMED},
        {"a", repeat("ü.", 100000, "test"), NULL, ERR_MALFORMED},
        {"a", repeat("[", 100000, "]"), NULL, ERR_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct jid jid;
        int result = jid_make(arena, rows[i].local, rows[i].domain, rows[i].resource, &jid);

        if (result != rows[i].result)
            fail_msg("row %zu: %s", i, error_text(result));
        if (i == 0) {
            assert_int_equal(strlen(jid.full), JID_MAX);
            assert_int_equal(jid_parse(arena, jid.full, &jid), 0);
        }
    }
    assert_int_equal(strlen(long_domain(1024)), 1024);
    assert_int_equal(strlen(rows[11].local), 3 * 1023);
}

static void test_make(void **state)
{
    struct jid jid;

    (void)state;
    assert_int_equal(jid_make(arena, "Alice", "H.Test", "R", &jid), 0);
    assert_string_equal(jid.full, "alice@h.test/R");
    assert_int_equal(jid_make(arena, NULL, "h.test", NULL, &jid), 0);
    assert_string_equal(jid.full, "h.test");
    assert_null(jid.local);
    assert_null(jid.resource);
    assert_int_equal(jid_make(arena, "", "h.test", NULL, &jid), ERR_MALFORMED);
    assert_int_equal(jid_make(arena, "a", "h.test", "", &jid), ERR_MALFORMED);
    assert_int_equal(jid_make(arena, "a", "", NULL, &jid), ERR_MALFORMED);
    assert_int_equal(jid_make(arena, "a", NULL, NULL, &jid), ERR_MALFORMED);
    assert_int_equal(jid_make(arena, "a/b", "h.test", NULL, &jid), ERR_MALFORMED);
    assert_int_equal(jid_make(arena, "a", "h.test/b", NULL, &jid), ERR_MALFORMED);
}

static void test_parts_alone(void **state)
{
    const char *prepared;

    (void)state;
    assert_int_equal(jid_prepare_local(arena, "ÄLICE", &prepared), 0);
    assert_string_equal(prepared, "älice");
    assert_int_equal(jid_prepare_local(arena, "Alice", &prepared), 0);
    assert_string_equal(prepared, "alice");
    assert_int_equal(jid_prepare_domain(arena, "xn--mnchen-3ya.DE.", &prepared), 0);
    assert_string_equal(prepared, "münchen.de");
    assert_int_equal(jid_prepare_resource(arena, "Ａ", &prepared), 0);
    assert_string_equal(prepared, "A");
    assert_int_equal(jid_prepare_local(arena, "a@b", &prepared), ERR_MALFORMED);
    assert_int_equal(jid_prepare_domain(arena, "a@b", &prepared), ERR_MALFORMED);
    assert_int_equal(jid_prepare_resource(arena, "", &prepared), ERR_MALFORMED);
}

static void test_dup(void **state)
{
    struct jid jid;
    struct jid *copy;
    struct jid *other;
    struct jid *bare;

    (void)state;
    parse_or_fail("ünal@h.test/R", &jid);
    copy = jid_dup(&jid);
    other = jid_dup_with_resource(&jid, "S");
    bare = jid_dup_with_resource(copy, NULL);
    assert_ptr_not_equal(copy->full, jid.full);
    assert_true(jid_equal(copy, &jid));
    assert_string_equal(copy->local, "ünal");
    assert_string_equal(copy->domain, "h.test");
    assert_string_equal(copy->resource, "R");
    assert_string_equal(other->full, "ünal@h.test/S");
    assert_false(jid_equal(other, &jid));
    assert_true(jid_bare_equal(other, &jid));
    assert_string_equal(bare->full, "ünal@h.test");
    assert_null(bare->resource);
    free(copy);
    free(other);
    free(bare);
    parse_or_fail("h.test", &jid);
    copy = jid_dup(&jid);
    assert_string_equal(copy->full, "h.test");
    assert_null(copy->local);
    free(copy);
}

static const struct {
    const char *local;
    bool registrable;
} registrations[] = {
    {"alice", true},
    {"alice.b-c_d+e=1", true},
    {"123", true},
    {"ünal", true},
    {"шура", true},
    {"山田太郎", true},
    {"שלום", true},
    {"علي", true},
    {"عليّ", false}, /* nodeprep wants a letter at the end, no mark */
    {"הי\xD6\xB0", false},
    {"l\xC2\xB7l", true}, /* RFC 5892 §A.3: between two l only */
    {"カ・ト", true},     /* RFC 5892 §A.7 */
    {"ab・c", false},
    {"a\xC2\xB7"
     "b",
     false},
    {"\xC2\xB7", false},
    {"", false},
    {"Alice", false},
    {"a@b", false},
    {"a b", false},
    {"Ünal", false},
    {"u\xCC\x88nal", false}, /* not NFC */
    {"Ａlice", false},
    {"straße", false},  /* PRECIS keeps it, nodeprep does not */
    {"σίσυφος", false}, /* likewise */
    {"henry⁵", false},
    {"ﬁsh", false},
    {"😀", false}, /* nodeprep keeps it, PRECIS does not */
    {"a★", false},
    {"a…", false},
    {"a\xC2\xADlice", false},
    {"ab\xE2\x80\x8D"
     "c",
     false},
    {"\xE1\x84\x80", false}, /* old Hangul */
    {"ـب", false},           /* tatweel, RFC 8264 §9.6 */
    {"שa", false},
    {"aש", false},
    {"ب٣", false},   /* fine for PRECIS, nodeprep wants a letter at the end (RFC 3454 §6) */
    {"ب٣۳ب", false}, /* two sorts of digits */
    {"ب٣ب", true},
    {"ب٣3ب", false},                 /* RFC 5893 §2, condition 4 */
    {"\xC9\xB0\xE2\xB1\xAF", false}, /* U+2C6F, a capital only newer tables know */
    {"\xF0\x9E\xA4\x80", false},     /* likewise, U+1E900 */
    {"\xCD\xB8", false},             /* unassigned */
    {"\xC3", false},
};

static void test_registrable(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(registrations); i++) {
        if (jid_local_registrable(registrations[i].local) != registrations[i].registrable)
            fail_msg("'%s' should %sbe registrable", registrations[i].local,
                     registrations[i].registrable ? "" : "not ");
    }
    assert_true(jid_local_registrable(repeat("a", 1023, "")));
    assert_false(jid_local_registrable(repeat("a", 1024, "")));
}

static void test_domain_is_below(void **state)
{
    (void)state;
    assert_true(jid_domain_is_below("rooms.example.net", "example.net"));
    assert_true(jid_domain_is_below("a.rooms.example.net", "example.net"));
    assert_false(jid_domain_is_below("example.net", "example.net"));
    assert_false(jid_domain_is_below("anexample.net", "example.net"));
    assert_false(jid_domain_is_below(".example.net", "example.net"));
    assert_false(jid_domain_is_below("net", "example.net"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preparation_is_stable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_make, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dup, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registrable, setup, teardown),
        cmocka_unit_test(test_domain_is_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
