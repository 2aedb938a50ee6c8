//! The sources, and findings in them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::rules::{SOURCES, WRONG_ON_PURPOSE};

/// Texts by their path from the root, with slashes.
pub(crate) struct Tree(pub(crate) BTreeMap<String, String>);

impl Tree {
    /// The sources below `root`.
    pub(crate) fn read(root: &Path) -> Tree {
        let mut files = BTreeMap::new();
        for folder in SOURCES.iter().filter(|folder| root.join(folder).is_dir()) {
            collect(root, folder, &mut files);
        }
        assert!(!files.is_empty(), "no sources below {}", root.display());
        Tree(files)
    }

    /// Sources that only a test has.
    pub(crate) fn of(files: &[(&str, &str)]) -> Tree {
        Tree(files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect())
    }
}

fn collect(root: &Path, folder: &str, files: &mut BTreeMap<String, String>) {
    let entries = std::fs::read_dir(root.join(folder)).expect("a readable folder");
    for entry in entries {
        let entry = entry.expect("a readable entry");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            if !WRONG_ON_PURPOSE.contains(&format!("{path}/").as_str()) {
                collect(root, &path, files);
            }
        } else if path.ends_with(".rs") {
            let text = std::fs::read_to_string(entry.path()).expect("a readable source");
            files.insert(path, text);
        }
    }
}

/// A breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) rule: &'static str,
    /// Says what is wrong, and what to do.
    pub(crate) advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.rule, self.advice)
    }
}
