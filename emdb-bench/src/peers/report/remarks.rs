//! The remarks that people write on targets that are missed: the reason, with its figures.

use std::path::Path;

use crate::peers::engine::Outcome;
use crate::peers::target::Target;

/// Where they are, seen from the workspace's root.
const FILE: &str = "emdb-bench/remarks.md";

/// A heading each, `## Raw ours-hash InPlace`, and the text below it.
pub struct Remarks(Vec<(String, String)>);

impl Remarks {
    pub fn read() -> Outcome<Remarks> {
        let text = std::fs::read_to_string(Path::new(FILE))
            .map_err(|e| format!("{FILE}: {e}; run it in the workspace's root"))?;
        Ok(Remarks::parse(&text))
    }

    pub fn parse(text: &str) -> Remarks {
        let parts = text.split("\n## ").skip(1);
        Remarks(
            parts
                .filter_map(|part| part.split_once('\n'))
                .map(|(heading, text)| (heading.trim().to_owned(), text.trim().to_owned()))
                .collect(),
        )
    }

    /// The heading under which the remark on a target stands.
    pub fn heading(target: &Target) -> String {
        format!("{:?} {} {:?}", target.work, target.ours, target.figure)
    }

    pub fn on(&self, target: &Target) -> Option<&str> {
        let heading = Remarks::heading(target);
        let found = self.0.iter().find(|(name, _)| *name == heading);
        found.map(|(_, text)| text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::target::TARGETS;

    #[test]
    fn remarks_are_on_targets_that_there_are() {
        let remarks = Remarks::parse(include_str!("../../../remarks.md"));
        for (heading, text) in &remarks.0 {
            let is_one = TARGETS.iter().any(|target| Remarks::heading(target) == *heading);
            assert!(is_one, "no target is called {heading}");
            assert!(!text.is_empty(), "{heading} says nothing");
        }
    }
}
