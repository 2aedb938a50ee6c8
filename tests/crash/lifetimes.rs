//! Long lives of one database file, with everything that can happen in one, in any order and
//! beside each other: each answer is compared with a model.
//!
//! `EMDB_SEED` repeats a run, `EMDB_LIVES` asks for more lives, `EMDB_SECONDS` for longer ones of
//! threads, `EMDB_KILL_ROUNDS` for more kills.

mod held;
mod journal;
mod keys;
mod kill;
mod machine;
mod model;
mod threads;
mod upkeep;
