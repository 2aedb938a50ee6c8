//! Holds the sources to the house rules: imports point one way and in no circles, files and functions
//! are short, nothing is unwrapped, unsafe code stays in its leaves.
//!
//! The rules stand in `rules.rs`. `EMDB_TIDY_ROOT` names another workspace to look at, and
//! `EMDB_TIDY_GRAPH=1` prints which file imports which:
//! `EMDB_TIDY_GRAPH=1 cargo test --test tidy circles -- --nocapture`.
//!
//! `use` declarations and paths are seen, in macros too; methods and implementations that are used
//! without being named are not.

mod code;
mod examples;
mod graph;
mod imports;
mod modules;
mod rules;
mod texts;
mod tree;

use std::path::Path;
use std::sync::OnceLock;

use graph::Graph;
use modules::Modules;
use rules::{CRATES, Crate, SEAMS};
use tree::{Finding, Tree};

/// The sources and their crates, in the order of [`CRATES`].
struct Workspace {
    tree: Tree,
    crates: Vec<Modules>,
}

fn workspace() -> &'static Workspace {
    static WORKSPACE: OnceLock<Workspace> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let root = std::env::var_os("EMDB_TIDY_ROOT");
        let tree =
            Tree::read(Path::new(&root.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())));
        let crates = CRATES.iter().map(|krate| Modules::load(&tree, krate.root)).collect();
        Workspace { tree, crates }
    })
}

/// Looks at each crate of the workspace.
fn in_crates(look: impl Fn(&Crate, &Modules) -> Vec<Finding>) -> Vec<Finding> {
    let crates = CRATES.iter().zip(&workspace().crates);
    crates.flat_map(|(krate, modules)| look(krate, modules)).collect()
}

#[track_caller]
fn none(mut findings: Vec<Finding>) {
    findings.sort();
    let text: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{} findings\n{}\n", text.len(), text.join("\n"));
}

#[test]
fn folders_import_what_is_below_them() {
    none(in_crates(|krate, modules| imports::upwards(krate, &Graph::new(modules))));
}

#[test]
fn files_import_each_other_in_no_circles() {
    none(in_crates(|_, modules| {
        let graph = Graph::new(modules);
        if std::env::var_os("EMDB_TIDY_GRAPH").is_some() {
            for ((from, to), names) in &graph.0 {
                println!("{from} -> {to}: {} (line {})", names[0].path, names[0].line);
            }
        }
        imports::circles(&graph)
    }));
}

#[test]
fn crates_are_named_at_their_seams_alone() {
    none(in_crates(|_, modules| {
        SEAMS.iter().flat_map(|seam| imports::seams(seam, modules)).collect()
    }));
}

#[test]
fn each_file_is_a_module_of_its_crate() {
    none(in_crates(|krate, modules| imports::unreached(krate, &workspace().tree, modules)));
}

#[test]
fn files_and_functions_are_short() {
    none(texts::sizes(&workspace().tree));
}

#[test]
fn nothing_is_unwrapped_outside_of_tests() {
    none(in_crates(|_, modules| texts::unwraps(modules)));
}

#[test]
fn unsafe_code_stays_in_its_leaves() {
    none(texts::unsafe_leaves(&workspace().tree));
}

#[test]
fn sources_are_ascii() {
    none(texts::ascii(&workspace().tree));
}

#[test]
fn sentences_of_the_documentation_have_a_subject() {
    none(texts::subjects(&workspace().tree));
}
