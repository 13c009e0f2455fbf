# SPDX-License-Identifier: AGPL-3.0-or-later
#
# One Makefile for the whole tree. `make help` lists what people call.

BUILD ?= build
RUN ?= run
VERSION ?= 0.1
comma := ,
SANITIZE ?=
# yes: with the places where tests let a process end (docs/FAULTS.md).
FAULT_POINTS ?=
# Objects and programs of differently instrumented builds never mix.
PLAIN := $(BUILD)/obj$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
OBJ := $(PLAIN)$(if $(FAULT_POINTS),-points)
BIN := $(if $(SANITIZE)$(FAULT_POINTS),$(OBJ)/bin,$(BUILD))
# The objects of sources: what has no fault point in it is the same with and without.
POINTED := $(if $(FAULT_POINTS),$(shell grep -rl --include='*.c' base/fault_point.h \
	common router c2s net s2s muc kontalkctl))
objects = $(patsubst %.c,$(if $(FAULT_POINTS),$(PLAIN),$(OBJ))/%.o,$(filter-out $(POINTED),$(1))) \
	$(patsubst %.c,$(OBJ)/%.o,$(filter $(POINTED),$(1)))

CC ?= gcc
PKGS := libuv libxml-2.0 gnutls libsasl2 libpq libidn libidn2
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wundef -Wpointer-arith -Werror=implicit -Werror=return-type -Werror=format \
	-Werror=incompatible-pointer-types -Werror=unused-result
# `make WERROR=` for compilers that know more warnings than Debian 12's.
WERROR ?= -Werror
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
	-ftrivial-auto-var-init=zero
ifeq ($(SANITIZE),)
HARDENING += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
# Asked only when something is compiled, so that `make run` can install the packages first.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. $(PKG_CFLAGS) $(WARNINGS) $(WERROR) $(HARDENING) \
	$(SANITIZE_FLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE_FLAGS) $(LDFLAGS)
# libunbound.pc asks for packages that nothing here needs.
LIBS = $(PKG_LIBS) -lwslay -lhttp_parser -lmicrohttpd -lsqlite3 -lunistring -lunbound \
	-ljansson -lqrencode -lpthread

# A folder with a main.c is a program; c2s is a library too, for its unit tests.
PROGRAM_DIRS := $(patsubst %/main.c,%,$(wildcard router/main.c c2s/main.c net/main.c s2s/main.c \
	files/main.c muc/main.c kontalkctl/main.c))
program_name = $(if $(filter kontalkctl,$(1)),kontalkctl,kontalk-$(1))
PROGRAMS := $(foreach dir,$(PROGRAM_DIRS),$(BIN)/$(call program_name,$(dir)))

COMMON_SRC := $(wildcard common/*/*.c)
COMMON_OBJ := $(call objects,$(COMMON_SRC))
COMMON_LIB := $(OBJ)/libcommon.a
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(OBJ)/unit/%)

# V=1 shows the commands.
say = $(if $(V),,@printf '  %-3s %s\n' $(1) '$@';)

.PHONY: all programs units tools load clean help run start stop check check-all \
	check-attacks check-faults check-network check-systemd bench bench-faults dev-deps format \
	install install-files deb FORCE
all: programs

help:
	@echo 'make            build everything into build/'
	@echo 'make run        a whole node in the foreground, with proof; Ctrl-C ends it'
	@echo 'make start      the same in the background; make stop ends it'
	@echo '                RUN=directory for a second instance beside the first; NODES=3'
	@echo 'make check      all tests; T=name for a part; SANITIZE=address,undefined; WORKERS=2'
	@echo 'make check-all  with every long form too'
	@echo 'make check-attacks  the attacks in their whole volume; takes hours'
	@echo 'make check-faults ROUNDS=200  a long campaign of faults; SEED=… repeats one'
	@echo 'make check-network ROUNDS=100  the same for a network of three nodes'
	@echo 'make check-systemd  the package in a small Debian of its own, with every long form'
	@echo 'make install    PREFIX=/usr/local DESTDIR=; make deb for a Debian package (docs/INSTALL.md)'
	@echo 'make bench      the benchmarks; T=name for one; RECORD=yes writes docs/BENCHMARKS.md'
	@echo 'make format     let clang-format have its way'
	@echo 'make dev-deps   install what only developers need'
	@echo 'make clean      remove build/'

programs: $(PROGRAMS)
units: $(UNIT_BIN)

# What runs nodes and tests is Python; it writes nothing outside BUILD and RUN.
PYTHON ?= /usr/bin/python3
export PYTHONDONTWRITEBYTECODE := 1
export BUILD RUN BIN OBJ SANITIZE PYTHON
# Programs are made only after the packages are there, hence by another make.
JOBS ?= $(shell nproc)
MAKE_JOBS = +@$(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(JOBS))
NODES ?= 1
WORKERS ?= 1
export WORKERS
NODE = $(PYTHON) -m tests.node --nodes '$(NODES)' --workers '$(WORKERS)'

run start:
	@tests/node/packages run
	$(MAKE_JOBS) programs
	@exec $(NODE) $@

stop:
	@if [ -e '$(RUN)' ]; then exec $(NODE) stop; fi

T ?=
RECORD ?=
export RECORD
check-all: FORM := --all
check-all: SETS := all root
# All of the volumes that make check runs a thousandth of.
check-attacks: FORM := --whole
check-attacks: T := attacks
# ROUNDS and SEED are for tests/faults/test_campaign.py and tests/network/test_network_campaign.py.
ROUNDS ?=
SEED ?=
export ROUNDS SEED
check-systemd: FORM := --all
check-systemd: T := systemd
check-faults check-network: FORM := --campaign
check-faults: T := test_nothing_acknowledged_is_lost
check-network: T := test_campaign_across_nodes
bench bench-faults: FORM := --bench
bench bench-faults: SETS := bench
bench-faults: T := faults
check-systemd: SETS := root
check check-all check-attacks check-faults check-network check-systemd bench bench-faults:
	@tests/node/packages run check $(SETS)
	@exec $(PYTHON) tests/run $(FORM) '$(T)'

dev-deps:
	@tests/node/packages run check dev

format:
	clang-format -i $$(find $(wildcard common router c2s net s2s files muc kontalkctl tests) -name '*.[ch]')

# A folder of objects and its flags: other flags, other objects. The file is rewritten only when it
# differs.
define object_rule
$(1)/%.o: %.c $(1)/flags
	@mkdir -p $$(@D)
	$$(call say,CC)$$(CC) $$(ALL_CFLAGS) $(2) -MMD -MP -c -o $$@ $$<
$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@echo '$$(CC) $$(ALL_CFLAGS)' | cmp -s - $$@ || echo '$$(CC) $$(ALL_CFLAGS)' >$$@
endef
$(eval $(call object_rule,$(PLAIN)))
$(if $(FAULT_POINTS),$(eval $(call object_rule,$(OBJ),-DFAULT_POINTS)))

# What says the version is made anew when that changes, and nothing else.
SAYS_VERSION = $(foreach folder,$(sort $(PLAIN) $(OBJ)),$(folder)/common/service/service.o)
$(SAYS_VERSION): %/common/service/service.o: %/version
$(SAYS_VERSION): private CFLAGS += -DKONTALK_VERSION='"$(VERSION)"'
$(sort $(PLAIN)/version $(OBJ)/version): FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@

$(COMMON_LIB): $(COMMON_OBJ)
	@rm -f $@
	@ar rcs $@ $^

# kontalkctl reaches the database itself, as c2s does, copies what files and muc have, and asks the
# DNS as s2s does.
kontalkctl_LIBS = $(OBJ)/libc2s.a $(OBJ)/libfiles.a $(OBJ)/libmuc.a $(OBJ)/libs2s.a
# What plugins may call (c2s/plugin.h) is found in the program.
c2s_LDFLAGS = -Wl,--export-dynamic
# A program: the objects below its folder and what it needs of common. Its library, for unit tests,
# does not wait for a main.c.
define program_rule
$(1)_SRC := $$(wildcard $(1)/*.c $(1)/*/*.c)
$(1)_OBJ := $$(call objects,$$($(1)_SRC))
$$(OBJ)/lib$(1).a: $$(filter-out %/$(1)/main.o,$$($(1)_OBJ))
	@rm -f $$@
	@ar rcs $$@ $$^
$$(BIN)/$$(call program_name,$(1)): $$($(1)_OBJ) $$($(1)_LIBS) $$(COMMON_LIB)
	@mkdir -p $$(@D)
	$$(call say,LD)$$(CC) $$(ALL_LDFLAGS) $$($(1)_LDFLAGS) -o $$@ $$^ $$(LIBS)
-include $$($(1)_OBJ:.o=.d)
endef
FOLDERS := $(sort $(PROGRAM_DIRS) $(patsubst %/,%,$(dir $(wildcard router/[a-z]*.c c2s/[a-z]*.c net/[a-z]*.c s2s/[a-z]*.c files/[a-z]*.c muc/[a-z]*.c))))
$(foreach dir,$(FOLDERS),$(eval $(call program_rule,$(dir))))

# Unit tests link all folder libraries; the linker takes what a test uses.
UNIT_LIBS = $(foreach dir,$(filter-out kontalkctl,$(FOLDERS)),$(OBJ)/lib$(dir).a) $(COMMON_LIB)
$(OBJ)/unit/%: tests/unit/%.c $(UNIT_LIBS)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(UNIT_LIBS) -lcmocka $(LIBS)
# A fuzzer's entry has the name of its file, so that one test can replay all corpora.
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
$(OBJ)/fuzz/%.o: tests/fuzz/%.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) -DLLVMFuzzerTestOneInput=$* -MMD -MP -c -o $@ $<
FUZZ_OBJ := $(FUZZ_SRC:tests/fuzz/%.c=$(OBJ)/fuzz/%.o)
$(OBJ)/unit/test_fuzz: UNIT_LIBS := $(FUZZ_OBJ) $(UNIT_LIBS)
$(OBJ)/unit/test_fuzz: $(FUZZ_OBJ)
# The tool has few parts that do no I/O.
$(OBJ)/unit/test_stun: UNIT_LIBS := $(OBJ)/libkontalkctl.a $(UNIT_LIBS)
$(OBJ)/unit/test_stun: $(OBJ)/libkontalkctl.a

# `make fuzz-xml SECONDS=60`: clang's engine, beginning with the corpus.
SECONDS ?= 60
fuzz-%:
	$(MAKE) CC=clang WERROR= HARDENING= SANITIZE=fuzzer-no-link,address,undefined \
		$(BUILD)/obj-fuzzer-no-link-address-undefined/engine/$@
	mkdir -p $(BUILD)/fuzz/$*
	$(BUILD)/obj-fuzzer-no-link-address-undefined/engine/$@ -max_total_time=$(SECONDS) \
		-max_len=65536 -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/$* tests/fuzz/corpus/$*
$(OBJ)/engine/fuzz-%: tests/fuzz/fuzz_%.c $(UNIT_LIBS)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(UNIT_LIBS) $(LIBS)

# The second opinion on XML.
$(OBJ)/unit/test_parser_property: LIBS += -lexpat

# The client that test_sasl plays against is nobody's of us.
$(OBJ)/unit/test_sasl: LIBS += -lgsasl

# Programs that tests run, tests/<group>/tool_<name>.c: `PKG: …` in a comment names the libraries.
TOOL_SRC := $(wildcard tests/*/tool_*.c)
TOOL_BIN := $(patsubst %.c,$(OBJ)/tools/%,$(notdir $(TOOL_SRC)))
vpath tool_%.c $(sort $(dir $(TOOL_SRC)))
tool_packages = $(shell sed -n 's/.*PKG: *\([a-z0-9. -]*\).*/\1/p' $(1))
tools: $(TOOL_BIN)
$(OBJ)/tools/%: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< \
		$(shell pkg-config --cflags --libs $(call tool_packages,$<) 2>/dev/null)

# The clients of the benchmarks.
LOAD_OBJ := $(patsubst %.c,$(OBJ)/%.o,$(wildcard tests/bench/*.c))
$(OBJ)/bench/load: $(LOAD_OBJ) $(COMMON_LIB)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lgsasl $(LIBS)
load: $(OBJ)/bench/load

# Programs of ours, or in C++, that tests run: made when the test asks.
$(OBJ)/tests/%: tests/%.c $(COMMON_LIB) $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(COMMON_LIB) $(LIBS)
# What is preloaded into programs of others.
$(OBJ)/tests/%.so: tests/%.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) $(WERROR) $(CFLAGS) -fPIC -shared -o $@ $<
$(OBJ)/tests/%: tests/%.cpp $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CXX) $(CFLAGS) -Wall -o $@ $< $(LIBS)
$(OBJ)/tests/router/gloox_component: LIBS = -lgloox

-include $(COMMON_OBJ:.o=.d) $(UNIT_BIN:=.d) $(FUZZ_OBJ:.o=.d) $(LOAD_OBJ:.o=.d)

# What a server needs, as docs/INSTALL.md tells it. Nothing is enabled, started or created beside
# files: kontalk-prepare does that, once.
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SBIN = $(DESTDIR)$(PREFIX)/sbin
SHARE = $(DESTDIR)$(PREFIX)/share
MAN = $(SHARE)/man
ZSH = $(SHARE)/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
LIBEXEC = $(DESTDIR)$(PREFIX)/lib/kontalk
KONTALK_ETC = $(DESTDIR)$(SYSCONFDIR)/kontalk
HOOKS = $(DESTDIR)$(SYSCONFDIR)/letsencrypt/renewal-hooks/deploy
# Files that name programs name those of this PREFIX.
place = sed 's|/usr/sbin/kontalk|$(PREFIX)/sbin/kontalk|; s|/usr/lib/kontalk|$(PREFIX)/lib/kontalk|' \
	$(1) >$(2) && chmod $(if $(3),$(3),644) $(2)
install: programs
	@$(MAKE) --no-print-directory install-files
# Of programs that are there.
install-files:
	install -d $(SBIN) $(LIBEXEC) $(MAN)/man5 $(MAN)/man7 $(MAN)/man8 $(DESTDIR)$(UNITDIR) $(HOOKS) \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(KONTALK_ETC)/conf.d \
		$(SHARE)/kontalk $(SHARE)/doc/kontalk $(SHARE)/bash-completion/completions $(ZSH) \
		$(SHARE)/fish/vendor_completions.d
	install -m 644 $(wildcard docs/monitoring/* docs/web/*) $(SHARE)/kontalk
	install -m 644 README.md $(wildcard docs/*.md) $(SHARE)/doc/kontalk
	install $(PROGRAMS) $(SBIN)
	install systemd/kontalk-prepare systemd/kontalk-database $(LIBEXEC)
	for unit in $(notdir $(wildcard systemd/*.service systemd/*.socket systemd/*.target)); do \
		$(call place,systemd/$$unit,$(DESTDIR)$(UNITDIR)/$$unit) || exit; done
	install -m 644 systemd/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/kontalk.conf
	install -m 644 systemd/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/kontalk.conf
	$(call place,systemd/letsencrypt-hook,$(HOOKS)/kontalk,755)
	install -D -m 644 systemd/fail2ban.conf $(DESTDIR)$(SYSCONFDIR)/fail2ban/filter.d/kontalk.conf
	[ -e $(KONTALK_ETC)/kontalk.conf ] || install -m 644 systemd/kontalk.conf $(KONTALK_ETC)
	for page in $(notdir $(wildcard docs/man/*.[78])); do \
		install -m 644 docs/man/$$page $(MAN)/man$${page##*.}/ || exit; done
	$(BIN)/kontalk-router --manual >$(MAN)/man5/kontalk.conf.5
	$(BIN)/kontalkctl completion bash >$(SHARE)/bash-completion/completions/kontalkctl
	$(BIN)/kontalkctl completion zsh >$(ZSH)/_kontalkctl
	$(BIN)/kontalkctl completion fish >$(SHARE)/fish/vendor_completions.d/kontalkctl.fish
	{ cat docs/man/kontalkctl.head && $(BIN)/kontalkctl --help | sed -n -f docs/man/verbs.sed && \
		cat docs/man/kontalkctl.tail; } >$(MAN)/man8/kontalkctl.8

# The package, in $(BUILD)/deb. debhelper wants a folder debian at the top of what it packs.
DEB = $(BUILD)/deb/kontalk
deb: programs
	rm -rf $(BUILD)/deb
	mkdir -p $(DEB)
	cp -R systemd/debian $(DEB)/debian
	cat systemd/debian/copyright.head LICENSE.exception LICENSE >$(DEB)/debian/copyright
	printf 'kontalk (%s) bookworm; urgency=medium\n\n  * Built from the tree.\n\n -- %s  %s\n' \
		'$(VERSION)' 'Kontalk devteam <devteam@kontalk.org>' \
		"$$(LC_ALL=C date -u -R -d @$$(git log -1 --format=%ct 2>/dev/null || date +%s))" \
		>$(DEB)/debian/changelog
	cd $(DEB) && TREE='$(CURDIR)' BUILD='$(BUILD)' VERSION='$(VERSION)' DEB_BUILD_OPTIONS=noautodbgsym \
		dpkg-buildpackage -us -uc -b -d >../log 2>&1 || { cat ../log; exit 1; }
	@ls $(BUILD)/deb/*.deb

clean:
	rm -rf $(BUILD)
