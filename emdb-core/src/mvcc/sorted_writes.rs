//! Writes sorted by their keys, for walks: a tree whose versions share what they have in common.
//!
//! A clone costs nothing, and stays as it is when the original goes on: a write then copies the
//! nodes on its way from the root, once. So walks can begin as often as wanted, and live as long.
//! Each node knows whether anything below it shows a value, so runs of removals are passed over
//! without being looked at.

use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mvcc::hidden_runs::HiddenRuns;

/// How many entries or children a node has at the most.
const NODE_MAX_LEN: usize = 32;

/// A write to one key.
pub(crate) struct SortedWrite {
    pub(crate) key: Box<[u8]>,
    /// None for a removal.
    pub(crate) value: Option<Box<[u8]>>,
    pub(crate) expiry: Option<u64>,
    /// Whether it is a put that has not expired for those who walk.
    pub(crate) shows: bool,
}

/// The latest write to each key, sorted.
#[derive(Clone, Default)]
pub(crate) struct SortedWrites {
    root: Arc<Node>,
    /// The stretches of committed keys that walks have found these writes to hide. All versions share
    /// them until a write is taken out.
    hidden: Arc<Mutex<HiddenRuns>>,
}

#[derive(Clone)]
enum Node {
    Leaf(Vec<Arc<SortedWrite>>),
    Inner(Vec<Child>),
}

#[derive(Clone)]
struct Child {
    /// All writes below it come at or behind this one, but for those of a first child.
    low: Arc<SortedWrite>,
    /// Whether any write below it shows a value.
    shows: bool,
    node: Arc<Node>,
}

impl Default for Node {
    fn default() -> Self {
        Node::Leaf(Vec::new())
    }
}

impl SortedWrites {
    /// Adds a write, in place of a former one to its key.
    pub(crate) fn insert(&mut self, write: SortedWrite) {
        let write = Arc::new(write);
        let Some(right) = insert(&mut self.root, &write) else { return };
        let left = std::mem::take(&mut self.root);
        let children = Child::of(left).into_iter().chain([right]).collect();
        self.root = Arc::new(Node::Inner(children));
    }

    /// Takes the write to `key` out, if there is one.
    pub(crate) fn remove(&mut self, key: &[u8]) {
        remove(&mut self.root, key);
        // A walk that has begun before may yet tell what is no longer so.
        let alone = Arc::get_mut(&mut self.hidden).map(Mutex::get_mut);
        if !alone.is_some_and(|hidden| hidden.is_ok_and(|hidden| hidden.is_empty())) {
            self.hidden = Arc::default();
        }
    }

    /// The stretches of committed keys that are known to be hidden.
    pub(crate) fn hidden(&self) -> MutexGuard<'_, HiddenRuns> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The write to `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Arc<SortedWrite>> {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(writes) => {
                    let at = writes.binary_search_by(|write| (*write.key).cmp(key)).ok()?;
                    return Some(&writes[at]);
                }
                Node::Inner(children) => node = &children[child_of(children, key)].node,
            }
        }
    }

    /// The first write behind a bound that shows a value.
    pub(crate) fn first(&self, low: Bound<&[u8]>) -> Option<&Arc<SortedWrite>> {
        first(&self.root, low)
    }

    /// The last write before a bound that shows a value.
    pub(crate) fn last(&self, high: Bound<&[u8]>) -> Option<&Arc<SortedWrite>> {
        last(&self.root, high)
    }

    /// Calls `each` with all writes, in the order of their keys, to the first error.
    pub(crate) fn for_each<E>(
        &self,
        mut each: impl FnMut(&SortedWrite) -> Result<(), E>,
    ) -> Result<(), E> {
        for_each(&self.root, &mut each)
    }
}

impl Child {
    /// A node as a child of another one; none if it is empty.
    fn of(node: Arc<Node>) -> Option<Child> {
        let low = match &*node {
            Node::Leaf(writes) => writes.first()?.clone(),
            Node::Inner(children) => children.first()?.low.clone(),
        };
        Some(Child { low, shows: node.shows(), node })
    }
}

impl Node {
    fn shows(&self) -> bool {
        match self {
            Node::Leaf(writes) => writes.iter().any(|write| write.shows),
            Node::Inner(children) => children.iter().any(|child| child.shows),
        }
    }
}

/// The child that has `key`, if any has: the first one also has all that comes before it.
fn child_of(children: &[Child], key: &[u8]) -> usize {
    children.partition_point(|child| *child.low.key <= *key).saturating_sub(1)
}

/// Adds a write below a node; gives what was split off on the right.
fn insert(node: &mut Arc<Node>, write: &Arc<SortedWrite>) -> Option<Child> {
    match Arc::make_mut(node) {
        Node::Leaf(writes) => {
            match writes.binary_search_by(|other| other.key.cmp(&write.key)) {
                Ok(at) => writes[at] = write.clone(),
                Err(at) => writes.insert(at, write.clone()),
            }
            let split = writes.len() > NODE_MAX_LEN;
            split.then(|| Node::Leaf(writes.split_off(NODE_MAX_LEN / 2)))
        }
        Node::Inner(children) => {
            let at = child_of(children, &write.key);
            let right = insert(&mut children[at].node, write);
            children[at].shows = children[at].node.shows();
            if let Some(right) = right {
                children.insert(at + 1, right);
            }
            let split = children.len() > NODE_MAX_LEN;
            split.then(|| Node::Inner(children.split_off(NODE_MAX_LEN / 2)))
        }
    }
    .and_then(|right| Child::of(Arc::new(right)))
}

/// Takes a write out. The rest stays where it is, a leaf that is empty with it: those who go back take out
/// what they have added, and no more.
fn remove(node: &mut Arc<Node>, key: &[u8]) {
    match Arc::make_mut(node) {
        Node::Leaf(writes) => {
            if let Ok(at) = writes.binary_search_by(|other| (*other.key).cmp(key)) {
                writes.remove(at);
            }
        }
        Node::Inner(children) => {
            let at = child_of(children, key);
            remove(&mut children[at].node, key);
            children[at].shows = children[at].node.shows();
        }
    }
}

fn first<'n>(node: &'n Node, low: Bound<&[u8]>) -> Option<&'n Arc<SortedWrite>> {
    let before = |key: &[u8]| match low {
        Bound::Unbounded => false,
        Bound::Included(low) => key < low,
        Bound::Excluded(low) => key <= low,
    };
    match node {
        Node::Leaf(writes) => {
            let begin = writes.partition_point(|write| before(&write.key));
            writes[begin..].iter().find(|write| write.shows)
        }
        Node::Inner(children) => {
            // The bound may lie inside of the one before the first child behind it. All that shows
            // behind that one is in the range.
            let begin = children.partition_point(|child| before(&child.low.key));
            let mut shown = children[begin.saturating_sub(1)..].iter().filter(|child| child.shows);
            shown.find_map(|child| first(&child.node, low))
        }
    }
}

fn last<'n>(node: &'n Node, high: Bound<&[u8]>) -> Option<&'n Arc<SortedWrite>> {
    let within = |key: &[u8]| match high {
        Bound::Unbounded => true,
        Bound::Included(high) => key <= high,
        Bound::Excluded(high) => key < high,
    };
    match node {
        Node::Leaf(writes) => {
            let end = writes.partition_point(|write| within(&write.key));
            writes[..end].iter().rfind(|write| write.shows)
        }
        Node::Inner(children) => {
            let end = children.partition_point(|child| within(&child.low.key));
            // The first child may have keys before its `low`.
            let mut shown = children[..end.max(1)].iter().rev().filter(|child| child.shows);
            shown.find_map(|child| last(&child.node, high))
        }
    }
}

fn for_each<E>(node: &Node, each: &mut impl FnMut(&SortedWrite) -> Result<(), E>) -> Result<(), E> {
    match node {
        Node::Leaf(writes) => writes.iter().try_for_each(|write| each(write)),
        Node::Inner(children) => children.iter().try_for_each(|child| for_each(&child.node, each)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Model = BTreeMap<Vec<u8>, bool>;

    fn check(sorted: &SortedWrites, model: &Model) {
        let mut all = Vec::new();
        let done = sorted.for_each(|write| {
            all.push((write.key.to_vec(), write.shows));
            Ok::<_, ()>(())
        });
        assert_eq!((done, all), (Ok(()), model.clone().into_iter().collect()));
        for key in (0..=u8::MAX).step_by(3).map(|high| vec![high, 7]) {
            let found = sorted.get(&key).map(|write| write.shows);
            assert_eq!(found, model.get(&key).copied());
            for bound in [Bound::Included(&key[..]), Bound::Excluded(&key[..]), Bound::Unbounded] {
                let shown = |write: &Arc<SortedWrite>| write.key.to_vec();
                let mut behind = model.range::<[u8], _>((bound, Bound::Unbounded));
                let first = behind.find(|(_, shows)| **shows).map(|(key, _)| key.clone());
                assert_eq!(sorted.first(bound).map(shown), first);
                let mut before = model.range::<[u8], _>((Bound::Unbounded, bound));
                let last = before.rfind(|(_, shows)| **shows).map(|(key, _)| key.clone());
                assert_eq!(sorted.last(bound).map(shown), last);
            }
        }
    }

    #[test]
    fn every_version_stays_what_it_was() {
        let mut random = emdb_testing::Random(7);
        let (mut sorted, mut model) = (SortedWrites::default(), Model::new());
        let mut versions = Vec::new();
        for step in 0..6_000 {
            let key = (random.next() >> 40).to_be_bytes()[6..].to_vec();
            // Long runs of keys show nothing.
            let shows = key[0].is_multiple_of(16) && random.next() >> 63 == 0;
            let (value, boxed) = (shows.then(|| Box::from([1])), key.clone().into());
            if step % 3 == 2 {
                if let Some((taken, _)) = model.range(key..).next() {
                    let taken = taken.clone();
                    sorted.remove(&taken);
                    model.remove(&taken);
                }
            } else {
                sorted.insert(SortedWrite { key: boxed, value, expiry: None, shows });
                model.insert(key, shows);
            }
            if step % 500 == 0 {
                versions.push((sorted.clone(), model.clone()));
            }
        }
        versions.push((sorted, model));
        for (sorted, model) in &versions {
            check(sorted, model);
        }
    }
}
