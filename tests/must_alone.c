//  must_alone: what does not hold ends the program, for programs without Criterion
//  SPDX-License-Identifier: MPL-2.0

#include "must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
must_fail (const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    fprintf (stderr, "%s:%d: ", file, line);
    vfprintf (stderr, format, arguments);
    fputc ('\n', stderr);
    va_end (arguments);
    abort ();
}
