//! Which values a probe gives where, found by trial.
//!
//! Types may refuse what they are given (`NonZeroU8` a zero, a date most strings). A pass that was
//! refused is repeated with other values, the latest ones first: most types check a value as soon
//! as they have it. A finding at a place is kept for all later passes.

use std::collections::{BTreeMap, BTreeSet};

/// How far back from a refusal other values are tried.
const WINDOW: usize = 8;

/// Where in the types a value stands: the container, and the way to it from there. The same place
/// always gets the same value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    owner: usize,
    path: Vec<u32>,
}

impl Place {
    /// Outside of all containers.
    pub(super) fn root() -> Self {
        Place::of(usize::MAX)
    }

    /// A container itself.
    pub(super) fn of(owner: usize) -> Self {
        Place { owner, path: Vec::new() }
    }

    /// A part of what stands here.
    pub(super) fn part(&self, at: usize) -> Self {
        let mut path = self.path.clone();
        path.push(u32::try_from(at).unwrap_or(u32::MAX));
        Place { owner: self.owner, path }
    }

    /// Whether it is in this container.
    pub(super) fn is_in(&self, owner: usize) -> bool {
        self.owner == owner
    }
}

/// The values chosen so far, by their positions among the candidates of their kind.
#[derive(Debug, Default)]
pub(super) struct Plan {
    chosen: BTreeMap<Place, usize>,
    /// The requests of this pass: where, and among how many candidates.
    trail: Vec<(Place, usize)>,
    search: Option<Search>,
    /// Where passes ended for which no values were found.
    hopeless: BTreeSet<Place>,
}

/// A search for values that get a pass beyond a refusal.
#[derive(Debug)]
struct Search {
    /// How many values the refused pass took.
    reach: usize,
    /// The places to vary, the latest first.
    places: Vec<Varied>,
    at: usize,
    /// How many other values the current one of them has had.
    tried: usize,
}

/// A place, how many candidates it has, and which one it had when it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Varied {
    place: Place,
    candidates: usize,
    had: usize,
}

impl Plan {
    pub(super) fn begin(&mut self) {
        self.trail.clear();
    }

    /// Which of the candidates to give here.
    pub(super) fn choose(&mut self, place: &Place, candidates: usize) -> usize {
        self.trail.push((place.clone(), candidates));
        self.chosen.get(place).copied().unwrap_or(0) % candidates
    }

    /// The values are found, or there are none.
    pub(super) fn settle(&mut self) {
        self.search = None;
    }

    /// The pass was refused: whether there are other values to try.
    pub(super) fn refused(&mut self) -> bool {
        let reach = self.trail.len();
        let last = self.trail.last().map(|(place, _)| place);
        if self.search.is_none() && last.is_some_and(|place| self.hopeless.contains(place)) {
            return false;
        }
        let last = last.cloned();
        let mut search = match self.search.take() {
            Some(search) if reach <= search.reach => search,
            _ => Search { reach, places: self.latest(), at: 0, tried: 0 },
        };
        while let Some(varied) = search.places.get(search.at) {
            search.tried += 1;
            let next = (varied.had + search.tried) % varied.candidates;
            // After the last one this is the one that it had.
            self.chosen.insert(varied.place.clone(), next);
            if search.tried < varied.candidates {
                self.search = Some(search);
                return true;
            }
            (search.at, search.tried) = (search.at + 1, 0);
        }
        self.hopeless.extend(last);
        false
    }

    /// The latest places of the trail, each once.
    fn latest(&self) -> Vec<Varied> {
        let mut places: Vec<Varied> = Vec::new();
        for (place, candidates) in self.trail.iter().rev() {
            if places.len() == WINDOW {
                break;
            }
            if places.iter().all(|varied| varied.place != *place) {
                let had = self.chosen.get(place).copied().unwrap_or(0) % candidates;
                places.push(Varied { place: place.clone(), candidates: *candidates, had });
            }
        }
        places
    }
}
