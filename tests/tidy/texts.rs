//! A file by itself: its length, its wording, and what it allows itself.

use syn::visit::Visit;

use crate::code::Code;
use crate::modules::Modules;
use crate::rules::{FILE_LINES, FUNCTION_LINES, LONG_FILES, UNSAFE_LEAVES};
use crate::tree::{Finding, Tree};

fn finding(file: &str, line: usize, rule: &'static str, advice: String) -> Finding {
    Finding { file: file.to_owned(), line, rule, advice }
}

/// Files and functions that are too long.
pub(crate) fn sizes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in &tree.0 {
        let lines = text.lines().count();
        if lines > FILE_LINES && !LONG_FILES.iter().any(|(long, _)| long == file) {
            let advice =
                format!("{lines} lines, {FILE_LINES} at most: find the second concept in it");
            findings.push(finding(file, lines, "long file", advice));
        }
        let parsed = syn::parse_file(text).unwrap_or_else(|e| panic!("{file}: {e}"));
        let mut functions = Functions { file, findings: &mut findings };
        functions.visit_file(&parsed);
    }
    findings
}

struct Functions<'a> {
    file: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Functions<'_> {
    fn check(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let lines = block.brace_token.span.close().end().line - first + 1;
        if lines > FUNCTION_LINES {
            let advice = format!(
                "`{}` has {lines} lines, {FUNCTION_LINES} at most: take a step out of it",
                signature.ident
            );
            self.findings.push(finding(self.file, first, "long function", advice));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.check(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.check(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.check(&item.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

/// `.unwrap()` outside of tests.
pub(crate) fn unwraps(modules: &Modules) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in modules.0.iter().filter(|module| !module.is_test) {
        let Code { unwraps, .. } = &module.code;
        findings.extend(unwraps.iter().map(|line| {
            let advice = "give the error on, or `expect` with the reason why there is none";
            finding(&module.file, *line, "unwrap", advice.to_owned())
        }));
    }
    findings
}

/// `allow(unsafe_code)` where it isn't listed, or isn't needed.
pub(crate) fn unsafe_leaves(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in &tree.0 {
        let allowed = text.lines().position(|line| {
            let line = line.trim_start();
            line.starts_with('#') && line.contains("allow(") && line.contains("unsafe_code")
        });
        let is_listed = UNSAFE_LEAVES.contains(&file.as_str());
        let uses = || {
            text.lines().any(|line| {
                !line.trim_start().starts_with("//")
                    && line
                        .split(|c: char| !c.is_alphanumeric() && c != '_')
                        .any(|word| word == "unsafe")
            })
        };
        let advice = match allowed {
            Some(_) if !is_listed => {
                "unsafe code is allowed in listed files alone: move it to one, or list this in tests/tidy/rules.rs"
            }
            Some(_) if !uses() => {
                "unsafe code is allowed, and there is none: strike the attribute, and the file from tests/tidy/rules.rs"
            }
            None if is_listed => {
                "listed for unsafe code, and doesn't allow it: strike it from tests/tidy/rules.rs"
            }
            _ => continue,
        };
        findings.push(finding(file, allowed.unwrap_or(0) + 1, "unsafe", advice.to_owned()));
    }
    for leaf in UNSAFE_LEAVES.iter().filter(|leaf| !tree.0.contains_key(**leaf)) {
        let advice = "listed for unsafe code, and not there: strike it from tests/tidy/rules.rs";
        findings.push(finding(leaf, 1, "unsafe", advice.to_owned()));
    }
    findings
}

/// Characters beyond ASCII.
pub(crate) fn ascii(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in &tree.0 {
        for (i, line) in text.lines().enumerate() {
            if let Some(c) = line.chars().find(|c| !c.is_ascii()) {
                let advice = format!("{c:?} is not ASCII: write it as {}", c.escape_unicode());
                findings.push(finding(file, i + 1, "ascii", advice));
            }
        }
    }
    findings
}

/// Sentences of the documentation that begin with "What" and ask nothing.
pub(crate) fn subjects(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in &tree.0 {
        let (mut begins, mut is_code) = (true, false);
        for (i, line) in text.lines().enumerate() {
            let line = line.trim_start();
            let doc = ["///", "//!"].iter().find_map(|mark| line.strip_prefix(mark)).map(str::trim);
            let Some(doc) = doc else {
                (begins, is_code) = (true, false);
                continue;
            };
            if doc.starts_with("```") {
                is_code = !is_code;
            }
            let is_apart = doc.is_empty() || doc.starts_with(['#', '|', '`']);
            if !is_code && !is_apart && has_what(doc, begins) {
                let advice = "the sentence begins with \"What\": give it the noun as its subject";
                findings.push(finding(file, i + 1, "subject", advice.to_owned()));
            }
            begins = doc.is_empty() || doc.ends_with(['.', '?', '!', ':']) || doc.starts_with('#');
        }
    }
    findings
}

fn has_what(doc: &str, begins: bool) -> bool {
    let (doc, begins) = match doc.strip_prefix("- ") {
        Some(point) => (point, true),
        None => (doc, begins),
    };
    let asks =
        |rest: &str| rest.split(['.', '!']).next().is_some_and(|sentence| sentence.contains('?'));
    let first = begins && doc.starts_with("What ") && !asks(doc);
    first || doc.match_indices(". What ").any(|(at, _)| !asks(&doc[at + 2..]))
}
