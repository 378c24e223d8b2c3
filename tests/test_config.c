//  test_config: settings come from where they should, flags as people write them
//  SPDX-License-Identifier: MPL-2.0

#include "config_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

//  -------------------------------------------------------------------------------------
//  Values

Test (config, everything_has_its_default_before_anything_is_loaded)
{
    stint_config_t *config = fixture_new ();
    cr_expect_str_eq (stint_config_text (config, "store/dir"), "/var/lib/stint");
    cr_expect_eq (stint_config_number (config, "broker/heartbeat"), 1000);
    cr_expect_eq (stint_config_number (config, "store/min_free"), 256 << 20);
    cr_expect_eq (stint_config_choice (config, "store/sync"), 0);
    cr_expect_not (stint_config_boolean (config, "http/actions"));
    cr_expect_null (stint_config_text (config, "client/broker"));
    cr_expect_eq (stint_config_list_size (config, "broker/listen"), 1);
    cr_expect_not (stint_config_given (config, "store/dir"));
    cr_expect_str_eq (stint_config_source (config, "store/dir"), "default");
    cr_expect_str_eq (stint_config_source (config, "client/broker"), "default");
    cr_expect_eq (stint_config_exit_code (config), 0);
    stint_config_set_default (config, "store/dir", "/home/ann/.local/state/stint");
    cr_expect_str_eq (stint_config_text (config, "store/dir"),
                      "/home/ann/.local/state/stint");
    cr_expect_not (stint_config_given (config, "store/dir"));
    stint_config_destroy (&config);
    cr_expect_null (config);
    stint_config_destroy (&config);
}

Test (config, a_rate_is_read_by_the_hour_and_written_as_people_do)
{
    static const stint_option_t table [] = {{.path = "group/rate",
                                             .type = STINT_OPTION_RATE,
                                             .initial = "0",
                                             .maximum = 3600000,
                                             .help = "most tasks in a time"}};
    stint_config_t *config = stint_config_new (table, 1);
    cr_expect_eq (stint_config_number (config, "group/rate"), 0);
    fixture_load (config, "group\n    rate = 10/m\n");
    cr_expect_str_eq (fixture_faults (config), "");
    cr_expect_eq (stint_config_number (config, "group/rate"), 600);
    fixture_load (config, "group\n    rate = 10\n");
    cr_expect (
        strstr (fixture_faults (config),
                "\"10\" is not a rate such as 100/s, 10/m or 5/h, from 0 to 1000/s"));
    stint_config_destroy (&config);
}

Test (config, flags_win_over_environment_over_file_in_whichever_order_they_are_loaded)
{
    setenv ("STINT_STORE_DIR", "/environment", 1);
    setenv ("STINT_STORE_SYNC", "none", 1);
    setenv ("STINT_HTTP_ACTIONS", "", 1);
    for (int order = 0; order < 2; order++) {
        stint_config_t *config = fixture_new ();
        if (order)
            FLAGS (config, false, "--store", "/flag");
        if (order)
            stint_config_load_environment (config);
        fixture_load (config,
                      "store\n    dir = /file\n    sync = interval\n    min_free = 1G\n");
        if (!order)
            FLAGS (config, false, "--store", "/flag");
        if (!order)
            stint_config_load_environment (config);
        cr_expect_str_eq (fixture_faults (config), "");
        cr_expect_str_eq (stint_config_text (config, "store/dir"), "/flag");
        cr_expect_str_eq (stint_config_source (config, "store/dir"), "--store");
        cr_expect_eq (stint_config_choice (config, "store/sync"), 2);
        cr_expect_str_eq (stint_config_source (config, "store/sync"), "$STINT_STORE_SYNC");
        cr_expect_eq (stint_config_number (config, "store/min_free"), 1 << 30);
        char where [64];
        snprintf (where, sizeof where, "%s:4", fixture_file ());
        cr_expect_str_eq (stint_config_source (config, "store/min_free"), where);
        cr_expect_not (stint_config_given (config, "http/actions"));
        stint_config_destroy (&config);
    }
}

Test (config, a_list_takes_every_repetition_and_a_stronger_source_takes_its_place)
{
    stint_config_t *config = fixture_new ();
    fixture_load (config, "broker\n    listen = ipc://a\n    listen = \"ipc://b c\"\n");
    cr_assert_eq (stint_config_list_size (config, "broker/listen"), 2);
    cr_expect_str_eq (stint_config_list_at (config, "broker/listen", 1), "ipc://b c");
    //  A later file begins anew
    fixture_load (config, "broker\n    listen = ipc://d\n");
    cr_assert_eq (stint_config_list_size (config, "broker/listen"), 1);

    setenv ("STINT_BROKER_LISTEN", "ipc://e , ipc://f", 1);
    stint_config_load_environment (config);
    cr_assert_eq (stint_config_list_size (config, "broker/listen"), 2);
    cr_expect_str_eq (stint_config_list_at (config, "broker/listen", 0), "ipc://e");
    cr_expect_str_eq (stint_config_list_at (config, "broker/listen", 1), "ipc://f");

    //  Before and behind a subcommand it is one command line
    FLAGS (config, true, "--listen", "a,b");
    FLAGS (config, false, "--listen=c", "--listen", "d");
    cr_assert_eq (stint_config_list_size (config, "broker/listen"), 3);
    cr_expect_str_eq (stint_config_list_at (config, "broker/listen", 0), "a,b");
    fixture_load (config, "broker\n    listen = ipc://g\n");
    cr_expect_eq (stint_config_list_size (config, "broker/listen"), 3);
    cr_expect_str_eq (fixture_faults (config), "");
    stint_config_destroy (&config);
}

Test (config, a_variable_may_have_a_name_of_its_own)
{
    setenv ("STINT_BROKER", "ipc://from-environment", 1);
    setenv ("STINT_CLIENT_BROKER", "ipc://not-this", 1);
    setenv ("STINT_HELP", "yes", 1);
    setenv ("STINT_BROKER_LIVENESS", "0", 1);
    stint_config_t *config = fixture_new ();
    stint_config_load_environment (config);
    cr_expect_str_eq (stint_config_text (config, "client/broker"),
                      "ipc://from-environment");
    cr_expect_str_eq (stint_config_source (config, "client/broker"), "$STINT_BROKER");
    cr_expect_not (stint_config_boolean (config, "help"));
    cr_expect_str_eq (fixture_faults (config),
                      "$STINT_BROKER_LIVENESS: 0 is out of range: from 1 to 100\n");
    cr_expect_eq (stint_config_exit_code (config), 78);
    stint_config_destroy (&config);
}

Test (config, named_sections_are_listed_and_fall_back_to_the_default)
{
    stint_config_t *config = fixture_new ();
    fixture_load (config, "groups\n    resize\n        max_attempts = 7\n        scale\n"
                          "            max = 2\n    mail\n    a.b-c_d@e$f&g+h\n"
                          "        max_tasks = 9\n");
    cr_expect_str_eq (fixture_faults (config), "");
    cr_assert_eq (stint_config_names (config, "groups"), 3);
    cr_expect_str_eq (stint_config_name (config, "groups", 0), "resize");
    cr_expect_str_eq (stint_config_name (config, "groups", 1), "mail");
    cr_expect_str_eq (stint_config_name (config, "groups", 2), "a.b-c_d@e$f&g+h");
    cr_expect_eq (stint_config_number (config, "groups/resize/max_attempts"), 7);
    cr_expect (stint_config_given (config, "groups/resize/max_attempts"));
    cr_expect_eq (stint_config_number (config, "groups/resize/scale/max"), 2);
    cr_expect_eq (stint_config_number (config, "groups/mail/max_attempts"), 5);
    cr_expect_not (stint_config_given (config, "groups/mail/max_attempts"));
    cr_expect_eq (stint_config_number (config, "groups/never-named/scale/max"), 16);
    cr_expect_eq (stint_config_names (config, "store"), 0);
    stint_config_destroy (&config);
}

Test (config, a_subcommand_adds_its_own_table)
{
    static const stint_option_t push [] = {
        {.path = "wait",
         .type = STINT_OPTION_BOOLEAN,
         .flag = "wait",
         .letter = 'w',
         .help = "wait for the result"},
    };
    stint_config_t *config = fixture_new ();
    const char *const words [] = {"-b", "ipc://x", "push", "-vw", "resize", NULL};
    cr_assert_eq (fixture_flags (config, words, true), 3);
    stint_config_extend (config, push, 1);
    cr_assert_eq (fixture_flags (config, words + 2, false), 4);
    cr_expect_str_eq (fixture_faults (config), "");
    cr_expect (stint_config_boolean (config, "wait"));
    cr_expect_str_eq (stint_config_text (config, "client/broker"), "ipc://x");
    cr_assert_eq (stint_config_positionals (config), 2);
    cr_expect_str_eq (stint_config_positional (config, 1), "resize");
    stint_config_destroy (&config);
}

//  -------------------------------------------------------------------------------------
//  Flags

Test (config, flags_may_be_written_in_every_usual_way)
{
    stint_config_t *config = fixture_new ();
    const char *const words [] = {
        "one", "-vbipc://x",   "--store=/a=b", "-",  "--actions", "--liveness",
        "9",   "--liveness=8", "two",          "--", "--store",   "x",
        NULL};
    int rest = fixture_flags (config, words, false);
    cr_expect_str_eq (fixture_faults (config), "");
    cr_expect (stint_config_boolean (config, "verbose"));
    cr_expect_str_eq (stint_config_text (config, "client/broker"), "ipc://x");
    cr_expect_str_eq (stint_config_source (config, "client/broker"), "--broker");
    cr_expect_str_eq (stint_config_text (config, "store/dir"), "/a=b");
    cr_expect (stint_config_boolean (config, "http/actions"));
    cr_expect_eq (stint_config_number (config, "broker/liveness"), 8, "the last one wins");
    cr_assert_eq (stint_config_positionals (config), 3);
    cr_expect_str_eq (stint_config_positional (config, 0), "one");
    cr_expect_str_eq (stint_config_positional (config, 1), "-");
    cr_expect_str_eq (stint_config_positional (config, 2), "two");
    cr_assert_eq (rest, 11);
    cr_expect_str_eq (words [rest - 1], "--store");
    stint_config_destroy (&config);
}

Test (config, a_boolean_flag_can_be_taken_back)
{
    stint_config_t *config = fixture_new ();
    fixture_load (config, "http\n    actions = yes\n");
    cr_expect_eq (FLAGS (config, false, "--no-actions"), 2);
    cr_expect_not (stint_config_boolean (config, "http/actions"));
    cr_expect_str_eq (stint_config_source (config, "http/actions"), "--no-actions");
    stint_config_destroy (&config);
}

Test (config, all_faults_of_a_command_line_are_told_at_once)
{
    stint_config_t *config = fixture_new ();
    FLAGS (config, false, "--stroe", "-x", "--liveness=many", "--sync", "alwys",
           "--verbose=1", "--no-store", "--no-acton", "--stor=/x", "--broker", "",
           "--\033[31m", "--store");
    cr_expect_str_eq (
        fixture_faults (config),
        "--stroe: no such flag; did you mean --store?\n"
        "-x: no such flag\n"
        "--liveness: \"many\" is not a whole number, from 1 to 100\n"
        "--sync: \"alwys\" is not one of always, interval, none; did you mean \"always\"?\n"
        "--verbose: takes no value\n"
        "--no-store: no such flag; did you mean --store?\n"
        "--no-acton: no such flag; did you mean --no-actions?\n"
        "--stor: no such flag; did you mean --store?\n"
        "--broker: must not be empty\n"
        "--?[31m: no such flag\n"
        "--store: wants DIR after it\n");
    cr_expect_eq (stint_config_exit_code (config), 64);
    cr_expect_str_eq (stint_config_text (config, "store/dir"), "/var/lib/stint");
    stint_config_destroy (&config);
}

Test (config, a_default_from_the_run_time_is_checked_as_any_value_is)
{
    stint_config_t *config = fixture_new ();
    stint_config_set_default (config, "store/dir", "");
    cr_expect_str_eq (fixture_faults (config),
                      "store/dir: the default must not be empty\n");
    cr_expect_eq (stint_config_exit_code (config), 78);
    stint_config_destroy (&config);
}

Test (config, a_fault_of_the_program_itself_says_where_the_value_came_from)
{
    stint_config_t *config = fixture_new ();
    FLAGS (config, false, "--listen", "tcp://*:5570");
    stint_config_add_fault (config, "broker/listen", "refused without a key");
    cr_expect_eq (stint_config_exit_code (config), 64);
    stint_config_add_fault (config, "store/dir", "not writable");
    cr_expect_str_eq (fixture_faults (config),
                      "--listen: refused without a key\nstore/dir: not writable\n");
    cr_expect_eq (stint_config_exit_code (config), 78);
    stint_config_destroy (&config);
}

//  -------------------------------------------------------------------------------------
//  Printing and comparing

Test (config, the_help_comes_from_the_table)
{
    stint_config_t *config = fixture_new ();
    char *text = fixture_printed (config, stint_config_print_help);
    cr_expect_str_eq (
        text,
        "  -h, --help                show this\n"
        "  -v, --verbose             say more\n"
        "  -b, --broker ENDPOINT     where the broker listens ($STINT_BROKER)\n"
        "      --listen EP           an endpoint to listen on, may be given several\n"
        "                            times, and this text is long enough to be wrapped\n"
        "                            (default ipc://here)\n"
        "      --liveness VALUE      missed heartbeats (default 3)\n"
        "      --store DIR           where the store lives (default /var/lib/stint)\n"
        "      --sync always|interval|none\n"
        "                            when a block is durable (default always)\n"
        "      --actions             pause and retry from the page\n");
    free (text);
    stint_config_destroy (&config);
}

Test (config, it_is_printed_as_zpl_with_the_help_beside_each_value)
{
    stint_config_t *config = fixture_new ();
    fixture_load (config, "groups\n    resize\n        max_attempts = 7\n    mail\n");
    FLAGS (config, false, "--listen", "ipc://a", "--listen", "say \"x\"", "--store",
           "a\nb");
    char *text = fixture_printed (config, stint_config_print);
    cr_expect_str_eq (
        text, "#   ZPL: four spaces a level\n"
              "\nclient\n"
              "    #   broker = ENDPOINT                   #   where the broker listens\n"
              "\nbroker\n"
              "    listen = \"ipc://a\"                      #   an endpoint to listen "
              "on, may be given several times, and this text is long enough to be "
              "wrapped\n"
              "    listen = 'say \"x\"'\n"
              "    heartbeat = 1s                          #   ping period\n"
              "    liveness = 3                            #   missed heartbeats\n"
              "\nstore\n"
              "    #   dir = DIR                           #   set, but ZPL cannot "
              "hold the value\n"
              "    sync = always                           #   when a block is durable\n"
              "    min_free = 256M                         #   refuse new tasks below "
              "this\n"
              "\nhttp\n"
              "    actions = no                            #   pause and retry from "
              "the page\n"
              "\ngroups\n"
              "    resize\n"
              "        max_attempts = 7                    #   attempts of a task\n"
              "        #   max_tasks = VALUE               #   tasks it may hold\n"
              "        scale\n"
              "            max = 16                        #   most workers\n"
              "    mail\n"
              "        max_attempts = 5                    #   attempts of a task\n"
              "        #   max_tasks = VALUE               #   tasks it may hold\n"
              "        scale\n"
              "            max = 16                        #   most workers\n");
    free (text);
    stint_config_destroy (&config);
}

Test (config, a_reload_tells_what_changed_and_what_needs_a_restart)
{
    stint_config_t *before = fixture_new ();
    stint_config_t *after = fixture_new ();
    fixture_load (before,
                  "broker\n    listen = a\n    heartbeat = 60s\ngroups\n    resize\n"
                  "        max_tasks = 3\n    old\n        max_tasks = 4\n");
    fixture_load (after,
                  "broker\n    listen = a\n    listen = b\n    heartbeat = 1m\n"
                  "    liveness = 4\ngroups\n    new\n    resize\n        max_tasks = 5\n");
    FLAGS (after, false, "-v");
    char told [FIXTURE_TOLD_MAX] = "";
    cr_expect_eq (stint_config_compare (before, after, fixture_on_change, told), 3);
    cr_expect_str_eq (told, "broker/listen: a -> a, b, restart\n"
                            "broker/liveness: 3 -> 4\n"
                            "groups/resize/max_tasks: 3 -> 5\n"
                            "groups/old:  -> none\n"
                            "groups/old/max_attempts: 5 -> none\n"
                            "groups/old/max_tasks: 4 -> none\n"
                            "groups/old/scale/max: 16 -> none, restart\n"
                            "groups/new: none -> \n"
                            "groups/new/max_attempts: none -> 5\n"
                            "groups/new/scale/max: none -> 16, restart\n");
    told [0] = 0;
    cr_expect_eq (stint_config_compare (after, after, fixture_on_change, told), 0);
    cr_expect_str_eq (told, "");
    stint_config_destroy (&before);
    stint_config_destroy (&after);
}
