//! The choice of a way to the rows of a query.
//!
//! # How a plan is made
//!
//! 1. The filter is a conjunction of conditions. Each index, and the primary key, is a candidate as far as conditions
//!    bind its leading fields ([`super::candidate`]); a disjunction is one if each of its branches has one.
//! 2. A candidate that finds at most one row is taken.
//! 3. Otherwise candidates are counted, in the order itself and only as far as it takes to tell which is the
//!    smallest: all of them up to 16 entries, then up to 256, then up to 4,096. The first that ends is taken; the
//!    one with more bound fields if several do with as many entries.
//! 4. If none ends, all are large: one that gives the rows in the order that is asked for is taken if there is a
//!    limit, since then few rows are looked at; or else the one with more bound fields.
//! 5. Without candidates the table is walked, or with a limit whatever gives the order.
//!
//! Rows that come in another order are sorted, and conditions that the walk doesn't vouch for are asked of each.
//!
//! Invariant: a plan gives all rows of the filter, whichever is chosen.

use super::candidate::{self, Backward, Candidate, Source};
use super::plan::{Plan, PlanWalk};
use super::reads::Reads;
use super::walk::{Walk, Way};
use crate::backend::Store;
use crate::error::TableError;
use crate::expr::{Node, Order};
use crate::record::Record;

/// How far candidates are counted, step by step.
const CAPS: [usize; 3] = [16, 256, 4096];

/// A query as the planner sees it.
pub(super) struct Wanted<'q, T> {
    pub(super) filter: Option<&'q Node<T>>,
    pub(super) orders: &'q [Order<T>],
    pub(super) has_limit: bool,
    /// The index that is forced.
    pub(super) via: Option<usize>,
}

/// The way that was chosen.
pub(super) struct Choice<T> {
    pub(super) candidate: Candidate,
    /// The conditions that are asked of each row.
    pub(super) filter: Option<Node<T>>,
    /// Whether the rows have to be sorted.
    pub(super) sorted: bool,
    pub(super) backward: Backward,
}

/// Chooses.
pub(super) fn choose<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    wanted: &Wanted<'_, T>,
) -> Result<Choice<T>, TableError> {
    let conditions = wanted.filter.map(conjuncts).unwrap_or_default();
    let key: Vec<&str> = reads.definition.schema.key.iter().map(|name| &**name).collect();
    let chosen = match wanted.via {
        Some(index) => forced(reads, index, &key, &conditions, wanted.orders)?,
        None => free(reads, &key, &conditions, wanted)?,
    };
    let left = (0..conditions.len()).filter(|at| !chosen.met.contains(at));
    let mut left: Vec<Node<T>> = left.map(|at| conditions[at].clone()).collect();
    let filter = if left.len() > 1 { Some(Node::All(left)) } else { left.pop() };
    // The rows of an unordered table come in no order, unless one is asked for.
    let any_order = !reads.definition.ordered && wanted.orders.is_empty();
    let (sorted, backward) = match chosen.gives_order {
        Some(backward) => (false, backward),
        None => (!any_order && !chosen.is_one, false),
    };
    Ok(Choice { candidate: chosen, filter, sorted, backward })
}

/// The conditions that all have to hold.
fn conjuncts<T>(filter: &Node<T>) -> Vec<&Node<T>> {
    match filter {
        Node::All(nodes) => nodes.iter().flat_map(conjuncts).collect(),
        node => vec![node],
    }
}

/// The index that a query names, bound as far as conditions go.
fn forced<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    index: usize,
    key: &[&str],
    conditions: &[&Node<T>],
    orders: &[Order<T>],
) -> Result<Candidate, TableError> {
    let spec = reads.definition.answers(index)?;
    let bound = match spec.with {
        None => candidate::of_index(index, spec, key, conditions, orders),
        Some(_) => None,
    };
    Ok(bound
        .unwrap_or_else(|| candidate::all_of(Source::Index(index), spec.kind.properties().each)))
}

fn free<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    key: &[&str],
    conditions: &[&Node<T>],
    wanted: &Wanted<'_, T>,
) -> Result<Candidate, TableError> {
    let by_key = by_key(reads, key, conditions, wanted.orders);
    let mut candidates = bound(reads, key, conditions, wanted.orders);
    candidates.extend(by_key.clone().filter(|by_key| by_key.bound > 0));
    for (at, condition) in conditions.iter().enumerate() {
        if let Node::Any(branches) = condition {
            candidates.extend(union(reads, key, branches, at));
        }
    }
    if let Some(one) = candidates.iter().position(|candidate| candidate.is_one) {
        return Ok(candidates.swap_remove(one));
    }
    // Without bounds, but in order: few rows are looked at if few are wanted.
    let everything = by_key.unwrap_or_else(|| candidate::all_of(Source::Rows, false));
    let in_order = match wanted.has_limit && everything.gives_order.is_none() {
        false => None,
        true => in_order(reads, key, conditions, wanted.orders),
    };
    let in_order =
        in_order.or_else(|| (everything.gives_order.is_some()).then(|| everything.clone()));
    let rival = in_order.as_ref().filter(|_| wanted.has_limit);
    if candidates.is_empty() {
        return Ok(rival.cloned().unwrap_or(everything));
    }
    if candidates.len() == 1 && (rival.is_none() || candidates[0].gives_order.is_some()) {
        return Ok(candidates.swap_remove(0));
    }
    match smallest(reads, &candidates)?.or_else(|| best_of_large(&candidates, rival.is_some())) {
        Some(best) => Ok(candidates.swap_remove(best)),
        None => Ok(rival.cloned().unwrap_or(everything)),
    }
}

/// The primary key, in an ordered table.
fn by_key<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    key: &[&str],
    conditions: &[&Node<T>],
    orders: &[Order<T>],
) -> Option<Candidate> {
    reads.definition.ordered.then(|| candidate::of_key(key, conditions, orders))
}

/// The indexes that conditions bind. One with a filter is asked by its name alone.
fn bound<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    key: &[&str],
    conditions: &[&Node<T>],
    orders: &[Order<T>],
) -> Vec<Candidate> {
    usable(reads)
        .filter_map(|at| {
            let spec = &reads.definition.indexes[at];
            candidate::of_index(at, spec, key, conditions, orders)
        })
        .filter(|candidate| candidate.bound > 0)
        .collect()
}

fn usable<'a, T: Record, S: Store>(
    reads: Reads<'a, T, S>,
) -> impl Iterator<Item = usize> + use<'a, T, S> {
    let definition = reads.definition;
    (0..definition.indexes.len()).filter(move |at| {
        // One over a function has no fields that a condition could name.
        definition.indexes[*at].filter.is_none()
            && definition.indexes[*at].with.is_none()
            && definition.answers(*at).is_ok()
            && reads.store.ready(*at).is_ok()
    })
}

/// An index that gives the order, and all rows.
fn in_order<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    key: &[&str],
    conditions: &[&Node<T>],
    orders: &[Order<T>],
) -> Option<Candidate> {
    usable(reads)
        .filter_map(|at| {
            let spec = &reads.definition.indexes[at];
            candidate::of_index(at, spec, key, conditions, orders)
        })
        .find(|candidate| candidate.gives_order.is_some())
}

/// The rows of all branches of a disjunction, if each of them has a candidate.
fn union<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    key: &[&str],
    branches: &[Node<T>],
    at: usize,
) -> Option<Candidate> {
    let mut exact = true;
    let mut found = Vec::new();
    for branch in branches {
        let conditions = conjuncts(branch);
        let mut candidates = bound(reads, key, &conditions, &[]);
        candidates.extend(by_key(reads, key, &conditions, &[]).filter(|by_key| by_key.bound > 0));
        let best = candidates.into_iter().max_by_key(|best| (best.is_one, best.bound))?;
        exact &= best.met.len() == conditions.len();
        found.push(best);
    }
    Some(candidate::union(found, if exact { vec![at] } else { Vec::new() }))
}

/// The candidate that ends first, by its position.
fn smallest<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    candidates: &[Candidate],
) -> Result<Option<usize>, TableError> {
    for cap in CAPS {
        let mut best: Option<(usize, usize)> = None;
        for (at, candidate) in candidates.iter().enumerate() {
            let limit = best.map_or(cap, |(_, size)| size + 1);
            let size = size(reads, candidate)?.count_up_to(limit)?;
            if size >= cap {
                continue;
            }
            let is_better = best.is_none_or(|(best, best_size)| {
                let rank =
                    |candidate: &Candidate| (candidate.bound, candidate.gives_order.is_some());
                size < best_size || (size == best_size && rank(candidate) > rank(&candidates[best]))
            });
            if is_better {
                best = Some((at, size));
            }
        }
        if let Some((best, _)) = best {
            return Ok(Some(best));
        }
    }
    Ok(None)
}

fn size<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    candidate: &Candidate,
) -> Result<Walk<T, S::View>, TableError> {
    Walk::new(reads, candidate.stretches.clone(), Way::FORWARD, candidate.repeats)
}

/// Of candidates that are all large, the best one by its position; none if one in order is better, where there is.
fn best_of_large(candidates: &[Candidate], has_rival: bool) -> Option<usize> {
    let in_order = |at: &usize| candidates[*at].gives_order.is_some();
    let rank = |at: &usize| (candidates[*at].bound, in_order(at));
    let all = 0..candidates.len();
    match has_rival {
        true => all.filter(in_order).max_by_key(rank),
        false => all.max_by_key(rank),
    }
}

/// The choice as users see it.
pub(super) fn explain<T: Record, S: Store>(
    reads: Reads<'_, T, S>,
    choice: &Choice<T>,
) -> Result<Plan, TableError> {
    let Choice { candidate, filter, sorted, backward } = choice;
    let mut walks: Vec<(Source, PlanWalk)> = Vec::new();
    for stretch in &candidate.stretches {
        match walks.last_mut() {
            Some((source, walk)) if *source == stretch.source => walk.stretches += 1,
            _ => {
                let index = match stretch.source {
                    Source::Rows => None,
                    Source::Index(at) => Some(reads.definition.indexes[at].name.to_owned()),
                };
                let walk = PlanWalk { index, bound_fields: candidate.bound, stretches: 1 };
                walks.push((stretch.source, walk));
            }
        }
    }
    Ok(Plan {
        walks: walks.into_iter().map(|(_, walk)| walk).collect(),
        descending: *backward,
        filter: filter.as_ref().map(ToString::to_string),
        sorted: *sorted,
        rows: size(reads, candidate)?.count_up_to(usize::MAX)?,
    })
}
