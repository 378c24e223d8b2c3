//  Tests of serve: how many tasks it asks for
//  SPDX-License-Identifier: MPL-2.0

#include "serve.h"
#include <criterion/criterion.h>

Test (serve, spare_tasks_are_for_quick_programs_only)
{
    cr_assert (serve_capacity (4, -1) == 4, "nothing is known");
    cr_assert (serve_capacity (4, 0) == 8);
    cr_assert (serve_capacity (4, 49.9) == 8);
    cr_assert (serve_capacity (4, 50) == 4);
    cr_assert (serve_capacity (1, 3600000) == 1);
}
