//! The processes in which engines run: this program again, with hidden arguments.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::emdb1::Emdb1;
use super::engine::{Engine, Name, Outcome};
use super::figure::Figure;
use super::fjall::Fjall;
use super::lmdb::Lmdb;
use super::ours::Ours;
use super::redb::Redb;
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
}

impl Task {
    const ALL: [Task; 4] = [Task::Phases, Task::Reopen, Task::Load, Task::AfterKill];
}

/// The line of a child that waits to be killed.
pub const READY: &str = "ready";

/// Runs a child and gives its figures; one that says that it is ready is killed.
pub fn spawn(task: Task, name: Name, records: usize, folder: &Path) -> Outcome<Vec<(Figure, f64)>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--peers", MARK, &format!("{task:?}"), name.as_str(), &records.to_string()])
        .arg(folder)
        // A child that waits ends with its parent: its standard input ends.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let figures = listen(&mut child);
    let status = child.wait()?;
    let killed = task == Task::Load;
    if !killed && !status.success() {
        return Err(format!("{}: {task:?} failed, {status}", name.as_str()).into());
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
        } else {
            figures.push(Figure::from_line(&line).ok_or_else(|| format!("not a figure: {line}"))?);
        }
    }
    if figures.is_empty() && !ready {
        return Err("a child ended without a figure".into());
    }
    Ok(figures)
}

/// The program as a child: does its task on its engine.
pub fn run(args: &[String]) -> Outcome<()> {
    let [task, name, records, folder] = args else { return Err("wrong arguments".into()) };
    let tasks = Task::ALL.into_iter();
    let task = tasks.clone().find(|t| format!("{t:?}") == *task).ok_or("no such task")?;
    let name = Name::ALL.into_iter().find(|n| n.as_str() == name).ok_or("no such engine")?;
    let (records, folder) = (records.parse()?, Path::new(folder));
    match name {
        Name::OursHash => dispatch::<Ours<false>>(task, records, folder),
        Name::OursOrdered => dispatch::<Ours<true>>(task, records, folder),
        Name::Lmdb => dispatch::<Lmdb>(task, records, folder),
        Name::Redb => dispatch::<Redb>(task, records, folder),
        Name::Fjall => dispatch::<Fjall>(task, records, folder),
        Name::Emdb1Hash => dispatch::<Emdb1<false>>(task, records, folder),
        Name::Emdb1Ordered => dispatch::<Emdb1<true>>(task, records, folder),
    }
}

fn dispatch<E: Engine>(task: Task, records: usize, folder: &Path) -> Outcome<()> {
    match task {
        Task::Phases => phases::run::<E>(records, folder),
        Task::Reopen => reopen::clean::<E>(folder),
        Task::Load => reopen::load_and_wait::<E>(records, folder),
        Task::AfterKill => reopen::after_kill::<E>(folder),
    }
}

/// Tells the parent a figure.
pub fn tell(figure: Figure, value: f64) {
    println!("{}", figure.line(value));
}
