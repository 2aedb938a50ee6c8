//! Imports: none upwards between folders, no circles between files, other crates at the seams alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Graph;
use crate::modules::Modules;
use crate::rules::{Crate, Seam};
use crate::tree::{Finding, Tree};

/// Imports from a folder that is not below.
pub(crate) fn upwards(krate: &Crate, graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    if krate.order.is_empty() {
        return findings;
    }
    let level = |folder: &str| krate.order.iter().position(|level| level.contains(&folder));
    for ((from, to), names) in &graph.0 {
        let (here, there) = (folder(krate, from), folder(krate, to));
        let mut find = |line, advice| {
            findings.push(Finding { file: from.clone(), line, rule: "upwards", advice });
        };
        match (level(here), level(there)) {
            (None, _) => find(
                1,
                format!(
                    "`{here}` has no place in the order of folders: give it one in tests/tidy/rules.rs"
                ),
            ),
            (Some(mine), Some(theirs)) if here != there && theirs >= mine => {
                for name in names {
                    find(
                        name.line,
                        format!(
                            "`{here}` may not import `{there}`, where {} is ({to}): move it down, or hand it in from above",
                            name.path
                        ),
                    );
                }
            }
            _ => {}
        }
    }
    findings.dedup();
    findings
}

/// The folder of a file in the crate, or its own name where it stands beside the root.
fn folder<'a>(krate: &Crate, file: &'a str) -> &'a str {
    let src = krate.root.rsplit_once('/').map_or(0, |(folder, _)| folder.len() + 1);
    file[src..].split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// Files that import each other, in a circle of two or more.
pub(crate) fn circles(graph: &Graph) -> Vec<Finding> {
    let edges: BTreeSet<(&str, &str)> =
        graph.0.keys().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    components(&edges).into_iter().map(|files| circle(graph, &files)).collect()
}

fn circle(graph: &Graph, files: &BTreeSet<&str>) -> Finding {
    let inside = graph
        .0
        .iter()
        .filter(|((from, to), _)| files.contains(from.as_str()) && files.contains(to.as_str()));
    let edges: BTreeMap<(&str, &str), _> =
        inside.map(|((from, to), names)| ((from.as_str(), to.as_str()), names)).collect();
    let weights = edges.iter().map(|(edge, names)| (*edge, names.len())).collect();
    let cut = backward(files, &weights);
    let mut advice = format!(
        "{} files import each other in circles. What is marked with ! ends them, if it goes:",
        files.len()
    );
    for (edge @ (from, to), names) in &edges {
        let mark = if cut.contains(edge) { '!' } else { ' ' };
        let names: Vec<String> =
            names.iter().map(|name| format!("{} (line {})", name.path, name.line)).collect();
        advice.push_str(&format!("\n  {mark} {from} -> {to}: {}", names.join(", ")));
    }
    let (&(file, _), names) = edges.iter().next().expect("a circle has edges");
    Finding { file: file.to_owned(), line: names[0].line, rule: "circle", advice }
}

/// The strongly connected components of more than one file.
fn components<'a>(edges: &BTreeSet<(&'a str, &'a str)>) -> Vec<BTreeSet<&'a str>> {
    let nodes: BTreeSet<&str> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let reach = |start: &'a str, step: &dyn Fn(&'a str) -> Vec<&'a str>| {
        let (mut seen, mut open) = (BTreeSet::from([start]), vec![start]);
        while let Some(node) = open.pop() {
            open.extend(step(node).into_iter().filter(|next| seen.insert(next)));
        }
        seen
    };
    let after = |node: &str| edges.iter().filter(|e| e.0 == node).map(|e| e.1).collect();
    let before = |node: &str| edges.iter().filter(|e| e.1 == node).map(|e| e.0).collect();
    let (mut placed, mut components) = (BTreeSet::new(), Vec::new());
    for node in nodes {
        if placed.contains(node) {
            continue;
        }
        let (ahead, behind) = (reach(node, &after), reach(node, &before));
        let component: BTreeSet<&str> = ahead.intersection(&behind).copied().collect();
        placed.extend(component.iter().copied());
        if component.len() > 1 {
            components.push(component);
        }
    }
    components
}

/// Edges without which no circle is left, few and of little weight: those that lead backwards in an
/// order of the files (Eades, Lin and Smyth, "A fast and effective heuristic for the feedback arc
/// set problem", 1993).
fn backward<'a>(
    files: &BTreeSet<&'a str>,
    weights: &BTreeMap<(&'a str, &'a str), usize>,
) -> BTreeSet<(&'a str, &'a str)> {
    let mut left = files.clone();
    let (mut first, mut last) = (Vec::new(), Vec::new());
    while !left.is_empty() {
        let sums = |node: &str| {
            let sum = |pick: &dyn Fn(&(&str, &str)) -> bool| -> usize {
                let inside = weights
                    .iter()
                    .filter(|((from, to), _)| left.contains(from) && left.contains(to));
                inside.filter(|(edge, _)| pick(edge)).map(|(_, weight)| weight).sum()
            };
            (sum(&|edge| edge.0 == node), sum(&|edge| edge.1 == node))
        };
        let node = if let Some(sink) = left.iter().find(|node| sums(node).0 == 0) {
            last.push(*sink);
            *sink
        } else {
            let gain = |node: &&&str| {
                let (out, into) = sums(node);
                if into == 0 { isize::MAX } else { out as isize - into as isize }
            };
            let best = *left.iter().max_by_key(gain).expect("some are left");
            first.push(best);
            best
        };
        left.remove(node);
    }
    let order: Vec<&str> = first.into_iter().chain(last.into_iter().rev()).collect();
    let place = |file: &str| order.iter().position(|other| *other == file);
    weights.keys().filter(|(from, to)| place(from) > place(to)).copied().collect()
}

/// Crates that are named where they should not be.
pub(crate) fn seams(seam: &Seam, modules: &Modules) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in modules.0.iter().filter(|module| !module.is_test) {
        let is_allowed = seam
            .only_in
            .iter()
            .any(|at| module.file == *at || (at.ends_with('/') && module.file.starts_with(at)));
        if is_allowed || !module.file.starts_with(seam.folder) {
            continue;
        }
        let imports = module.imports.iter().map(|import| (import.line, &import.path));
        let paths = module.code.paths.iter().map(|path| (path.line, &path.segments));
        let mut lines: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (line, path) in imports.chain(paths).filter(|(_, path)| path[0] == seam.name) {
            lines.entry(line).or_default().push(path.join("::"));
        }
        findings.extend(lines.into_iter().map(|(line, names)| {
            let advice = format!(
                "{} outside of the seam, which is {}: name what it gives",
                names.join(", "),
                seam.only_in.join(" and ")
            );
            Finding { file: module.file.clone(), line, rule: "seam", advice }
        }));
    }
    findings
}

/// Files in the crate's folder that no module declares.
pub(crate) fn unreached(krate: &Crate, tree: &Tree, modules: &Modules) -> Vec<Finding> {
    let src = krate.root.rsplit_once('/').map_or("", |(folder, _)| folder);
    let files = tree.0.keys().filter(|file| file.starts_with(&format!("{src}/")));
    let lost = files.filter(|file| !modules.0.iter().any(|module| module.file == **file));
    lost.map(|file| Finding {
        file: file.clone(),
        line: 1,
        rule: "unreached",
        advice: "no module declares this file: declare or delete it".to_owned(),
    })
    .collect()
}
