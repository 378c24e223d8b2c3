#!/bin/bash
#  Plants each bug of mutants.table and demands that the simulator catches it.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/mutants.sh BUILD [NAME]                  as make mutants does
#
#  The changed copy of the one file is compiled and linked with the untouched objects into
#  a simulator of its own in .build/mutants/NAME, which runs up to SEEDS seeds (20000) from
#  the first on, in a minute at most. From the environment: OBJECTS, the simulator's, and
#  CC, COMPILE, LINK and LIBS, the compiler's words. A bug that survives, and lines that do
#  not stand in the file exactly once, are failures. Two at a time.
#
#  The last line says what the bugs did: so those counts can be other than zero.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

build=$1 objects=$OBJECTS only=${2:-}
table=tests/mutants.table
place=.build/mutants
seeds=${SEEDS:-20000}
started=$SECONDS

#  Writes the changed copy of a file: plant NAME FILE COPY
plant ()
{
    awk -v name="$1" '
        function bare (line) { gsub (/^[ \t]+|[ \t]+$/, "", line); return line }
        FNR == NR {
            if (/^#/ || /^$/) mine = 0
            else if (/^-/) { if (mine) old [++olds] = bare(substr ($0, 2)) }
            else if (/^[+]/) { if (mine) new [++news] = substr ($0, 3) }
            else mine = $1 == name
            next
        }
        { line [FNR] = $0; lines = FNR }
        END {
            for (at = 1; at + olds - 1 <= lines; at++) {
                for (i = 1; i <= olds && bare(line [at + i - 1]) == old [i]; i++) ;
                if (i > olds) { found++; place = at }
            }
            if (found != 1) exit 3
            for (at = 1; at <= lines; at++) {
                if (at == place) for (i = 1; i <= news; i++) print new [i]
                if (at < place || at >= place + olds) print line [at]
            }
        }' "$table" "$2" > "$3"
}

#  Builds and runs one: try NAME FILE PROMISE
try ()
{
    local name=$1 file=$2 promise=$3 dir=$place/$1 said status
    mkdir -p "$dir"
    if ! plant "$name" "$file" "$dir/$(basename "$file")"; then
        echo "WRONG   $name: its lines do not stand in $file exactly once" > "$dir/result"
        return
    fi
    #  shellcheck disable=SC2086
    if ! $CC $COMPILE -Itests -I"${file%/*}" -O1 -g0 -w -c \
            -o "$dir/mutant.o" "$dir/$(basename "$file")" 2> "$dir/log" ||
        ! $CC $LINK -pie -o "$dir/sim" "$dir/mutant.o" \
            ${objects/"$build/${file%.c}.o"/} $LIBS 2>> "$dir/log"; then
        echo "WRONG   $name does not compile, see $dir/log" > "$dir/result"
        return
    fi
    said=$(timeout -k 5 60 "$dir/sim" --mutant --processes 1 --seed 1 --seeds "$seeds" 2> "$dir/log")
    status=$?
    if [ "$status" -eq 1 ] && [ -n "$said" ]; then
        #  shellcheck disable=SC2086
        set -- $said
        printf 'caught  %-28s %5s seeds  %-9s  %-6s  %s\n' "$name" "$1" "$2" "$3" "$promise" \
            > "$dir/result"
        rm -f "$dir/sim" "$dir/mutant.o"
    else
        echo "ALIVE   $name: $promise ($file, exit code $status)" > "$dir/result"
    fi
}

names=()
while read -r name file promise; do
    case $name in '' | '#'* | -* | +*) continue ;; esac
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    names+=("$name")
    rm -f "$place/$name/result"
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    try "$name" "$file" "$promise" &
done < "$table"
wait

caught=0
declare -A kinds=([lost]=0 [doubled]=0 [corrupted]=0 [otherwise]=0)
for name in "${names[@]}"; do
    cat "$place/$name/result" || echo "WRONG   $name has no result"
    if read -r word _ _ _ kind _ 2> /dev/null < "$place/$name/result" && [ "$word" = caught ]; then
        caught=$((caught + 1))
        kinds[$kind]=$((kinds[$kind] + 1))
    fi
done
text="$caught of ${#names[@]} caught: lost ${kinds[lost]}, doubled ${kinds[doubled]}, "
text+="silent corruption ${kinds[corrupted]}, broken otherwise ${kinds[otherwise]}; "
text+="$((SECONDS - started)) s"
if [ "$caught" -lt "${#names[@]}" ] || [ "$caught" -eq 0 ]; then
    echo "mutants: FAILED: $text"
    exit 1
fi
echo "mutants: ok: $text"
