//  must: what has to hold in a test, whatever program runs it
//  SPDX-License-Identifier: MPL-2.0
//
//  Criterion reports every single assertion to another process, and libFuzzer and
//  ThreadSanitizer know nothing of Criterion. So what is shared between tests says must,
//  which costs nothing when all is well, and the program says what a failure is: in the
//  Criterion program one test fails (must_criterion.c), everywhere else the process
//  aborts (must_alone.c).

#ifndef MUST_H
#define MUST_H

#define must(condition, ...)                                                               \
    do {                                                                                   \
        if (!(condition))                                                                  \
            must_fail (__FILE__, __LINE__, __VA_ARGS__);                                   \
    } while (0)

//  Fails the test with a text, as printf writes it.
void must_fail (const char *file, int line, const char *format, ...)
    __attribute__ ((noreturn, format (printf, 3, 4)));

#endif
