//! The report: tables, charts, and how ours stand to their targets, as Markdown.

mod chart;
pub mod machine;
mod remarks;

use std::fmt::Write as _;
use std::path::Path;

use super::contender::Work;
use super::engine::Outcome;
use super::figure::{Figure, Figure::*};
use super::results::{Column, Results};
use super::target::{Standing, TARGETS, Target};
use remarks::Remarks;

/// The charts: name, title, work, figures.
const CHARTS: &[(&str, &str, Work, &[Figure])] = &[
    ("writes", "Writes", Work::Raw, &[Load, Durable, Batches, Single, Threads, Removal]),
    ("reads", "Reads", Work::Raw, &[Owned, InPlace, ManyOwned, ManyLent, Missing, TwoThreads]),
    (
        "order",
        "Ranges and scans in order",
        Work::Raw,
        &[RangesInPlace, ScanInPlace, RangesOwned, ScanOwned, RangesCompacted, ScanCompacted],
    ),
    (
        "upkeep",
        "Opening, closing, space",
        Work::Raw,
        &[Reopen, Killed, Compaction, Close, Disk, DiskCompacted, Anonymous, ReopenAnonymous],
    ),
    (
        "rows",
        "Rows with indexes",
        Work::Rows,
        &[
            RowsLoad,
            RowsLoadInOrder,
            RowDurable,
            RowOwned,
            RowLent,
            RowByEmail,
            RowRange,
            RowRangeLent,
            RowsByAge,
            RowUpdateDurable,
            RowsUpdate,
            RowsUpdateIndexed,
            RowsDelete,
            RowsClose,
            RowsReopen,
            RowsDisk,
        ],
    ),
    (
        "toasty",
        "Rows, beside toasty on SQLite",
        Work::FewRows,
        &[RowsLoad, RowDurable, RowOwned, RowByEmail, RowRange, RowsByAge, RowsUpdate, RowsDelete],
    ),
];

/// Below the first heading; how it is measured.
const METHOD: &str = include_str!("method.md");

/// Writes `benchmarks.md` and its charts into a folder.
pub fn write(results: &Results, folder: &Path) -> Outcome<()> {
    let charts = folder.join("benchmarks");
    std::fs::create_dir_all(&charts)?;
    for (name, title, work, figures) in CHARTS {
        let columns: Vec<&Column> = results.of(*work).collect();
        if !columns.is_empty() {
            let svg = chart::draw(title, figures, &columns);
            std::fs::write(charts.join(format!("{name}.svg")), svg)?;
        }
    }
    let mut text = markdown(results, &Remarks::read()?);
    // Of a run of its own, if there was one: see `matrix.rs`.
    if let Ok(matrix) = std::fs::read_to_string(charts.join("matrix.md")) {
        text = text + "\n" + &matrix;
    }
    Ok(std::fs::write(folder.join("benchmarks.md"), text)?)
}

fn markdown(results: &Results, remarks: &Remarks) -> String {
    let mut text = format!("# Benchmarks\n\n{METHOD}\n## The machine\n\n");
    for (name, words) in &results.machine {
        let _ = writeln!(text, "- {name}: {words}");
    }
    text += &standings(results, remarks);
    for work in Work::ALL.into_iter().filter(|work| results.of(*work).next().is_some()) {
        let _ = write!(text, "\n## {}\n\n", work.title());
        for (name, title, _, _) in CHARTS.iter().filter(|(_, _, of, _)| *of == work) {
            let _ = writeln!(text, "![{title}](benchmarks/{name}.svg)\n");
        }
        text += &table(results, work);
    }
    text
}

/// The figures of all engines on a work.
pub fn table(results: &Results, work: Work) -> String {
    let columns: Vec<&Column> = results.of(work).collect();
    let noun = if work == Work::Raw { "records" } else { "rows" };
    let (count, rounds) = (results.sizes.of(work), results.sizes.rounds);
    let mut text = format!("{count} {noun}; medians of {rounds}.\n\n");
    let mut head = vec!["".to_owned(), "".to_owned()];
    head.extend(columns.iter().map(|c| c.contender.name.to_owned()));
    text += &line(&head);
    text += &line(&vec!["---".to_owned(); head.len()]);
    for &figure in Figure::ALL {
        if columns.iter().all(|c| c.median(figure).is_none()) {
            continue;
        }
        let mut cells = vec![figure.name().to_owned(), figure.unit().to_owned()];
        cells.extend(columns.iter().map(|column| {
            let lost = if column.is_lost(figure) { " (lost)" } else { "" };
            column.median(figure).map_or("-".to_owned(), |value| number(value) + lost)
        }));
        text += &line(&cells);
    }
    if columns.iter().any(|c| c.is_lost(Single)) {
        text += "\n(lost): a SIGKILL loses these writes, so they are not compared with.\n";
    }
    for column in columns {
        for failure in &column.failures {
            let _ = writeln!(text, "\n{} failed in a round: {failure}", column.contender.name);
        }
    }
    text
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// All targets, and the reasons of those that are missed.
pub fn targets(results: &Results) -> String {
    let head = ["", "ours", "", "compared with", "", "ratio", "at most", ""];
    let mut text = line(&head.map(str::to_owned)) + &line(&vec!["---".to_owned(); head.len()]);
    for target in TARGETS {
        let Some(standing) = target.standing(results) else { continue };
        let is_reached = standing.ratio() <= target.at_most;
        let bold = |word: String| if is_reached { word } else { format!("**{word}**") };
        text += &line(&[
            target.figure.name().to_owned(),
            target.ours.to_owned(),
            number(standing.ours),
            standing.name.clone(),
            number(standing.base),
            bold(ratio(&standing)),
            ratio_number(target.at_most),
            bold(if is_reached { "reached" } else { "missed" }.to_owned()),
        ]);
    }
    text
}

fn standings(results: &Results, remarks: &Remarks) -> String {
    let known: Vec<(&Target, Standing)> =
        TARGETS.iter().filter_map(|target| Some((target, target.standing(results)?))).collect();
    let is_missed = |(target, standing): &&(&Target, Standing)| standing.ratio() > target.at_most;
    let missed: Vec<_> = known.iter().filter(is_missed).collect();
    let mut text = format!(
        "\n## Targets\n\n{} of {} are reached. A ratio below 1 is less than the other takes.\n\n",
        known.len() - missed.len(),
        known.len()
    );
    text += &targets(results);
    if !missed.is_empty() {
        text += "\n### Those that are missed, and why\n";
    }
    let mut explained = Vec::new();
    for (target, standing) in missed {
        let heading = Remarks::heading(target);
        if explained.contains(&heading) {
            continue;
        }
        let reason = remarks.on(target).unwrap_or("No reason is known yet.");
        let _ = write!(
            text,
            "\n**{}, {}**: {} of {}, at most {}. {reason}\n",
            target.figure.name(),
            target.ours,
            ratio(standing),
            standing.name,
            ratio_number(target.at_most),
        );
        explained.push(heading);
    }
    text
}

fn ratio(standing: &Standing) -> String {
    ratio_number(standing.ratio())
}

fn ratio_number(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.3}") } else { format!("{ratio:.2}") }
}

/// Three digits, or all of those before the point.
fn number(value: f64) -> String {
    let decimals = if value >= 100.0 || value == 0.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let digits = format!("{value:.decimals$}");
    // A comma after each three digits.
    let (whole, rest) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 && whole.as_bytes()[at - 1] != b'-' {
            text.push(',');
        }
        text.push(digit);
    }
    if rest.is_empty() { text } else { format!("{text}.{rest}") }
}
