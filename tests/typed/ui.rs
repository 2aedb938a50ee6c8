//! Compile tests of the derive and of the typed API: what must compile, and what must not, with
//! the message that a user sees.
//!
//! The messages belong to one compiler release; elsewhere only what must compile is compiled.
//! After a change, look at every line of what `TRYBUILD=overwrite cargo test --test typed --all-features ui`
//! writes, and the same with `--no-default-features` for `tests/ui/off`: one error a mistake, on the right token,
//! saying what to do.

use std::fs;
use std::process::Command;

/// The release whose messages are recorded.
const RECORDED: &str = "rustc 1.95.";

#[test]
fn compile_cases() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    compare(&cases, "tests/ui/fail/*.rs");
}

/// Run without any feature: what is there with one is told with its name.
#[cfg(not(any(
    feature = "ttl",
    feature = "nested",
    feature = "encrypt",
    feature = "uuid",
    feature = "jiff",
    feature = "time",
    feature = "chrono",
    feature = "json"
)))]
#[test]
fn a_feature_that_is_off_is_named() {
    let cases = trybuild::TestCases::new();
    compare(&cases, "tests/ui/off/*.rs");
}

#[test]
fn no_message_names_what_is_no_part_of_the_api() {
    for folder in ["tests/ui/fail", "tests/ui/off"] {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "stderr") {
                let message = fs::read_to_string(&path).unwrap();
                assert!(!message.contains("__private"), "{}", path.display());
            }
        }
    }
}

#[allow(clippy::print_stdout)]
fn compare(cases: &trybuild::TestCases, files: &str) {
    if compiler().starts_with(RECORDED) {
        cases.compile_fail(files);
    } else {
        println!("messages are recorded for {RECORDED}x: not compared here");
    }
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("rustc runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
