//! The namespaces that a transaction has come to, besides the default one.

use std::collections::HashMap;
use std::sync::Arc;

use super::namespace::TransactionNamespace;
use crate::api::namespace::Namespace;
use crate::engine::Engine;
use crate::engine::read_view::ReadView;
use crate::error::Error;
use crate::mvcc::namespace::NamespaceState;

/// The parts of a transaction, found in constant time however many there are.
#[derive(Debug, Default)]
pub(super) struct Parts {
    list: Vec<TransactionNamespace>,
    /// Where each namespace is, by the address of its state, which is kept by its part.
    places: HashMap<usize, usize>,
    /// Where the last one was that was asked for.
    last: usize,
    /// For each savepoint that is open, the places of the parts that it has come to.
    entered: Vec<Vec<usize>>,
}

fn address(state: &Arc<NamespaceState>) -> usize {
    Arc::as_ptr(state).addr()
}

impl Parts {
    /// The place of a namespace, which is about to be read or written; it gets one if it has none.
    pub(super) fn place(
        &mut self,
        engine: &Arc<Engine>,
        view: &ReadView,
        namespace: &Namespace,
    ) -> usize {
        let is_it = |part: &TransactionNamespace| Arc::ptr_eq(&part.state, &namespace.state);
        if !self.list.get(self.last).is_some_and(is_it) {
            let known = self.find(&namespace.state);
            self.last = known.unwrap_or_else(|| self.add(engine, view, namespace));
        }
        if let Some(depth) = self.entered.len().checked_sub(1)
            && self.list[self.last].enter(depth)
        {
            self.note_entered(self.last);
        }
        self.last
    }

    /// Opens a savepoint; gives how many are around it.
    pub(super) fn open_savepoint(&mut self) -> usize {
        self.entered.push(Vec::new());
        self.entered.len() - 1
    }

    /// Closes the last savepoint; gives the places that it has come to.
    pub(super) fn close_savepoint(&mut self) -> Vec<usize> {
        self.entered.pop().unwrap_or_default()
    }

    /// Notes that the last savepoint has come to a part.
    pub(super) fn note_entered(&mut self, place: usize) {
        if let Some(entered) = self.entered.last_mut() {
            entered.push(place);
        }
    }

    #[cold]
    fn add(&mut self, engine: &Arc<Engine>, view: &ReadView, namespace: &Namespace) -> usize {
        let mut part = TransactionNamespace::new(engine, &namespace.state, view);
        if !Arc::ptr_eq(namespace.engine(), engine) {
            part.refused =
                Some(Error::config("the namespace is of another database than the transaction"));
        }
        let place = self.list.len();
        self.places.insert(address(&namespace.state), place);
        self.list.push(part);
        place
    }

    fn find(&self, state: &Arc<NamespaceState>) -> Option<usize> {
        self.places.get(&address(state)).copied()
    }

    pub(super) fn get_mut(&mut self, place: usize) -> &mut TransactionNamespace {
        &mut self.list[place]
    }

    /// Lets an internal namespace go empty if its parent was cleared since it was last looked at.
    pub(super) fn follow_parent(&mut self, place: usize, default: &TransactionNamespace) {
        let Some(parent) = &self.list[place].parent else { return };
        let clears = if Arc::ptr_eq(parent, &default.state) {
            default.clears
        } else {
            self.find(parent).map_or(0, |parent| self.list[parent].clears)
        };
        self.list[place].follow(clears);
    }

    /// The parts, each up to date with its parent.
    pub(super) fn settled(mut self, default: &TransactionNamespace) -> Self {
        for place in 0..self.list.len() {
            self.follow_parent(place, default);
        }
        self
    }

    /// Whether each part is where its namespace was given its place: two can be exchanged through
    /// the references that the caller has.
    pub(super) fn are_in_place(&self) -> bool {
        self.list.iter().enumerate().all(|(place, part)| self.find(&part.state) == Some(place))
    }

    pub(super) fn into_list(self) -> Vec<TransactionNamespace> {
        self.list
    }
}
