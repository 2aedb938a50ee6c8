//! All namespaces of a database, by their names.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use crossbeam_epoch::Guard;

use crate::error::{Error, Result};
use crate::mvcc::generation::Generation;
use crate::mvcc::namespace::{INTERNAL, NamespaceState};
use crate::mvcc::retired::{Retired, SeenNamespace};

/// The longest name of a namespace, in bytes.
pub(crate) const NAME_MAX_BYTES: usize = 255;

/// All namespaces that exist, the default one (with an empty name) and internal ones among them.
pub(crate) type Live = BTreeMap<String, Arc<NamespaceState>>;

/// All namespaces.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) live: Live,
    /// Those that were dropped and that a view may still see.
    pub(crate) dropped: Vec<Arc<NamespaceState>>,
    /// Those that were dropped and that somebody may still have a handle of.
    pub(crate) gone: Vec<Weak<NamespaceState>>,
}

impl Names {
    /// Notes that the namespace has been dropped.
    pub(crate) fn remove(&mut self, state: &Arc<NamespaceState>) {
        self.live.remove(&state.name);
        if self.gone.len() == self.gone.capacity() {
            // Before it grows.
            self.gone.retain(|gone| gone.strong_count() > 0);
        }
        self.gone.push(Arc::downgrade(state));
    }

    /// Gives `former` the name that `state` has, for whoever begins to read behind `at`.
    pub(crate) fn rename(
        &mut self,
        former: &Arc<NamespaceState>,
        state: &Arc<NamespaceState>,
        at: u64,
    ) {
        state.succeed(former, at);
        self.remove(former);
        self.dropped.push(former.clone());
        self.live.insert(state.name.clone(), state.clone());
    }

    /// The reverse, when nothing has come of it.
    pub(crate) fn keep(&mut self, former: &Arc<NamespaceState>, state: &Arc<NamespaceState>) {
        state.give_back(former);
        self.remove(state);
        self.dropped.retain(|dropped| !Arc::ptr_eq(dropped, former));
        // Or a compaction would take it for empty.
        self.gone.retain(|gone| !std::ptr::eq(gone.as_ptr(), Arc::as_ptr(former)));
        self.live.insert(former.name.clone(), former.clone());
    }

    /// All namespaces as the views of the generation that they are in see them.
    pub(crate) fn retire(&self, guard: &Guard, orders_all: bool) -> Retired {
        let all = self.live.values().chain(&self.dropped);
        Retired(all.map(|state| state.member(guard, orders_all)).collect())
    }

    /// The namespaces that there were at `watermark` of `generation`.
    pub(crate) fn seen(
        &self,
        generation: &Arc<Generation>,
        watermark: u64,
        orders_all: bool,
    ) -> Vec<SeenNamespace> {
        if let Some(retired) = generation.retired.get() {
            return retired.seen(watermark).collect();
        }
        let guard = crossbeam_epoch::pin();
        let all = self.live.values().chain(&self.dropped);
        all.filter_map(|state| state.member(&guard, orders_all).seen(watermark)).collect()
    }

    /// The namespace that had this name then.
    pub(crate) fn seen_by_name(
        &self,
        name: &str,
        generation: &Arc<Generation>,
        watermark: u64,
        orders_all: bool,
    ) -> Option<SeenNamespace> {
        if let Some(retired) = generation.retired.get() {
            return retired.seen_by_name(name, watermark);
        }
        let guard = crossbeam_epoch::pin();
        let mut known = self.dropped.iter().filter(|s| s.name == name).chain(self.live.get(name));
        known.find_map(|state| state.member(&guard, orders_all).seen(watermark))
    }
}

/// Whether a user may give a namespace this name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME_MAX_BYTES {
        return Err(Error::config(format!(
            "a namespace's name has 1 to {NAME_MAX_BYTES} bytes, this one has {}",
            name.len()
        )));
    }
    if name.starts_with(INTERNAL) {
        return Err(Error::config(format!(
            "names that begin with {INTERNAL:?} are the library's own; choose another than {name:?}"
        )));
    }
    Ok(())
}

/// The name of the internal namespace that keeps an entry for each namespace that is a typed
/// table; the entry goes with its namespace.
pub(crate) const CATALOGUE: &str = "__emdb:catalogue";

/// The prefix of the names of all internal children of the namespace `parent`. The length makes it
/// unambiguous.
pub(crate) fn child_prefix(parent: &str) -> String {
    format!("{INTERNAL}:child:{}:{parent}:", parent.len())
}

/// The name of the namespace of which the one called `child` is an internal child, if it is one.
pub(crate) fn parent_name(child: &str) -> Option<&str> {
    let rest = child.strip_prefix(INTERNAL)?.strip_prefix(":child:")?;
    let (len, rest) = rest.split_once(':')?;
    let (parent, rest) = rest.split_at_checked(len.parse().ok()?)?;
    rest.starts_with(':').then_some(parent)
}

/// The name of the internal child `name` of the namespace `parent`.
pub(crate) fn child_name(parent: &str, name: &str) -> String {
    format!("{}{name}", child_prefix(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_names_its_parent() {
        for parent in ["", "users", "a:b", "1:x", "\u{e4}:"] {
            assert_eq!(parent_name(&child_name(parent, "index:by_age")), Some(parent));
        }
        for other in
            ["users", CATALOGUE, "__emdb:child:", "__emdb:child:9:a:b", "__emdb:child:x:a:b"]
        {
            assert_eq!(parent_name(other), None, "{other}");
        }
    }
}
