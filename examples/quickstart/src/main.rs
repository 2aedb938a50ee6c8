//! A `Cargo.lock` as two typed tables, written, closed, reopened, checked and asked.
//!
//! `cargo run --release -p emdb-quickstart [path to a Cargo.lock]`
//!
//! A package of its own, so that nothing is compiled for it but what it uses.
//!
//! Fails if what it reads back is not what it wrote.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cargo_lock::{Lockfile, SourceId};
use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "packages")]
struct Package {
    /// Name and version, and where it is from unless that is the default registry.
    #[emdb(key)]
    id: String,
    name: String,
    version: String,
    checksum: Option<String>,
    dependencies: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "dependencies")]
struct Dependency {
    #[emdb(key)]
    number: u32,
    package: String,
    needs: String,
}

/// The rows that the database has to hold.
#[derive(Default)]
struct Rows {
    packages: BTreeMap<String, Package>,
    dependencies: BTreeMap<u32, Dependency>,
}

fn main() -> ExitCode {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let input = std::env::args_os().nth(1).map_or_else(own, PathBuf::from);
    match run(&input) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("quickstart: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(input: &Path) -> Result<()> {
    let rows = parse(input).map_err(|e| format!("can't read {}: {e}", input.display()))?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("quickstart.emdb");

    let (written, write_time) = timed(|| write(&file, &rows));
    written?;
    let (opened, open_time) = timed(|| Emdb::open(&file));
    let db = opened?;
    let packages = Table::<Package>::open(&db)?;
    let dependencies = Table::<Dependency>::open(&db)?;
    let (compared, compare_time) = timed(|| {
        compare(&packages, &rows.packages)?;
        compare(&dependencies, &rows.dependencies)
    });
    compared?;
    let (ranked, rank_time) = timed(|| most_needed(&dependencies));
    let ranked = ranked?;

    println!("{} packages, {} dependencies", packages.len()?, dependencies.len()?);
    println!("\ndependents  package");
    for (package, dependents) in ranked.iter().take(10) {
        println!("{dependents:>10}  {package}");
    }
    let first = ranked.first().map(|(id, _)| id).or(rows.packages.keys().next());
    look_up(&packages, first.ok_or("there is no package")?)?;
    println!("\nwrite, flush, close {write_time:>10.1?}");
    println!("open                {open_time:>10.1?}");
    println!("read and compare    {compare_time:>10.1?}");
    println!("count dependents    {rank_time:>10.1?}");
    let stats = db.stats()?;
    println!("{} bytes of file, {} bytes of index", stats.file_size_bytes, stats.index_bytes);
    drop((packages, dependencies));
    db.close()?;
    println!("all {} rows came back equal", rows.packages.len() + rows.dependencies.len());
    Ok(())
}

fn parse(input: &Path) -> Result<Rows> {
    let lock = Lockfile::load(input)?;
    let mut rows = Rows::default();
    for package in &lock.packages {
        let id = id(&package.name, &package.version, package.source.as_ref());
        for needed in &package.dependencies {
            let number = u32::try_from(rows.dependencies.len())?;
            let needs = id_of(needed, &lock)?;
            rows.dependencies.insert(number, Dependency { number, package: id.clone(), needs });
        }
        let row = Package {
            id: id.clone(),
            name: package.name.to_string(),
            version: package.version.to_string(),
            checksum: package.checksum.as_ref().map(ToString::to_string),
            dependencies: u32::try_from(package.dependencies.len())?,
        };
        if rows.packages.insert(id.clone(), row).is_some() {
            return Err(format!("{id} stands in it twice").into());
        }
    }
    if rows.packages.is_empty() {
        return Err("it names no package".into());
    }
    Ok(rows)
}

fn id_of(needed: &cargo_lock::Dependency, lock: &Lockfile) -> Result<String> {
    match lock.packages.iter().find(|package| needed.matches(package)) {
        Some(package) => Ok(id(&package.name, &package.version, package.source.as_ref())),
        None => Err(format!("{} is needed, and not in it", needed.name).into()),
    }
}

fn id(name: &impl ToString, version: &impl ToString, source: Option<&SourceId>) -> String {
    let (name, version) = (name.to_string(), version.to_string());
    match source {
        None => format!("{name} {version} (local)"),
        Some(source) if source.is_default_registry() => format!("{name} {version}"),
        Some(source) => format!("{name} {version} ({source})"),
    }
}

/// A package and its dependencies are one transaction, so that neither is ever there alone.
fn write(file: &Path, rows: &Rows) -> Result<()> {
    let db = Emdb::open(file)?;
    let packages = Table::<Package>::open(&db)?;
    let dependencies = Table::<Dependency>::open(&db)?;
    let mut of_package: BTreeMap<&str, Vec<&Dependency>> = BTreeMap::new();
    for dependency in rows.dependencies.values() {
        of_package.entry(&dependency.package).or_default().push(dependency);
    }
    for package in rows.packages.values() {
        db.transaction(|tx| -> std::result::Result<(), TableError> {
            packages.with(tx).insert(package)?;
            let dependencies = dependencies.with(tx);
            for dependency in of_package.remove(&*package.id).unwrap_or_default() {
                dependencies.insert(dependency)?;
            }
            Ok(())
        })?;
    }
    db.flush()?;
    drop((packages, dependencies));
    Ok(db.close()?)
}

/// Compares every row, found by its key and met on a walk.
fn compare<T>(table: &Table<T>, expected: &BTreeMap<T::Key, T>) -> Result<()>
where
    T: Record + PartialEq + Debug,
    T::Key: Ord + Debug,
{
    let mut walked = BTreeMap::new();
    for row in table.iter()? {
        let row = row?;
        walked.insert(row.key(), row);
    }
    if walked != *expected || table.len()? != expected.len() {
        return Err(format!("{}: a walk gave other rows than were written", T::NAMESPACE).into());
    }
    for (key, row) in expected {
        let found = table.get(key)?;
        if found.as_ref() != Some(row) {
            return Err(format!("{}: {key:?} gave {found:?}, not {row:?}", T::NAMESPACE).into());
        }
    }
    Ok(())
}

/// The packages, those with the most dependents first.
fn most_needed(dependencies: &Table<Dependency>) -> Result<Vec<(String, usize)>> {
    let mut dependents: BTreeMap<String, usize> = BTreeMap::new();
    for dependency in dependencies.iter()? {
        *dependents.entry(dependency?.needs).or_default() += 1;
    }
    let mut ranked: Vec<_> = dependents.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(ranked)
}

/// One row by its key, and the same as the bytes that are stored.
fn look_up(packages: &Table<Package>, id: &str) -> Result<()> {
    let package = packages.get(id)?.ok_or("the package is gone")?;
    println!("\n{id}\n  row: {package:?}");
    let bytes = packages.raw().get_zerocopy(id)?.ok_or("the package has no bytes")?;
    println!("  raw: {} bytes, {:02x?}...", bytes.len(), &bytes[..bytes.len().min(12)]);
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}
