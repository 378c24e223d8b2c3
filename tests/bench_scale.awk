#  Makes the rows of tests/bench_scale.sh for the table of tests/bench.sh.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: see bench.awk, whose functions this uses

function scale_targets () {
}
