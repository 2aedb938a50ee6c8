//! Another process that opens a database.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use emdb::{Emdb, Error};
use emdb_testing::child;

/// As what it opens one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Role {
    /// As a writer, which inserts a record.
    Writer,
    Reader,
}

/// The child's part: it opens the database, says how that went, and waits for its end.
#[test]
fn child_process() {
    let Some([path, role]) = child::arguments() else { return };
    let is_reader = role == format!("{:?}", Role::Reader);
    // A line of its own, whatever the test harness has written before.
    let _db = match Emdb::builder().path(path).read_only(is_reader).build() {
        Ok(db) => {
            let len = db.len().unwrap();
            if !is_reader {
                db.insert(std::process::id().to_be_bytes(), "was here").unwrap();
            }
            println!("\nopened {len}");
            Some(db)
        }
        Err(Error::AlreadyLocked) => {
            println!("\nlocked");
            None
        }
        Err(e) => panic!("failed: {e}"),
    };
    // Until the parent closes the pipe or kills this process.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// A process that has tried to open a database and still lives.
#[derive(Debug)]
pub(crate) struct OtherProcess {
    child: Child,
    /// `opened` and the number of records, or `locked`.
    pub(crate) verdict: String,
}

impl OtherProcess {
    pub(crate) fn open(path: &Path, role: Role) -> OtherProcess {
        let child = OtherProcess::spawn(OtherProcess::command(path, role));
        OtherProcess::listen(child.unwrap()).unwrap()
    }

    /// The command that starts the process.
    pub(crate) fn command(path: &Path, role: Role) -> Command {
        child::command(child_process, &[path.to_str().unwrap(), &format!("{role:?}")])
    }

    pub(crate) fn spawn(mut command: Command) -> std::io::Result<Child> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    }

    /// Waits for the verdict; `None` if the process ended without one.
    pub(crate) fn listen(mut child: Child) -> Option<OtherProcess> {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let is_verdict = |line: &String| line == "locked" || line.starts_with("opened ");
        let verdict = lines.find(is_verdict);
        // Keeps the pipe open, so that the child's harness can write its summary.
        thread::spawn(move || lines.for_each(drop));
        Some(OtherProcess { child, verdict: verdict? })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_opened(&self) -> bool {
        self.verdict.starts_with("opened ")
    }

    /// Lets it end, closing the database.
    pub(crate) fn finish(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
