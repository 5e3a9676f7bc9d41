# o2c: an order-to-cash engine inside PostgreSQL.
#
#   make demo      from nothing to KPIs on a throw-away server
#   make check     every test, on throw-away servers
#   make install   make installcheck     what PGXS users expect

# The rooms, in flow order.  A room uses itself and the rooms before it only:
# this list is the architecture, the build order and the restore guarantee.
DOMAINS = core party terms product ordering control credit inventory shipping \
          billing receivable cash bank matching collection process insight access

EXTENSION  = o2c
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" o2c.control)

MODULE_big  = o2c
OBJS        = src/o2c.o $(patsubst %.c,%.o,$(foreach d,$(DOMAINS),$(sort $(wildcard src/$(d)/*.c))))
PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS   = -MMD -MP -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
              -Wno-missing-field-initializers $(WERROR)

MEMBERS    = $(foreach d,$(DOMAINS),$(wildcard src/$(d)/functions.sql))
TABLES     = $(foreach d,$(DOMAINS),$(wildcard src/$(d)/tables.sql))
DATA       = $(wildcard updates/*--*.sql)
DATA_built = $(EXTENSION)--$(EXTVERSION).sql

REGRESS        = setup $(filter-out setup cycle,$(patsubst sql/%.sql,%,$(foreach d,$(DOMAINS),$(wildcard sql/$(d).sql)))) \
                 $(patsubst sql/%.sql,%,$(wildcard sql/cycle.sql))
REGRESS_OPTS   = --load-extension=$(EXTENSION)
ISOLATION      = $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=$(EXTENSION)
EXTRA_CLEAN    = $(OBJS:.o=.d) src/*.bc src/*/*.bc output_iso results regression.*

PG_CONFIG ?= $(shell test/prerequisites --pg-config)
PGXS      := $(shell test -x "$(PG_CONFIG)" && "$(PG_CONFIG)" --pgxs)

ifneq ($(filter check demo bench,$(MAKECMDGOALS)),)

# The commands on a machine that may have nothing yet: get what is missing,
# build, and run against a throw-away server (test/cluster).
BUILD = $(MAKE) --no-print-directory -s all with_llvm=no

demo:
	@test/prerequisites --run
	@$(BUILD)
	@test/cluster test/demo

check:
	@test/prerequisites
	@$(BUILD) WERROR=-Werror
	@test/cluster test/check $(TESTS)

bench:
	@test/prerequisites --run
	@$(BUILD)
	@test/cluster bench/run $(BENCHES)

.PHONY: demo check bench

else ifneq ($(wildcard $(PGXS)),)

include $(PGXS)

-include $(OBJS:.o=.d)

# One script: the members of every room, then install(), whose body is the
# rooms' tables.  The tables themselves belong to the user, not to the extension.
$(DATA_built): $(MEMBERS) $(TABLES) o2c.control Makefile src/script-head.sql src/script-tail.sql
	{ cat src/script-head.sql $(MEMBERS); \
	  echo 'CREATE FUNCTION o2c._install() RETURNS void LANGUAGE plpgsql'; \
	  echo 'SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$o2c_install$$'; \
	  echo 'BEGIN'; cat $(TABLES); echo 'END $$o2c_install$$;'; \
	  cat src/script-tail.sql; } > $@.tmp && mv $@.tmp $@

print-regress:
	@echo $(REGRESS)

.PHONY: print-regress

else

# A fresh machine: PGXS arrives with the prerequisites, then make starts again.
all install installcheck clean:
	test/prerequisites
	$(MAKE) $@

endif
