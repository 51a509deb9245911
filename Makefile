# SPDX-License-Identifier: GPL-2.0-only
# make [V=1] [SAN=1] [CC=clang]; make check [T=name]; see README.md.

PREFIX  ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man
BUILD   ?= build$(if $(SAN),-san)$(if $(FUZZ),-fuzz)
ARCH    := $(shell uname -m)
Q       := $(if $(V),,@)
say      = @$(if $(V),:,printf '  %-6s %s\n')

PKGS     := libprotobuf-c libcap libnl-3.0 libbsd-overlay libxxhash
CFLAGS   ?= -O2 -g
override CFLAGS += -std=gnu17 -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes -fvisibility=hidden
CPPFLAGS += -D_GNU_SOURCE -Ilib/include -Icriu-lite -I$(BUILD) $(shell pkg-config --cflags $(PKGS))
LDLIBS   += $(shell pkg-config --libs $(PKGS)) -lpthread
ifdef SAN
override CFLAGS  += -fsanitize=address,undefined -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=address,undefined
endif
ifdef FUZZ
override CFLAGS  += -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=fuzzer-no-link,address,undefined
endif
ifdef FAULTS
CPPFLAGS += -DCRL_FAULTS
endif

proto_src := $(wildcard proto/*.proto)
lib_src   := $(wildcard lib/*.c lib/proc/*.c lib/discover/*.c lib/freeze/*.c lib/batch/*.c \
               lib/arch/$(ARCH)/*.c lib/arch/$(ARCH)/*.S)
crl_src   := $(wildcard criu-lite/*.c criu-lite/*/*.c)
unit_src  := $(wildcard test/unit/*.c)
zdtm_src  := $(wildcard test/zdtm/*.c)
zdtm_lib  := $(wildcard test/zdtm/lib/*.c)
bench_src := $(wildcard test/bench/*.c)
fuzz_src  := $(wildcard test/fuzz/fuzz-*.c)
fuzz_lib  := $(filter-out $(fuzz_src),$(wildcard test/fuzz/*.c))

pb_c      := $(proto_src:%.proto=$(BUILD)/%.pb-c.c)
pb_h      := $(pb_c:.c=.h)
pb_obj    := $(pb_c:.c=.o)
lib_obj   := $(addprefix $(BUILD)/,$(addsuffix .o,$(basename $(lib_src))))
crl_obj   := $(crl_src:%.c=$(BUILD)/%.o)
unit_bin  := $(unit_src:%.c=$(BUILD)/%)
zdtm_bin  := $(zdtm_src:%.c=$(BUILD)/%)
bench_bin := $(bench_src:%.c=$(BUILD)/%)
fuzz_bin  := $(fuzz_src:%.c=$(BUILD)/%)
fuzz_obj  := $(fuzz_lib:%.c=$(BUILD)/%.o)

.PHONY: all check check-faults unit unit-bin zdtm zdtm-bin programs bench bench-bin fuzz fuzz-bin lint headers install clean
.SECONDARY:
all: criu-lite/crl

criu-lite/crl: $(BUILD)/crl
	$(Q)cp $< $@.new && mv $@.new $@

$(BUILD)/crl: $(crl_obj) $(BUILD)/libcrl.a $(BUILD)/libproto.a
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libcrl.a: $(lib_obj)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libproto.a: $(pb_obj)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/proto/%.pb-c.c $(BUILD)/proto/%.pb-c.h &: proto/%.proto
	$(say) PROTO $<
	$(Q)mkdir -p $(@D) && protoc-c --proto_path=proto --c_out=$(BUILD)/proto $<

$(pb_obj): override CFLAGS += -Wno-missing-prototypes
$(pb_obj): CPPFLAGS += -I$(BUILD)/proto
$(unit_bin): CPPFLAGS += -Itest/unit
$(pb_obj) $(crl_obj) $(unit_bin) $(fuzz_obj) $(fuzz_bin): | $(pb_h)

$(BUILD)/%.o: %.c
	$(say) CC $<
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: $(BUILD)/%.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Code that runs inside a target: no sanitizer, no instrumentation.
$(BUILD)/%.o: %.S
	$(say) AS $<
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -c -o $@ $<

$(unit_bin): $(BUILD)/%: %.c $(filter-out $(BUILD)/criu-lite/main.o,$(crl_obj)) $(BUILD)/libcrl.a $(BUILD)/libproto.a
	$(say) UNIT $@
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $(filter-out %.h,$^) -lcunit $(LDLIBS)

# Test programs are what is dumped, never what dumps: they are built plain.
zdtm_flags := -std=gnu17 -O2 -g -Wall -Wextra -Wno-unused-parameter -D_GNU_SOURCE -Itest/zdtm/lib
$(zdtm_bin): $(BUILD)/%: %.c $(zdtm_lib) $(wildcard test/zdtm/lib/*.h)
	$(say) ZDTM $@
	$(Q)mkdir -p $(@D) && $(CC) $(zdtm_flags) -o $@ $< $(zdtm_lib) -lpthread -lrt

$(bench_bin): $(BUILD)/%: %.c
	$(say) BENCH $@
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu17 -O2 -g -Wall -Wextra -D_GNU_SOURCE -o $@ $< -lpthread

# Built by clang with FUZZ=1; what does not read dumps has no use for their mutations.
fuzz_proc := $(BUILD)/test/fuzz/fuzz-proc
$(fuzz_bin): $(BUILD)/%: %.c $(fuzz_obj) $(filter-out $(BUILD)/criu-lite/main.o,$(crl_obj)) $(BUILD)/libcrl.a $(BUILD)/libproto.a
	$(say) FUZZ $@
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -fsanitize=fuzzer -o $@ \
		$(filter-out %.h $(if $(filter $(fuzz_proc),$@),$(fuzz_obj)),$^) $(LDLIBS)

unit: $(unit_bin)
	$(Q)test/unit/run $(if $(T),--only $(T)) $(unit_bin)

zdtm-bin: $(zdtm_bin)
bench-bin: $(bench_bin)

zdtm: all zdtm-bin
	$(Q)test/zdtm/zdtm --crl criu-lite/crl --bin $(BUILD)/test/zdtm $(if $(T),$(T),--all)

programs: all
	$(Q)test/programs/run $(T)

unit-bin: $(unit_bin)

check: all unit-bin zdtm-bin
	$(Q)test/check --build $(BUILD) $(T)

# A second build, whose steps fail on request.
check-faults:
	$(Q)$(MAKE) --no-print-directory FAULTS=1 BUILD=$(BUILD)/faults $(BUILD)/faults/crl
	$(Q)test/check-faults --crl $(BUILD)/faults/crl $(T)

bench: all bench-bin
	$(Q)test/bench/bench --build $(BUILD) $(T)

# Seeds are real dumps, so it takes crl and the zdtm programs beside the fuzzers.
FUZZ_SECONDS ?= 60
fuzz-bin: $(fuzz_bin)
fuzz: all zdtm-bin
	$(Q)$(MAKE) --no-print-directory FUZZ=1 CC=clang CFLAGS="-O1 -g" BUILD=$(BUILD)-fuzz fuzz-bin
	$(Q)test/fuzz/run --build $(BUILD)-fuzz --crl criu-lite/crl --zdtm $(BUILD)/test/zdtm \
		--seconds $(FUZZ_SECONDS) $(T)

lint:
	$(Q)scripts/lint

# Each header compiles alone.
headers: | $(pb_h)
	$(Q)for h in lib/include/crl/*.h lib/include/crl/*/*.h criu-lite/*.h criu-lite/*/*.h; do [ -e $$h ] || continue; \
		$(CC) $(CPPFLAGS) -std=gnu17 -Wall -Wextra -x c -fsyntax-only $$h || exit 1; done

install: all
	install -D -m 755 criu-lite/crl $(DESTDIR)$(SBINDIR)/crl
	for m in Documentation/man/*.8; do install -D -m 644 $$m $(DESTDIR)$(MANDIR)/man8/$${m##*/}; done

clean:
	rm -rf build build-san build-fuzz criu-lite/crl

-include $(lib_obj:.o=.d) $(crl_obj:.o=.d) $(pb_obj:.o=.d) $(fuzz_obj:.o=.d) $(addsuffix .d,$(unit_bin) $(fuzz_bin))
