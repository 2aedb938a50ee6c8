//! The quickstart does what it prints.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

/// Runs the program in a folder of its own, which is its temporary folder too.
fn run(argument: Option<&Path>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    command.current_dir(&folder).args(argument);
    for name in ["TMPDIR", "TMP", "TEMP"] {
        command.env(name, folder.path());
    }
    let output = command.output().unwrap();
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "left {left:?}");
    output
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn it_takes_the_lock_file_of_its_workspace() {
    let printed = printed(&run(None));
    let last = printed.lines().last().unwrap();
    let rows =
        last.strip_prefix("all ").and_then(|rest| rest.strip_suffix(" rows came back equal"));
    assert!(rows.unwrap().parse::<usize>().unwrap() > 100, "{printed}");
}

#[test]
fn it_counts_what_a_lock_file_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Cargo.lock");
    let text = "version = 4\n\n\
        [[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\"b\", \"c\"]\n\n\
        [[package]]\nname = \"b\"\nversion = \"2.0.0\"\ndependencies = [\"c\"]\n\n\
        [[package]]\nname = \"c\"\nversion = \"3.0.0\"\n";
    std::fs::write(&path, text).unwrap();
    let printed = printed(&run(Some(&path)));
    assert!(printed.starts_with("3 packages, 3 dependencies\n"), "{printed}");
    assert!(
        printed.contains("         2  c 3.0.0 (local)\n         1  b 2.0.0 (local)\n"),
        "{printed}"
    );
    assert!(printed.ends_with("\nall 6 rows came back equal\n"), "{printed}");
}

#[test]
fn it_refuses_what_is_no_lock_file() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, [0xFF, 0x00, 0x9F]).unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    for path in [garbage, empty, folder.path().join("missing"), folder.path().to_path_buf()] {
        let output = run(Some(&path));
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let message = String::from_utf8(output.stderr).unwrap();
        let expected = format!("quickstart: can't read {}: ", path.display());
        assert!(message.starts_with(&expected), "{message}");
    }
}
