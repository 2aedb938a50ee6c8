//! A child process that acknowledges what it has done, and is killed with SIGKILL.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::child;

const SIGKILL: i32 = 9;

/// What a child writes when it is about to begin, and when nothing is left to do.
const READY: &str = "ready";
const DONE: &str = "done";

/// A test of this program in a process of its own, which says on its standard error what it has
/// done, by [`ready`], [`acknowledge`] and [`done`]. It is killed and waited for when this is dropped.
#[derive(Debug)]
pub struct Victim(Child);

impl Victim {
    /// Runs the test function as the child, with these arguments.
    pub fn start<F: Fn()>(test: F, arguments: &[&str]) -> Victim {
        let mut command = child::command(test, arguments);
        Victim(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Kills the child some time after so many lines, that of [`ready`] included, or after that of
    /// [`done`]. Gives what it has acknowledged by then.
    ///
    /// # Panics
    /// If the child has ended by itself.
    pub fn kill(mut self, lines: u64, patience: Duration) -> Vec<String> {
        let mut told = BufReader::new(self.0.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut all = Vec::new();
        while (all.len() as u64) < lines && all.last().is_none_or(|line| line != DONE) {
            all.push(told.next().unwrap_or_else(|| panic!("the child ended by itself: {all:?}")));
        }
        // Shorter than a sleep can be.
        let began = Instant::now();
        while began.elapsed() < patience {
            std::hint::spin_loop();
        }
        self.0.kill().unwrap();
        all.extend(told);
        let status = self.0.wait().unwrap();
        assert_eq!(status.signal(), Some(SIGKILL), "the child ended by itself: {all:?}");
        all.retain(|line| line != READY && line != DONE);
        all
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says that the child has come to what the parent is to kill it in.
pub fn ready() {
    acknowledge(READY);
}

/// Says in one line what the child has done, after it has.
pub fn acknowledge(what: impl Display) {
    // At once and whole, where `eprintln` writes in pieces.
    std::io::stderr().write_all(format!("{what}\n").as_bytes()).unwrap();
}

/// Says that nothing is left to do, and waits to be killed.
pub fn done() -> ! {
    acknowledge(DONE);
    std::thread::sleep(Duration::from_secs(60));
    panic!("nobody has killed this process");
}

/// How many calls a child has acknowledged that says the number of each, from 0.
///
/// # Panics
/// If it said anything else: that it failed.
pub fn count(acknowledged: &[String]) -> usize {
    for (n, line) in acknowledged.iter().enumerate() {
        assert_eq!(
            line.parse().ok(),
            Some(n),
            "the child failed: {}",
            acknowledged[n..].join("\n")
        );
    }
    acknowledged.len()
}
