//! The rounds over the engines, each in processes of its own.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::Options;
use super::child::{Task, spawn};
use super::contender::Contender;
use super::engine::Outcome;
use super::figure::Figure;
use super::report::machine;
use super::results::{Column, Results};

/// Runs all rounds. An engine that fails in one says why in its column, and the others go on.
pub fn run(options: &Options) -> Outcome<Results> {
    let mut columns: Vec<Column> = options.contenders.iter().map(|c| Column::new(c)).collect();
    let groups: usize = options.contenders.iter().map(|c| c.tasks.len()).sum();
    let progress = ProgressBar::new((groups * options.sizes.rounds) as u64).with_style(
        ProgressStyle::with_template("{elapsed_precise} {bar:40} {pos}/{len}, {eta} left: {msg}")?,
    );
    for round in 1..=options.sizes.rounds {
        for column in &mut columns {
            let Contender { name, work, tasks, .. } = column.contender;
            progress.set_message(format!("round {round}, {name} ({work:?})"));
            for group in *tasks {
                measure(options, group, column)?;
                progress.inc(1);
            }
        }
    }
    progress.finish_and_clear();
    Ok(Results { sizes: options.sizes, machine: machine::describe(), columns })
}

/// A folder that goes when this does.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Folder> {
        let path = std::env::temp_dir().join(format!("emdb-peers-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn measure(options: &Options, group: &[Task], column: &mut Column) -> Outcome<()> {
    let folder = Folder::new()?;
    let records = options.sizes.of(column.contender.work);
    for &task in group {
        match spawn(task, column.contender, records, &folder.0) {
            Ok(figures) => {
                figures.into_iter().for_each(|(figure, value): (Figure, f64)| {
                    column.add(figure, value);
                });
            }
            Err(e) => {
                column.failures.push(e.to_string());
                break;
            }
        }
    }
    Ok(())
}
