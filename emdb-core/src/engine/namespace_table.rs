//! The namespaces of a journal that is being read, by the ids of their incarnations.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::apply::NamespaceChange;
use crate::engine::baseline::Baseline;
use crate::format::options::Options;
use crate::mvcc::incarnation::{DEFAULT_ID, Incarnation};

pub(crate) const UNKNOWN: &str = "a record belongs to a namespace that does not exist";

/// Whether the journal is known to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// A record that doesn't fit is damage.
    Whole,
    /// Records may be missing: the best is made of one that doesn't fit.
    Damaged,
}

/// A namespace as far as the journal has been read.
#[derive(Debug)]
pub(crate) struct ReadNamespace {
    /// None if the record that began it was lost.
    pub(crate) name: Option<String>,
    pub(crate) options: Options,
    pub(crate) incarnation: Arc<Incarnation>,
}

/// The namespaces that there are.
#[derive(Debug)]
pub(crate) struct NamespaceTable {
    trust: Trust,
    by_id: HashMap<u32, ReadNamespace>,
    by_name: HashMap<String, u32>,
    next_id: u32,
}

impl NamespaceTable {
    /// A table with nothing but the default namespace.
    pub(crate) fn new(trust: Trust) -> NamespaceTable {
        let mut table = NamespaceTable {
            trust,
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            next_id: DEFAULT_ID + 1,
        };
        let incarnation = Arc::new(Incarnation::new(DEFAULT_ID));
        table.insert(String::new(), Options::default(), incarnation);
        table
    }

    /// The namespaces of a checkpoint.
    pub(crate) fn of(baseline: Baseline) -> NamespaceTable {
        let mut table = NamespaceTable {
            trust: Trust::Whole,
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            next_id: baseline.next_id,
        };
        for (name, options, incarnation) in baseline.namespaces {
            table.insert(name, options, incarnation);
        }
        table
    }

    fn insert(&mut self, name: String, options: Options, incarnation: Arc<Incarnation>) {
        let id = incarnation.id;
        self.by_name.insert(name.clone(), id);
        self.by_id.insert(id, ReadNamespace { name: Some(name), options, incarnation });
    }

    /// The next id that no incarnation has had.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }

    /// The namespace whose present incarnation has this id.
    pub(crate) fn get(&self, id: u32) -> Option<&ReadNamespace> {
        self.by_id.get(&id)
    }

    /// The present incarnation of this id. One that nobody began is there all the same if records may
    /// be missing.
    pub(crate) fn incarnation(&mut self, id: u32) -> Option<&Arc<Incarnation>> {
        match self.trust {
            Trust::Whole => self.by_id.get(&id).map(|namespace| &namespace.incarnation),
            Trust::Damaged => Some(&self.find_or_begin(id).incarnation),
        }
    }

    fn find_or_begin(&mut self, id: u32) -> &mut ReadNamespace {
        self.by_id.entry(id).or_insert_with(|| ReadNamespace {
            name: None,
            options: Options::default(),
            incarnation: Arc::new(Incarnation::new(id)),
        })
    }

    /// All namespaces with their present ids, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &ReadNamespace)> {
        self.by_id.iter().map(|(id, namespace)| (*id, namespace))
    }

    /// Whether a namespace has this name.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Applies what a record of the incarnation `id` does to namespaces. In a damaged journal nothing
    /// is refused.
    pub(crate) fn apply(
        &mut self,
        id: u32,
        change: NamespaceChange<'_>,
    ) -> Result<(), &'static str> {
        match self.trust {
            Trust::Whole => self.apply_whole(id, change),
            Trust::Damaged => {
                self.apply_damaged(id, change);
                Ok(())
            }
        }
    }

    fn apply_whole(&mut self, id: u32, change: NamespaceChange<'_>) -> Result<(), &'static str> {
        match change {
            NamespaceChange::Create { name, options } => {
                let name = name?;
                if self.has_name(name) {
                    return Err("a namespace is created twice");
                }
                let options = options?;
                self.take_id(id)?;
                self.insert(name.to_owned(), options, Arc::new(Incarnation::new(id)));
            }
            NamespaceChange::Configure { options } => {
                self.by_id.get_mut(&id).ok_or(UNKNOWN)?.options = options?;
            }
            NamespaceChange::Rename { name, options } => {
                let (name, options) = (name?, options?);
                if self.has_name(name) {
                    return Err("a namespace is given a name that another one has");
                }
                let namespace = self.by_id.get_mut(&id).ok_or(UNKNOWN)?;
                let former = namespace.name.replace(name.to_owned()).unwrap_or_default();
                if former.is_empty() {
                    return Err("the default namespace is given a name");
                }
                namespace.options = options;
                self.by_name.remove(&former);
                self.by_name.insert(name.to_owned(), id);
            }
            NamespaceChange::Clear { fresh } => {
                let fresh = fresh?;
                self.take_id(fresh)?;
                self.clear(id, fresh).ok_or(UNKNOWN)?;
            }
            NamespaceChange::Drop => {
                let namespace = self.by_id.remove(&id).ok_or(UNKNOWN)?;
                match namespace.name.as_deref() {
                    Some("") => return Err("the default namespace is dropped"),
                    Some(name) => self.by_name.remove(name),
                    None => None,
                };
            }
        }
        Ok(())
    }

    fn apply_damaged(&mut self, id: u32, change: NamespaceChange<'_>) {
        match change {
            NamespaceChange::Create { name, options } => {
                let Ok(name) = name else { return };
                self.take_name(id, name);
                self.find_or_begin(id).options = options.unwrap_or_default();
            }
            NamespaceChange::Rename { name, options } => {
                let is_default = |n: &ReadNamespace| n.name.as_deref() == Some("");
                let Ok(name) = name else { return };
                if self.by_id.get(&id).is_some_and(is_default) {
                    return;
                }
                self.take_name(id, name);
                let namespace = self.find_or_begin(id);
                namespace.options = options.unwrap_or(namespace.options);
            }
            NamespaceChange::Configure { options } => {
                let namespace = self.find_or_begin(id);
                namespace.options = options.unwrap_or(namespace.options);
            }
            NamespaceChange::Clear { fresh } => {
                if let Ok(fresh) = fresh {
                    self.clear(id, fresh);
                }
            }
            NamespaceChange::Drop => {
                let is_default = |n: &ReadNamespace| n.name.as_deref() == Some("");
                if self.by_id.get(&id).is_none_or(is_default) {
                    return;
                }
                if let Some(name) = self.by_id.remove(&id).and_then(|namespace| namespace.name) {
                    self.by_name.remove(&name);
                }
            }
        }
    }

    /// Gives the namespace a name, whoever has it. If another has, the record that ended that one, or
    /// renamed it, was lost; what that held is kept apart.
    fn take_name(&mut self, id: u32, name: &str) {
        let holder = self.by_name.insert(name.to_owned(), id).filter(|holder| *holder != id);
        if let Some(holder) = holder.and_then(|holder| self.by_id.get_mut(&holder)) {
            holder.name = None;
        }
        let former = self.find_or_begin(id).name.replace(name.to_owned());
        if let Some(former) = former.filter(|former| former != name) {
            self.by_name.remove(&former);
        }
    }

    /// Goes on with an empty incarnation in the place of another.
    fn clear(&mut self, id: u32, fresh: u32) -> Option<()> {
        let ReadNamespace { name, options, .. } = self.by_id.remove(&id)?;
        if let Some(name) = &name {
            self.by_name.insert(name.clone(), fresh);
        }
        let incarnation = Arc::new(Incarnation::new(fresh));
        self.by_id.insert(fresh, ReadNamespace { name, options, incarnation });
        Some(())
    }

    /// Ids only ever grow, so one that comes again is damage.
    fn take_id(&mut self, id: u32) -> Result<(), &'static str> {
        if id < self.next_id || id == u32::MAX {
            return Err("an incarnation's id comes out of order");
        }
        self.next_id = id + 1;
        Ok(())
    }
}
