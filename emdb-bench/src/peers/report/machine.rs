//! The machine and the programs, as the report describes them.

use std::path::Path;
use std::process::Command;

/// Of which package each engine is, as `Cargo.lock` has it. Of a package that is there twice the
/// latest is meant.
const PACKAGES: &[&str] =
    &["redb", "heed", "fjall", "rocksdb", "sled", "rusqlite", "native_db", "toasty"];

const LOCK: &str = include_str!("../../../../Cargo.lock");

/// Names with their descriptions.
pub fn describe() -> Vec<(String, String)> {
    let unknown = || "unknown".to_owned();
    let lines = [
        ("date", said("date", &["-u", "+%Y-%m-%d"])),
        ("commit", said("git", &["rev-parse", "--short", "HEAD"])),
        ("processor", field("/proc/cpuinfo", "model name")),
        ("cores", std::thread::available_parallelism().ok().map(|n| n.to_string())),
        ("memory", field("/proc/meminfo", "MemTotal").and_then(gibibytes)),
        ("kernel", read("/proc/sys/kernel/osrelease")),
        ("file system", file_system(&std::env::temp_dir())),
        ("compiler", said("rustc", &["--version"])),
        ("engines", Some(versions())),
    ];
    let lines = lines.into_iter();
    lines.map(|(name, words)| (name.to_owned(), words.unwrap_or_else(unknown))).collect()
}

fn read(file: &str) -> Option<String> {
    Some(std::fs::read_to_string(file).ok()?.trim().to_owned())
}

/// The first field of this name in a file of `name : value` lines.
fn field(file: &str, name: &str) -> Option<String> {
    let text = read(file)?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn gibibytes(kib: String) -> Option<String> {
    let kib: f64 = kib.split_whitespace().next()?.parse().ok()?;
    Some(format!("{:.1} GiB", kib / (1 << 20) as f64))
}

fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// The type of the file system on which `folder` is.
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = read("/proc/self/mounts")?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let around = mounts.filter(|(point, _)| folder.starts_with(point));
    around.max_by_key(|(point, _)| point.len()).map(|(_, kind)| kind.to_owned())
}

fn versions() -> String {
    let version = |package: &str| {
        let name = format!("name = \"{package}\"\nversion = \"");
        let at = LOCK.rfind(&name)? + name.len();
        let found = LOCK[at..].split('"').next()?;
        Some(format!("{package} {found}"))
    };
    let peers = PACKAGES.iter().filter_map(|package| version(package));
    let sqlite = format!("SQLite {}", rusqlite::version());
    peers.chain([sqlite]).collect::<Vec<_>>().join(", ")
}
