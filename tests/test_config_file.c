//  test_config_file: a ZPL file is read as it should be, and every fault in it is told
//  SPDX-License-Identifier: MPL-2.0

#include "config_fixture.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
s_expect_faults (const char *zpl, const char *faults)
{
    stint_config_t *config = fixture_new ();
    fixture_load (config, zpl);
    cr_expect_str_eq (fixture_faults (config), faults);
    cr_expect_eq (stint_config_exit_code (config), *faults ? 78 : 0);
    stint_config_destroy (&config);
}

//  -------------------------------------------------------------------------------------
//  Files

Test (config_file, a_file_may_have_comments_quotes_and_line_ends_as_zpl_allows)
{
    stint_config_t *config = fixture_new ();
    fixture_load (config, "\xef\xbb\xbf#   a comment\r\n\r\n \t \r\n"
                          "store   #\tanother, with a tab\r\n"
                          "  # indented as it likes\r\n"
                          "    dir = \"/a # b\"   # comment\r\n"
                          "    sync=none\r\n"
                          "broker\r\n    listen = 'say \"x\"'\r\n    listen = x=y \r\n"
                          "store\r\n    min_free = 1k");
    cr_expect_str_eq (fixture_faults (config), "");
    cr_expect_str_eq (stint_config_text (config, "store/dir"), "/a # b");
    cr_expect_eq (stint_config_choice (config, "store/sync"), 2);
    cr_expect_str_eq (stint_config_list_at (config, "broker/listen", 0), "say \"x\"");
    cr_expect_str_eq (stint_config_list_at (config, "broker/listen", 1), "x=y");
    cr_expect_eq (stint_config_number (config, "store/min_free"), 1024);
    stint_config_destroy (&config);
}

Test (config_file, an_empty_file_is_a_file)
{
    s_expect_faults ("", "");
    s_expect_faults ("\n#\n", "");
}

Test (config_file, what_the_table_does_not_have_is_told_with_what_was_meant)
{
    s_expect_faults ("groups\n    resize\n        max_atempts = 3\n",
                     "FILE:3: \"max_atempts\" is not a setting of a group; did you mean "
                     "\"max_attempts\"?\n");
    s_expect_faults ("stroe\n    dir = x\n",
                     "FILE:1: \"stroe\" is not a section; did you mean \"store\"?\n");
    s_expect_faults ("store\n    dri = x\n    colour = blue\n",
                     "FILE:2: \"dri\" is not a setting of store; did you mean \"dir\"?\n"
                     "FILE:3: \"colour\" is not a setting of store\n");
    s_expect_faults ("broker\n    min_free = 1G\n",
                     "FILE:2: \"min_free\" is not a setting of broker; did you mean "
                     "\"store/min_free\"?\n");
    s_expect_faults ("dir = x\n",
                     "FILE:1: \"dir\" is not a section; did you mean \"store/dir\"?\n");
    s_expect_faults ("groups\n    mail\n        scale\n            mx = 1\n",
                     "FILE:4: \"mx\" is not a setting of scale; did you mean \"max\"?\n");
    s_expect_faults ("help = yes\n", "FILE:1: \"help\" is not a section\n");
}

Test (config_file, all_faults_of_a_file_are_told_at_once_with_their_lines)
{
    s_expect_faults (
        "broker\n"
        "\theartbeat = 2s\n"
        "   liveness = 4\n"
        "    heartbeat = 5x\n"
        "    liveness = 1000\n"
        "store\n"
        "    dir = \"/x\n"
        "    dir = \"/x\" y\n"
        "    sync = alwys\n"
        "    sync = none\n"
        "    min_free = lots\n"
        "        deeper = 1\n"
        "http\n"
        "    actions = perhaps\n"
        "    actions\n"
        "    a b\n"
        "    = 3\n"
        "groups\n"
        "    resize = 3\n"
        "                max_tasks = 3\n"
        "    resize\n"
        "        max_tasks =\t7\n"
        "    mail\n"
        "        max_tasks = # none\n"
        "    mail\n",
        "FILE:2: a tab; ZPL wants four spaces a level\n"
        "FILE:3: indented by 3 spaces; ZPL wants four a level\n"
        "FILE:7: \"/x begins with a quote that is not closed\n"
        "FILE:8: \"y\" stands after the closing quote\n"
        "FILE:16: \"a b\" is not written as NAME or NAME = VALUE\n"
        "FILE:17: \"= 3\" is not written as NAME or NAME = VALUE\n"
        "FILE:20: indented too deep: there is no section that it belongs to\n"
        "FILE:22: a tab; ZPL wants spaces\n"
        "FILE:24: no value before the comment; an empty one is written \"\"\n"
        "FILE:4: heartbeat: \"5x\" is not a duration such as 500ms, 30s, 5m or 2h30m, from "
        "100ms to 1m\n"
        "FILE:5: liveness: 1000 is out of range: from 1 to 100\n"
        "FILE:9: sync: \"alwys\" is not one of always, interval, none; did you mean "
        "\"always\"?\n"
        "FILE:10: \"sync\" is already in line 9\n"
        "FILE:11: min_free: \"lots\" is not a size such as 4096, 64k, 16M or 2G, 0 or "
        "more\n"
        "FILE:12: \"deeper\" stands below a setting, which is not a section\n"
        "FILE:14: actions: \"perhaps\" is neither yes nor no\n"
        "FILE:15: \"actions\" has no value; it is written NAME = VALUE\n"
        "FILE:19: \"resize\" is a section; it takes no value\n"
        "FILE:25: \"mail\" is already in line 23\n");
}

Test (config_file, a_wrong_section_hides_what_is_in_it_but_not_what_comes_after)
{
    s_expect_faults ("sto re\n    dir = x\n    nonsense = y\nhttp\n    acton = yes\n",
                     "FILE:1: \"sto re\" is not written as NAME or NAME = VALUE\n"
                     "FILE:5: \"acton\" is not a setting of http; did you mean "
                     "\"actions\"?\n");
    s_expect_faults (
        "    dir = x\n        b = 2\nhttp\n            x = 1\n            y = 2\n"
        "    actions = yes\n",
        "FILE:1: indented too deep: there is no section that it belongs to\n"
        "FILE:2: indented too deep: there is no section that it belongs to\n"
        "FILE:4: indented too deep: there is no section that it belongs to\n"
        "FILE:5: indented too deep: there is no section that it belongs to\n");
}

Test (config_file, hostile_text_in_a_file_comes_out_harmless)
{
    s_expect_faults ("store\n    sync = \033[31mred\n", "FILE:2: a control character\n");
    s_expect_faults ("store\n    \xc2\x85 = 3\n",
                     "FILE:2: \"\xc2? = 3\" is not written as NAME or NAME = VALUE\n");
    char text [8192];
    memset (text, 'x', sizeof text);
    memcpy (text, "store\n    dir = ", 16);
    text [sizeof text - 1] = 0;
    s_expect_faults (text, "FILE:2: dir: has 8175 bytes; from 1 to 4096 fit\n");
    memset (text, 'x', sizeof text);
    text [sizeof text - 1] = 0;
    stint_config_t *config = fixture_new ();
    fixture_load (config, text);
    cr_assert_eq (stint_config_faults (config), 1);
    cr_expect (strlen (stint_config_fault (config, 0)) < 200);
    stint_config_destroy (&config);
}

Test (config_file, a_file_that_cannot_be_read_is_a_fault_only_when_it_must_be_there)
{
    stint_config_t *config = fixture_new ();
    stint_config_load_file (config, "/nowhere/broker.zpl", false);
    cr_expect_eq (stint_config_faults (config), 0);
    stint_config_load_file (config, "/nowhere/broker.zpl", true);
    stint_config_load_file (config, "/tmp", false);
    char name [] = "/tmp/test_config_pipe.XXXXXX";
    cr_assert (mkdtemp (name));
    char pipe_name [64];
    snprintf (pipe_name, sizeof pipe_name, "%s/pipe", name);
    cr_assert_eq (mkfifo (pipe_name, 0600), 0);
    stint_config_load_file (config, pipe_name, true);
    unlink (pipe_name);
    rmdir (name);
    cr_assert_eq (stint_config_faults (config), 3);
    cr_expect_str_eq (stint_config_fault (config, 0),
                      "/nowhere/broker.zpl: No such file or directory");
    cr_expect_str_eq (stint_config_fault (config, 1), "/tmp: not a file");
    cr_expect (strstr (stint_config_fault (config, 2), "/pipe: not a file"));
    cr_expect_eq (stint_config_exit_code (config), 78);
    stint_config_destroy (&config);
}

Test (config_file, a_file_has_bounds)
{
    size_t size = (1 << 20) + 1;
    char *text = malloc (size);
    cr_assert (text);
    memset (text, '\n', size);
    stint_config_t *config = fixture_new ();
    fixture_load_bytes (config, text, size);
    fixture_load_bytes (config, text, size - 1);
    fixture_load_bytes (config, "store\0", 6);
    cr_expect_str_eq (fixture_faults (config),
                      "FILE: more than 1 MiB; that is no configuration\n"
                      "FILE: more than 10000 lines\n"
                      "FILE: has a null byte; that is no text\n");
    stint_config_destroy (&config);

    //  The longest that is read, with as many siblings as fit
    size_t used = (size_t) snprintf (text, size, "groups\n");
    for (int line = 1; line < 10000; line++)
        used += (size_t) snprintf (text + used, size - used, "    group%d\n", line);
    config = fixture_new ();
    fixture_load_bytes (config, text, used);
    cr_expect_str_eq (fixture_faults (config), "");
    cr_expect_eq (stint_config_names (config, "groups"), 9999);
    stint_config_destroy (&config);
    free (text);
}

Test (config_file, at_most_a_hundred_faults_are_kept)
{
    char text [10000] = "";
    for (size_t used = 0; used < 4000; used += 4)
        memcpy (text + used, "x y\n", 5);
    stint_config_t *config = fixture_new ();
    fixture_load (config, text);
    cr_expect_eq (stint_config_faults (config), 100);
    cr_expect_eq (stint_config_exit_code (config), 78);
    stint_config_destroy (&config);
}

//  -------------------------------------------------------------------------------------
//  Properties

//  Adds one of several pieces to a text.
static void
s_add_piece (char *text, size_t size, const char *const *pieces, size_t count)
{
    size_t used = strlen (text);
    snprintf (text + used, size - used, "%s", pieces [fixture_random (count)]);
}

//  Goal: our look at the lines and zconfig's agree on every text, so no text ends in the
//  general fault without a line. Method: texts of pieces that matter to one of the two.
Test (config_file, no_text_gets_past_the_look_at_its_lines_and_is_then_refused)
{
    static const char *const pieces [] = {"\n",
                                          "\n",
                                          "\n",
                                          "    ",
                                          "    ",
                                          "        ",
                                          " ",
                                          "\t",
                                          "store",
                                          "dir",
                                          " = ",
                                          "=",
                                          "\"",
                                          "'",
                                          "#",
                                          "groups",
                                          "resize",
                                          "max_tasks",
                                          "x",
                                          "5",
                                          "/",
                                          "\r\n",
                                          "broker",
                                          "\n    ",
                                          "\n        ",
                                          "store\n    dir = x\n",
                                          "\xc3\xa9",
                                          "-",
                                          "|",
                                          "\x01",
                                          "@$&+._",
                                          "groups\n    g\n        max_tasks = 5\n",
                                          "scale\n            max = 1\n"};
    fixture_seed ();
    int clean = 0;
    for (int round = 0; round < 5000; round++) {
        uint64_t seed = fixture_seed_now ();
        char text [1024] = "";
        for (size_t count = fixture_random (40); count; count--)
            s_add_piece (text, sizeof text, pieces, sizeof pieces / sizeof pieces [0]);
        stint_config_t *config = fixture_new ();
        fixture_load (config, text);
        const char *faults = fixture_faults (config);
        clean += !*faults;
        cr_assert_null (strstr (faults, "cannot be read as ZPL"), "SEED=%" PRIu64 ":\n%s",
                        seed, text);
        for (; *faults; faults++)
            cr_assert ((unsigned char) *faults >= 0x20 || *faults == '\n');
        stint_config_destroy (&config);
    }
    cr_expect (clean > 20, "only %d texts were without fault", clean);
}

//  Goal: what is printed loads as the same values. Method: random values by flags and file.
Test (config_file, what_is_printed_loads_as_the_same_values)
{
    static const char *const pieces [] = {"a", "b",  " ",        "\"", "'", "#",   "=",
                                          "/", "\\", "\xc3\xa9", "%s", "$", "    "};
    fixture_seed ();
    int compared = 0;
    for (int round = 0; round < 2000; round++) {
        uint64_t seed = fixture_seed_now ();
        char words [3][64] = {"--store=", "--listen=", "--listen="};
        for (int word = 0; word < 3; word++) {
            for (size_t count = 1 + fixture_random (6); count; count--)
                s_add_piece (words [word], sizeof words [0], pieces,
                             sizeof pieces / sizeof pieces [0]);
        }
        stint_config_t *config = fixture_new ();
        char liveness [32];
        snprintf (liveness, sizeof liveness, "--liveness=%zu", 1 + fixture_random (100));
        FLAGS (config, false, words [0], words [1], words [2], liveness,
               fixture_random (2) ? "--actions" : "--no-actions");
        cr_assert_eq (stint_config_faults (config), 0, "%s", fixture_faults (config));

        char *text = fixture_printed (config, stint_config_print);
        stint_config_t *again = fixture_new ();
        fixture_load (again, text);
        cr_assert_eq (stint_config_faults (again), 0, "SEED=%" PRIu64 "\n%s%s", seed,
                      fixture_faults (again), text);
        char told [FIXTURE_TOLD_MAX] = "";
        if (!strstr (text, "ZPL cannot hold")) {
            stint_config_compare (config, again, fixture_on_change, told);
            cr_assert_str_eq (told, "", "SEED=%" PRIu64 "\n%s%s", seed, told, text);
            compared++;
        }
        free (text);
        stint_config_destroy (&config);
        stint_config_destroy (&again);
    }
    cr_expect (compared > 500, "only %d could be compared", compared);
}
