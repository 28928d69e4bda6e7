# acmed: GNU make, one file, not recursive.
#
#   make                              the programs, into build/bin
#   make check                        lint, every test, every test again under
#                                     ASan and UBSan
#   make lint, make format            what is wrong; what can be put right
#   make check-cmd T=0100-store.t     one test; also check-unit, check-clients,
#                                     check-fuzz, check-faults; V=1 says more
#   make bench                        beside others; LONG=1: a million orders too
#   make SANITIZE=address,undefined   the same programs, into build/asan/bin
#   make install PREFIX=/usr DESTDIR=/tmp/x
#
# Yours to set: CC CPPFLAGS CFLAGS LDFLAGS PREFIX DESTDIR SANITIZE SHARED=1
# WERROR=1 V=1

VERSION := 0.1.0

PREFIX  ?= /usr/local
bindir  ?= $(PREFIX)/bin
sbindir ?= $(PREFIX)/sbin
mandir  ?= $(PREFIX)/share/man
datadir ?= $(PREFIX)/share/acmed

FLAVOUR ?= $(if $(SANITIZE),asan,release)
B       := build/$(FLAVOUR)
O       := $(B)/obj
BIN     := $(if $(filter release,$(FLAVOUR)),build/bin,$(B)/bin)
TOOLS   := $(B)/tests/tool

# Libraries, by their pkg-config names: what every program may link (what it
# does not use is dropped), then what one program needs besides.  FAST programs
# are started once per connection; lint proves that they link nothing slow.
LIBS := libssl libcrypto sqlite3 jansson libbsd-overlay libidn2 inih
LIBS_acme-validate := libcurl libunbound
LIBS_cert-import := hiredis libcurl
LIBS_cert-manage := hiredis libcurl
LIBS_acmed-admin := hiredis libpsl
LIBS_acme-account := libcurl libunbound
LIBS_acme-order := hiredis libcurl libpsl libunbound
LIBS_acme-plan := libcurl libpsl libunbound
LIBS_acme-revoke := hiredis libcurl libpsl libunbound
LIBS_domain-queue := hiredis libcurl libpsl libunbound
LIBS_nginx-expire := libcurl
LIBS_redis-prime := hiredis
LIBS_renew-queue := hiredis libcurl libpsl libunbound
ALL_LIBS := $(sort $(LIBS) $(foreach v,$(filter LIBS_%,$(.VARIABLES)),$($v)))
# Those that a program loads when it needs them: the headers only.
LOADED := libpq
FAST := acmed-accept acmed-challenge cert-export

# What is loaded for a FAST program costs more than what it does, so all but
# libc comes from archives, where they are there; SHARED=1 leaves that out.
ARCHIVES = $(filter-out -ldl -lm -lpthread -pthread,\
	$(shell pkg-config --static --libs $(LIBS)))
STATIC = -Wl,-Bstatic $(ARCHIVES) -Wl,-Bdynamic -lm
have_archives = $(shell echo 'int main(void) { return 0; }' | \
	$(CC) -xc -o /dev/null - $(STATIC) 2>/dev/null && echo yes)

# ---- what there is ----------------------------------------------------------

LIB_SRC  := $(wildcard libcommon/*/*.c)
CMD_SRC  := $(wildcard cmd/*.c)
TEST_SRC := $(wildcard tests/unit/test_*.c tests/tool/*.c tests/fuzz/*.c tests/preload/*.c \
	tests/bench/*.c tests/bench/lib/*.c)
HEADERS  := $(wildcard libcommon/*/*.h)
LLHTTP   := /usr/share/llhttp
SCHEMA   := $(wildcard libcommon/store/schema/*.sql)
MAN      := $(wildcard man/*.[1-8])
SHARE    := scripts/acmed.conf scripts/cron scripts/fake-server scripts/limits.conf scripts/setup scripts/tmpfiles.conf
SHAPES   := hooks inetd openresty s6 systemd tcpserver

PROGRAMS := $(CMD_SRC:cmd/%.c=%)
UNIT := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
TOOL := $(patsubst %.c,$(B)/%,$(wildcard tests/tool/*.c))
PRELOAD := $(patsubst %.c,$(B)/%.so,$(wildcard tests/preload/*.c))
BENCH := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
BENCH_OBJ := $(patsubst %.c,$(O)/%.o,$(wildcard tests/bench/lib/*.c))

LIB_OBJ := $(LIB_SRC:%.c=$(O)/%.o) $(if $(SCHEMA),$(O)/gen/schema.o)
OBJ     := $(LIB_OBJ) $(CMD_SRC:%.c=$(O)/%.o) $(TEST_SRC:%.c=$(O)/%.o)

# The oracle of the tests of HTTP, generated C; they do without where it is not.
LLHTTP_OBJ := $(patsubst $(LLHTTP)/%.c,$(O)/llhttp/%.o,$(wildcard $(LLHTTP)/*.c))

# ---- flags ------------------------------------------------------------------

# $(call known,FLAG): the flag, if the compiler has it.
known = $(shell $(CC) -Werror $(1) -fsyntax-only -xc /dev/null 2>/dev/null \
	&& echo $(1))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla -Wundef \
	-Wimplicit-fallthrough -Wsign-compare \
	-Werror=implicit-function-declaration -Werror=int-conversion \
	-Wno-format-y2k $(call known,-Wno-format-truncation) \
	$(if $(WERROR),-Werror)

ifdef SANITIZE
MODE := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-fsanitize=$(SANITIZE)
else
MODE := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
	-fstack-protector-strong -fstack-clash-protection \
	$(call known,-ftrivial-auto-var-init=zero) \
	$(call known,-fzero-call-used-regs=used-gpr)
endif

# Of libraries only where their headers are: hiredis would have other functions
# of the C library taken, which tests put theirs in the place of.
ALL_CPPFLAGS := -D_GNU_SOURCE -DACMED_VERSION=\"$(VERSION)\" -iquote libcommon \
	$(filter-out -D_FILE_OFFSET_BITS=%,\
		$(shell pkg-config --cflags $(ALL_LIBS) $(LOADED) 2>/dev/null)) \
	$(if $(LLHTTP_OBJ),-isystem /usr/share/include/llhttp) $(CPPFLAGS)
# Hidden: no function of ours stands in for one of the same name that a shared
# library wants from another (event_add of libevent, which libunbound uses).
ALL_CFLAGS = -std=gnu11 $(WARN) $(MODE) -fvisibility=hidden -fPIE -ffunction-sections \
	-fdata-sections $(CFLAGS)
ALL_LDFLAGS = $(MODE) -pie -Wl,--as-needed -Wl,--gc-sections \
	-Wl,-z,relro,-z,now,-z,noexecstack \
	$(if $(filter fuzz,$(FLAVOUR)),-fsanitize=fuzzer) $(LDFLAGS)

COMPILE := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS)

# ---- programs ---------------------------------------------------------------

MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: FORCE all tests
Q := $(if $(V),,@)

all: $(B)/libcommon.a $(PROGRAMS:%=$(BIN)/%)

tests: $(UNIT) $(FUZZ) $(TOOL) $(BENCH) $(PRELOAD)

# $(call say,WORD,FILE): the short line that stands for a command, except with
# V=1 (the command itself is shown) and make -s.
silent := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
say = $(if $(V)$(silent),,@printf '%8s %s\n' $(1) $(2))

define compile
@mkdir -p $(@D)
$(call say,CC,$<)
$(Q)$(COMPILE) -MMD -MP -c -o $@ $<
endef

# $(call link,LIBRARIES[,FLAGS]): FLAGS instead of those of the libraries.
define link
@mkdir -p $(@D)
$(call say,LINK,$@)
$(Q)$(CC) -o $@ $(filter %.o %.a,$^) \
	$(or $(2),$$(pkg-config --libs $(1))) $(ALL_LDFLAGS)
endef

$(O)/%.o: %.c $(B)/flags
	$(compile)

$(O)/%.o: $(B)/%.c $(B)/flags
	$(compile)

$(O)/llhttp/%.o: $(LLHTTP)/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -w -c -o $@ $<

$(B)/tests/unit/test_oracle $(B)/tests/fuzz/fuzz_http: $(LLHTTP_OBJ)

$(B)/gen/schema.c: scripts/lib/sql2c $(SCHEMA)
	@mkdir -p $(@D)
	$(Q)scripts/lib/sql2c $(SCHEMA) >$@

$(B)/libcommon.a: $(LIB_OBJ) $(B)/members
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(LIB_OBJ)

$(BIN)/%: $(O)/cmd/%.o $(B)/libcommon.a
	$(call link,$(LIBS) $(LIBS_$*))

ifeq ($(FLAVOUR)$(SHARED),release)
$(FAST:%=$(BIN)/%): $(BIN)/%: $(O)/cmd/%.o $(B)/libcommon.a
	$(call link,$(LIBS),$(and $(have_archives),$(STATIC)))
endif

$(B)/tests/unit/%: $(O)/tests/unit/%.o $(B)/libcommon.a
	$(call link,$(ALL_LIBS) cmocka)

$(B)/tests/tool/%: $(O)/tests/tool/%.o $(B)/libcommon.a
	$(call link,$(ALL_LIBS) libcurl)

# Preloaded into programs as they are, so never with sanitizers.
$(B)/tests/preload/%.so: tests/preload/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) -std=gnu11 $(WARN) -O2 -g -fPIC -shared \
		-o $@ $< -ldl

$(B)/tests/bench/%: $(O)/tests/bench/%.o $(BENCH_OBJ) $(B)/libcommon.a
	$(call link,$(ALL_LIBS))

# A fuzz target with libFuzzer's main, or with ours, which replays the corpus.
REPLAY := $(if $(filter fuzz,$(FLAVOUR)),,$(O)/tests/fuzz/replay.o)
$(B)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(REPLAY) $(B)/libcommon.a
	$(call link,$(ALL_LIBS))

# Texts kept in files that change only when the text does: objects are made
# again after a change of flags, the archive after a source has gone.
$(B)/flags: text = $(COMPILE) $(ALL_LDFLAGS)
$(B)/members: text = $(LIB_OBJ)
$(B)/flags $(B)/members: FORCE
	@pkg-config --exists --print-errors $(ALL_LIBS) $(LOADED) || \
		{ echo 'Run scripts/deps build first.' >&2; exit 1; }
	@mkdir -p $(@D)
	@printf '%s\n' '$(text)' | cmp -s - $@ || printf '%s\n' '$(text)' >$@

-include $(OBJ:.o=.d)

# ---- tests ------------------------------------------------------------------

SUITES := clients cmd fuzz unit
tests_clients := $(wildcard tests/clients/*.t)
tests_cmd     := $(wildcard tests/cmd/*.t)
tests_fuzz    := $(FUZZ)
tests_unit    := $(UNIT)
tests_faults  := $(wildcard tests/faults/*.t)

# $(call chosen,TESTS): those that T names, all without T.
chosen = $(if $(T),$(filter $(addprefix %/,$(T)),$(1)),$(1))

export V
RUN := BIN=$(CURDIR)/$(BIN) TOOLS=$(CURDIR)/$(TOOLS) SRC=$(CURDIR)
HARNESS := $(RUN) scripts/lib/run-tests

.PHONY: check check-all check-tests check-faults $(SUITES:%=check-%)
.PHONY: lint format bench demo fuzz
check:
	+@scripts/lib/check $(MAKE)

check-all:
	+@scripts/lib/check $(MAKE) --all

# Slow ones first.
check-tests: all tests
	@$(HARNESS) $(foreach s,$(SUITES),$(tests_$(s)))

# A test there may have hundreds of programs killed.
check-faults: export TEST_TIMEOUT ?= 2700
$(SUITES:%=check-%) check-faults: check-%: all tests
	@$(if $(tests_$*),$(HARNESS) $(call chosen,$(tests_$*)),\
		echo 'no tests in tests/$*')

lint:
	@V=1 scripts/lib/run-tests scripts/lint/run

format:
	clang-format -i $(LIB_SRC) $(CMD_SRC) $(TEST_SRC) $(HEADERS)

# Three of lint's steps: a stamp for each file that was found good, beside the
# object, which is there to depend on all headers.
.PHONY: lint-clang lint-tidy lint-headers
lint-clang: $(patsubst %.c,$(O)/%.clang,$(LIB_SRC) $(CMD_SRC) $(TEST_SRC))
lint-tidy: $(patsubst %.c,$(O)/%.tidy,$(LIB_SRC) $(CMD_SRC))
lint-headers: $(HEADERS:%=$(O)/%.alone)

$(O)/%.clang: %.c $(O)/%.o
	$(Q)clang $(ALL_CPPFLAGS) $(filter -std=% -W%,$(ALL_CFLAGS)) -Werror \
		-Wno-unknown-warning-option -fsyntax-only $< && touch $@

$(O)/%.tidy: %.c $(O)/%.o .clang-tidy
	$(Q)clang-tidy --quiet $< -- $(ALL_CPPFLAGS) -std=gnu11 && touch $@

$(O)/%.h.alone: %.h $(HEADERS) $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -fsyntax-only -xc $< && touch $@

# What a script wants to know: make -s print-FAST.
print-%:
	@echo $($*)

bench: all tests
	@for b in orders connections challenges admin certificates redis renewals \
		deploys client gateway \
		$(if $(LONG),store long); do \
		printf '\n== %s\n' $$b; \
		$(RUN) tests/bench/$$b || exit 1; \
	done

demo: all
	scripts/demo --no-install

FUZZ_TIME ?= 60
fuzz:
	@$(MAKE) FLAVOUR=fuzz CC=clang \
		SANITIZE=fuzzer-no-link,address,undefined run-fuzz

.PHONY: run-fuzz
run-fuzz: $(FUZZ)
	@for f in $(FUZZ); do \
		name=$${f##*/fuzz_}; \
		found=$(B)/corpus/$$name; \
		mkdir -p $$found; \
		$$f -max_total_time=$(FUZZ_TIME) -artifact_prefix=$(B)/ \
			$$found tests/fuzz/corpus/$$name || exit 1; \
	done

# ---- install ----------------------------------------------------------------

# A program goes where its manual page says: section 8 into sbin, else bin.
TO_sbin := $(filter $(patsubst man/%.8,%,$(MAN)),$(PROGRAMS))
TO_bin  := $(filter-out $(TO_sbin),$(PROGRAMS))
SECTIONS := $(sort $(subst .,,$(suffix $(MAN))))

# $(call put,MODE,DIRECTORY,FILES)
put = $(if $(strip $(3)),install -d $(DESTDIR)$(2) && \
	install -m $(1) $(3) $(DESTDIR)$(2))
# $(call unput,DIRECTORY,FILES)
unput = $(if $(strip $(2)),rm -f $(patsubst %,$(DESTDIR)$(1)/%,$(notdir $(2))))

define newline


endef

.PHONY: install install-share uninstall dist clean
install: all
	$(call put,755,$(bindir),$(TO_bin:%=$(BIN)/%))
	$(call put,755,$(sbindir),$(TO_sbin:%=$(BIN)/%))
	$(foreach s,$(SECTIONS),\
	    $(call put,644,$(mandir)/man$(s),$(filter %.$(s),$(MAN)))$(newline))
	@$(MAKE) install-share

# With the directories of this installation in the place of the default ones.
install-share:
	install -d $(DESTDIR)$(datadir)
	cp -R $(SHARE) $(SHAPES:%=scripts/%) $(DESTDIR)$(datadir)
	cd $(DESTDIR)$(datadir) && find $(notdir $(SHARE)) $(SHAPES) -type f \
		-exec sed -i -e 's|/usr/local/bin/|$(bindir)/|' \
		-e 's|/usr/local/sbin/|$(sbindir)/|' \
		-e 's|/usr/local/share/acmed/|$(datadir)/|' {} +

uninstall:
	$(call unput,$(bindir),$(TO_bin))
	$(call unput,$(sbindir),$(TO_sbin))
	$(foreach s,$(SECTIONS),\
	    $(call unput,$(mandir)/man$(s),$(filter %.$(s),$(MAN)))$(newline))
	$(call unput,$(datadir),$(SHARE))
	rm -rf $(SHAPES:%=$(DESTDIR)$(datadir)/%)
	[ ! -d $(DESTDIR)$(datadir) ] || \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(datadir)

dist:
	@mkdir -p dist
	git archive --prefix=acmed-$(VERSION)/ HEAD | \
		gzip -9n >dist/acmed-$(VERSION).tar.gz

clean:
	rm -rf build dist
