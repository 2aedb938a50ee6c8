//! The rounds over the engines, each in processes of its own.

use super::Options;
use super::child::{Task, spawn};
use super::engine::{Name, Outcome};
use super::figure::Figure;
use crate::median;

/// The medians of an engine's figures.
pub struct Column {
    pub name: Name,
    figures: Vec<(Figure, Vec<f64>)>,
}

impl Column {
    pub fn median(&self, figure: Figure) -> Option<f64> {
        let (_, values) = self.figures.iter().find(|(f, _)| *f == figure)?;
        Some(median(&mut values.clone()))
    }

    fn add(&mut self, figures: Vec<(Figure, f64)>) {
        for (figure, value) in figures {
            match self.figures.iter_mut().find(|(f, _)| *f == figure) {
                Some((_, values)) => values.push(value),
                None => self.figures.push((figure, vec![value])),
            }
        }
    }
}

pub fn run(options: &Options) -> Outcome<Vec<Column>> {
    let column = |&name: &Name| Column { name, figures: Vec::new() };
    let mut columns: Vec<Column> = options.engines.iter().map(column).collect();
    for round in 1..=options.rounds {
        for column in &mut columns {
            eprintln!("round {round} of {}: {}", options.rounds, column.name.as_str());
            column.add(measure(column.name, options.records)?);
        }
    }
    Ok(columns)
}

fn measure(name: Name, records: usize) -> Outcome<Vec<(Figure, f64)>> {
    let folder = std::env::temp_dir().join(format!("emdb-peers-{}", std::process::id()));
    let pairs = [[Task::Phases, Task::Reopen], [Task::Load, Task::AfterKill]];
    let mut figures = Vec::new();
    for pair in pairs {
        std::fs::create_dir_all(&folder)?;
        let measured: Outcome<()> = pair.into_iter().try_for_each(|task| {
            figures.extend(spawn(task, name, records, &folder)?);
            Ok(())
        });
        std::fs::remove_dir_all(&folder)?;
        measured?;
    }
    Ok(figures)
}
