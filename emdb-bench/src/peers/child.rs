//! The processes in which engines run: this program again, with hidden arguments.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::contender::{CONTENDERS, Contender};
use super::engine::{Engine, Outcome};
use super::figure::Figure;
use super::{phases, reopen};

/// The argument that makes this program a child.
pub const MARK: &str = "--child";

/// The task of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// All phases of one process.
    Phases,
    /// Opens what was closed, and reads.
    Reopen,
    /// Loads, writes, says that it is ready, and waits to be killed.
    Load,
    /// Opens what a killed process left, and reads.
    AfterKill,
    /// Rows again, in the order of their ids.
    InOrder,
}

impl Task {
    const ALL: [Task; 5] = [Task::Phases, Task::Reopen, Task::Load, Task::AfterKill, Task::InOrder];
}

/// The line of a child that waits to be killed.
pub const READY: &str = "ready";

/// Runs a child and gives its figures; one that says that it is ready is killed.
pub fn spawn(
    task: Task,
    contender: &Contender,
    records: usize,
    folder: &Path,
) -> Outcome<Vec<(Figure, f64)>> {
    let Contender { name, work, .. } = contender;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--peers", MARK, &format!("{task:?}"), &format!("{work:?}"), name])
        .arg(records.to_string())
        .arg(folder)
        // A child that waits ends with its parent: its standard input ends.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let figures = listen(&mut child);
    let status = child.wait()?;
    let killed = task == Task::Load;
    if !killed && !status.success() {
        return Err(format!("{task:?} failed, {status}").into());
    }
    figures
}

fn listen(child: &mut Child) -> Outcome<Vec<(Figure, f64)>> {
    let output = child.stdout.take().ok_or("a child without output")?;
    let mut figures = Vec::new();
    let mut ready = false;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if line == READY {
            ready = true;
            child.kill()?;
        } else if let Some(figure) = Figure::from_line(&line) {
            figures.push(figure);
        }
    }
    if figures.is_empty() && !ready {
        return Err("a child ended without a figure".into());
    }
    Ok(figures)
}

/// The program as a child: does its task on its engine.
pub fn run(args: &[String]) -> Outcome<()> {
    let [task, work, name, records, folder] = args else { return Err("wrong arguments".into()) };
    let tasks = Task::ALL.into_iter();
    let task = tasks.clone().find(|t| format!("{t:?}") == *task).ok_or("no such task")?;
    let is_meant = |c: &&Contender| c.name == name && format!("{:?}", c.work) == *work;
    let contender = CONTENDERS.iter().find(is_meant).ok_or("no such engine")?;
    (contender.run)(task, records.parse()?, Path::new(folder))
}

/// A task on keys and values of bytes.
pub fn raw<E: Engine>(task: Task, records: usize, folder: &Path) -> Outcome<()> {
    match task {
        Task::Phases => phases::run::<E>(records, folder),
        Task::Reopen => reopen::clean::<E>(folder),
        Task::Load => reopen::load_and_wait::<E>(records, folder),
        Task::AfterKill => reopen::after_kill::<E>(folder),
        Task::InOrder => Err("bytes have no such task".into()),
    }
}

/// Tells the parent a figure.
pub fn tell(figure: Figure, value: f64) {
    println!("{}", figure.line(value));
}
