//! The table: one row a figure, one column an engine, and how ours compare.

use super::Options;
use super::engine::Name;
use super::figure::Figure;
use super::rounds::Column;
use crate::workload::{KEY, VALUE, Workload};

pub fn print(options: &Options, columns: &[Column]) {
    let (ours, peers): (Vec<_>, Vec<_>) = columns.iter().partition(|c| c.name.is_ours());
    let lmdb = peers.iter().copied().find(|c| c.name == Name::Lmdb);
    let extra = Workload::new(0).extra.len();
    let written = ((options.records + extra) * (KEY + VALUE)) as f64 / (1 << 20) as f64;
    println!("{} records; rounds: {}; medians; less is better", options.records, options.rounds);
    println!("keys and values written before the reads: {written:.1} MiB");

    let mut head = format!("{:<38} {:<3}", "", "");
    columns.iter().for_each(|c| head += &format!(" {:>13}", c.name.as_str()));
    for column in &ours {
        let kind = column.name.as_str().trim_start_matches("ours-");
        head += &format!(" {:>13} {:>13}", format!("{kind}/best"), format!("{kind}/lmdb"));
    }
    println!("{head}");
    for figure in Figure::ALL {
        let mut row = format!("{:<38} {:<3}", figure.name(), figure.unit());
        columns.iter().for_each(|c| row += &format!(" {:>13}", cell(c, figure)));
        let best = peers.iter().filter(|c| !is_lost(c, figure)).filter_map(|c| c.median(figure));
        let best = best.min_by(f64::total_cmp);
        for column in &ours {
            let lmdb = lmdb.and_then(|c| c.median(figure));
            for base in [best, lmdb] {
                row += &format!(" {:>13}", ratio(figure, column.median(figure), base));
            }
        }
        println!("{row}");
    }
    if columns.iter().any(|c| is_lost(c, Figure::Single)) {
        println!("* lost by a SIGKILL, and no match for the others: not taken for the best");
    }
}

/// Whether the figure is one of writes that a SIGKILL loses.
fn is_lost(column: &Column, figure: Figure) -> bool {
    figure == Figure::Single && column.median(Figure::Kept).is_some_and(|kept| kept < 1_000.0)
}

fn cell(column: &Column, figure: Figure) -> String {
    let mark = if is_lost(column, figure) { "*" } else { "" };
    match column.median(figure) {
        None => "-".into(),
        Some(value) if figure == Figure::Kept => format!("{value}"),
        Some(value) => format!("{}{mark}", number(value)),
    }
}

fn ratio(figure: Figure, ours: Option<f64>, base: Option<f64>) -> String {
    match (ours, base) {
        (Some(ours), Some(base)) if base > 0.0 && figure != Figure::Kept => {
            format!("{:.2}", ours / base)
        }
        _ => "-".into(),
    }
}

/// Three digits, or all of those before the point.
fn number(value: f64) -> String {
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}
