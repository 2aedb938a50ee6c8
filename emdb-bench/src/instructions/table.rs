//! The table of figures: read, written, compared.

use std::fmt;
use std::path::Path;

use super::Outcome;

/// The instructions of a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    name: String,
    operations: usize,
    per_operation: f64,
}

/// One [`Figure`] a path.
#[derive(Default)]
pub(super) struct Table(pub(super) Vec<Figure>);

impl Figure {
    pub(super) fn new(name: &str, operations: usize, instructions: u64) -> Figure {
        let per_operation = instructions as f64 / operations as f64;
        Figure { name: name.to_owned(), operations, per_operation }
    }

    fn parse(line: &str) -> Option<Figure> {
        let mut columns = line.split('|').map(str::trim);
        Some(Figure {
            name: columns.next()?.to_owned(),
            operations: columns.next()?.parse().ok()?,
            per_operation: columns.next()?.parse().ok()?,
        })
    }

    /// How many percent more this is than `recorded`.
    fn percent_over(&self, recorded: &Figure) -> f64 {
        (self.per_operation / recorded.per_operation - 1.0) * 100.0
    }
}

impl Table {
    pub(super) fn read(file: &Path) -> Outcome<Table> {
        let text = std::fs::read_to_string(file)
            .map_err(|e| format!("{}: {e}; --save makes it", file.display()))?;
        // The header's second column is no number.
        Ok(Table(text.lines().filter_map(Figure::parse).collect()))
    }

    pub(super) fn write(&self, file: &Path) -> Outcome<()> {
        Ok(std::fs::write(file, self.to_string())?)
    }

    fn of(&self, name: &str) -> Option<&Figure> {
        self.0.iter().find(|figure| figure.name == name)
    }

    /// This table with the `recorded` figures and the differences.
    pub(super) fn beside(&self, recorded: &Table) -> String {
        let mut text = String::new();
        for line in self.to_string().lines() {
            let former = Figure::parse(line).and_then(|now| Some((recorded.of(&now.name)?, now)));
            let (former, change) = match former {
                Some((former, now)) => (
                    format!("{:.1}", former.per_operation),
                    format!("{:+.2} %", now.percent_over(former)),
                ),
                None if text.is_empty() => ("recorded".to_owned(), "change".to_owned()),
                None => ("-".to_owned(), "-".to_owned()),
            };
            text.push_str(&format!("{line} | {former:>10} | {change:>9}\n"));
        }
        text
    }

    /// Fails if a path takes over `percent` more than is `recorded`, or isn't there.
    pub(super) fn check(&self, recorded: &Table, percent: f64) -> Outcome<()> {
        let over = self.0.iter().filter_map(|now| match recorded.of(&now.name) {
            None => Some(format!("{} is not in the table: record it with --save", now.name)),
            Some(former) if former.operations != now.operations => {
                Some(format!("{} was recorded with other work: record it with --save", now.name))
            }
            Some(former) if now.percent_over(former) > percent => Some(format!(
                "{} takes {:.2} % more than recorded, {percent} % are allowed",
                now.name,
                now.percent_over(former)
            )),
            Some(_) => None,
        });
        let over: Vec<String> = over.collect();
        if over.is_empty() { Ok(()) } else { Err(over.join("\n").into()) }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [name, operations, each] = ["path", "operations", "instructions per operation"];
        writeln!(f, "{name:<28} | {operations:>10} | {each:>26}")?;
        for Figure { name, operations, per_operation } in &self.0 {
            writeln!(f, "{name:<28} | {operations:>10} | {per_operation:>26.1}")?;
        }
        Ok(())
    }
}
