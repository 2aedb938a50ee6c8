//! A child process that acknowledges its calls, and is killed.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SIGKILL: i32 = 9;

/// A test of this binary in a process of its own: it writes `ready` and then, behind each call, the
/// call's number to its standard error. It is killed and waited for when this is dropped.
pub(crate) struct Victim(Child);

impl Victim {
    /// Runs the test of this name, with variables that tell it that it is the child.
    pub(crate) fn start(test: &str, variables: &[(&str, String)]) -> Victim {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        Victim(child.unwrap())
    }

    /// Kills the child some time after so many calls, and gives the number of those that were
    /// acknowledged.
    pub(crate) fn kill(mut self, calls: u64, patience: Duration) -> usize {
        let mut lines = BufReader::new(self.0.stderr.take().unwrap()).lines();
        let mut count = 0;
        let mut take = |line: std::io::Result<String>| match &*line.unwrap() {
            "ready" => {}
            line => {
                assert_eq!(line.parse().ok(), Some(count), "the child failed: {line}");
                count += 1;
            }
        };
        lines.by_ref().take(calls as usize).for_each(&mut take);
        let began = Instant::now();
        while began.elapsed() < patience {
            std::hint::spin_loop();
        }
        self.0.kill().unwrap();
        lines.for_each(&mut take);
        let status = self.0.wait().unwrap();
        assert_eq!(status.signal(), Some(SIGKILL), "the child ended by itself");
        count
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
