"""One module a scenario: run() measures and returns its section of docs/benchmarks.md."""
