# Everyday commands. What they do stands in tools/; CMake and ninja may be called directly as well:
#   cmake -G Ninja -S . -B build/mine -DCMAKE_BUILD_TYPE=Asan && ninja -C build/mine base_test
#
# A recipe that runs a program for long ends in `exec`, so that a signal to make reaches it.

.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: run build test test-system asan tsan fuzz lint bench peers gpu torch clean help

FUZZ_SECONDS ?= 60
TESTS ?= tests/system

run: build        ## install, build, start slipway with a sample model
	@exec tools/run.sh

build:            ## build/release/bin/slipway and its plugins
	@tools/bootstrap.sh
	@cmake -G Ninja -S . -B build/release -DCMAKE_BUILD_TYPE=Release >/dev/null
	@ninja -C build/release --quiet

test:             ## everything: what .ci/run calls
	@tools/bootstrap.sh test
	@exec python3 tools/test.py

test-system: build  ## pytest on the real programs; TESTS=tests/system/test_x.py for one file
	@tools/bootstrap.sh test
	@exec build/venv/bin/python -m pytest $(TESTS)

asan tsan:        ## unit tests under AddressSanitizer and UBSan; under ThreadSanitizer
	@tools/bootstrap.sh test
	@exec python3 tools/test.py $@

fuzz:             ## each fuzz target for FUZZ_SECONDS
	@tools/bootstrap.sh test
	@exec python3 tools/test.py fuzz --fuzz-seconds-each $(FUZZ_SECONDS)

lint: build       ## clang-format, tools/tidy.py and clang-tidy on all files
	@tools/bootstrap.sh test
	@exec python3 tools/test.py format tidy clang-tidy --all-files

bench: build      ## writes docs/benchmarks.md
	@tools/bootstrap.sh bench
	@ninja -C build/release --quiet benchmarks
	@exec build/venv-bench/bin/python bench/run.py

peers:            ## builds the real registries and clients that tests may talk to, once
	@tools/bootstrap.sh peers
	@exec tools/peers.sh

gpu:              ## brings the libraries for models on GPUs, and builds
	@tools/bootstrap.sh gpu
	@$(MAKE) --no-print-directory build

torch:            ## brings libtorch, and builds the engine for TorchScript
	@tools/bootstrap.sh torch
	@$(MAKE) --no-print-directory build

clean:            ## removes build/; the cache and .run/ stay
	rm -rf build

help:             ## this list
	@awk -F':.*## ' '/^[a-z-]+( [a-z-]+)*:.*##/ { printf "make %-12s %s\n", $$1, $$2 }' Makefile
