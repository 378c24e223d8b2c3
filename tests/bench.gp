#  Draws throughput against what there is more and more of; tests/bench.sh has the points.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: gnuplot -e "kind = 'backlog'; folder = '.build/bench'" tests/bench.gp
#
#  kind is backlog or workers. A point is a median, its bar goes from the worst round to the
#  best one. The axis is logarithmic, so "none" stands where 1000 would.

set terminal svg size 720,440 font 'sans-serif,13' background rgb 'white'
set output sprintf ('%s/%s.svg', folder, kind)
set logscale x
set yrange [0:*]
set format y '%.1s %c'
set ylabel 'tasks a second, 64 B, durable'
set grid ytics linecolor rgb '#dddddd'
set border 3
set tics nomirror out
set key bottom left
set style line 1 linecolor rgb '#0b6e99' linewidth 2 pointtype 7 pointsize 0.6
set style line 2 linecolor rgb '#c4562e' linewidth 2 pointtype 5 pointsize 0.6

points (name) = sprintf ('%s/%s.points', folder, name)
place (number) = number > 0 ? number : 1000

if (kind eq 'backlog') {
    set xlabel 'tasks that wait'
    set xtics ('none' 1000, '10 k' 1e4, '100 k' 1e5, '1 M' 1e6, '10 M' 1e7)
    plot points ('backlog-other') using (place ($1)):2:3:4 with yerrorlines linestyle 1 \
             title 'in another group', \
         points ('backlog-same') using (place ($1)):2:3:4 with yerrorlines linestyle 2 \
             title 'in the same group'
} else {
    set xlabel 'connected workers beside the two that work'
    set xtics ('10' 10, '100' 100, '1 k' 1e3, '10 k' 1e4)
    plot points ('workers') using 1:2:3:4 with yerrorlines linestyle 1 notitle
}
