//! The examples run, and do what they say.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The names of all examples that this build has.
fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| cfg!(feature = "ttl") || !["raw", "ttl_sessions"].contains(&&**name))
        .filter(|name| cfg!(feature = "nested") || name != "nested")
        .filter(|name| cfg!(feature = "json") || !["field_types", "json_export"].contains(&&**name))
        .filter(|name| cfg!(feature = "encrypt") || name != "encryption")
        .collect();
    names.sort();
    names
}

/// Cargo puts the examples of a build beside the folder of its test programs.
fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().and_then(Path::parent).unwrap().join("examples");
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{name} isn't built; `cargo test` or `cargo build --examples` does");
    path
}

/// Runs an example in a folder of its own, which is its temporary folder too.
fn run(name: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program(name));
    command.current_dir(&folder);
    for name in ["TMPDIR", "TMP", "TEMP"] {
        command.env(name, folder.path());
    }
    let output = command.output().unwrap();
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(name == "typed" || left.is_empty(), "{name} left {left:?}");
    output
}

#[test]
fn every_example_succeeds_and_prints_something() {
    let names = examples();
    assert!(names.iter().any(|name| name == "typed"));
    for name in names {
        let output = run(&name);
        assert!(output.status.success(), "{name}: {output:?}");
        assert!(!output.stdout.is_empty(), "{name} printed nothing");
        assert!(output.stderr.is_empty(), "{name}: {output:?}");
    }
}

#[test]
fn the_readme_shows_the_typed_example() {
    let readme = include_str!("../README.md");
    let example = include_str!("../examples/typed.rs");
    let code = readme.split("```").nth(1).unwrap().trim_start_matches("rust,no_run\n");
    assert!(example.ends_with(code), "examples/typed.rs and the README differ");
}
