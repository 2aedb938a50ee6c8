//! Bar charts in SVG, in tones that are read on light and on dark backgrounds.

use std::fmt::Write as _;

use crate::peers::figure::Figure;
use crate::peers::results::Column;

/// In pixels.
const PANEL: usize = 470;
const GAP: usize = 30;
const LINE: usize = 18;
const LABEL: usize = 110;
const NUMBER: usize = 80;

/// A bar is at most so many times as long as ours: what is slower is cut.
const LONGEST: f64 = 6.0;

const TEXT: &str = "#768390";
const OURS: &str = "#2f81f7";
const PEER: &str = "#9aa4ae";
const LIMIT: &str = "#d29922";
const LOST: &str = "#c2553f";

/// A panel for each figure that some engine has, two beside each other.
pub fn draw(title: &str, figures: &[Figure], columns: &[&Column]) -> String {
    let panels: Vec<String> = figures.iter().filter_map(|figure| panel(*figure, columns)).collect();
    let height = (columns.len() + 2) * LINE + GAP;
    let (rows, width) = (panels.len().div_ceil(2), 2 * PANEL + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"{TEXT}\" role=\"img\">\n\
         <title>{title}: less is better</title>\n",
        rows * height
    );
    for (at, panel) in panels.iter().enumerate() {
        let (x, y) = (at % 2 * (PANEL + GAP), at / 2 * height);
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">\n{panel}</g>");
    }
    svg + "</svg>\n"
}

fn panel(figure: Figure, columns: &[&Column]) -> Option<String> {
    let values: Vec<(&Column, f64)> =
        columns.iter().filter_map(|c| Some((*c, c.median(figure)?))).collect();
    let all = values.iter().map(|(_, value)| *value);
    let longest = all.clone().max_by(f64::total_cmp)?;
    let ours = values.iter().filter(|(c, _)| c.contender.is_ours()).map(|(_, value)| *value);
    let base = ours.min_by(f64::total_cmp).or_else(|| all.min_by(f64::total_cmp))?;
    let scale = longest.min(LONGEST * base).max(f64::MIN_POSITIVE);
    let unit = figure.unit();
    let mut text = format!(
        "<text y=\"{LINE}\" font-weight=\"600\">{}{}{unit}</text>\n",
        figure.name(),
        if unit.is_empty() { "" } else { ", " }
    );
    for (at, (column, value)) in values.into_iter().enumerate() {
        let y = (at + 1) * LINE + 10;
        let room = (PANEL - LABEL - NUMBER) as f64;
        let length = (value / scale).min(1.0) * room;
        let end = LABEL as f64 + length;
        let middle = y + LINE / 2;
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{middle}\" dominant-baseline=\"middle\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LABEL}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\" rx=\"2\" fill=\"{}\"/>",
            LABEL - 8,
            column.contender.name,
            y + 2,
            LINE - 5,
            colour(column, figure)
        );
        // A cut bar shows that it goes on.
        let cut = if value > scale { "&#8594; " } else { "" };
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{middle}\" dominant-baseline=\"middle\">{cut}{}</text>",
            end + 6.0,
            super::number(value)
        );
    }
    Some(text)
}

fn colour(column: &Column, figure: Figure) -> &'static str {
    match column.contender.name {
        _ if column.contender.is_ours() => OURS,
        "limit" => LIMIT,
        _ if column.is_lost(figure) => LOST,
        _ => PEER,
    }
}
