#!/bin/bash
#  The short form of make soak: overload, slow and hostile peers, 2000 workers.
#  SPDX-License-Identifier: MPL-2.0
#
#    STINT_BIN    where the programs are                  (.build/release)

SOAK_NAME=e2e_overload SOAK_SECONDS=30 exec bash "$(dirname "$0")/soak.sh"
