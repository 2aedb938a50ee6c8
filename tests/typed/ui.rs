//! Compile tests of the derive and of the typed API: what must compile, and what must not, with
//! the message that a user sees.
//!
//! The messages belong to one compiler release; elsewhere only what must compile is compiled.
//! After a change, look at every line of what `TRYBUILD=overwrite cargo test --test typed ui`
//! writes: one error a mistake, on the right token, saying what to do.

use std::process::Command;

/// The release whose messages are recorded.
const RECORDED: &str = "rustc 1.95.";

#[test]
fn compile_cases() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    if compiler().starts_with(RECORDED) {
        cases.compile_fail("tests/ui/fail/*.rs");
    } else {
        println!("messages are recorded for {RECORDED}x: not compared here");
    }
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("rustc runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
