//! Counts the instructions of the hot paths with callgrind: figures that a busy machine doesn't move.
//!
//! `cargo run --release -p emdb-bench -- --instructions [--only NAME,...] [--check PERCENT | --save]
//! [--table FILE]`
//!
//! Each path runs in a process of its own under valgrind, which counts what the calling thread does
//! between entering and leaving [`measured_work`]. The preparations are not counted, nor the engine's
//! background threads, nor the kernel; a thread in the background can still take work
//! from the one that is counted, or leave some to it. The databases are files in the system's
//! temporary folder, with default options; `memory` in the name says that there is none.
//!
//! Seeds are fixed, but each database draws the seed of its hashes, which decides when the index grows.
//! Paths that this moves are counted several times. Figures differ by some tenths of a percent from
//! run to run.

mod callgrind;
mod raw;
mod table;
mod typed;

use std::path::{Path, PathBuf};

use table::{Figure, Table};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Where the figures are kept, seen from the workspace's root.
const TABLE: &str = "emdb-bench/instructions.txt";

/// Something that programs wait for.
struct HotPath {
    name: &'static str,
    operations: usize,
    /// How often it is counted.
    rounds: usize,
    run: fn(&Path, usize) -> Outcome<()>,
}

fn all() -> impl Iterator<Item = &'static HotPath> {
    raw::PATHS.iter().chain(typed::PATHS)
}

/// Where counting begins and ends. No other symbol has such a name, as the next one that callgrind
/// enters would end it.
#[inline(never)]
fn measured_work<R>(work: impl FnOnce() -> R) -> R {
    // Not as a last call, which would be a jump.
    std::hint::black_box(work())
}

fn check(right: bool) -> Outcome<()> {
    if right { Ok(()) } else { Err("what was read isn't what was written".into()) }
}

struct Options {
    /// The one to run in this process, which is under valgrind.
    path: Option<String>,
    only: Vec<String>,
    check: Option<f64>,
    save: bool,
    table: PathBuf,
}

fn parse(args: &[String]) -> Outcome<Options> {
    let mut options =
        Options { path: None, only: Vec::new(), check: None, save: false, table: TABLE.into() };
    let mut args = args.iter().filter(|arg| *arg != "--instructions");
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--path" => options.path = Some(value()?.clone()),
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--check" => options.check = Some(value()?.parse()?),
            "--save" => options.save = true,
            "--table" => options.table = value()?.into(),
            _ => {
                return Err(format!("{arg} is unknown; there are --only NAME,..., --check PERCENT, --save, --table FILE and --path NAME").into());
            }
        }
    }
    let named = options.only.iter().chain(&options.path);
    for name in named {
        if !all().any(|path| path.name == name) {
            let names: Vec<_> = all().map(|path| path.name).collect();
            return Err(format!("no path is called {name}; there are {}", names.join(", ")).into());
        }
    }
    if options.save && !options.only.is_empty() {
        return Err("--save writes the whole table: leave --only out".into());
    }
    Ok(options)
}

/// Runs what the arguments ask for.
pub fn run(args: &[String]) -> Outcome<()> {
    let options = parse(args)?;
    if let Some(name) = &options.path {
        return all().filter(|path| path.name == name).try_for_each(run_here);
    }
    callgrind::find()?;
    let recorded = options.check.map(|_| Table::read(&options.table)).transpose()?;
    let mut counted = Table::default();
    for path in all() {
        if options.only.is_empty() || options.only.iter().any(|name| name == path.name) {
            eprintln!("{}", path.name);
            counted.0.push(Figure::new(path.name, path.operations, count(path)?));
        }
    }
    if let (Some(percent), Some(recorded)) = (options.check, &recorded) {
        print!("{}", counted.beside(recorded));
        return counted.check(recorded, percent);
    }
    print!("{counted}");
    if options.save {
        counted.write(&options.table)?;
    }
    Ok(())
}

/// The mean of the path's rounds, without the outer thirds: now and then the background takes work
/// over, or leaves it.
fn count(path: &HotPath) -> Outcome<u64> {
    let mut counts =
        (0..path.rounds).map(|_| callgrind::count(path.name)).collect::<Outcome<Vec<u64>>>()?;
    counts.sort_unstable();
    let third = counts.len() / 3;
    let middle = &counts[third..counts.len() - third];
    Ok(middle.iter().sum::<u64>() / middle.len() as u64)
}

/// Runs `path` once, in a folder of its own.
fn run_here(path: &HotPath) -> Outcome<()> {
    let folder = std::env::temp_dir().join(format!("emdb-instructions-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = (path.run)(&folder, path.operations);
    std::fs::remove_dir_all(&folder)?;
    done
}
