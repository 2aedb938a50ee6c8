//! Compares emdb with other embedded databases, over the same phases and the same records.
//!
//! `cargo run --release -p emdb-bench --features peers -- --peers [--records N] [--rounds R]
//! [--only ours,lmdb,...]`
//!
//! The peers are LMDB (through heed), redb, fjall and the emdb 1 that is published, each with its
//! default settings and its own idiomatic bulk call. RocksDB and sled are left out: they take too
//! long to compile.
//!
//! Each engine runs in processes of its own, so that no engine's memory, threads or caches are
//! there when the next one is measured; the rounds go over the engines in turn, so that a machine
//! whose speed drifts drifts for all. The table gives medians. A process tells its figures in
//! lines on its standard output, and what is read is compared with what was written.
//!
//! The files lie in the system's temporary folder (`TMPDIR` names another), which should be on a
//! real disk.

mod check;
mod child;
mod emdb1;
mod engine;
mod figure;
mod fjall;
mod lmdb;
mod ours;
mod phases;
mod redb;
mod reopen;
mod resources;
mod rounds;
mod table;
pub mod typed;

use engine::{Name, Outcome};

/// The choices of the command line.
struct Options {
    records: usize,
    rounds: usize,
    engines: Vec<Name>,
}

const USAGE: &str = "usage: emdb-bench --peers [--records N] [--rounds R] [--only NAME,...]
  N from 1000; R from 1; the names: ours-hash, ours-ordered, lmdb, redb, fjall, emdb1-hash,
  emdb1-ordered; ours and emdb1 stand for both of theirs";

/// Runs what the arguments ask for.
pub fn run(args: &[String]) -> Outcome<()> {
    if let [peers, mark, rest @ ..] = args
        && peers == "--peers"
        && mark == child::MARK
    {
        return child::run(rest);
    }
    let options = parse(args).ok_or(USAGE)?;
    table::print(&options, &rounds::run(&options)?);
    Ok(())
}

fn parse(args: &[String]) -> Option<Options> {
    let mut options = Options { records: 1_000_000, rounds: 3, engines: Name::ALL.to_vec() };
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "--peers" => {}
            "--records" => {
                options.records = args.next()?.parse().ok().filter(|&n| n >= 1_000)?;
            }
            "--rounds" => options.rounds = args.next()?.parse().ok().filter(|&n| n >= 1)?,
            "--only" => {
                let only: Vec<&str> = args.next()?.split(',').collect();
                if !only.iter().all(|word| Name::ALL.iter().any(|name| name.is_meant_by(word))) {
                    return None;
                }
                options.engines.retain(|name| only.iter().any(|word| name.is_meant_by(word)));
            }
            _ => return None,
        }
    }
    Some(options)
}
