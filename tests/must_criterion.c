//  must_criterion: what does not hold fails the test of Criterion that runs
//  SPDX-License-Identifier: MPL-2.0

#include "must.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
must_fail (const char *file, int line, const char *format, ...)
{
    char text [512];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    cr_assert_fail ("%s:%d: %s", file, line, text);
    abort ();
}
