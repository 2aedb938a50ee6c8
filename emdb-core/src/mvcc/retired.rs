//! The namespaces of a generation that was replaced, as its views go on seeing them.

use std::sync::Arc;

use crate::format::options::Options;
use crate::mvcc::incarnation::Incarnation;

/// A namespace as a view saw it.
#[derive(Debug, Clone)]
pub(crate) struct SeenNamespace {
    pub(crate) name: String,
    /// The options that the file has.
    pub(crate) stored_options: Options,
    /// Whether it is kept in order: by its options, or since the database orders all.
    pub(crate) ordered: bool,
    pub(crate) incarnation: Arc<Incarnation>,
}

/// One namespace to the views of a generation.
#[derive(Debug)]
pub(crate) struct Member {
    /// The number of the namespace.
    pub(super) namespace: u64,
    pub(super) name: String,
    pub(super) stored_options: Options,
    pub(super) ordered: bool,
    /// The position of the record that created it, or the end of what was committed before it was given
    /// this name.
    pub(super) created: u64,
    /// The position of the record that dropped it, or what was committed when it was given another name,
    /// or the largest number.
    pub(super) dropped: u64,
    /// Newest first.
    pub(super) incarnations: Vec<Arc<Incarnation>>,
}

impl Member {
    fn at(&self, watermark: u64) -> Option<&Arc<Incarnation>> {
        self.incarnations.iter().find(|incarnation| incarnation.start() < watermark)
    }

    /// The namespace, if it was there at `watermark`.
    pub(super) fn seen(&self, watermark: u64) -> Option<SeenNamespace> {
        if self.created >= watermark || self.dropped < watermark {
            return None;
        }
        let incarnation = self.at(watermark)?.clone();
        let (stored_options, ordered) = (self.stored_options, self.ordered);
        Some(SeenNamespace { name: self.name.clone(), stored_options, ordered, incarnation })
    }
}

/// All namespaces to the views of a generation that has been replaced.
#[derive(Debug)]
pub(crate) struct Retired(pub(super) Vec<Member>);

impl Retired {
    /// The incarnation that the namespace of this id had at `watermark`.
    pub(super) fn incarnation(&self, namespace: u64, watermark: u64) -> Option<&Arc<Incarnation>> {
        let mut of_it = self.0.iter().filter(|member| member.namespace == namespace);
        of_it.find_map(|member| member.at(watermark))
    }

    /// The namespaces that there were at `watermark`.
    pub(super) fn seen(&self, watermark: u64) -> impl Iterator<Item = SeenNamespace> {
        self.0.iter().filter_map(move |member| member.seen(watermark))
    }

    /// The namespace that had this name then.
    pub(super) fn seen_by_name(&self, name: &str, watermark: u64) -> Option<SeenNamespace> {
        let mut named = self.0.iter().filter(|member| member.name == name);
        named.find_map(|member| member.seen(watermark))
    }
}
