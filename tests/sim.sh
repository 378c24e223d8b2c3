#!/bin/bash
#  Runs the simulator: as much as continuous integration wants, or as much as it is told.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/sim.sh BUILD                                   as .build/release
#
#    SEED            the first seed, to see the same again     (by chance)
#    SIM_EVENTS      at least that many events,                (200000000)
#    SIM_RECOVERIES  and at least that many recoveries,        (1000000)
#    SIM_WITHIN      but no more seconds than that             (180)
#    SIM_SECONDS     instead of these three: for so long
#
#  The last line says what was lost, doubled and corrupted, in how many events.

set -euo pipefail
cd "$(dirname "$0")/.."

amount=(--events "${SIM_EVENTS:-200000000}" --recoveries "${SIM_RECOVERIES:-1000000}"
        --within "${SIM_WITHIN:-180}")
if [ -n "${SIM_SECONDS:-}" ]; then amount=(--seconds "$SIM_SECONDS"); fi
exec "$1/sim" ${SEED:+--seed "$SEED"} "${amount[@]}"
