/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * common/sasl/scram_message.h: which texts are SCRAM messages, and what is in them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/macros.h"
#include "common/base/memory.h"
#include "common/sasl/scram_message.h"
#include "tests/unit/unit.h"

static void check_span(struct span span, const char *expected)
{
    assert_int_equal(span.length, strlen(expected));
    assert_memory_equal(span.text, expected, span.length);
}

static const struct {
    const char *message;
    char flag;
    const char *binding;
    const char *authzid;
    const char *header;
    const char *user;
    const char *nonce;
} firsts[] = {
    /* RFC 5802 §5 */
    {"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", 'n', "", NULL, "n,,", "user",
     "fyko+d2lbbFgONRv9qkxdawL"},
    {"y,,n=user,r=x", 'y', "", NULL, "y,,", "user", "x"},
    {"p=tls-exporter,,n=user,r=x", 'p', "tls-exporter", NULL, "p=tls-exporter,,", "user", "x"},
    {"p=a.B-9,a=u@h.test,n=u,r=!~", 'p', "a.B-9", "u@h.test", "p=a.B-9,a=u@h.test,", "u", "!~"},
    {"n,a=a=2Cb=3Dc,n==2C=3D=2C,r=x=,", 0, NULL, NULL, NULL, NULL, NULL},
    {"n,a=a=2Cb=3Dc,n==2C=3D=2C,r=x=", 'n', "", "a,b=c", "n,a=a=2Cb=3Dc,", ",=,", "x="},
    {"n,,n=ü@/ \x01,r=x", 'n', "", NULL, "n,,", "ü@/ \x01", "x"},
    {"n,,n=u,r=x,Z=1,z=a=b,b=ü", 'n', "", NULL, "n,,", "u", "x"},
};

static void test_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
        struct scram_client_first first;
        size_t length = strlen(firsts[i].message);
        int result = scram_client_first_parse(firsts[i].message, length, &first);

        assert_int_equal(result, firsts[i].flag ? 0 : ERR_MALFORMED);
        if (result < 0)
            continue;
        assert_int_equal(first.flag, firsts[i].flag);
        check_span(first.binding, firsts[i].binding);
        check_span(first.header, firsts[i].header);
        check_span(first.bare, firsts[i].message + strlen(firsts[i].header));
        check_span(first.nonce, firsts[i].nonce);
        assert_string_equal(first.user, firsts[i].user);
        if (firsts[i].authzid)
            assert_string_equal(first.authzid, firsts[i].authzid);
        else
            assert_null(first.authzid);
        scram_client_first_fini(&first);
    }
}

static const char *const bad_firsts[] = {
    "",
    ",",
    ",,",
    "n",
    "n,",
    "n,,",
    "n=",
    "n,,n=u",
    "n,,n=u,",
    "n,,n=u,r",
    "n,,n=u,r=",
    /* The flag. */
    "x,,n=u,r=x",
    "N,,n=u,r=x",
    "nn,,n=u,r=x",
    "n=,,n=u,r=x",
    "y=tls-exporter,,n=u,r=x",
    "p,,n=u,r=x",
    "p=,,n=u,r=x",
    "p=a b,,n=u,r=x",
    "p=a_b,,n=u,r=x",
    "p=ü,,n=u,r=x",
    "ptls-exporter,,n=u,r=x",
    ",,n=u,r=x",
    " n,,n=u,r=x",
    /* The authorization identity. */
    "n,n=u,r=x",
    "n,a=,n=u,r=x",
    "n,a,n=u,r=x",
    "n,b=u,n=u,r=x",
    "n,u@h,n=u,r=x",
    "n,a=u=,n=u,r=x",
    "n,a=u=2c,n=u,r=x",
    "n,a=u,,n=u,r=x",
    "n,a=u,a=u,n=u,r=x",
    "n,a=u",
    "n,a=u,",
    "n,A=u,n=u,r=x",
    /* The user. */
    "n,,n=,r=x",
    "n,,n==,r=x",
    "n,,n=a=2,r=x",
    "n,,n=a=2c,r=x",
    "n,,n=a=3d,r=x",
    "n,,n=a=00,r=x",
    "n,,n=a=,r=x",
    "n,,u=u,r=x",
    "n,,N=u,r=x",
    "n,,r=x",
    "n,,r=x,n=u",
    "n,,n=u=u,r=x",
    /* The nonce. */
    "n,,n=u,r=a b",
    "n,,n=u,r=\x7F",
    "n,,n=u,r=ü",
    "n,,n=u,r=\t",
    "n,,n=u,R=x",
    "n,,n=u,x=y,r=x",
    /* Extensions that must be understood, repetition, attributes of other messages. */
    "n,,m=x,n=u,r=x",
    "n,,n=u,m=x,r=x",
    "n,,n=u,r=x,m=x",
    "n,,n=u,n=u,r=x",
    "n,,n=u,r=x,r=x",
    "n,,n=u,r=x,n=u",
    "n,,n=u,r=x,x=1,x=2",
    "n,,n=u,r=x,a=u",
    "n,,n=u,r=x,c=biws",
    "n,,n=u,r=x,p=eA==",
    "n,,n=u,r=x,s=eA==",
    "n,,n=u,r=x,i=1",
    "n,,n=u,r=x,v=eA==",
    "n,,n=u,r=x,e=no",
    "n,,n=u,r=x,",
    "n,,n=u,r=x,,",
    "n,,n=u,r=x,x",
    "n,,n=u,r=x,x=",
    "n,,n=u,r=x,1=a",
    "n,,n=u,r=x,xx=a",
    "n,,n=u,r=x,=a",
    "n,,n=u,,r=x",
    /* Not UTF-8. */
    "n,,n=\xC3,r=x",
    "n,,n=u,r=x,x=\xFF",
    "n,,n=\xED\xA0\x80,r=x",
};

static void test_bad_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_firsts); i++) {
        struct scram_client_first first;

        if (scram_client_first_parse(bad_firsts[i], strlen(bad_firsts[i]), &first) != ERR_MALFORMED)
            fail_msg("accepted: '%s'", bad_firsts[i]);
    }
}

/* A NUL anywhere; and every prefix, at the end of a block so that tools see reading beyond. */
static void test_first_cut_and_nul(void **state)
{
    static const char whole[] = "p=tls-exporter,a=u@h.test,n=u=2Cu,r=nonce,x=1";
    size_t valid_from = strlen("p=tls-exporter,a=u@h.test,n=u=2Cu,r=n");

    (void)state;
    for (size_t length = 0; length < strlen(whole); length++) {
        char *cut = xmalloc(length > 0 ? length : 1);
        struct scram_client_first first;
        bool complete = length >= valid_from && strchr(",=x", whole[length - 1]) == NULL;
        int result;

        memcpy(cut, whole, length);
        result = scram_client_first_parse(cut, length, &first);
        assert_int_equal(result, complete ? 0 : ERR_MALFORMED);
        if (result == 0)
            scram_client_first_fini(&first);
        free(cut);
    }
    for (size_t at = 0; at < strlen(whole); at++) {
        char message[sizeof(whole)];
        struct scram_client_first first;

        memcpy(message, whole, sizeof(whole));
        message[at] = '\0';
        assert_int_equal(scram_client_first_parse(message, strlen(whole), &first), ERR_MALFORMED);
    }
}

static void test_final(void **state)
{
    static const struct {
        const char *message;
        const char *binding;
        const char *nonce;
        const char *without_proof;
        const char *proof;
    } rows[] = {
        {"c=biws,r=fyko+d2l3rfc,p=cHJvb2Y=", "n,,", "fyko+d2l3rfc", "c=biws,r=fyko+d2l3rfc",
         "proof"},
        {"c=biws,r=x,Z=1,y=a=b,p=eA==", "n,,", "x", "c=biws,r=x,Z=1,y=a=b", "x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scram_client_final final;

        assert_int_equal(scram_client_final_parse(rows[i].message, strlen(rows[i].message), &final),
                         0);
        assert_string_equal(final.binding.data, rows[i].binding);
        check_span(final.nonce, rows[i].nonce);
        check_span(final.without_proof, rows[i].without_proof);
        assert_string_equal(final.proof.data, rows[i].proof);
        scram_client_final_fini(&final);
    }
}

static const char *const bad_finals[] = {
    "",
    ",",
    "c",
    "c=",
    "c=biws",
    "c=biws,",
    "c=biws,r=x",
    "c=biws,r=x,",
    "c=biws,r=x,p",
    "c=biws,r=x,p=",
    "c=biws,r=x,p=eA",
    "c=biws,r=x,p=eA=",
    "c=biws,r=x,p=e*==",
    "c=biws,r=x,p=eB==",
    "c=biws,r=x,p=eA==,",
    "c=biws,r=x,p=eA==,x=1",
    "c=biws,r=x,p=eA== ",
    "c=biws,r=x,p=eA==,p=eA==",
    "c=biw,r=x,p=eA==",
    "c=bi s,r=x,p=eA==",
    "c=,r=x,p=eA==",
    "r=x,c=biws,p=eA==",
    "p=eA==,c=biws,r=x",
    "c=biws,p=eA==,r=x",
    "c=biws,p=eA==",
    "r=x,p=eA==",
    "c=biws,r=,p=eA==",
    "c=biws,r=a b,p=eA==",
    "c=biws,r=ü,p=eA==",
    "c=biws,c=biws,r=x,p=eA==",
    "c=biws,r=x,r=x,p=eA==",
    "c=biws,r=x,c=biws,p=eA==",
    "m=1,c=biws,r=x,p=eA==",
    "c=biws,m=1,r=x,p=eA==",
    "c=biws,r=x,m=1,p=eA==",
    "c=biws,r=x,x=1,x=1,p=eA==",
    "c=biws,r=x,n=u,p=eA==",
    "c=biws,r=x,v=eA==,p=eA==",
    "c=biws,r=x,,p=eA==",
    "c=biws,,r=x,p=eA==",
    ",c=biws,r=x,p=eA==",
    "C=biws,r=x,p=eA==",
    "c=biws,r=x,P=eA==",
    "n,,n=u,r=x",
    "c=biws,r=x,x=\xC3,p=eA==",
};

static void test_bad_final(void **state)
{
    static const char nul[] = "c=biws,r=x,x=\0,p=eA==";
    struct scram_client_final final;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_finals); i++) {
        if (scram_client_final_parse(bad_finals[i], strlen(bad_finals[i]), &final) != ERR_MALFORMED)
            fail_msg("accepted: '%s'", bad_finals[i]);
    }
    assert_int_equal(scram_client_final_parse(nul, sizeof(nul) - 1, &final), ERR_MALFORMED);
}

static void test_final_cut(void **state)
{
    static const char whole[] = "c=biws,r=x,z=1,p=cHJvb2Y=";

    (void)state;
    for (size_t length = 0; length < strlen(whole); length++) {
        char *cut = xmalloc(length > 0 ? length : 1);
        struct scram_client_final final;
        /* "p=cHJv" is base64, too. */
        bool complete = length == strlen("c=biws,r=x,z=1,p=cHJv");
        int result;

        memcpy(cut, whole, length);
        result = scram_client_final_parse(cut, length, &final);
        assert_int_equal(result, complete ? 0 : ERR_MALFORMED);
        if (result == 0)
            scram_client_final_fini(&final);
        free(cut);
    }
}

static void test_formats(void **state)
{
    struct verifier verifier = {.iterations = 4096, .salt = "salt", .salt_length = 4};
    struct buffer out = {0};

    (void)state;
    scram_server_first_format(&out, (struct span){"abc,", 3}, "def", &verifier);
    assert_string_equal(out.data, "r=abcdef,s=c2FsdA==,i=4096");
    buffer_clear(&out);
    scram_server_final_format(&out, (const uint8_t *)"proof", 5);
    assert_string_equal(out.data, "v=cHJvb2Y=");
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_bad_first),
        cmocka_unit_test(test_first_cut_and_nul),
        cmocka_unit_test(test_final),
        cmocka_unit_test(test_bad_final),
        cmocka_unit_test(test_final_cut),
        cmocka_unit_test(test_formats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
