//! The ways in which the rows of a filter can be found: what an index, or the primary key, has for the conditions
//! of a conjunction.
//!
//! Conditions bind the leading fields of an index: points on one after the other, then a range on the next. The
//! points of several fields are multiplied to prefixes, in order, each of which is a stretch of the index.

use std::ops::Bound;

use crate::backend::KeyBounds;
use crate::expr::{Access, Form, Node, Order};
use crate::index::IndexSpec;
use crate::key::beginning_with;

/// How many stretches one index is walked in, at most.
const MAX_STRETCHES: usize = 1024;

/// The first byte of an `Option` that has a value.
const SOME: u8 = 1;

/// The thing that is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The rows, in the order of their keys.
    Rows,
    /// The index at this position.
    Index(usize),
}

/// A part of what is walked, from end to end.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) source: Source,
    pub(super) bounds: KeyBounds,
}

/// A way to find all rows of a filter, and perhaps others.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) stretches: Vec<Stretch>,
    /// The conditions, by their positions, that all rows of the stretches meet.
    pub(super) met: Vec<usize>,
    /// How many fields are bound.
    pub(super) bound: usize,
    /// How many of the leading fields have one value, and their bytes.
    single: usize,
    prefix: Vec<u8>,
    /// Whether there is at most one row.
    pub(super) is_one: bool,
    /// Whether a row can come twice.
    pub(super) repeats: bool,
    /// Whether the rows come in the order that is asked for, and if so from the back.
    pub(super) gives_order: Option<Backward>,
}

/// Whether a walk goes from the back to the front.
pub(super) type Backward = bool;

/// An index or the primary key, as far as conditions bind it.
struct Ordered<'a> {
    source: Source,
    fields: &'a [&'a str],
    /// The fields of the primary key, by which rows with one value are in order.
    key: &'a [&'a str],
}

/// Where the conditions of a conjunction have the rows of an index; `None` if it can't serve them.
pub(super) fn of_index<T>(
    at: usize,
    spec: &IndexSpec<T>,
    key: &[&str],
    conditions: &[&Node<T>],
    orders: &[Order<T>],
) -> Option<Candidate> {
    let kind = spec.kind.properties();
    let source = Source::Index(at);
    if kind.each {
        return of_elements(source, spec.fields.first()?, conditions, kind.unique);
    }
    let ordered = Ordered { source, fields: spec.fields, key };
    let mut candidate = ordered.bind(conditions, |_| Form::Part);
    if kind.sparse && !candidate.leaves_none_out() {
        return None;
    }
    candidate.is_one = kind.unique && candidate.single == spec.fields.len();
    candidate.gives_order = ordered.gives_order(&candidate, orders);
    Some(candidate)
}

/// Where the conditions have the rows by their keys.
pub(super) fn of_key<T>(key: &[&str], conditions: &[&Node<T>], orders: &[Order<T>]) -> Candidate {
    let ordered = Ordered { source: Source::Rows, fields: key, key };
    let last = key.len().saturating_sub(1);
    let form = |at| if at == last { Form::Whole } else { Form::Part };
    let mut candidate = ordered.bind(conditions, form);
    candidate.is_one = candidate.single == key.len();
    candidate.gives_order = ordered.gives_order(&candidate, orders);
    candidate
}

/// All of a source, whatever the conditions say, in no order that is known.
pub(super) fn all_of(source: Source, repeats: bool) -> Candidate {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let stretches = vec![Stretch { source, bounds: everything }];
    let met = Vec::new();
    Candidate {
        stretches,
        met,
        bound: 0,
        single: 0,
        prefix: Vec::new(),
        is_one: false,
        repeats,
        gives_order: None,
    }
}

/// The rows of several candidates, of which `met` says what all of them meet.
pub(super) fn union(branches: Vec<Candidate>, met: Vec<usize>) -> Candidate {
    let bound = branches.iter().map(|branch| branch.bound).min().unwrap_or(0);
    let stretches = branches.into_iter().flat_map(|branch| branch.stretches).collect();
    Candidate {
        stretches,
        met,
        bound,
        single: 0,
        prefix: Vec::new(),
        is_one: false,
        repeats: true,
        gives_order: None,
    }
}

/// An index over elements, which has a row once for each of them.
fn of_elements<T>(
    source: Source,
    field: &str,
    conditions: &[&Node<T>],
    unique: bool,
) -> Option<Candidate> {
    let (at, points) = points(conditions, field, Form::Element)?;
    let [point] = points.as_slice() else { return None };
    let bounds = beginning_with(point.clone());
    Some(Candidate {
        stretches: vec![Stretch { source, bounds }],
        met: vec![at],
        bound: 1,
        single: 1,
        prefix: Vec::new(),
        is_one: unique,
        repeats: false,
        gives_order: None,
    })
}

impl Ordered<'_> {
    /// Binds the leading fields as far as the conditions go.
    fn bind<T>(&self, conditions: &[&Node<T>], form: impl Fn(usize) -> Form) -> Candidate {
        let mut prefixes = vec![Vec::new()];
        let (mut met, mut bound, mut single) = (Vec::new(), 0, 0);
        let (mut range, mut prefix) = (None, Vec::new());
        for (at, field) in self.fields.iter().enumerate() {
            if let Some((condition, points)) = points(conditions, field, form(at))
                && prefixes.len() * points.len() <= MAX_STRETCHES
            {
                if let ([point], true) = (points.as_slice(), single == bound) {
                    single += 1;
                    prefix.extend_from_slice(point);
                }
                let with = |prefix: &Vec<u8>| {
                    let prefix = prefix.clone();
                    points.iter().map(move |point| [prefix.as_slice(), point].concat()).collect()
                };
                prefixes = prefixes.iter().flat_map(|prefix| -> Vec<_> { with(prefix) }).collect();
                met.push(condition);
                bound += 1;
                continue;
            }
            if let Some((conditions, bounds)) = ranges(conditions, field, form(at)) {
                met.extend(conditions);
                range = Some(bounds);
                bound += 1;
            }
            break;
        }
        let whole = self.source == Source::Rows && bound == self.fields.len() && range.is_none();
        let stretch = |prefix: Vec<u8>| {
            let bounds = match (&range, whole) {
                (Some(range), _) => behind_prefix(prefix, range),
                (None, true) => (Bound::Included(prefix.clone()), Bound::Included(prefix)),
                (None, false) if prefix.is_empty() => (Bound::Unbounded, Bound::Unbounded),
                (None, false) => beginning_with(prefix),
            };
            Stretch { source: self.source, bounds }
        };
        let stretches = prefixes.into_iter().map(stretch).collect();
        Candidate {
            stretches,
            met,
            bound,
            single,
            prefix,
            is_one: false,
            repeats: false,
            gives_order: None,
        }
    }

    /// Whether the rows of a candidate come in this order, ties by their keys.
    fn gives_order<T>(&self, candidate: &Candidate, orders: &[Order<T>]) -> Option<Backward> {
        let (single, rest) = self.fields.split_at(candidate.single);
        let orders: Vec<&Order<T>> =
            orders.iter().filter(|order| !single.contains(&order.name())).collect();
        let names: Vec<&str> = orders.iter().map(|order| order.name()).collect();
        let backward = orders.first().is_some_and(|order| order.descending);
        if orders.iter().any(|order| order.descending != backward) {
            return None;
        }
        let gives = match (self.source, backward) {
            // What follows in the key are the ties.
            (Source::Rows, false) => rest.starts_with(&names) || names.starts_with(rest),
            (Source::Rows, true) => names.starts_with(rest),
            (Source::Index(_), true) => names == rest,
            (Source::Index(_), false) => {
                let after = names.strip_prefix(rest);
                after
                    .is_some_and(|after| self.key.starts_with(after) || after.starts_with(self.key))
            }
        };
        gives.then_some(backward)
    }
}

impl Candidate {
    /// Leaves out what comes before a position, in the order that the candidate gives: `part` has the position's value
    /// of a field that rows are sorted by. Rows with the values of the position stay.
    pub(super) fn trim<'a>(
        &mut self,
        fields: &[&str],
        key: &[u8],
        backward: bool,
        part: impl Fn(&str) -> Option<&'a [u8]>,
    ) {
        let Some(Stretch { source, .. }) = self.stretches.first() else { return };
        let (start, end) = match source {
            Source::Rows => (Bound::Included(key.to_vec()), Bound::Included(key.to_vec())),
            Source::Index(_) => {
                let mut value = self.prefix.clone();
                for field in fields.iter().skip(self.single) {
                    let Some(part) = part(field) else { return };
                    value.extend_from_slice(part);
                }
                beginning_with(value)
            }
        };
        for Stretch { bounds, .. } in &mut self.stretches {
            let (own_start, own_end) = bounds.clone();
            *bounds = match backward {
                true => (own_start, earlier(own_end, end.clone())),
                false => (later(own_start, start.clone()), own_end),
            };
        }
    }

    /// Whether no row of the stretches has `None`, which a sparse index leaves out.
    fn leaves_none_out(&self) -> bool {
        self.stretches.iter().all(|stretch| match &stretch.bounds.0 {
            Bound::Included(start) | Bound::Excluded(start) => start.first() == Some(&SOME),
            Bound::Unbounded => false,
        })
    }
}

/// The condition with the fewest points on a field.
fn points<T>(conditions: &[&Node<T>], field: &str, form: Form) -> Option<(usize, Vec<Vec<u8>>)> {
    let of = |(at, condition): (usize, &&Node<T>)| match access(condition, field, form)? {
        Access::Points(points) => Some((at, points)),
        Access::Range(..) => None,
    };
    conditions.iter().enumerate().filter_map(of).min_by_key(|(_, points)| points.len())
}

/// The conditions that are ranges of a field, and what all of them have.
fn ranges<T>(conditions: &[&Node<T>], field: &str, form: Form) -> Option<(Vec<usize>, KeyBounds)> {
    let (mut met, mut bounds) = (Vec::new(), (Bound::Unbounded, Bound::Unbounded));
    for (at, condition) in conditions.iter().enumerate() {
        if let Some(Access::Range(start, end)) = access(condition, field, form) {
            bounds = (later(bounds.0, start), earlier(bounds.1, end));
            met.push(at);
        }
    }
    (!met.is_empty()).then_some((met, bounds))
}

fn access<T>(condition: &Node<T>, field: &str, form: Form) -> Option<Access> {
    match condition {
        Node::Leaf(leaf) if leaf.name() == field => leaf.access(form),
        _ => None,
    }
}

fn later(a: Bound<Vec<u8>>, b: Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match (&a, &b) {
        (Bound::Unbounded, _) => b,
        (_, Bound::Unbounded) => a,
        (Bound::Included(x) | Bound::Excluded(x), Bound::Included(y) | Bound::Excluded(y)) => {
            let first = x > y || (x == y && matches!(a, Bound::Excluded(_)));
            if first { a } else { b }
        }
    }
}

fn earlier(a: Bound<Vec<u8>>, b: Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match (&a, &b) {
        (Bound::Unbounded, _) => b,
        (_, Bound::Unbounded) => a,
        (Bound::Included(x) | Bound::Excluded(x), Bound::Included(y) | Bound::Excluded(y)) => {
            let first = x < y || (x == y && matches!(a, Bound::Excluded(_)));
            if first { a } else { b }
        }
    }
}

/// The range of what begins with a prefix.
fn behind_prefix(prefix: Vec<u8>, (start, end): &KeyBounds) -> KeyBounds {
    if prefix.is_empty() {
        return (start.clone(), end.clone());
    }
    let join = |bytes: &Vec<u8>| [prefix.as_slice(), bytes].concat();
    let (first, last) = beginning_with(prefix.clone());
    let start = match start {
        Bound::Unbounded => first,
        bound => bound.as_ref().map(join),
    };
    let end = match end {
        Bound::Unbounded => last,
        bound => bound.as_ref().map(join),
    };
    (start, end)
}
