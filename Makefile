# SPDX-License-Identifier: BSD-2-Clause
# Builds ftprof, its tests and its workloads. `make help` lists targets and variables.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SUFFIXES:
.DEFAULT_GOAL := all

prefix ?= /usr/local
bindir ?= $(prefix)/bin
mandir ?= $(prefix)/share/man
DESTDIR ?=

B := build
VERSION := $(shell cat VERSION)
CC := $(if $(filter-out undefined default,$(origin CC)),$(CC),gcc)
AR := $(if $(filter-out undefined default,$(origin AR)),$(AR),ar)
INSTALL ?= install
PKG_CONFIG ?= pkg-config
# Evaluated at their first use only: not every target needs them.
CLANG ?= $(eval CLANG := $$(shell scripts/find-tool clang || echo clang))$(CLANG)
PROTOC_C ?= protoc-c
BPFTOOL ?= $(eval BPFTOOL := $$(shell scripts/find-tool bpftool || echo bpftool))$(BPFTOOL)
PKGS := libbpf libelf libdw liblzma zlib libzstd json-c libprotobuf-c libcap ncursesw
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))

V ?= 0
DEBUG ?= 0
WERROR ?= 1
SETUP ?= 1
# What `make SAN=...` builds is build/san/ftprof; unit tests always live there.
SAN ?=
SAN_DEFAULT := address,undefined
SANITIZE := $(if $(SAN),$(SAN),$(SAN_DEFAULT))

ifeq ($(V),1)
Q :=
msg = @:
else
Q := @
msg = @printf '  %-7s %s\n' $(1) $(2)
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wwrite-strings
WARN += $(if $(filter 1,$(WERROR)),-Werror)
# clang warns where gcc does not; the fuzzing build is not the place to hear of it.
FUZZ_WARN := -Wall
pkg_cflags := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
pkg_libs := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)

COMMON := -std=gnu11 -D_GNU_SOURCE -Iinclude -Iuser -DFTPROF_VERSION='"$(VERSION)"' \
	  -g -fno-omit-frame-pointer -pthread $(pkg_cflags)
OPT := $(if $(filter 1,$(DEBUG)),-O0 -DDEBUG,-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
LIBS := $(pkg_libs) -lm

cc_plain := $(CC)
cflags_plain := $(COMMON) $(OPT) $(WARN) $(CFLAGS)
cc_san := $(CC)
cflags_san := $(COMMON) -O1 -fsanitize=$(SANITIZE) -fno-sanitize-recover=all $(WARN) $(CFLAGS)
cc_fuzz = $(CLANG)
cflags_fuzz := $(COMMON) -O1 -fsanitize=fuzzer-no-link,address,undefined \
	       -fno-sanitize-recover=all $(FUZZ_WARN) $(CFLAGS)

dir_plain := $(B)
dir_san := $(B)/san
dir_fuzz := $(B)/fuzz

SRCS := $(sort $(wildcard user/*.c user/*/*.c))
CAPTURE_SRCS := $(wildcard user/capture/*.c)
PROTO_SRCS := user/export/pprof.c $(wildcard user/export/perfetto*.c)
LIB_SRCS := $(filter-out user/main.c,$(SRCS))
TESTS := $(sort $(wildcard tests/unit/test_*.c))
FUZZERS := $(sort $(wildcard tests/fuzz/fuzz_*.c))
WORKLOAD_LIBS := $(sort $(wildcard tests/workloads/lib*.c))
# ext_*.c are extension modules: tests build them, for one interpreter each.
WORKLOADS := $(filter-out $(WORKLOAD_LIBS) tests/workloads/ext_%.c,$(sort $(wildcard tests/workloads/*.c)))
TOOLS := $(sort $(wildcard tests/tools/*.c))
TEST_BINS := $(TESTS:%.c=$(dir_san)/%)
FUZZ_BINS := $(FUZZERS:tests/fuzz/%.c=$(dir_fuzz)/%)
WORKLOAD_BINS := $(WORKLOADS:tests/workloads/%.c=$(B)/workloads/%) \
		 $(WORKLOAD_LIBS:tests/workloads/%.c=$(B)/workloads/%.so)
TOOL_BINS := $(TOOLS:tests/tools/%.c=$(B)/tools/%)
SKEL := $(B)/bpf/ftprof.skel.h
PROTOS := $(sort $(wildcard proto/*.proto))
PROTO_C := $(PROTOS:proto/%.proto=$(B)/proto/%.pb-c.c)
ASSETS := $(sort $(wildcard user/export/assets/*))
ASSET_INCS := $(ASSETS:user/export/assets/%=$(B)/assets/%.inc)

.PHONY: all
all: $(if $(SAN),$(dir_san),$(dir_plain))/ftprof workloads tools ## build/ftprof (build/san/ftprof with SAN=)

.PHONY: workloads
workloads: $(WORKLOAD_BINS) ## the C workloads

.PHONY: tools
tools: $(TOOL_BINS) ## the C programs that end-to-end tests compare with

.PHONY: FORCE
FORCE:

# What is compiled needs the libraries; clean, help and setup do not.
.PHONY: check-libs
check-libs:
	@$(PKG_CONFIG) --exists $(PKGS) || { \
		echo "make: libraries are missing; 'make setup' installs them:" >&2; \
		$(PKG_CONFIG) --exists --print-errors $(PKGS) >&2; exit 1; }

$(B)/:
	@mkdir -p $@

$(B)/%/:
	@mkdir -p $@

# Else make would delete them as intermediate files.
.PRECIOUS: $(B)/%/ %.o

# The rules of one way to compile; $(1) is plain, san or fuzz. Objects depend on a file that
# changes when the flags do, so that `make DEBUG=1` after `make` builds again.
define variant_rules
ifneq ($$(file <$(dir_$(1))/flags),$$(cc_$(1)) $$(cflags_$(1)))
$(dir_$(1))/flags: FORCE
endif
$(dir_$(1))/flags: | check-libs $$$$(@D)/
	$$(file >$$@,$$(cc_$(1)) $$(cflags_$(1)))

$(dir_$(1))/user/%.o: user/%.c $(dir_$(1))/flags | $$$$(@D)/
	$$(call msg,CC,$$(@:$(B)/%=%))
	$$(Q)$$(cc_$(1)) $$(cflags_$(1)) $$(gen_include) -MMD -MP -c -o $$@ $$<

$(dir_$(1))/user/export/assets.o: $(ASSET_INCS)
$(dir_$(1))/user/export/assets.o: private gen_include := -isystem $(B)/assets

# Only the capture layer sees the skeleton.
$(CAPTURE_SRCS:%.c=$(dir_$(1))/%.o): $(SKEL)
$(CAPTURE_SRCS:%.c=$(dir_$(1))/%.o): private gen_include := -isystem $(B)/bpf

# The formats of pprof and Perfetto alone see what protoc-c makes of their .proto.
$(PROTO_SRCS:%.c=$(dir_$(1))/%.o): $(PROTO_C:.c=.h)
$(PROTO_SRCS:%.c=$(dir_$(1))/%.o): private gen_include := -isystem $(B)/proto

$(dir_$(1))/proto/%.pb-c.o: $(B)/proto/%.pb-c.c $(B)/proto/%.pb-c.h $(dir_$(1))/flags | $$$$(@D)/
	$$(call msg,CC,$$(@:$(B)/%=%))
	$$(Q)$$(cc_$(1)) $$(cflags_$(1)) -c -o $$@ $$<

$(dir_$(1))/libftprof.a: $(LIB_SRCS:%.c=$(dir_$(1))/%.o) $(PROTO_C:$(B)/%.c=$(dir_$(1))/%.o)
	$$(call msg,AR,$$(@:$(B)/%=%))
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^

$(dir_$(1))/ftprof: $(dir_$(1))/user/main.o $(dir_$(1))/libftprof.a
	$$(call msg,LINK,$$(@:$(B)/%=%))
	$$(Q)$$(cc_$(1)) $$(cflags_$(1)) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)

-include $(SRCS:%.c=$(dir_$(1))/%.d)
endef
$(foreach variant,plain san fuzz,$(eval $(call variant_rules,$(variant))))

# <asm/errno.h>, which libbpf's usdt.bpf.h asks for, is where Debian and Ubuntu keep it by machine.
BPF_CFLAGS := -target bpf -g -O2 -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Ivmlinux -Iinclude -Ibpf \
	      -idirafter /usr/include/$(shell $(CC) -print-multiarch) -Wall $(if $(filter 1,$(WERROR)),-Werror)

$(B)/bpf/ftprof.tmp.o: bpf/ftprof.bpf.c | $$(@D)/
	$(call msg,BPF,$(@:$(B)/%=%))
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

# `gen object` drops the DWARF, which the skeleton would otherwise carry into the binary.
$(B)/bpf/ftprof.bpf.o: $(B)/bpf/ftprof.tmp.o
	$(call msg,BPFLINK,$(@:$(B)/%=%))
	$(Q)$(BPFTOOL) gen object $@ $<

$(SKEL): $(B)/bpf/ftprof.bpf.o
	$(call msg,SKEL,$(@:$(B)/%=%))
	$(Q)$(BPFTOOL) gen skeleton $< name ftprof_bpf >$@

-include $(B)/bpf/ftprof.tmp.d

$(B)/proto/%.pb-c.c $(B)/proto/%.pb-c.h &: proto/%.proto | $$(@D)/
	$(call msg,PROTO,$(<F))
	$(Q)$(PROTOC_C) --c_out=$(B)/proto -Iproto $<

# A file as the bytes of a C initialiser.
$(B)/assets/%.inc: user/export/assets/% | $$(@D)/
	$(call msg,BYTES,$(@:$(B)/%=%))
	$(Q)od -An -v -tu1 $< | sed 's/[^0-9]*\([0-9]\{1,\}\)/\1,/g' >$@

$(dir_san)/tests/unit/%: tests/unit/%.c $(dir_san)/libftprof.a | $$(@D)/
	$(call msg,TEST,$(@:$(B)/%=%))
	$(Q)$(cc_san) $(cflags_san) -Ibpf -Itests/unit -isystem $(B)/proto -MMD -MP -MF $@.d -o $@ $< \
		$(dir_san)/libftprof.a $$(sed -n '1,8s|^/\* LDFLAGS: \(.*\) \*/$$|\1|p' $<) \
		$(LIBS) -lcmocka

-include $(TEST_BINS:%=%.d)

$(dir_fuzz)/%: tests/fuzz/%.c $(dir_fuzz)/libftprof.a | $$(@D)/
	$(call msg,FUZZ,$(@:$(B)/%=%))
	$(Q)$(cc_fuzz) $(cflags_fuzz) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< \
		$(dir_fuzz)/libftprof.a $(LIBS)

-include $(FUZZ_BINS:%=%.d)

$(B)/workloads/%.so: tests/workloads/%.c | check-libs $$(@D)/
	$(call msg,CC,$(@:$(B)/%=%))
	$(Q)$(CC) $(cflags_plain) -shared -fPIC -MMD -MP -MF $@.d -o $@ $<

$(B)/workloads/%: tests/workloads/%.c | check-libs $$(@D)/
	$(call msg,CC,$(@:$(B)/%=%))
	$(Q)$(CC) $(cflags_plain) -MMD -MP -MF $@.d -o $@ $< -lm

-include $(WORKLOAD_BINS:%=%.d)

$(B)/tools/%: tests/tools/%.c $(dir_plain)/libftprof.a | $$(@D)/
	$(call msg,CC,$(@:$(B)/%=%))
	$(Q)$(CC) $(cflags_plain) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(dir_plain)/libftprof.a \
		$(LIBS)

-include $(TOOL_BINS:%=%.d)

.PHONY: install
install: $(dir_plain)/ftprof ## into $(DESTDIR)$(prefix): the program and its man page
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1
	$(INSTALL) -m 755 $(dir_plain)/ftprof $(DESTDIR)$(bindir)/ftprof
	$(INSTALL) -m 644 man/ftprof.1 $(DESTDIR)$(mandir)/man1/ftprof.1

.PHONY: setup
setup: ## install the packages to build and test with
	scripts/setup build test lint

.PHONY: pythons
pythons: ## build/python/{gil,ft,gil313,ft313}: CPython 3.14 and 3.13, with and without the GIL
	@scripts/get-pythons

.PHONY: packages
packages: ## build/packages: a large program in pure Python, for tests
	@scripts/get-packages

.PHONY: readers
readers: ## build/readers: pprof, speedscope, the Firefox profiler and playwright, for tests
	@scripts/get-readers

# The packages come first, and what make knows of them at its start would be stale: so a new make.
.PHONY: test
test: ## unit and end-to-end tests (the latter need root); TESTFLAGS='-k NAME' chooses
	@$(if $(filter 1,$(SETUP)),scripts/setup build test)
	@$(MAKE) --no-print-directory all unit-tests
	@scripts/get-pythons
	@scripts/get-readers
	@scripts/get-packages
	@tests/run $(TESTFLAGS)

.PHONY: unit-tests
unit-tests: $(TEST_BINS)

.PHONY: test-unit
test-unit: unit-tests ## unit tests alone: no root
	@tests/run --unit $(TESTFLAGS)

.PHONY: test-e2e
test-e2e: all pythons readers packages ## end-to-end tests alone: root
	@tests/run --e2e $(TESTFLAGS)

.PHONY: bench
bench: all pythons ## what ftprof costs its target: wall-time ratios with their intervals
	@scripts/bench $(BENCHFLAGS)

.PHONY: demo
demo: ## the example program under both builds, profiled; installs and builds what it needs
	@scripts/demo

.PHONY: fuzz
fuzz: $(FUZZ_BINS) ## libFuzzer programs from tests/fuzz into build/fuzz (needs scripts/setup fuzz)

C_FILES = $(wildcard bpf/*.[ch] include/*.h user/*.[ch] user/*/*.[ch] tests/*/*.[ch])

.PHONY: format
format: ## clang-format all C files
	clang-format -i $(C_FILES)

.PHONY: lint
lint: ## every check that runs nothing: format, layers, headers, sizes, shell, spelling, man page
	@$(if $(filter 1,$(SETUP)),scripts/setup build lint)
	@scripts/lint

.PHONY: clean
clean: ## remove build/ (the interpreters' cache stays)
	rm -rf $(B)

.PHONY: help
help: ## this text
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  V=1 shows commands, DEBUG=1 builds without optimisation, WERROR=0 forgives warnings,"
	@echo "  SAN=address,undefined builds build/san/ftprof, SETUP=0 keeps lint and test from"
	@echo "  installing packages; CC, CLANG, BPFTOOL, CFLAGS, LDFLAGS, prefix, DESTDIR as usual."
