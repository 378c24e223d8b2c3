//  test_log: each event is one clean line, whatever is in it
//  SPDX-License-Identifier: MPL-2.0

#include "stint_log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOW INT64_C (1795380901123)  //  2026-11-22T20:55:01.123Z
#define STAMP "2026-11-22T20:55:01.123Z "

//  Stderr of the test, caught in a file without a name.

typedef struct {
    int file;           //  What stderr is now
    int stderr_before;  //  What it was
    char *text;         //  What was caught
} caught_t;

static caught_t
s_catch (void)
{
    caught_t self = {.file = -1, .stderr_before = dup (STDERR_FILENO)};
    char name [] = "/tmp/test_log.XXXXXX";
    self.file = mkstemp (name);
    cr_assert (self.file != -1 && unlink (name) == 0);
    cr_assert_eq (fcntl (self.file, F_SETFL, O_APPEND), 0);
    dup2 (self.file, STDERR_FILENO);
    return self;
}

//  Gives stderr back. Returns what was written to it; the caller frees it.
static char *
s_caught (caught_t *self)
{
    dup2 (self->stderr_before, STDERR_FILENO);
    close (self->stderr_before);
    off_t size = lseek (self->file, 0, SEEK_END);
    self->text = calloc (1, (size_t) size + 1);
    cr_assert_eq (pread (self->file, self->text, (size_t) size, 0), size);
    close (self->file);
    return self->text;
}

//  Returns the line for one event at NOW; the caller frees it.
static char *
s_line (stint_log_level_t level, const char *event, const stint_field_t *fields)
{
    caught_t caught = s_catch ();
    stint_log_fields_at (NOW, level, event, fields);
    return s_caught (&caught);
}

#define LINE(event, ...)                                                                   \
    s_line (STINT_LOG_INFO, event,                                                         \
            (const stint_field_t []){__VA_ARGS__, stint_field_end ()})

#define EXPECT_LINE(expected, ...)                                                         \
    do {                                                                                   \
        char *line = LINE (__VA_ARGS__);                                                   \
        cr_expect_str_eq (line, expected);                                                 \
        free (line);                                                                       \
    } while (0)

Test (log, an_event_is_one_line_with_time_level_name_and_fields)
{
    EXPECT_LINE (STAMP "info task.dead group=resize id=812 reason=\"exit 65\"\n",
                 "task.dead", stint_field_text ("group", "resize"),
                 stint_field_number ("id", 812), stint_field_text ("reason", "exit 65"));
}

Test (log, every_type_of_field_is_written_as_its_reader_expects)
{
    EXPECT_LINE (STAMP "info a.b n=18446744073709551615 s=-5 d=1m30s m=-2s y=yes no=no "
                       "e=\"No space left on device\" t=- b=abc z=\"\"\n",
                 "a.b", stint_field_number ("n", UINT64_MAX), stint_field_signed ("s", -5),
                 stint_field_duration ("d", 90000), stint_field_duration ("m", -2000),
                 stint_field_boolean ("y", true), stint_field_boolean ("no", false),
                 stint_field_errno ("e", ENOSPC), stint_field_text ("t", NULL),
                 stint_field_bytes ("b", stint_bytes_of ("abc")),
                 stint_field_bytes ("z", (stint_bytes_t){NULL, 0}));
    EXPECT_LINE (STAMP "info a.c d=-106751991167d7h12m55s807ms e=\"unknown error\"\n",
                 "a.c", stint_field_duration ("d", INT64_MIN),
                 stint_field_errno ("e", 99999));
}

Test (log, hostile_text_can_neither_end_the_line_nor_forge_a_field)
{
    EXPECT_LINE (STAMP "info a.b x=\"a\\nb\\r\\t\\x00\\x1b[31m\\x7f\"\n", "a.b",
                 stint_field_bytes (
                     "x", (stint_bytes_t){(const uint8_t *) "a\nb\r\t\0\033[31m\177", 12}));
    EXPECT_LINE (STAMP "info a.c x=\"id=5\" y=\"say \\\"hi\\\"\" z=\"a\\\\b\" w=\"-\"\n",
                 "a.c", stint_field_text ("x", "id=5"),
                 stint_field_text ("y", "say \"hi\""), stint_field_text ("z", "a\\b"),
                 stint_field_text ("w", "-"));
    EXPECT_LINE (STAMP "info a.d a_b_c_=1\n", "a.d", stint_field_text ("a b=c\n", "1"));
}

Test (log, utf8_stays_and_what_hides_in_it_is_shown)
{
    EXPECT_LINE (STAMP "info a.b x=h\xc3\xa9llo\xe2\x82\xac\xf0\x9f\x98\x80\n", "a.b",
                 stint_field_text ("x", "h\xc3\xa9llo\xe2\x82\xac\xf0\x9f\x98\x80"));
    //  A C1 control, a line separator, a mark that turns the direction of the text
    static const char hidden [] = {'\xc2', '\x85', '\xe2', '\x80', '\xa8',
                                   '\xe2', '\x80', '\xae', 0};
    EXPECT_LINE (STAMP "info a.c x=\"\\u0085\\u2028\\u202e\"\n", "a.c",
                 stint_field_text ("x", hidden));
    //  Overlong, a surrogate, above the last code point, cut short, a lone continuation
    EXPECT_LINE (STAMP "info a.d a=\"\\xc0\\x8a\" b=\"\\xed\\xa0\\x80\" "
                       "c=\"\\xf4\\x90\\x80\\x80\" d=\"\\xe2\\x82\" e=\"\\x80\"\n",
                 "a.d", stint_field_text ("a", "\xc0\x8a"),
                 stint_field_text ("b", "\xed\xa0\x80"),
                 stint_field_text ("c", "\xf4\x90\x80\x80"),
                 stint_field_text ("d", "\xe2\x82"), stint_field_text ("e", "\x80"));
}

Test (log, a_long_value_is_cut_and_a_field_too_many_is_left_out)
{
    char big [5000];
    memset (big, 'x', sizeof big - 1);
    big [sizeof big - 1] = 0;
    char *line = LINE ("a.b", stint_field_text ("a", big), stint_field_text ("b", big),
                       stint_field_text ("c", big), stint_field_text ("d", big),
                       stint_field_number ("e", 5));
    cr_expect (strlen (line) <= STINT_LOG_LINE_MAX);
    cr_expect (strstr (line, "x... b=xx"));
    cr_expect (strstr (line, "x... e=5 cut=yes\n"));
    cr_expect_null (strstr (line, " d="));
    free (line);
}

Test (log, what_is_above_the_level_is_not_written)
{
    caught_t caught = s_catch ();
    stint_log_start (STINT_LOG_WARNING);
    stint_log (STINT_LOG_INFO, "not.this");
    stint_log (STINT_LOG_WARNING, "but.this");
    stint_log_set_level (stint_log_level ("debug"));
    stint_log (STINT_LOG_DEBUG, "and.this", stint_field_number ("n", 1));
    char *text = s_caught (&caught);
    cr_expect_null (strstr (text, "not.this"));
    cr_expect (strstr (text, "Z warning but.this\n"));
    cr_expect (strstr (text, "Z debug and.this n=1\n"));
    free (text);
}

Test (log, the_journal_gets_a_priority_and_no_time)
{
    caught_t caught = s_catch ();
    struct stat status;
    cr_assert_eq (fstat (STDERR_FILENO, &status), 0);
    char stream [64];
    snprintf (stream, sizeof stream, "%ju:%ju", (uintmax_t) status.st_dev,
              (uintmax_t) status.st_ino);
    setenv ("JOURNAL_STREAM", stream, 1);
    stint_log_start (STINT_LOG_DEBUG);
    stint_log (STINT_LOG_ERROR, "a.b", stint_field_number ("n", 1));
    stint_log (STINT_LOG_WARNING, "a.b");
    stint_log (STINT_LOG_INFO, "a.b");
    stint_log (STINT_LOG_DEBUG, "a.b");
    //  Inherited from a parent whose stderr was the journal; ours is not
    setenv ("JOURNAL_STREAM", "1:2", 1);
    stint_log_start (STINT_LOG_DEBUG);
    stint_log_fields_at (NOW, STINT_LOG_INFO, "a.b",
                         (const stint_field_t []){stint_field_end ()});
    char *text = s_caught (&caught);
    cr_expect_str_eq (text,
                      "<3>error a.b n=1\n<4>warning a.b\n<6>info a.b\n<7>debug a.b\n" STAMP
                      "info a.b\n");
    free (text);
}

//  Logs an event some times at one time.
static void
s_burst (int64_t now, const char *event, int times)
{
    for (int time = 0; time < times; time++)
        stint_log_fields_at (
            now, STINT_LOG_INFO, event,
            (const stint_field_t []){stint_field_number ("n", (uint64_t) time),
                                     stint_field_end ()});
}

static int
s_lines (const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

Test (log, repeats_are_counted_and_told_by_the_next_line_of_the_event)
{
    caught_t caught = s_catch ();
    s_burst (NOW, "a.b", STINT_LOG_BURST + 412);
    s_burst (NOW, "other.event", 1);
    s_burst (NOW + STINT_LOG_WINDOW_MS, "a.b", 1);
    s_burst (NOW + STINT_LOG_WINDOW_MS + 1, "a.b", 1);
    char *text = s_caught (&caught);
    cr_expect_eq (s_lines (text), STINT_LOG_BURST + 3);
    cr_expect (strstr (text, "info other.event n=0\n"));
    cr_expect (strstr (text, "info a.b n=0 repeated=412\n"));
    cr_expect (strstr (strstr (text, "repeated"), "info a.b n=0\n"));
    free (text);
}

Test (log, repeats_of_an_event_that_fell_silent_are_told_by_any_other)
{
    caught_t caught = s_catch ();
    s_burst (NOW, "a.b", STINT_LOG_BURST + 7);
    s_burst (NOW + STINT_LOG_WINDOW_MS, "other.event", 1);
    s_burst (NOW + STINT_LOG_WINDOW_MS, "a.b", STINT_LOG_BURST + 3);
    stint_log_repeats_at (NOW + STINT_LOG_WINDOW_MS, false);
    char *text = s_caught (&caught);
    cr_expect (strstr (text, "info a.b repeated=7\n"));
    cr_expect_null (strstr (text, "repeated=3"));
    free (text);

    caught = s_catch ();
    stint_log_repeats_at (NOW + STINT_LOG_WINDOW_MS, true);
    text = s_caught (&caught);
    cr_expect (strstr (text, "info a.b repeated=3\n"));
    cr_expect_eq (s_lines (text), 1);
    free (text);
}

Test (log, a_clock_that_was_set_back_begins_a_new_window)
{
    caught_t caught = s_catch ();
    s_burst (NOW, "a.b", STINT_LOG_BURST + 5);
    s_burst (NOW - 3600000, "a.b", 1);
    char *text = s_caught (&caught);
    cr_expect (strstr (text, "n=0 repeated=5\n"));
    free (text);
}

Test (log, nothing_is_folded_at_level_debug)
{
    caught_t caught = s_catch ();
    stint_log_set_level (STINT_LOG_DEBUG);
    s_burst (NOW, "a.b", 500);
    char *text = s_caught (&caught);
    cr_expect_eq (s_lines (text), 500);
    free (text);
}

Test (log, more_names_than_the_table_has_are_written_without_folding)
{
    static char names [100][32];
    caught_t caught = s_catch ();
    for (int at = 0; at < 100; at++) {
        snprintf (names [at], sizeof names [at], "event.n%d", at);
        s_burst (NOW, names [at], 1);
    }
    s_burst (NOW, names [99], 50);
    char *text = s_caught (&caught);
    cr_expect_eq (s_lines (text), 150);
    free (text);
}

Test (log, a_line_that_was_not_taken_is_counted)
{
    caught_t caught = s_catch ();
    int full = open ("/dev/full", O_WRONLY);
    cr_assert (full != -1);
    int kept = dup (STDERR_FILENO);
    dup2 (full, STDERR_FILENO);
    errno = ENOENT;
    s_burst (NOW, "a.b", 2);
    cr_expect_eq (errno, ENOENT);
    dup2 (kept, STDERR_FILENO);
    s_burst (NOW, "a.b", 2);
    char *text = s_caught (&caught);
    cr_expect_str_eq (text, STAMP "info a.b n=0 lost=2\n" STAMP "info a.b n=1\n");
    free (text);
}

Test (log, descriptors_that_were_closed_are_taken_up_before_anything_else_gets_them)
{
    pid_t child = fork ();
    if (child == 0) {
        close (STDIN_FILENO);
        close (STDERR_FILENO);
        stint_log_start (STINT_LOG_INFO);
        int next = open ("/dev/null", O_RDONLY);
        _exit (next > STDERR_FILENO && fcntl (STDIN_FILENO, F_GETFD) != -1 ? 0 : 1);
    }
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_expect (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}

Test (log, a_fatal_event_tells_what_was_folded_and_ends_with_its_code)
{
    caught_t caught = s_catch ();
    pid_t child = fork ();
    if (child == 0) {
        s_burst (NOW, "store.failed", STINT_LOG_BURST + 9);
        stint_log_fatal (74, "store.failed", stint_field_text ("why", "disk full"));
    }
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_expect (WIFEXITED (status) && WEXITSTATUS (status) == 74);
    char *text = s_caught (&caught);
    cr_expect (strstr (text, "info store.failed repeated=9\n"));
    cr_expect (strstr (text, "Z error store.failed why=\"disk full\"\n"));
    free (text);
}

#define THREADS 4
#define LINES 2000

static void *
s_log_lines (void *argument)
{
    const char *letter = argument;
    for (uint64_t line = 0; line < LINES; line++)
        stint_log (STINT_LOG_DEBUG, "thread.line", stint_field_text ("letter", letter),
                   stint_field_number ("line", line));
    return NULL;
}

Test (log, lines_of_several_threads_never_mix)
{
    static char letters [THREADS][200];
    pthread_t threads [THREADS];
    caught_t caught = s_catch ();
    stint_log_set_level (STINT_LOG_DEBUG);
    for (int at = 0; at < THREADS; at++) {
        memset (letters [at], 'a' + at, sizeof letters [at] - 1);
        pthread_create (&threads [at], NULL, s_log_lines, letters [at]);
    }
    for (int at = 0; at < THREADS; at++)
        pthread_join (threads [at], NULL);

    char *text = s_caught (&caught);
    uint64_t next [THREADS] = {0};
    int lines = 0;
    for (char *line = text; *line; lines++) {
        char *end = strchr (line, '\n');
        cr_assert (end);
        *end = 0;
        const char *letter = strstr (line, "Z debug thread.line letter=");
        cr_assert (letter, "%s", line);
        letter += strlen ("Z debug thread.line letter=");
        int at = letter [0] - 'a';
        size_t length = strlen (letters [at]);
        cr_assert (strncmp (letter, letters [at], length) == 0, "%s", line);
        letter += length;
        cr_assert (strncmp (letter, " line=", 6) == 0, "%s", line);
        cr_assert_eq (strtoull (letter + 6, NULL, 10), next [at]++);
        line = end + 1;
    }
    cr_expect_eq (lines, THREADS * LINES);
    free (text);
}

static void *
s_fold_lines (void *argument)
{
    (void) argument;
    s_burst (NOW, "folded.line", 5000);
    return NULL;
}

Test (log, folding_in_several_threads_loses_no_count)
{
    pthread_t threads [THREADS];
    caught_t caught = s_catch ();
    s_burst (NOW, "folded.line", 1);
    for (int at = 0; at < THREADS; at++)
        pthread_create (&threads [at], NULL, s_fold_lines, NULL);
    for (int at = 0; at < THREADS; at++)
        pthread_join (threads [at], NULL);
    stint_log_repeats_at (NOW, true);
    char *text = s_caught (&caught);
    char expected [64];
    snprintf (expected, sizeof expected, "repeated=%d\n",
              THREADS * 5000 + 1 - STINT_LOG_BURST);
    cr_expect (strstr (text, expected));
    cr_expect_eq (s_lines (text), STINT_LOG_BURST + 1);
    free (text);
}

//  Reads as many hexadecimal digits as asked for.
static unsigned
s_digits (const char *text, size_t count)
{
    char digits [5] = "";
    memcpy (digits, text, count);
    return (unsigned) strtoul (digits, NULL, 16);
}

//  Writes a code point below 65536 as UTF-8. Returns how many bytes that took.
static size_t
s_encode (unsigned code, uint8_t *bytes)
{
    size_t size = 0;
    if (code >= 0x800) {
        bytes [size++] = (uint8_t) (0xe0 | code >> 12);
        bytes [size++] = (uint8_t) (0x80 | (code >> 6 & 0x3f));
    }
    else
        bytes [size++] = (uint8_t) (0xc0 | code >> 6);
    bytes [size++] = (uint8_t) (0x80 | (code & 0x3f));
    return size;
}

//  Reads a logfmt value back. Returns how many bytes it was.
static size_t
s_unescape (const char *text, uint8_t *bytes)
{
    size_t size = 0;
    bool quoted = *text == '"';
    for (text += quoted; *text != (quoted ? '"' : '\n'); text++) {
        if (*text != '\\') {
            bytes [size++] = (uint8_t) *text;
            continue;
        }
        static const char names [] = "nrt\"\\";
        static const char values [] = "\n\r\t\"\\";
        const char *name = strchr (names, *++text);
        if (name)
            bytes [size++] = (uint8_t) values [name - names];
        else if (*text == 'x') {
            bytes [size++] = (uint8_t) s_digits (text + 1, 2);
            text += 2;
        }
        else {
            cr_assert_eq (*text, 'u');
            size += s_encode (s_digits (text + 1, 4), bytes + size);
            text += 4;
        }
    }
    return size;
}

Test (log, any_bytes_leave_as_one_line_and_can_be_read_back)
{
    struct timespec clock;
    clock_gettime (CLOCK_REALTIME, &clock);
    const char *given = getenv ("SEED");
    unsigned short state [3] = {1, 2, 3};
    uint64_t seed = given ? strtoull (given, NULL, 10) : (uint64_t) clock.tv_nsec;
    memcpy (state, &seed, sizeof state);
    printf ("test_log: SEED=%" PRIu64 "\n", seed);
    stint_log_set_level (STINT_LOG_DEBUG);

    for (int round = 0; round < 3000; round++) {
        uint8_t bytes [64];
        size_t size = (size_t) nrand48 (state) % sizeof bytes;
        for (size_t at = 0; at < size; at++) {
            //  Half of them likely parts of UTF-8 and of what is escaped
            static const uint8_t likely [] =
                "\xc2\x85\xe2\x80\xa8\xf0\x9f\x98\"\\ =\n\033-";
            long chance = nrand48 (state);
            bytes [at] = chance & 1 ? (uint8_t) (chance >> 8)
                                    : likely [(size_t) (chance >> 8) % (sizeof likely - 1)];
        }
        char *line = LINE ("a.b", stint_field_bytes ("x", (stint_bytes_t){bytes, size}));
        cr_assert_eq (s_lines (line), 1);
        cr_assert_eq (line [strlen (line) - 1], '\n');
        for (const char *letter = line; letter [1]; letter++)
            cr_assert ((unsigned char) *letter >= 0x20 && *letter != 0x7f);
        uint8_t back [1024];
        const char *value = line + strlen (STAMP "info a.b x=");
        cr_assert_eq (s_unescape (value, back), size);
        cr_assert_eq (memcmp (back, bytes, size), 0);
        free (line);
    }
}
