//  Tests of answer: looking things up in what a broker said
//  SPDX-License-Identifier: MPL-2.0

#include <criterion/criterion.h>

#include "answer.h"
#include "stint_pack.h"

static stint_writer_t s_writer;

static stint_bytes_t
s_answer (void)
{
    stint_write_map (&s_writer, 5);
    stint_write_text (&s_writer, "version");
    stint_write_text (&s_writer, "0.1.0");
    stint_write_text (&s_writer, "epoch");
    stint_write_number (&s_writer, UINT64_MAX);
    stint_write_text (&s_writer, "minus");
    stint_write_signed (&s_writer, -4);
    stint_write_number (&s_writer, 7);
    stint_write_nil (&s_writer);
    stint_write_text (&s_writer, "groups");
    stint_write_array (&s_writer, 2);
    for (uint64_t at = 1; at <= 2; at++) {
        stint_write_map (&s_writer, 1);
        stint_write_text (&s_writer, "ready");
        stint_write_number (&s_writer, at * 10);
    }
    return stint_writer_bytes (&s_writer);
}

static void
s_end (void)
{
    stint_writer_clear (&s_writer);
}

TestSuite (answer, .fini = s_end);

Test (answer, values_are_found_by_name)
{
    stint_bytes_t map = s_answer ();
    char text [16];
    cr_expect_str_eq (answer_text (map, "version", text, sizeof text), "0.1.0");
    cr_expect_str_eq (answer_text (map, "version", text, 4), "0.1");
    cr_expect_eq (answer_number (map, "epoch"), UINT64_MAX);
    cr_expect (answer_has_number (map, "epoch"));
}

Test (answer, what_is_not_there_or_of_another_type_is_nothing)
{
    stint_bytes_t map = s_answer ();
    char text [16];
    cr_expect_str_eq (answer_text (map, "epoch", text, sizeof text), "");
    cr_expect_str_eq (answer_text (map, "nothing", text, sizeof text), "");
    cr_expect_eq (answer_number (map, "version"), 0);
    cr_expect_not (answer_has_number (map, "version"));
    cr_expect_not (answer_has_number (map, "minus"));
    cr_expect_eq (answer_count (map, "version"), 0);
    cr_expect_eq (answer_elements (map, "version").size, 0);
    cr_expect_eq (answer_number ((stint_bytes_t){NULL, 0}, "epoch"), 0);
    cr_expect_eq (answer_value (answer_value (map, "epoch"), "x").size, 0);
}

Test (answer, a_list_is_taken_element_by_element)
{
    stint_bytes_t map = s_answer ();
    stint_bytes_t groups = answer_elements (map, "groups");
    cr_expect_eq (answer_count (map, "groups"), 2);
    cr_expect_eq (answer_number (answer_take (&groups), "ready"), 10);
    cr_expect_eq (answer_number (answer_take (&groups), "ready"), 20);
    cr_expect_eq (answer_take (&groups).size, 0);
}
