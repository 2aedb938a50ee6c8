//! Counts the instructions of the hot paths with callgrind: figures that a busy machine doesn't move.
//!
//! `cargo run --release -p emdb-bench -- --instructions [--only NAME,... | --guard]
//! [--check PERCENT | --save] [--table FILE]`
//!
//! Each path runs in a process of its own under valgrind, which counts what the calling thread does
//! between entering and leaving [`measured_work`]. The preparations are not counted, nor the engine's
//! background threads, nor the kernel; a thread in the background can still take work
//! from the one that is counted, or leave some to it. The databases are files in the system's
//! temporary folder, with default options; `memory` in the name says that there is none.
//!
//! `--guard` takes the paths that `.ci/run` compares with each change. As many are counted at once as the
//! machine has cores: what is counted doesn't depend on it.
//!
//! Nor does it depend on the processor, among those that have AVX2: valgrind shows a program one
//! fixed processor of that time, whatever it runs on. It does depend on the compiler and its
//! libraries, and the table says with which it was counted.
//!
//! Seeds are fixed, but each database draws the seed of its hashes, which decides when the index grows.
//! Paths that this moves are counted several times. Figures differ by some tenths of a percent from
//! run to run.

mod callgrind;
mod raw;
mod table;
mod typed;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;

use table::{Figure, Table};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Where the figures are kept, seen from the workspace's root.
const TABLE: &str = "emdb-bench/instructions.txt";

/// The paths that each change is held to.
const GUARD: &str = "bulk_load,insert,get,get_zerocopy,get_many_with,missing_key,\
                     ordered_scan_borrowed,range_of_ten,typed_insert_many,typed_get,typed_get_with";

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
            "--guard" => options.only = GUARD.split(',').map(str::to_owned).collect(),
            "--check" => options.check = Some(value()?.parse()?),
            "--save" => options.save = true,
            "--table" => options.table = value()?.into(),
            _ => {
                return Err(format!("{arg} is unknown; there are --only NAME,..., --guard, --check PERCENT, --save, --table FILE and --path NAME").into());
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
    let is_meant = |path: &&HotPath| {
        options.only.is_empty() || options.only.iter().any(|name| name == path.name)
    };
    let paths: Vec<&HotPath> = all().filter(is_meant).collect();
    let counted = count(&paths)?;
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

/// Counts all rounds of the paths, several at once.
fn count(paths: &[&HotPath]) -> Outcome<Table> {
    let runs: Vec<&str> =
        paths.iter().flat_map(|path| std::iter::repeat_n(path.name, path.rounds)).collect();
    let next = AtomicUsize::new(0);
    let worker = || -> Result<Vec<(&str, u64)>, String> {
        let mut counts = Vec::new();
        while let Some(name) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            eprintln!("{name}");
            counts.push((*name, callgrind::count(name).map_err(|e| e.to_string())?));
        }
        Ok(counts)
    };
    let counts = std::thread::scope(|scope| -> Result<Vec<(&str, u64)>, String> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let join = |worker: ScopedJoinHandle<'_, Result<Vec<_>, String>>| {
            worker.join().unwrap_or_else(|_| Err("a thread panicked".into()))
        };
        Ok(workers.into_iter().map(join).collect::<Result<Vec<_>, _>>()?.concat())
    })?;
    let figures = paths.iter().map(|path| {
        let of_path = counts.iter().filter(|(name, _)| *name == path.name);
        Figure::new(path.name, path.operations, middle(of_path.map(|(_, count)| *count).collect()))
    });
    Ok(Table(figures.collect()))
}

/// The mean without the outer thirds: now and then the background takes work over, or leaves it.
fn middle(mut counts: Vec<u64>) -> u64 {
    counts.sort_unstable();
    let third = counts.len() / 3;
    let middle = &counts[third..counts.len() - third];
    middle.iter().sum::<u64>() / middle.len() as u64
}

/// Runs `path` once, in a folder of its own.
fn run_here(path: &HotPath) -> Outcome<()> {
    let folder = std::env::temp_dir().join(format!("emdb-instructions-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = (path.run)(&folder, path.operations);
    std::fs::remove_dir_all(&folder)?;
    done
}
