//! The table of figures: read, written, compared.

use std::fmt;
use std::path::Path;

use super::Outcome;

/// The advice about a path that takes more.
const HOW_TO_RENEW: &str = "If the change is worth it, or if the compiler is another than the one that \
the table names, renew the table: cargo run --release -p emdb-bench -- --instructions --save (ten \
minutes or so), and say why in the commit.";

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
        let rustc = std::process::Command::new("rustc").arg("--version").output()?;
        let compiler = String::from_utf8_lossy(&rustc.stdout);
        Ok(std::fs::write(file, format!("{self}\ncounted with {compiler}"))?)
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
        if over.is_empty() {
            return Ok(());
        }
        Err(format!("{}\n{HOW_TO_RENEW}", over.join("\n")).into())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(figures: &[(&str, usize, u64)]) -> Table {
        let figures = figures.iter().map(|(name, n, count)| Figure::new(name, *n, *count));
        Table(figures.collect())
    }

    #[test]
    fn a_path_may_take_as_much_as_is_allowed_and_any_less() {
        let recorded = table(&[("get", 10, 1_000), ("insert", 10, 2_000)]);
        let now = table(&[("get", 10, 1_030), ("insert", 10, 900)]);
        now.check(&recorded, 3.5).unwrap();
    }

    #[test]
    fn a_path_that_takes_more_is_named_with_the_way_to_renew_the_table() {
        let recorded = table(&[("get", 10, 1_000), ("insert", 10, 2_000)]);
        let now = table(&[("get", 10, 1_031), ("insert", 10, 2_000)]);
        let said = now.check(&recorded, 3.0).unwrap_err().to_string();
        assert!(said.starts_with("get takes 3.10 % more than recorded, 3 % are allowed"), "{said}");
        assert!(!said.contains("insert takes"), "{said}");
        assert!(said.contains("--instructions --save"), "{said}");
    }

    #[test]
    fn a_path_without_a_record_and_one_of_other_work_fail() {
        let recorded = table(&[("get", 10, 1_000)]);
        assert!(table(&[("insert", 10, 1)]).check(&recorded, 3.0).is_err());
        assert!(table(&[("get", 20, 2_000)]).check(&recorded, 3.0).is_err());
    }

    #[test]
    fn the_guarded_paths_are_in_the_table() {
        let text = include_str!("../../instructions.txt");
        let recorded: Vec<Figure> = text.lines().filter_map(Figure::parse).collect();
        for name in super::super::GUARD.split(',') {
            assert!(recorded.iter().any(|figure| figure.name == name), "{name}");
        }
    }
}
