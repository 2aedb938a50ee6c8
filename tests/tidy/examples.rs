//! Each rule on a few lines that break it, and on some like them that don't.

use crate::graph::Graph;
use crate::imports;
use crate::modules::Modules;
use crate::rules::{Crate, FILE_LINES, FUNCTION_LINES, Seam};
use crate::texts;
use crate::tree::{Finding, Tree};

const KRATE: Crate =
    Crate { root: "src/lib.rs", order: &[&["error"], &["os", "format"], &["api"], &["lib"]] };

fn modules(files: &[(&str, &str)]) -> Modules {
    Modules::load(&Tree::of(files), KRATE.root)
}

/// The edges, as `from -> to` without their folder and ending.
fn edges(files: &[(&str, &str)]) -> Vec<String> {
    let short = |file: &str| file.trim_start_matches("src/").trim_end_matches(".rs").to_owned();
    let graph = Graph::new(&modules(files));
    graph.0.keys().map(|(from, to)| format!("{} -> {}", short(from), short(to))).collect()
}

fn lines(findings: &[Finding]) -> Vec<(&str, usize)> {
    findings.iter().map(|finding| (finding.file.as_str(), finding.line)).collect()
}

#[test]
fn an_import_from_above_is_found_with_its_line() {
    let files = [
        ("src/lib.rs", "mod api; mod error; mod os;"),
        ("src/api.rs", "use crate::os::Clock; pub struct Db(Clock);"),
        ("src/error.rs", "pub struct Error;"),
        ("src/os/mod.rs", "pub mod clock;\npub struct Clock;"),
        ("src/os/clock.rs", "use crate::error::Error;\n\nfn now() { crate::api::Db::open(); }"),
    ];
    let findings = imports::upwards(&KRATE, &Graph::new(&modules(&files)));
    assert_eq!(lines(&findings), [("src/os/clock.rs", 3)]);
    assert!(findings[0].to_string().contains("`os` may not import `api`"), "{}", findings[0]);
}

#[test]
fn folders_of_one_level_and_unknown_ones_are_found() {
    let files = [
        ("src/lib.rs", "mod format; mod os; mod attic;"),
        ("src/attic.rs", "use crate::os::A;"),
        ("src/format.rs", "use crate::os::A;"),
        ("src/os.rs", "pub struct A;"),
    ];
    let findings = imports::upwards(&KRATE, &Graph::new(&modules(&files)));
    assert_eq!(lines(&findings), [("src/attic.rs", 1), ("src/format.rs", 1)]);
    assert!(findings[0].advice.contains("has no place"));
}

#[test]
fn a_circle_is_found_with_its_edges_and_a_cut() {
    let files = [
        ("src/lib.rs", "mod a; mod b; mod c;"),
        ("src/a.rs", "use crate::b::B;\npub struct A(B);"),
        ("src/b.rs", "pub struct B;\nimpl B { fn f(c: &super::c::C) {} }"),
        ("src/c.rs", "use crate::a::{A, make};\npub struct C(A);"),
    ];
    let findings = imports::circles(&Graph::new(&modules(&files)));
    assert_eq!(lines(&findings), [("src/a.rs", 1)]);
    let advice = &findings[0].advice;
    assert!(advice.contains("src/b.rs -> src/c.rs: super::c::C (line 2)"), "{advice}");
    assert_eq!(advice.matches("\n  !").count(), 1, "{advice}");
    assert!(advice.contains("src/c.rs -> src/a.rs: crate::a::A (line 1), crate::a::make"));
}

#[test]
fn a_folder_that_passes_names_on_does_not_import_them() {
    let files = [
        ("src/lib.rs", "mod os; pub use os::Clock;"),
        ("src/os/mod.rs", "mod clock; mod lock; pub(crate) use clock::{Clock, Tick as Beat};"),
        ("src/os/clock.rs", "pub struct Clock; pub struct Tick;"),
        ("src/os/lock.rs", "use super::Beat; use crate::Clock;"),
    ];
    assert_eq!(edges(&files), ["os/lock -> os/clock"]);
}

#[test]
fn a_name_that_is_passed_on_and_needed_is_imported() {
    let files = [
        ("src/lib.rs", "mod os;"),
        ("src/os/mod.rs", "mod clock;\npub use clock::Clock;\npub struct Os { clock: Clock }"),
        ("src/os/clock.rs", "use super::Os;\npub struct Clock;"),
    ];
    assert_eq!(edges(&files), ["os/clock -> os/mod", "os/mod -> os/clock"]);
    assert_eq!(imports::circles(&Graph::new(&modules(&files))).len(), 1);
}

#[test]
fn a_name_is_found_through_modules_their_aliases_macros_and_stars() {
    let files = [
        ("src/lib.rs", "mod a; mod b; mod c; mod d; mod e;"),
        ("src/a.rs", "use crate::e; fn f() { e::deep::run() }"),
        ("src/b.rs", "macro_rules! m { () => { $crate::e::Top } }"),
        ("src/c.rs", "fn f() { use crate::e::{self as other}; vec![other::Top] }"),
        ("src/d.rs", "use crate::e::*; struct D(Deep);"),
        ("src/e/mod.rs", "pub mod deep; pub use deep::*; pub struct Top;"),
        ("src/e/deep.rs", "pub struct Deep; pub fn run() {}"),
    ];
    assert_eq!(edges(&files), ["a -> e/deep", "b -> e/mod", "c -> e/mod", "d -> e/deep"]);
}

#[test]
fn modules_alone_other_crates_and_fields_are_no_imports() {
    let files = [
        ("src/lib.rs", "mod a; mod b;"),
        (
            "src/a.rs",
            "use crate::b; use std::fs; pub(in crate::b) fn go() { fs::read(); x.b::<u8>() }",
        ),
        (
            "src/b.rs",
            "use crate::a; pub(crate) fn go() { ::a::go(); <u8 as T>::a::go(); quote!(#a::go()) }",
        ),
    ];
    assert_eq!(edges(&files), [""; 0]);
}

#[test]
fn modules_that_features_choose_are_all_seen() {
    let files = [
        ("src/lib.rs", "mod a; mod b;"),
        (
            "src/a.rs",
            "#[cfg(x)]\n#[path = \"a/on.rs\"]\nmod imp;\n#[cfg(not(x))]\n#[path = \"a/off.rs\"]\nmod imp;\npub use imp::Ring;",
        ),
        ("src/a/on.rs", "pub struct Ring;"),
        ("src/a/off.rs", "pub struct Ring;"),
        ("src/b.rs", "use crate::a::Ring;"),
        ("src/lost.rs", ""),
    ];
    assert_eq!(edges(&files), ["b -> a/off", "b -> a/on"]);
    let tree = Tree::of(&files);
    assert_eq!(lines(&imports::unreached(&KRATE, &tree, &modules(&files))), [("src/lost.rs", 1)]);
}

#[test]
fn tests_may_import_and_unwrap() {
    let files = [
        ("src/lib.rs", "mod a; mod b; #[cfg(test)] mod tests;"),
        ("src/tests.rs", "mod more; use crate::a::A; fn f() { x.unwrap() }"),
        ("src/tests/more.rs", "use crate::b::B;"),
        (
            "src/a.rs",
            "use crate::b::B; pub struct A; #[cfg(test)] mod tests { fn f() { x.unwrap() } }",
        ),
        (
            "src/b.rs",
            "pub struct B; impl B { #[cfg(test)] #[inline] fn f() { crate::a::A::g().unwrap() } }",
        ),
    ];
    assert_eq!(edges(&files), ["a -> b"]);
    assert_eq!(texts::unwraps(&modules(&files)), []);
}

#[test]
fn an_unwrap_is_found_in_macros_too() {
    let text = "fn f() {\n    x.unwrap_or(1);\n    x.unwrap();\n    assert!(y.unwrap() > 1);\n}\n\
                /// `x.unwrap()`\nfn unwrap() {}";
    let findings = texts::unwraps(&modules(&[("src/lib.rs", text)]));
    assert_eq!(lines(&findings), [("src/lib.rs", 3), ("src/lib.rs", 4)]);
}

#[test]
fn another_crate_is_named_at_its_seam_alone() {
    let seam = Seam { folder: "src/", name: "emdb_core", only_in: &["src/a/", "src/b.rs"] };
    let files = [
        ("src/lib.rs", "mod a; mod b; mod c; #[cfg(test)] mod tests { use emdb_core::Emdb; }"),
        ("src/a/mod.rs", "use emdb_core::Emdb;"),
        ("src/b.rs", "pub use emdb_core::Error;"),
        ("src/c.rs", "use crate::b::Error;\n\nfn f() -> emdb_core::Ttl {}"),
    ];
    assert_eq!(lines(&imports::seams(&seam, &modules(&files))), [("src/c.rs", 3)]);
}

#[test]
fn long_functions_and_files_are_found() {
    let body = "    step();\n".repeat(FUNCTION_LINES - 1);
    let short = format!(
        "/// Doc.\n#[inline]\nfn fits() {{\n{}}}\n",
        &body[.."    step();\n".len() * (FUNCTION_LINES - 2)]
    );
    let long = format!("impl A {{\n    fn long() {{\n{body}    }}\n}}\n");
    let file = "// a line\n".repeat(FILE_LINES);
    let tree = Tree::of(&[
        ("a.rs", &short),
        ("b.rs", &long),
        ("c.rs", &file),
        ("d.rs", &format!("{file}// one more\n")),
    ]);
    assert_eq!(lines(&texts::sizes(&tree)), [("b.rs", 2), ("d.rs", FILE_LINES + 1)]);
}

#[test]
fn unsafe_code_beside_the_list_is_found() {
    let tree = Tree::of(&[
        ("a.rs", "\n#![allow(unsafe_code)]\nfn f() { unsafe {} }"),
        ("emdb-core/src/os/fork.rs", "#[allow(unsafe_code)]\nfn f() { unsafe {} }"),
        ("emdb-core/src/format/record.rs", "#![allow(unsafe_code)]\n// unsafe\nfn f() {}"),
    ]);
    let mut findings = texts::unsafe_leaves(&tree);
    findings.retain(|finding| tree.0.contains_key(&finding.file));
    assert_eq!(lines(&findings), [("a.rs", 2), ("emdb-core/src/format/record.rs", 1)]);
}

#[test]
fn letters_beyond_ascii_are_found() {
    let tree = Tree::of(&[("a.rs", "fn f() {}\n// caf\u{e9}\n")]);
    assert_eq!(lines(&texts::ascii(&tree)), [("a.rs", 2)]);
}

#[test]
fn sentences_without_a_subject_are_found() {
    let text = [
        "//! What is kept.",
        "//!",
        "//! # What is promised",
        "//!",
        "//! One asks. What then? And",
        "//! What goes on here is no beginning.",
        "fn f() {}",
        "/// A write. What it wrote stays.",
        "/// What is it?",
        "/// ```",
        "/// // What",
        "/// What",
        "/// ```",
        "/// - What else",
    ];
    let text = text.join("\n");
    let tree = Tree::of(&[("a.rs", &text)]);
    assert_eq!(lines(&texts::subjects(&tree)), [("a.rs", 1), ("a.rs", 8), ("a.rs", 14)]);
}
