//  table: rows of text in columns that line up
//  SPDX-License-Identifier: MPL-2.0
//
//      table_t *table = table_new ("GROUP >READY >OLDEST");
//      table_add (table, "resize");
//      table_add (table, "18 204");
//      table_add (table, "22 s");
//      table_print (table, stdout, false);
//      table_destroy (&table);
//
//  Widths are counted in characters, not in bytes.

#ifndef CLIENT_TABLE_H
#define CLIENT_TABLE_H

#include <stdio.h>

#include "stint.h"

typedef struct table table_t;

//  Creates a table with the columns of the head, at most 24, separated by one space; one
//  that begins with ">" lines up on the right, one that begins with "?" is left out while
//  all its cells are "-" or "0". Aborts when memory runs out.
table_t *table_new (const char *head);

//  Destroys it and sets the caller's pointer to null.
void table_destroy (table_t **self_p);

//  Adds the next cell: rows fill from left to right. What cannot be shown is replaced by
//  "?". Copies.
void table_add (table_t *self, const char *text);

//  Returns how many whole rows there are.
size_t table_rows (const table_t *self);

//  Prints the head and the rows, two spaces between columns and none at the end of a
//  line. Bold makes the head bold, for terminals.
void table_print (const table_t *self, FILE *file, bool bold);

#endif
