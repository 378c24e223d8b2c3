//  json: JSON text for packed answers, names and payloads
//  SPDX-License-Identifier: MPL-2.0
//
//  Writes RFC 8259 text to a stream; errors of the stream show in its ferror. Strings are
//  always well-formed UTF-8: what is not becomes U+FFFD. Numbers have all their digits, up
//  to 64 bits, as RFC 8259 allows; a reader that keeps numbers as doubles loses digits
//  above 2^53, so task numbers should be read as integers.

#ifndef CLIENT_JSON_H
#define CLIENT_JSON_H

#include <stdio.h>

#include "stint.h"

//  Writes a string with its quotes.
void json_put_text (FILE *file, stint_bytes_t text);

//  Writes bytes as a string in base64 (RFC 4648, with padding) with its quotes.
void json_put_base64 (FILE *file, stint_bytes_t bytes);

//  Writes "name":"text" when the bytes are well-formed UTF-8, "name_base64":"..." when
//  they are not, so that whoever reads it gets back the very bytes.
void json_put_body (FILE *file, const char *name, stint_bytes_t bytes);

//  How a key of a packed map is written. A list of them ends in one without a name.

typedef struct {
    const char *name;   //  As the map has it
    const char *shown;  //  As JSON has it; null when it is left out with its value
} json_name_t;

//  Writes one packed value, which may be anything that came from outside. Bytes become a
//  string as texts do, keys of a map become strings; reals and extensions, which stint
//  does not use, become null. Keys are written as the list of names says, or as they are
//  when they are not in it or it is null. Returns false, and writes null, when it is no
//  well-formed value (see stint_pack_valid).
bool json_put_packed (FILE *file, stint_bytes_t packed, const json_name_t *names);

//  The same for the entries of a packed map without its braces, so that others can stand
//  beside them. Returns false, and writes nothing, when it is no map.
bool json_put_entries (FILE *file, stint_bytes_t map, const json_name_t *names);

#endif
