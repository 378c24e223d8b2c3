//  table: rows of text in columns that line up
//  SPDX-License-Identifier: MPL-2.0

#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define COLUMNS_MAX 24
#define CELL_SIZE 512  //  Longest cell that is kept, in bytes

struct table {
    size_t columns;              //  How many there are
    bool right [COLUMNS_MAX];    //  Lines up on the right
    bool hidden [COLUMNS_MAX];   //  Nothing but "-" and "0" in it, and it may be left out
    size_t width [COLUMNS_MAX];  //  Characters of the longest cell, the head's included
    char **cells;                //  Row by row, the head first
    size_t count;                //  Cells that were added
    size_t capacity;             //  Cells there is room for
};

void
table_add (table_t *self, const char *text)
{
    assert (self && text);
    char cell [CELL_SIZE];
    text_first_line (stint_bytes_of (text), CELL_SIZE, cell, sizeof cell);
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->cells = realloc (self->cells, self->capacity * sizeof *self->cells);
        assert (self->cells);
    }
    size_t *width = &self->width [self->count % self->columns];
    if (self->count >= self->columns && strcmp (cell, "-") != 0 && strcmp (cell, "0") != 0)
        self->hidden [self->count % self->columns] = false;
    if (text_width (cell) > *width)
        *width = text_width (cell);
    self->cells [self->count] = strdup (cell);
    assert (self->cells [self->count]);
    self->count++;
}

table_t *
table_new (const char *head)
{
    assert (head && *head);
    table_t *self = calloc (1, sizeof *self);
    assert (self);
    self->columns = 1;
    for (const char *at = head; *at; at++)
        self->columns += *at == ' ';
    assert (self->columns <= COLUMNS_MAX);
    for (size_t column = 0; column < self->columns; column++) {
        self->hidden [column] = *head == '?';
        head += self->hidden [column];
        self->right [column] = *head == '>';
        head += self->right [column];
        char name [CELL_SIZE];
        size_t size = strcspn (head, " ");
        assert (size < sizeof name);
        memcpy (name, head, size);
        name [size] = 0;
        table_add (self, name);
        head += size + (head [size] == ' ');
    }
    return self;
}

void
table_destroy (table_t **self_p)
{
    assert (self_p);
    table_t *self = *self_p;
    if (!self)
        return;

    for (size_t at = 0; at < self->count; at++)
        free (self->cells [at]);
    free (self->cells);
    free (self);
    *self_p = NULL;
}

size_t
table_rows (const table_t *self)
{
    return self->count / self->columns - 1;
}

static void
s_print_row (const table_t *self, FILE *file, size_t row)
{
    size_t end = self->columns;
    while (end > 0 && self->hidden [end - 1])
        end--;
    for (size_t column = 0; column < end; column++) {
        const char *cell = self->cells [row * self->columns + column];
        int blank = (int) (self->width [column] - text_width (cell));
        bool last = column + 1 == end;
        if (self->hidden [column])
            continue;
        if (self->right [column])
            fprintf (file, "%*s%s", blank, "", cell);
        else
            fprintf (file, "%s%*s", cell, last ? 0 : blank, "");
        fputs (last ? "" : "  ", file);
    }
}

void
table_print (const table_t *self, FILE *file, bool bold)
{
    assert (self && file);
    for (size_t row = 0; row <= table_rows (self); row++) {
        fputs (bold && row == 0 ? "\033[1m" : "", file);
        s_print_row (self, file, row);
        fputs (bold && row == 0 ? "\033[0m\n" : "\n", file);
    }
}
