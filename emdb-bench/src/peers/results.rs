//! The results of a run, and the file that keeps them: so a report can be written again, with other
//! words or targets, of the same measurements.

use std::fmt::Write as _;
use std::path::Path;

use super::contender::{CONTENDERS, Contender, Work};
use super::engine::Outcome;
use super::figure::Figure;
use crate::median;

/// How much work there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub records: usize,
    pub rows: usize,
    pub rounds: usize,
}

impl Sizes {
    /// The records or rows of a work.
    pub fn of(self, work: Work) -> usize {
        match work {
            Work::Raw => self.records,
            Work::Rows => self.rows,
            Work::FewRows => self.rows / 10,
        }
    }
}

/// All of a run.
pub struct Results {
    pub sizes: Sizes,
    /// The machine in words: a name and a description each.
    pub machine: Vec<(String, String)>,
    pub columns: Vec<Column>,
}

/// The figures of an engine.
pub struct Column {
    pub contender: &'static Contender,
    figures: Vec<(Figure, Vec<f64>)>,
    /// Why rounds of it have no figures.
    pub failures: Vec<String>,
}

impl Column {
    pub fn new(contender: &'static Contender) -> Column {
        Column { contender, figures: Vec::new(), failures: Vec::new() }
    }

    pub fn median(&self, figure: Figure) -> Option<f64> {
        let (_, values) = self.figures.iter().find(|(f, _)| *f == figure)?;
        Some(median(&mut values.clone()))
    }

    pub fn add(&mut self, figure: Figure, value: f64) {
        match self.figures.iter_mut().find(|(f, _)| *f == figure) {
            Some((_, values)) => values.push(value),
            None => self.figures.push((figure, vec![value])),
        }
    }

    /// Whether the figure is one of writes that a SIGKILL loses.
    pub fn is_lost(&self, figure: Figure) -> bool {
        figure == Figure::Single && self.median(Figure::Kept).is_some_and(|kept| kept < 1_000.0)
    }
}

impl Results {
    /// The engines on a work.
    pub fn of(&self, work: Work) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(move |column| column.contender.work == work)
    }

    pub fn column(&self, work: Work, name: &str) -> Option<&Column> {
        self.of(work).find(|column| column.contender.name == name)
    }

    pub fn write(&self, file: &Path) -> Outcome<()> {
        Ok(std::fs::write(file, self.to_text())?)
    }

    fn to_text(&self) -> String {
        let Sizes { records, rows, rounds } = self.sizes;
        let mut text = format!("sizes {records} {rows} {rounds}\n");
        for (name, words) in &self.machine {
            let _ = writeln!(text, "machine {name}: {words}");
        }
        for Column { contender, figures, failures } in &self.columns {
            let Contender { name, work, .. } = contender;
            for (figure, values) in figures {
                let values: Vec<String> = values.iter().map(f64::to_string).collect();
                let _ = writeln!(text, "figure {work:?} {name} {figure:?} {}", values.join(" "));
            }
            for failure in failures {
                let _ = writeln!(text, "failed {work:?} {name} {}", failure.replace('\n', " "));
            }
        }
        text
    }

    pub fn read(file: &Path) -> Outcome<Results> {
        let text = std::fs::read_to_string(file)
            .map_err(|e| format!("{}: {e}; a run without --render writes it", file.display()))?;
        Results::from_text(&text)
    }

    fn from_text(text: &str) -> Outcome<Results> {
        let sizes = Sizes { records: 0, rows: 0, rounds: 0 };
        let mut results = Results { sizes, machine: Vec::new(), columns: Vec::new() };
        text.lines().try_for_each(|line| {
            results.take(line).ok_or_else(|| format!("not a line of results: {line}"))?;
            Outcome::Ok(())
        })?;
        Ok(results)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        if kind == "sizes" {
            let numbers: Option<Vec<usize>> = rest.split(' ').map(|n| n.parse().ok()).collect();
            let [records, rows, rounds] = numbers?[..] else { return None };
            self.sizes = Sizes { records, rows, rounds };
            return Some(());
        }
        if kind == "machine" {
            let (name, words) = rest.split_once(": ")?;
            self.machine.push((name.to_owned(), words.to_owned()));
            return Some(());
        }
        let mut words = rest.splitn(3, ' ');
        let (work, name, rest) = (words.next()?, words.next()?, words.next()?);
        let is_meant = |c: &&Contender| c.name == name && format!("{:?}", c.work) == work;
        // One that is not compiled in now, or no more: its figures are left out.
        let Some(contender) = CONTENDERS.iter().find(is_meant) else { return Some(()) };
        let column = self.column_mut(contender);
        if kind == "failed" {
            column.failures.push(rest.to_owned());
            return Some(());
        }
        let (figure, values) = rest.split_once(' ')?;
        let figure = Figure::named(figure)?;
        values.split(' ').try_for_each(|value| {
            column.add(figure, value.parse().ok()?);
            Some(())
        })
    }

    fn column_mut(&mut self, contender: &'static Contender) -> &mut Column {
        let at = self.columns.iter().position(|c| std::ptr::eq(c.contender, contender));
        let at = at.unwrap_or_else(|| {
            self.columns.push(Column::new(contender));
            self.columns.len() - 1
        });
        &mut self.columns[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_back_from_their_text() {
        let text = "sizes 1000 200 3\nmachine processor: one\n\
                    figure Raw ours-hash Load 3 1 2\nfailed Rows sqlite it did not start\n";
        let results = Results::from_text(text).unwrap();
        assert_eq!(results.to_text(), text);
        assert_eq!(results.columns[0].median(Figure::Load), Some(2.0));
        assert!(Results::from_text("figure Raw ours-hash Nothing 1\n").is_err());
    }
}
