#  stint: tasks, queued and carried out. There is no configure step.
#  SPDX-License-Identifier: MPL-2.0
#
#    make                build the programs and the library into .build/release
#    make test           build, then run everything that continuous integration runs
#    make check          format, warnings with two compilers, clang-tidy, cppcheck, house rules
#    make sim            a cluster from each of many seeds; SEED=n, SIM_SECONDS=n
#    make mutants        plants known bugs, each of which the simulator has to catch
#    make proof          everything that tries to lose a task, an hour or SECONDS=n
#    make demo           a word count that survives the death of its workers and its broker
#    make bench          throughput and latency; PEERS=yes: beside other queues, too
#    make soak           overload and peers that mean no good, 10 minutes or SECONDS=n
#    make compare        one disk error: what beanstalkd loses, and what stint loses
#    make install        into $(DESTDIR)$(PREFIX); make uninstall takes it away again
#    make fuzz           libFuzzer, SECONDS=30 for each target of tests/fuzz_*.c
#    make fuzz-coverage  how far the corpora come in what parses foreign bytes
#    make tsan           ThreadSanitizer watches what has threads
#    make coverage       branch coverage of the pure files
#    make valgrind       broker, worker and client under valgrind, end to end
#    make format         rewrite the sources as .clang-format says
#    make layers         who includes whom; also: purity lengths guards banned
#    make clean          remove .build
#
#  MODE=debug, asan, tsan or coverage builds into .build/$(MODE) instead; CC=clang is welcome;
#  V=1 shows the commands. CPPFLAGS, CFLAGS and LDFLAGS are added to ours. Debian packages
#  that are missing are named and then installed, with sudo where needed.

MODE ?= release
B ?= .build/$(MODE)
PREFIX ?= /usr/local
Q := $(if $(V),,@)

#  Build with all processors, unless a make above us or a -j decides that.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2) --no-print-directory
endif

#  ---------------------------------------------------------------------------------
#  Flags. The libraries may come in while make runs, so pkg-config is asked at the
#  first compilation and not when this file is read.

LIBRARIES := libczmq libzmq msgpack lmdb libxxhash
once = $(eval $1 := $(shell $2))$($1)
LIB_CFLAGS = $(call once,LIB_CFLAGS,pkg-config --cflags $(LIBRARIES))
LIB_LIBS = $(call once,LIB_LIBS,pkg-config --libs $(LIBRARIES))

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wswitch-enum
HARDENED := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
            $(if $(filter x86_64,$(shell uname -m)),-fstack-clash-protection -fcf-protection)
SANITIZED := -fsanitize=address,undefined -fno-sanitize-recover=undefined

MODE_release := -O2 $(HARDENED)
MODE_debug := -O0
MODE_asan := -O1 $(SANITIZED) -fno-omit-frame-pointer
MODE_coverage := -O0 --coverage
MODE_fuzz := -O1 $(SANITIZED) -fsanitize=fuzzer-no-link -fno-omit-frame-pointer
MODE_tsan := -O1 -fsanitize=thread -fno-omit-frame-pointer
$(if $(MODE_$(MODE)),,$(error MODE=$(MODE): there are release debug asan coverage fuzz tsan))

COMPILE = -std=c11 -g -fPIC -fvisibility=hidden -D_GNU_SOURCE -Icommon $(WARNINGS) \
          $(MODE_$(MODE)) $(LIB_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LINK = $(filter -fsanitize=% --coverage,$(MODE_$(MODE))) -pthread -Wl,--as-needed \
       -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack $(CFLAGS) $(LDFLAGS)

#  ---------------------------------------------------------------------------------
#  What there is to build. Patterns find the files, so a new one needs no line here.

SOURCES := $(wildcard common/*.c broker/*.c worker/*.c client/*.c tests/*.c)
C_FILES := $(wildcard $(addsuffix /*.[ch],common broker worker client tests examples examples/*))
SCRIPTS := Makefile $(wildcard tests/*.sh tests/*.awk .ci/run examples/*.sh examples/*/*.sh)
object = $(patsubst %.c,$(B)/%.o,$(wildcard $1))

LIBSTINT := $(call object,common/*.c client/stint_*.c worker/stint_*.c)
BROKER := $(call object,common/*.c broker/*.c)
CLIENT := $(filter-out $(LIBSTINT),$(call object,client/*.c))
WORKER := $(filter-out $(LIBSTINT),$(call object,worker/*.c))
PROGRAMS := $(B)/stint-broker $(B)/stint-worker $(B)/stint

#  All of it but the mains, for tests and benchmarks.
WHOLE := $(filter-out %/main.o,$(sort $(LIBSTINT) $(BROKER) $(CLIENT) $(WORKER)))
APART := bench% chaos% crash% mutate_% sim% soak% tsan_% must_alone.o pidfd.o count_alloc.o
CHECK := $(filter-out $(addprefix $(B)/tests/,$(APART)),$(call object,tests/*.c))
mains = $(patsubst tests/%.c,$(B)/%,$(shell grep -ls '^main .' tests/$1_*.c))
BENCHES := $(call mains,bench)
BENCH_PARTS := $(filter-out $(BENCHES:$(B)/%=$(B)/tests/%.o),$(call object,tests/bench*.c))
CRASHES := $(call mains,crash)
CHAOSES := $(call mains,chaos)
CHAOS_PARTS := $(filter-out $(CHAOSES:$(B)/%=$(B)/tests/%.o),\
                            $(filter-out %/chaos_disk.o,$(call object,tests/chaos_*.c))) \
               $(addprefix $(B)/tests/,history.o judge.o)
SOAKS := $(call mains,soak)
PARTS := $(B)/tsan_parts
FUZZERS := $(patsubst tests/%.c,$(B)/%,$(wildcard tests/fuzz_*.c))
FUZZ_PARTS := $(patsubst %,$(B)/tests/%.o,fuzz must_alone core_fixture core_audit)

#  The pure files: no clock, no chance, no sockets, no files, only memory.
PURE_MODULES := core apply charge hold keep schedule lease session pace rate group lane kind terms \
                batch task producer roster journal record query explain effects gather cron \
                timetable word
PURE := $(call object,$(PURE_MODULES:%=broker/%.c) $(PURE_MODULES:%=broker/%_*.c) \
                      $(addprefix common/stint_,error.c peer.c pack.c wire.c))

#  The simulator: the broker's own pure objects, and a world around them.
SIM := $(call object,tests/sim*.c tests/core_audit.c)

all: $(PROGRAMS) $(B)/libstint.a $(B)/libstint.so

$(B)/stint-broker: $(BROKER)
$(B)/stint-worker: $(WORKER) $(B)/libstint.a
$(B)/stint: $(CLIENT) $(B)/libstint.a
$(B)/check: $(CHECK) $(WHOLE)
$(B)/check: EXTRA = -lcriterion
$(BENCHES): $(B)/%: $(B)/tests/%.o $(BENCH_PARTS) $(WHOLE)
$(CRASHES): $(B)/%: $(B)/tests/%.o $(B)/tests/history.o $(B)/libstint.a
$(CHAOSES): $(B)/%: $(B)/tests/%.o $(CHAOS_PARTS) $(WHOLE)
$(SOAKS): $(B)/%: $(B)/tests/%.o $(B)/tests/zmtp.o $(B)/libstint.a
$(PARTS): $(B)/%: $(B)/tests/%.o $(B)/tests/must_alone.o $(WHOLE)
$(B)/sim: $(SIM) $(PURE)

$(PROGRAMS) $(BENCHES) $(CRASHES) $(CHAOSES) $(SOAKS) $(PARTS) $(B)/check $(B)/sim:
	@echo "  link  $@"
	$(Q)$(CC) $(LINK) -pie -o $@ $^ $(LIB_LIBS) $(EXTRA) $(LDLIBS)

#  A target goes by the name that libFuzzer calls, with its mutator if it has one, and with
#  no more of the product than it needs.
$(B)/whole.a: $(WHOLE) $(FUZZ_PARTS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(FUZZERS): $(B)/%: $(B)/tests/%.o $(B)/whole.a
	@echo "  link  $@"
	$(Q)$(CC) $(LINK) -fsanitize=fuzzer -Wl,--defsym=LLVMFuzzerTestOneInput=$* -o $@ \
	    $(filter %.o,$^) $(B)/whole.a $(LIB_LIBS) $(LDLIBS)

$(B)/fuzz_wire $(B)/fuzz_journal: $(B)/tests/mutate_values.o
$(B)/fuzz_session $(B)/fuzz_peer: $(B)/tests/mutate_steps.o

$(B)/libstint.a: $(LIBSTINT)
	@echo "  link  $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/libstint.so: $(LIBSTINT)
	@echo "  link  $@"
	$(Q)$(CC) $(LINK) -shared -Wl,-soname,libstint.so.0 -o $@ $^ $(LIB_LIBS) $(LDLIBS)

#  What LD_PRELOAD names: one makes the disk fail, one writes down what the disk is told,
#  one teaches valgrind a call, one counts allocations.
SHIMS := $(B)/io_fault.so $(B)/chaos_disk.so $(B)/pidfd.so $(B)/count_alloc.so
$(SHIMS): $(B)/%.so: $(B)/tests/%.o
	@echo "  link  $@"
	$(Q)$(CC) $(LINK) -shared -o $@ $^ $(LDLIBS)

#  What the scripts tests/e2e_*.sh need besides the programs.
scenes: all $(CRASHES) $(CHAOSES) $(SOAKS) $(SHIMS)

#  A folder sees itself and common. Only tests see every folder, so that a client that
#  includes a file of the broker does not compile.
$(B)/tests/%.o $(B)/tests/%.tidy: COMPILE += -Ibroker -Iworker -Iclient

$(B)/%.o: %.c Makefile | packages
	@mkdir -p $(@D) && echo "  cc    $<"
	$(Q)$(CC) $(COMPILE) -MMD -MP -c -o $@ $<

-include $(wildcard $(B)/*/*.d)

#  ---------------------------------------------------------------------------------
#  Debian packages: those that what was asked for needs. Nothing is missing: 10 ms.

GOALS := $(or $(MAKECMDGOALS),all)
PACKAGES := build $(if $(filter demo test,$(GOALS)),demo) \
            $(if $(filter test %coverage check %/check objects warnings tidy,$(GOALS)),test) \
            $(if $(filter check warnings tidy format%,$(GOALS)),check) \
            $(if $(filter fuzz fuzz-coverage fuzzers test proof,$(GOALS)),fuzz) \
            $(if $(filter valgrind,$(GOALS)),valgrind) \
            $(if $(filter compare proof,$(GOALS)),compare)

packages:
	@sh tests/packages.sh $(PACKAGES)

#  ---------------------------------------------------------------------------------
#  Tests

HOUSE := layers lengths guards banned purity

test: scenes $(B)/check $(B)/sim $(HOUSE)
	@$(MAKE) MODE=asan B=.build/asan scenes .build/asan/check
	@$(MAKE) MODE=tsan B=.build/tsan scenes .build/tsan/tsan_parts
	@$(MAKE) MODE=fuzz B=.build/fuzz CC=clang fuzzers
	@$(PLANT) TSAN=.build/tsan FUZZERS=.build/fuzz tests/run.sh $(B) .build/asan

check: $(HOUSE) format-check warnings tidy cppcheck
	@echo 'check: ok'

layers lengths guards banned:
	@awk -v pure='$(PURE_MODULES)' -f tests/$(@:lengths=length).awk $(C_FILES) && echo '$@: ok'

guards: C_FILES += $(SCRIPTS)

#  A cluster from each of many seeds, with every fault, as much of it as tests/sim.sh says;
#  and the proof that this finds bugs: each planted one, of which MUTANT=name names one, has
#  to be caught.
sim: $(B)/sim
	@tests/sim.sh $(B)

PLANT = CC='$(CC)' COMPILE='$(COMPILE) -Ibroker' LINK='$(LINK)' LIBS='$(LIB_LIBS)' \
        OBJECTS='$(SIM) $(PURE)'

mutants: $(B)/sim
	@$(PLANT) tests/mutants.sh $(B) $(MUTANT)

purity: $(PURE)
	@sh tests/purity.sh $(B)/pure.ro $^

format: | packages
	clang-format -i $(C_FILES)

format-check: | packages
	@clang-format --dry-run --Werror $(C_FILES) && echo 'format: ok'

#  Both compilers, each in a folder of its own, with every warning an error.
warnings: | packages
	@$(MAKE) B=.build/gcc CC=gcc CFLAGS=-Werror objects
	@$(MAKE) B=.build/clang CC=clang CFLAGS=-Werror objects
	@echo 'warnings: ok, none with gcc and clang'

objects: $(SOURCES:%.c=$(B)/%.o)

#  A file is looked at again when it, a header of it or the list of checks has changed.
tidy: warnings
	@$(MAKE) B=.build/clang CC=clang tidied && echo 'tidy: ok'

tidied: $(SOURCES:%.c=$(B)/%.tidy)

$(B)/%.tidy: $(B)/%.o .clang-tidy
	@echo "  tidy  $*.c"
	$(Q)clang-tidy --quiet $*.c -- $(COMPILE) > $@.log 2>&1 || { cat $@.log; exit 1; }
	@touch $@

cppcheck: | packages
	@mkdir -p .build/cppcheck
	@cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --max-configs=4 \
	    --enable=warning,performance,portability --cppcheck-build-dir=.build/cppcheck \
	    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
	    '-DTest(suite,name,...)=void suite##_##name (void)' '-DTestSuite(...)=struct s' \
	    -D_GNU_SOURCE -Icommon -Ibroker -Iworker -Iclient $(SOURCES) && echo 'cppcheck: ok'

#  The counts of earlier runs are removed first, so that the table shows this run's.
coverage:
	@rm -f .build/coverage/*/*.gcda
	@$(MAKE) MODE=coverage B=.build/coverage .build/coverage/check
	@.build/coverage/check
	@gcov -b -c -t $(PURE:$(B)/%=.build/coverage/%) > .build/coverage/pure.gcov
	@awk -f tests/coverage.awk .build/coverage/pure.gcov

#  Each target in its turn; FUZZ=wire is that target only.
fuzz:
	@$(MAKE) MODE=fuzz B=.build/fuzz CC=clang fuzzers
	@SECONDS_EACH=$(or $(SECONDS),30) tests/fuzz.sh .build/fuzz

fuzzers: $(FUZZERS)

#  Of what parses the bytes of peers and of the journal, as far as the corpora come.
PARSERS := $(patsubst %,$(B)/%.o,common/stint_pack common/stint_wire broker/journal \
             broker/record broker/apply broker/apply_check)

fuzz-coverage:
	@rm -f .build/coverage/*/*.gcda
	@$(MAKE) MODE=coverage B=.build/coverage .build/coverage/check
	@.build/coverage/check --filter 'corpus/*'
	@gcov -b -c -t $(PARSERS:$(B)/%=.build/coverage/%) > .build/coverage/parsers.gcov
	@awk -f tests/coverage.awk .build/coverage/parsers.gcov

tsan:
	@$(MAKE) MODE=tsan B=.build/tsan scenes .build/tsan/tsan_parts
	@tests/tsan.sh .build/tsan

valgrind:
	@$(MAKE) MODE=debug B=.build/debug all .build/debug/pidfd.so
	@tests/valgrind.sh .build/debug

#  ---------------------------------------------------------------------------------
#  Shows

demo: all
	@STINT_BIN=$(abspath $(B)) bash examples/demo.sh

bench: all $(BENCHES) $(B)/crash_fill $(B)/soak_workers $(B)/count_alloc.so
	@STINT_BIN=$(abspath $(B)) bash tests/bench.sh

#  The shell's own SECONDS is another one, so it gets a name, and scripts do not inherit it.
unexport SECONDS

soak: scenes
	@SOAK_SECONDS=$(or $(SECONDS),600) STINT_BIN=$(abspath $(B)) bash tests/soak.sh

#  Everything that tries to lose a task, for an hour or SECONDS=n; ends with a table.
proof: scenes $(B)/sim
	@$(MAKE) MODE=fuzz B=.build/fuzz CC=clang fuzzers
	@PROOF_SECONDS=$(or $(SECONDS),3600) STINT_BIN=$(abspath $(B)) bash tests/proof.sh

compare: scenes
	@STINT_BIN=$(abspath $(B)) bash tests/compare_beanstalkd.sh

#  ---------------------------------------------------------------------------------
#  Installation

VERSION = $(shell sed -n 's/^\#define STINT_VERSION "\(.*\)"/\1/p' common/stint.h)
HEADERS := common/stint.h client/stint_client.h client/stint_client_admin.h \
           client/stint_client_tasks.h client/stint_terms.h \
           worker/stint_worker.h
MAN1 := $(wildcard client/*.1 worker/*.1)
MAN8 := $(wildcard broker/*.8)
TO := $(DESTDIR)$(PREFIX)

#  The dynamic linker looks for libraries in a cache, which root renews. What a package is
#  made of (DESTDIR) is not installed yet.
LDCONFIG ?= PATH="$$PATH:/usr/sbin:/sbin" ldconfig
RENEW_CACHE = $(if $(DESTDIR),,@[ "$$(id -u)" -ne 0 ] || $(LDCONFIG))

install: all
	install -D -m 755 -t $(TO)/bin $(PROGRAMS)
	install -D -m 644 -t $(TO)/include $(HEADERS)
	install -D -m 644 -t $(TO)/lib $(B)/libstint.a
	install -m 755 $(B)/libstint.so $(TO)/lib/libstint.so.$(VERSION)
	ln -sf libstint.so.$(VERSION) $(TO)/lib/libstint.so.0
	ln -sf libstint.so.0 $(TO)/lib/libstint.so
	install -d $(TO)/lib/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' \
	    common/stint.pc.in > $(TO)/lib/pkgconfig/stint.pc
	$(if $(MAN1),install -D -m 644 -t $(TO)/share/man/man1 $(MAN1))
	$(if $(MAN8),install -D -m 644 -t $(TO)/share/man/man8 $(MAN8))
	$(RENEW_CACHE)

uninstall:
	rm -f $(addprefix $(TO)/,$(addprefix bin/,$(notdir $(PROGRAMS))) \
	    $(addprefix include/,$(notdir $(HEADERS))) lib/libstint.a lib/libstint.so* \
	    lib/pkgconfig/stint.pc $(addprefix share/man/man1/,$(notdir $(MAN1))) \
	    $(addprefix share/man/man8/,$(notdir $(MAN8))))
	$(RENEW_CACHE)

clean:
	rm -rf .build

help:
	@sed -n '/^#/!q; s/^#  \{0,1\}//p' Makefile

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all scenes packages test check $(HOUSE) format format-check warnings objects tidy tidied \
        cppcheck coverage sim mutants fuzz fuzzers fuzz-coverage tsan valgrind demo bench soak proof \
        compare install uninstall clean help
