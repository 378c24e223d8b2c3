//  Tests of json: JSON text for whatever a broker or a worker may have sent
//  SPDX-License-Identifier: MPL-2.0

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "stint_pack.h"

static char *s_text;
static size_t s_size;
static FILE *s_file;

static void
s_open (void)
{
    s_file = open_memstream (&s_text, &s_size);
    cr_assert (s_file);
}

//  Closes the stream, compares what was written, and frees it.

static void
s_expect (const char *text)
{
    fclose (s_file);
    cr_expect_str_eq (s_text, text);
    free (s_text);
    s_text = NULL;
}

static void
s_expect_text (const char *bytes, size_t size, const char *text)
{
    s_open ();
    json_put_text (s_file, (stint_bytes_t){(const uint8_t *) bytes, size});
    s_expect (text);
}

static void
s_expect_base64 (const char *bytes, const char *text)
{
    s_open ();
    json_put_base64 (s_file, stint_bytes_of (bytes));
    s_expect (text);
}

Test (json, quotes_backslashes_and_control_characters_are_escaped)
{
    s_expect_text ("", 0, "\"\"");
    s_expect_text ("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    s_expect_text ("\n\r\t\0\x1f\x7f", 6, "\"\\n\\r\\t\\u0000\\u001f\\u007f\"");
}

Test (json, well_formed_utf8_stays_as_it_is)
{
    s_expect_text ("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 11,
                   "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"");
}

//  The example of Unicode 15, table 3-8, and the usual suspects.

Test (json, each_maximal_part_of_broken_utf8_becomes_one_replacement)
{
#define BAD "\xef\xbf\xbd"
    s_expect_text ("\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64", 12,
                   "\"" BAD BAD BAD "b" BAD "c" BAD BAD "d\"");
    s_expect_text ("\xc0\xaf", 2, "\"" BAD BAD "\"");          //  Too long a form of "/"
    s_expect_text ("\xed\xa0\x80", 3, "\"" BAD BAD BAD "\"");  //  Half of a pair
    s_expect_text ("\xf4\x90\x80\x80", 4, "\"" BAD BAD BAD BAD "\"");  //  Above U+10FFFF
    s_expect_text ("a\xe2\x82", 3, "\"a" BAD "\"");                    //  Cut off
}

Test (json, base64_is_that_of_the_rfc)
{
    s_expect_base64 ("", "\"\"");
    s_expect_base64 ("f", "\"Zg==\"");
    s_expect_base64 ("fo", "\"Zm8=\"");
    s_expect_base64 ("foo", "\"Zm9v\"");
    s_expect_base64 ("foob", "\"Zm9vYg==\"");
    s_expect_base64 ("foobar", "\"Zm9vYmFy\"");
    s_expect_base64 ("\xff\xfe\xfd", "\"//79\"");
}

Test (json, a_body_is_text_when_it_can_be_and_base64_when_not)
{
    s_open ();
    json_put_body (s_file, "result", stint_bytes_of ("one\n"));
    s_expect ("\"result\":\"one\\n\"");
    s_open ();
    json_put_body (s_file, "result", stint_bytes_of ("\xff"));
    s_expect ("\"result_base64\":\"/w==\"");
}

Test (json, a_map_of_everything_keeps_all_its_digits)
{
    stint_writer_t writer = {NULL, 0, 0};
    stint_write_map (&writer, 8);
    stint_write_text (&writer, "large");
    stint_write_number (&writer, UINT64_MAX);
    stint_write_text (&writer, "small");
    stint_write_signed (&writer, INT64_MIN);
    stint_write_text (&writer, "above 2^53");
    stint_write_number (&writer, 9007199254740993);
    stint_write_text (&writer, "list");
    stint_write_array (&writer, 3);
    stint_write_nil (&writer);
    stint_write_boolean (&writer, true);
    stint_write_boolean (&writer, false);
    stint_write_text (&writer, "empty");
    stint_write_map (&writer, 0);
    stint_write_number (&writer, 7);
    stint_write_array (&writer, 0);
    stint_write_text (&writer, "bytes");
    stint_write_bytes (&writer, stint_bytes_of ("b"));
    stint_write_text (&writer, "minus");
    stint_write_signed (&writer, -1);
    s_open ();
    cr_expect (json_put_packed (s_file, stint_writer_bytes (&writer), NULL));
    s_expect ("{\"large\":18446744073709551615,\"small\":-9223372036854775808,"
              "\"above 2^53\":9007199254740993,\"list\":[null,true,false],\"empty\":{},"
              "\"7\":[],\"bytes\":\"b\",\"minus\":-1}");
    stint_writer_clear (&writer);
}

Test (json, reals_and_extensions_become_null)
{
    //  [1.5, extension of one byte, 2]
    static const uint8_t bytes [] = {0x93, 0xcb, 0x3f, 0xf8, 0,    0,    0,
                                     0,    0,    0,    0xd4, 0x01, 0x00, 0x02};
    s_open ();
    cr_expect (json_put_packed (s_file, (stint_bytes_t){bytes, sizeof bytes}, NULL));
    s_expect ("[null,null,2]");
}

Test (json, what_is_no_value_becomes_null_and_is_told)
{
    static const uint8_t bomb [] = {0xdd, 0xff, 0xff, 0xff, 0xff};
    s_open ();
    cr_expect_not (json_put_packed (s_file, (stint_bytes_t){bomb, sizeof bomb}, NULL));
    cr_expect_not (json_put_packed (s_file, (stint_bytes_t){NULL, 0}, NULL));
    s_expect ("nullnull");
}

//  A map with a number, a list of maps and a text.

static stint_bytes_t
s_pack_map (stint_writer_t *writer)
{
    stint_write_map (writer, 3);
    stint_write_text (writer, "uptime");
    stint_write_number (writer, 12);
    stint_write_text (writer, "groups");
    stint_write_array (writer, 2);
    for (uint64_t at = 0; at < 2; at++) {
        stint_write_map (writer, 2);
        stint_write_text (writer, "oldest");
        stint_write_number (writer, at);
        stint_write_text (writer, "secret");
        stint_write_map (writer, 0);
    }
    stint_write_text (writer, "secret");
    stint_write_text (writer, "x");
    return stint_writer_bytes (writer);
}

Test (json, keys_have_other_names_or_are_left_out_at_every_depth)
{
    static const json_name_t names [] = {
        {"oldest", "oldest_ms"}, {"uptime", "uptime_ms"}, {"secret", NULL}, {NULL, NULL}};
    stint_writer_t writer = {NULL, 0, 0};
    stint_bytes_t map = s_pack_map (&writer);
    s_open ();
    cr_expect (json_put_packed (s_file, map, names));
    s_expect ("{\"uptime_ms\":12,\"groups\":[{\"oldest_ms\":0},{\"oldest_ms\":1}]}");
    s_open ();
    cr_expect (json_put_entries (s_file, map, names + 2));
    s_expect ("\"uptime\":12,\"groups\":[{\"oldest\":0},{\"oldest\":1}]");
    stint_writer_clear (&writer);
}

Test (json, entries_of_what_is_no_map_are_none)
{
    static const uint8_t list [] = {0x91, 0x01};
    s_open ();
    cr_expect_not (json_put_entries (s_file, (stint_bytes_t){list, sizeof list}, NULL));
    cr_expect_not (json_put_entries (s_file, (stint_bytes_t){NULL, 0}, NULL));
    s_expect ("");
}
