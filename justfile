# `just --list` shows the recipes. The checks are the steps of .ci/run, which works without just.

# everything that a change has to pass
ci:
    .ci/run

# formatting, unchanged
fmt:
    .ci/run fmt

# lints, with the default features
clippy:
    .ci/run clippy

# lints, with each feature alone and with all
features:
    .ci/run features

# documentation, warnings are errors
doc:
    .ci/run doc

# all tests
test:
    .ci/run test

# the house rules that a program can see: imports, sizes, unsafe code; a part of `test`
tidy:
    cargo test --test tidy

# licences, advisories and sources of the dependencies (needs cargo-deny)
deny:
    cargo deny check

# the benchmark; `just bench --smoke` is short
bench *args:
    cargo run --release -p emdb-bench -- {{args}}

# simulated power cuts, the long run
power-cuts cuts="1000000":
    EMDB_POWER_CUTS={{cuts}} cargo test --release -p emdb-core --all-features power_cut

# SIGKILL of processes that write, maintain or change keys, the long run
kill rounds="5000":
    EMDB_KILL_ROUNDS={{rounds}} cargo test --release --all-features --test crash kill

# random lives of a database with every operation in them, the long run
lives lives="1000" seed="1":
    EMDB_LIVES={{lives}} EMDB_SEED={{seed}} cargo test --release --all-features --test crash lifetimes

# every bit of files and of their checkpoints flipped, those of empty stretches too
bits:
    EMDB_EVERY_BIT=1 cargo test --release --all-features --test crash --test encryption --test maintenance flipped

# all engines on the same work, of bytes and of rows; writes docs/benchmarks.md and its charts
bench-all *args:
    cargo run --release -p emdb-bench --features peers -- --all {{args}}

# the engines that compile in minutes, on keys and values; `just peers --only ours,lmdb`
peers *args:
    cargo run --release -p emdb-bench --features light-peers -- --peers {{args}}

# how costs grow with threads, values and records; `just matrix --long` goes up to 20 M
matrix *args:
    cargo run --release -p emdb-bench -- --matrix {{args}}

# a plain database beside encrypted ones, and the ciphers alone
encrypted *args:
    cargo run --release -p emdb-bench -- --encrypted {{args}}

# the same engines and SQLite and native_db, on rows with indexes
typed *args:
    cargo run --release -p emdb-bench --features light-peers -- --typed {{args}}

# the instructions of the hot paths (needs valgrind); `just instructions --check 1` compares them
instructions *args:
    cargo run --release -p emdb-bench -- --instructions {{args}}

# scans beside writers, the long run
stress seconds="60":
    EMDB_STRESS_SECONDS={{seconds}} cargo test --release --test bytes -- ranges:: snapshots::

# random calls on tables and races of threads, the long run
tables rounds="1000":
    EMDB_TABLE_ROUNDS={{rounds}} cargo test --release --all-features --test typed -- model:: threads::

# random queries compared with a plain loop, the long run
queries cases="100000":
    EMDB_QUERY_CASES={{cases}} cargo test --release --all-features --test typed -- queries::
