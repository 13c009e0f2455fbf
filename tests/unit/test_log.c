/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of log lines, read back from a file that stands in for standard error.
 */
#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log_journal.h"
#include "common/base/macros.h"
#include "common/base/memory.h"
#include "common/base/utf8.h"
#include "tests/unit/unit.h"

struct capture {
    int real_stderr;
    FILE *file;
    struct buffer text;
};

static int begin(void **state)
{
    struct capture *capture = calloc(1, sizeof(*capture));

    capture->file = tmpfile();
    capture->real_stderr = dup(STDERR_FILENO);
    dup2(fileno(capture->file), STDERR_FILENO);
    unsetenv("JOURNAL_STREAM");
    log_set_level(LOG_LEVEL_INFO);
    *state = capture;
    return 0;
}

static int end(void **state)
{
    struct capture *capture = *state;

    dup2(capture->real_stderr, STDERR_FILENO);
    close(capture->real_stderr);
    fclose(capture->file);
    buffer_fini(&capture->text);
    free(capture);
    return 0;
}

/* What was written since the last call. */
static const char *written(struct capture *capture)
{
    int fd = fileno(capture->file);
    ssize_t count;

    buffer_clear(&capture->text);
    buffer_append(&capture->text, NULL, 0);
    lseek(fd, 0, SEEK_SET);
    while ((count = read(fd, buffer_reserve(&capture->text, 4096), 4096)) > 0) {
        buffer_added(&capture->text, (size_t)count);
    }
    assert_int_equal(ftruncate(fd, 0), 0);
    lseek(fd, 0, SEEK_SET);
    return capture->text.data;
}

/* Each check in a second of its own. */
static void next_second(void)
{
    static uint64_t now = 1000;

    now += 1000;
    clock_fake(now, 0);
}

static void test_line_has_level_event_and_fields(void **state)
{
    next_second();
    log_info("client_bound", LOG_TEXT("sid", "s1"), LOG_TEXT("jid", "a@b/c"), LOG_INT("n", -5));
    assert_string_equal(written(*state), "info event=client_bound sid=s1 jid=a@b/c n=-5\n");
    log_error("nothing_more", );
    assert_string_equal(written(*state), "error event=nothing_more\n");
    log_warn("failed", LOG_ERROR(ERR_TIMEOUT));
    assert_string_equal(written(*state), "warn event=failed reason=\"timed out\"\n");
    log_info("numbers", LOG_INT("a", INT64_MIN), LOG_INT("b", INT64_MAX));
    assert_string_equal(written(*state), "info event=numbers a=-9223372036854775808 "
                                         "b=9223372036854775807\n");
}

static void test_null_fields_are_left_out(void **state)
{
    next_second();
    log_info("e", LOG_TEXT("a", NULL), LOG_TEXT("b", "1"), LOG_TEXT("c", NULL));
    assert_string_equal(written(*state), "info event=e b=1\n");
}

static const struct {
    const char *value, *logged;
} values[] = {
    {"plain", "plain"},
    {"a@b.example/c", "a@b.example/c"},
    {"[::1]:5222", "[::1]:5222"},
    {"", "\"\""},
    {"two words", "\"two words\""},
    {"k=v", "\"k=v\""},
    {"say \"hi\"", "\"say \\\"hi\\\"\""},
    {"back\\slash", "\"back\\\\slash\""},
    {"x\nerror event=forged", "\"x\\x0aerror event=forged\""},
    {"cr\rlf", "\"cr\\x0dlf\""},
    {"tab\t", "\"tab\\x09\""},
    {"\x1b[31m", "\"\\x1b[31m\""},
    {"\x7f", "\"\\x7f\""},
    {"\x01", "\"\\x01\""},
    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
    {"\xd0\x90\xd0\xbb\xd0\xb8\xd1\x81\xd0\xb0", "\xd0\x90\xd0\xbb\xd0\xb8\xd1\x81\xd0\xb0"},
    {"\xf0\x9f\x99\x82", "\xf0\x9f\x99\x82"},
    {"\xc2\x9b", "\"\\xc2\\x9b\""},          /* C1: starts a terminal sequence */
    {"\xe2\x80\xae", "\"\\xe2\\x80\\xae\""}, /* right-to-left override */
    {"\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\""}, /* line separator */
    {"\xff", "\"\\xff\""},
    {"\x80", "\"\\x80\""},
    {"a\xc3", "\"a\\xc3\""}, /* ends early */
    {"\xc3\x28", "\"\\xc3(\""},
    {"\xc0\x8a", "\"\\xc0\\x8a\""}, /* overlong newline */
    {"\xe0\x80\x8a", "\"\\xe0\\x80\\x8a\""},
    {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},          /* surrogate */
    {"\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\""}, /* above U+10FFFF */
    {"\xf8\x88\x80\x80\x80", "\"\\xf8\\x88\\x80\\x80\\x80\""},
};

static void test_values_cannot_forge(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        char expected[200];
        next_second();
        log_info("e", LOG_TEXT("v", values[i].value), LOG_INT("n", 1));
        snprintf(expected, sizeof(expected), "info event=e v=%s n=1\n", values[i].logged);
        assert_string_equal(written(*state), expected);
    }
}

static void test_lines_for_people_cannot_act(void **state UNUSED)
{
    static const char *const rows[][2] = {
        {"a b=\"c\" gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82",
         "a b=\"c\" gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82"},
        {"\xe2\x80\x8d", "\xe2\x80\x8d"}, /* joins emoji */
        {"x\ny\rz\t", "x?y?z?"},
        {"\x1b[2J\x7f", "?[2J?"},
        {"\xc2\x9b"
         "2J",
         "?2J"},
        {"\xe2\x80\xae"
         "a\xe2\x81\xa6",
         "?a?"},
        {"\xe2\x80\xa8", "?"},
        {"\xff"
         "a\xc3",
         "?a?"},
        {"", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *text = xstrdup(rows[i][0]);
        utf8_hide_controls(text);
        assert_string_equal(text, rows[i][1]);
        free(text);
    }
}

static size_t logged_length(void **state, const char *value)
{
    next_second();
    log_info("e", LOG_TEXT("v", value));
    return strlen(written(*state)) - strlen("info event=e v=\n");
}

static void test_values_are_cut(void **state)
{
    char value[1000] = "";

    memset(value, 'a', sizeof(value) - 1);
    assert_int_equal(logged_length(state, value), 256);
    value[256] = '\0';
    assert_int_equal(logged_length(state, value), 256);
    value[255] = '\0';
    assert_int_equal(logged_length(state, value), 255);
    /* Not in the middle of a character: it goes as a whole. */
    snprintf(value, sizeof(value), "%0254d\xf0\x9f\x99\x82 and more", 0);
    assert_int_equal(logged_length(state, value), 254);
    snprintf(value, sizeof(value), "%0252d\xf0\x9f\x99\x82", 0);
    assert_int_equal(logged_length(state, value), 256);
}

static void test_levels_filter(void **state)
{
    next_second();
    log_debug("quiet", LOG_INT("n", 1));
    assert_string_equal(written(*state), "");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("loud", LOG_INT("n", 1));
    assert_string_equal(written(*state), "debug event=loud n=1\n");
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("quiet", LOG_INT("n", 1));
    assert_string_equal(written(*state), "");
    log_error("loud", LOG_INT("n", 1));
    assert_string_equal(written(*state), "error event=loud n=1\n");
}

static void test_level_names(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_DEBUG;

    assert_int_equal(log_level_parse("error", &level), 0);
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_int_equal(log_level_parse("warn", &level), 0);
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_int_equal(log_level_parse("info", &level), 0);
    assert_int_equal(level, LOG_LEVEL_INFO);
    assert_int_equal(log_level_parse("debug", &level), 0);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("INFO", &level), ERR_INVALID);
    assert_int_equal(log_level_parse("", &level), ERR_INVALID);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;

    for (; *text; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void log_many(const char *event, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        log_info(event, LOG_INT("n", i));
    }
}

static void test_floods_are_suppressed_and_counted(void **state)
{
    clock_fake(5000000, 0);
    log_many("flood", 25);
    assert_int_equal(count_lines(written(*state)), 10);
    log_many("other", 10); /* has its own count */
    assert_int_equal(count_lines(written(*state)), 10);
    clock_fake(5000999, 0);
    log_many("flood", 5);
    assert_string_equal(written(*state), "");
    clock_fake(5001000, 0);
    log_info("flood", LOG_INT("n", 1));
    assert_string_equal(written(*state), "info event=flood n=1 suppressed=20\n");
    log_info("flood", LOG_INT("n", 2));
    assert_string_equal(written(*state), "info event=flood n=2\n");
    log_many("flood", 10);
    assert_int_equal(count_lines(written(*state)), 8);
}

/* What the level drops does not use up the share of what it lets through. */
static void test_dropped_levels_do_not_count(void **state)
{
    clock_fake(6000000, 0);
    for (int i = 0; i < 20; i++) {
        log_debug("both", LOG_INT("n", i));
    }
    log_info("both", LOG_INT("n", 1));
    assert_string_equal(written(*state), "info event=both n=1\n");
}

static void set_journal(struct capture *capture, unsigned off_by)
{
    char stream[64];
    struct stat status;

    fstat(fileno(capture->file), &status);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino + off_by);
    setenv("JOURNAL_STREAM", stream, 1);
}

/* Where the journal takes no entries it is a stream of lines (sd-daemon(3)). */
static void test_the_stream_gets_priorities(void **state)
{
    next_second();
    set_journal(*state, 0);
    log_journal_set_socket("/tmp/there-is-no-such-socket");
    log_set_level(LOG_LEVEL_DEBUG);
    log_error("j", LOG_INT("n", 1));
    log_warn("j", LOG_INT("n", 2));
    log_info("j", LOG_INT("n", 3));
    log_debug("j", LOG_INT("n", 4));
    assert_string_equal(written(*state), "<3>error event=j n=1\n<4>warn event=j n=2\n"
                                         "<6>info event=j n=3\n<7>debug event=j n=4\n");
}

/* A socket where the journal's would be. */
static int listen_as_journal(struct sockaddr_un *address)
{
    static char path[] = "/tmp/kontalk-journal-XXXXXX";
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_non_null(mkdtemp(path));
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof(address->sun_path), "%s/socket", path);
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
    log_journal_set_socket(address->sun_path);
    return fd;
}

/* Values are what they are there; one with a line feed, which could forge a field, has its length.
 */
static void test_the_journal_gets_fields(void **state)
{
    static const char expected[] =
        "PRIORITY=6\nMESSAGE=info event=seen jid=a@b n=-5 text=\"a b\\x0aPRIORITY=0\"\n"
        "SYSLOG_IDENTIFIER=test_log\nXMPP_EVENT=seen\nXMPP_JID=a@b\nXMPP_N=-5\n"
        "XMPP_TEXT\n\x0e\0\0\0\0\0\0\0a b\nPRIORITY=0\n";
    struct sockaddr_un address = {0};
    char entry[1024] = "";

    next_second();
    set_journal(*state, 0);
    int fd = listen_as_journal(&address);
    log_info("seen", LOG_TEXT("jid", "a@b"), LOG_TEXT("none", NULL), LOG_INT("n", -5),
             LOG_TEXT("text", "a b\nPRIORITY=0"));
    assert_string_equal(written(*state), "");
    assert_int_equal(recv(fd, entry, sizeof(entry), 0), sizeof(expected) - 1);
    assert_memory_equal(entry, expected, sizeof(expected) - 1);
    close(fd);
    unlink(address.sun_path);
    *strrchr(address.sun_path, '/') = '\0';
    rmdir(address.sun_path);
    /* It is away: the line is not lost. */
    log_warn("unseen", LOG_INT("n", 1));
    assert_string_equal(written(*state), "<4>warn event=unseen n=1\n");
}

/* The variable is inherited by those whose standard error is not the journal. */
static void test_others_get_no_priorities(void **state)
{
    next_second();
    set_journal(*state, 1);
    log_info("k", LOG_INT("n", 1));
    setenv("JOURNAL_STREAM", "nonsense", 1);
    log_info("k", LOG_INT("n", 2));
    assert_string_equal(written(*state), "info event=k n=1\ninfo event=k n=2\n");
}

static void test_errno_survives(void **state)
{
    (void)state;
    next_second();
    int saved = dup(STDERR_FILENO);

    close(STDERR_FILENO);
    errno = ENOENT;
    log_info("unheard", LOG_INT("n", 1));
    int after = errno;
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(after, ENOENT);
}

static void test_error_texts(void **state)
{
    (void)state;
    assert_string_equal(error_text(0), "success");
    assert_string_equal(error_text(ERR_AGAIN), "not yet, try again");
    assert_string_equal(error_text(ERR_UNSUPPORTED), "not supported");
    assert_string_equal(error_text(ERR_UNSUPPORTED - 1), "unknown error");
    assert_string_equal(error_text(1), "unknown error");
    assert_string_equal(error_text(INT32_MIN), "unknown error");
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(test_line_has_level_event_and_fields),
        CAPTURED(test_null_fields_are_left_out),
        CAPTURED(test_values_cannot_forge),
        cmocka_unit_test(test_lines_for_people_cannot_act),
        CAPTURED(test_values_are_cut),
        CAPTURED(test_levels_filter),
        CAPTURED(test_level_names),
        CAPTURED(test_floods_are_suppressed_and_counted),
        CAPTURED(test_dropped_levels_do_not_count),
        CAPTURED(test_the_stream_gets_priorities),
        CAPTURED(test_the_journal_gets_fields),
        CAPTURED(test_others_get_no_priorities),
        CAPTURED(test_errno_survives),
        cmocka_unit_test(test_error_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
