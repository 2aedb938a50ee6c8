//! Tests in processes of their own: the test program runs itself, with the name of one test.
//!
//! `cargo test` runs the tests of a program as threads of one process. A test that forks, measures
//! its process, changes the working directory or dies needs another one.

use std::any::type_name;
use std::process::Command;

/// Tells a process that it is the child, and what its arguments are.
const ARGUMENTS: &str = "EMDB_TEST_CHILD";
const SEPARATOR: &str = "\u{1F}";

/// A command that runs a test function of this program as the child, with these arguments.
///
/// Its tests ask [`arguments`] first, and do nothing in an ordinary run.
pub fn command<F: Fn()>(_test: F, arguments: &[&str]) -> Command {
    named(type_name::<F>(), arguments)
}

/// The arguments of a child; `None` in an ordinary run.
///
/// # Panics
/// If the child was given another number of them.
pub fn arguments<const N: usize>() -> Option<[String; N]> {
    let text = std::env::var(ARGUMENTS).ok()?;
    let all: Vec<_> = text.split(SEPARATOR).skip(1).map(str::to_owned).collect();
    Some(all.try_into().unwrap_or_else(|all| panic!("{N} arguments were expected: {all:?}")))
}

/// Runs a closure, which is the whole of the calling test, in a process of its own.
///
/// # Panics
/// If it panics there.
pub fn alone<F: FnOnce()>(test: F) {
    if std::env::var_os(ARGUMENTS).is_some() {
        return test();
    }
    let output = named(type_name::<F>(), &[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    // A name that fits no test runs none, with success.
    let ran = output.status.success() && said.contains("1 passed");
    assert!(ran, "the child failed: {}\n{said}\n{complained}", output.status);
}

/// The name of a function's type, or of a closure's in it, is the program's name and then what the
/// test harness calls the test.
fn named(type_name: &str, arguments: &[&str]) -> Command {
    let path = type_name.trim_end_matches("::{{closure}}");
    let (_, test) = path.split_once("::").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"]);
    let arguments: String = arguments.iter().flat_map(|one| [SEPARATOR, *one]).collect();
    command.env(ARGUMENTS, arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_process() {
        let Some([one, two]) = arguments() else { return };
        println!("{one} and {two}");
    }

    #[test]
    fn a_child_gets_its_arguments() {
        let output = command(child_process, &["1", ""]).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().contains("1 and \n"));
    }

    #[test]
    fn a_test_alone_is_in_another_process() {
        alone(|| assert!(std::env::var_os(ARGUMENTS).is_some()));
    }

    #[test]
    #[should_panic(expected = "the child failed")]
    fn a_test_that_fails_alone_fails() {
        alone(|| {
            // The child is not to panic as is expected of the test.
            std::process::exit(1);
        });
    }
}
