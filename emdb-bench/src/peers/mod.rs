//! Compares emdb with other embedded databases, over the same phases and the same records.
//!
//! `cargo run --release -p emdb-bench --features peers -- --all [--records N] [--rows N] [--rounds R]
//! [--only ours,lmdb,...] [--raw-only | --typed-only] [--smoke] [--out FOLDER] [--render]`
//!
//! The engines are in [`contender`], each with its default settings and its own idiomatic bulk call; the
//! method is in `report/method.md`. `--all` writes `docs/benchmarks.md`, its charts, and the figures of which
//! `--render` writes them again; `--peers` and `--typed` print the tables of bytes or of rows, and
//! write nothing.
//!
//! The feature `light-peers` leaves out the engines that take long to compile.
//!
//! The files lie in the system's temporary folder (`TMPDIR` names another), which should be on a
//! real disk.

mod check;
mod child;
mod contender;
mod emdb1;
mod engine;
mod figure;
mod fjall;
mod limit;
mod lmdb;
mod ours;
mod phases;
mod redb;
mod reopen;
mod report;
mod resources;
mod results;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod rounds;
mod sled;
mod target;
mod typed;

use std::path::PathBuf;

use contender::{CONTENDERS, Contender, Work};
use engine::Outcome;
use results::{Results, Sizes};

/// The choices of the command line.
struct Options {
    sizes: Sizes,
    contenders: Vec<&'static Contender>,
    /// Where the report is written.
    out: Option<PathBuf>,
    /// Of the figures that are there, without measuring.
    render: bool,
}

const USAGE: &str =
    "usage: emdb-bench --all | --peers | --typed [--records N] [--rows N] [--rounds R]
  [--only NAME,...] [--raw-only | --typed-only] [--smoke] [--out FOLDER] [--render]
  N from 1000 (rows from 10000); R from 1; the names are ";

/// Runs what the arguments ask for.
pub fn run(args: &[String]) -> Outcome<()> {
    if let [peers, mark, rest @ ..] = args
        && peers == "--peers"
        && mark == child::MARK
    {
        return child::run(rest);
    }
    let Some(options) = parse(args) else {
        let mut names: Vec<_> = CONTENDERS.iter().map(|contender| contender.name).collect();
        names.sort_unstable();
        names.dedup();
        return Err(format!("{USAGE}{}", names.join(", ")).into());
    };
    let figures = options.out.as_ref().map(|folder| folder.join("benchmarks/figures.txt"));
    let results = match &figures {
        Some(figures) if options.render => Results::read(figures)?,
        _ => rounds::run(&options)?,
    };
    // First what can't be had again.
    if let (Some(figures), false) = (&figures, options.render) {
        figures.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        results.write(figures)?;
    }
    for work in Work::ALL.into_iter().filter(|work| results.of(*work).next().is_some()) {
        println!("{}: {}", work.title(), report::table(&results, work));
    }
    println!("{}", report::targets(&results));
    options.out.map_or(Ok(()), |folder| report::write(&results, &folder))
}

fn parse(args: &[String]) -> Option<Options> {
    let sizes = Sizes { records: 1_000_000, rows: 200_000, rounds: 3 };
    let contenders = CONTENDERS.iter().collect();
    let mut options = Options { sizes, contenders, out: None, render: false };
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        let mut number = |least: usize| args.next()?.parse().ok().filter(|&n| n >= least);
        match arg {
            "--all" => options.out = Some("docs".into()),
            "--smoke" => options.sizes = Sizes { records: 20_000, rows: 10_000, rounds: 1 },
            "--peers" | "--raw-only" => options.contenders.retain(|c| c.work == Work::Raw),
            "--typed" | "--typed-only" => options.contenders.retain(|c| c.work != Work::Raw),
            "--records" => options.sizes.records = number(1_000)?,
            "--rows" => options.sizes.rows = number(10_000)?,
            "--rounds" => options.sizes.rounds = number(1)?,
            "--out" => options.out = Some(args.next()?.into()),
            "--render" => options.render = true,
            "--only" => {
                let only: Vec<&str> = args.next()?.split(',').collect();
                if !only.iter().all(|word| CONTENDERS.iter().any(|c| c.is_meant_by(word))) {
                    return None;
                }
                options.contenders.retain(|c| only.iter().any(|word| c.is_meant_by(word)));
            }
            _ => return None,
        }
    }
    Some(options)
}
