//! One state of a keyspace, and walks over it.

use std::ops::Bound;
use std::sync::Arc;

use emdb_typed::backend::{Cursor, CursorItem, KeyBounds, ReadView};

use super::error::{MemoryError, Result};
use super::state::{Map, Space, State, Value};

/// A keyspace in one state, at one time.
#[derive(Debug, Clone)]
pub(crate) struct MemoryView {
    state: State,
    space: Space,
    now: u64,
}

impl MemoryView {
    pub(crate) fn new(state: State, name: &str, now: u64) -> Self {
        let space = state.space(name);
        MemoryView { state, space, now }
    }

    /// Another keyspace in the same state.
    pub(crate) fn beside(&self, name: &str) -> Self {
        MemoryView::new(self.state.clone(), name, self.now)
    }

    fn live(&self, key: &[u8]) -> Option<&Value> {
        self.space.map.get(key).filter(|value| value.is_live(self.now))
    }

    fn walk(&self, (low, high): KeyBounds) -> MemoryCursor {
        let map = self.space.map.clone();
        MemoryCursor { map, now: self.now, low, high, last: None }
    }
}

impl ReadView for MemoryView {
    type Error = MemoryError;
    type Cursor = MemoryCursor;

    fn entry<R>(
        &self,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        Ok(self.live(key).map(|value| take(&value.bytes, value.expiry)))
    }

    fn expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        Ok(self.space.map.get(key).and_then(|value| value.expiry))
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        Ok(self.live(key).is_some())
    }

    fn count(&self) -> Result<usize> {
        Ok(self.space.map.len())
    }

    fn scan(&self) -> Result<MemoryCursor> {
        Ok(self.walk((Bound::Unbounded, Bound::Unbounded)))
    }

    fn sample(&self, records: usize) -> Result<MemoryCursor> {
        let every = self.space.map.len().div_ceil(records.max(1)).max(1);
        let some = self.space.map.iter().step_by(every);
        let map = some.map(|(key, value)| (key.clone(), value.clone())).collect();
        let (low, high) = (Bound::Unbounded, Bound::Unbounded);
        Ok(MemoryCursor { map: Arc::new(map), now: self.now, low, high, last: None })
    }

    fn range(&self, bounds: KeyBounds) -> Result<MemoryCursor> {
        if self.space.ordered { Ok(self.walk(bounds)) } else { Err(MemoryError::Unordered) }
    }
}

/// A walk: what is left of a range.
#[derive(Debug)]
pub(crate) struct MemoryCursor {
    map: Arc<Map>,
    now: u64,
    low: Bound<Vec<u8>>,
    high: Bound<Vec<u8>>,
    /// The item that was given last.
    last: Option<(Vec<u8>, Vec<u8>)>,
}

impl MemoryCursor {
    fn is_empty(&self) -> bool {
        match (&self.low, &self.high) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (
                Bound::Included(low) | Bound::Excluded(low),
                Bound::Included(high) | Bound::Excluded(high),
            ) => low >= high,
        }
    }

    fn step(&mut self, back: bool) -> Option<CursorItem<'_, MemoryError>> {
        if self.is_empty() {
            return None;
        }
        let range = (as_slice(&self.low), as_slice(&self.high));
        let mut left =
            self.map.range::<[u8], _>(range).filter(|(_, value)| value.is_live(self.now));
        let (key, value) = if back { left.next_back() } else { left.next() }?;
        self.last = Some((key.clone(), value.bytes.clone()));
        let end = if back { &mut self.high } else { &mut self.low };
        *end = Bound::Excluded(key.clone());
        self.last.as_ref().map(|(key, value)| Ok((&**key, &**value)))
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

impl Cursor for MemoryCursor {
    type Error = MemoryError;

    fn without_values(self) -> Self {
        self
    }

    fn forward(&mut self) -> Option<CursorItem<'_, MemoryError>> {
        self.step(false)
    }

    fn backward(&mut self) -> Option<CursorItem<'_, MemoryError>> {
        self.step(true)
    }
}
