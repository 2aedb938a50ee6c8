//! Taking back what was written since a mark.
//!
//! While a mark is open, the first write to each key that was there before it notes what it
//! replaces. Going back costs as much as was written, and a mark nearly nothing.

use std::collections::HashSet;

use super::undo::{Mark, Replaced, Since};
use super::{Sorting, WriteSet, length};

impl WriteSet {
    /// The present moment, to go back to.
    pub(crate) fn mark(&mut self) -> Mark {
        let undo = self.undo.get_or_insert_default();
        let since = Since { writes: self.list.len(), noted: HashSet::new() };
        let mark = Mark {
            writes: self.list.len(),
            depth: undo.depth,
            noted: undo.replaced.len(),
            since: std::mem::replace(&mut undo.since, since),
        };
        undo.depth += 1;
        mark
    }

    /// Goes back to a mark, and to before all that were made after it.
    pub(crate) fn roll_back(&mut self, mark: Mark) {
        let Some(mut undo) = self.undo.take() else { return };
        for Replaced { at, value, expiry } in undo.replaced.drain(mark.noted..).rev() {
            let write = &mut self.list[at];
            let was_put = write.value.is_some();
            self.waste += length(write.value);
            (write.value, write.expiry) = (value, expiry);
            self.note_change(at, was_put, value.is_some());
        }
        for at in (mark.writes..self.list.len()).rev() {
            self.take_last(at);
        }
        if let Some(sorting) = self.sorting.get_mut() {
            sorting.replaced.retain(|at| *at < mark.writes);
        }
        if mark.depth > 0 {
            (undo.depth, undo.since) = (mark.depth, mark.since);
            self.undo = Some(undo);
        }
        self.compact_if_due();
    }

    /// Closes the last mark: what was written since stays, for as long as the mark before it does.
    pub(crate) fn release(&mut self, mark: Mark) {
        let Some(mut undo) = self.undo.take() else { return };
        if mark.depth > 0 {
            (undo.depth, undo.since) = (mark.depth, mark.since);
            self.undo = Some(undo);
            return;
        }
        self.waste += undo.replaced.iter().map(|replaced| length(replaced.value)).sum::<usize>();
        self.compact_if_due();
    }

    /// Takes the last write, which is at `at`, out of the list.
    fn take_last(&mut self, at: usize) {
        let Some(write) = self.list.pop() else { return };
        let key = &self.bytes[write.key.0..write.key.1];
        let counted = self.counted.get_mut();
        if counted.stored.len() > at {
            let is_stored = counted.stored.pop() == Some(true);
            counted.records -= i64::from(write.value.is_some()) - i64::from(is_stored);
        }
        if let Some(Sorting { sorted, up_to, .. }) = self.sorting.get_mut()
            && *up_to > at
        {
            sorted.remove(key);
            *up_to = at;
        }
        if let Some(hashed) = &mut self.hashed {
            let hash = hashed.hash((), key);
            let found = match write.before {
                Some(before) => hashed.latest.insert(hash, before),
                None => hashed.latest.remove(&hash),
            };
            debug_assert_eq!(found, Some(at as u32), "the last of its hash is the last of all");
        }
        self.waste += length(Some(write.key)) + length(write.value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Model = BTreeMap<Vec<u8>, (Option<Vec<u8>>, Option<u64>)>;

    fn check(set: &WriteSet, model: &Model) {
        let writes = set.iter().map(|w| (w.key.to_vec(), (w.value.map(<[u8]>::to_vec), w.expiry)));
        assert_eq!(writes.collect::<Model>(), *model);
        assert_eq!(set.len(), model.len());
        for (key, (value, expiry)) in model {
            let found = set.get((), key).unwrap();
            assert_eq!((found.value, found.expiry), (value.as_deref(), *expiry));
        }
        // A third of the keys is stored below the writes.
        let added = set.count(|key| Ok(key[0].is_multiple_of(3))).unwrap();
        let expected = model.iter().map(|(key, (value, _))| {
            i64::from(value.is_some()) - i64::from(key[0].is_multiple_of(3))
        });
        assert_eq!(added, expected.sum());
        let mut sorted = Model::new();
        let all = set.sorted(0).for_each(|write| {
            let value = write.value.as_deref().map(<[u8]>::to_vec);
            sorted.insert(write.key.to_vec(), (value, write.expiry));
            Ok::<_, ()>(())
        });
        assert_eq!((all, sorted), (Ok(()), model.clone()));
    }

    #[test]
    fn going_back_to_a_mark_is_as_if_nothing_had_been_written() {
        for (seed, keys) in [(1, 6), (2, 6), (3, 60), (4, 250), (5, 250)] {
            let mut random = emdb_testing::Random(seed);
            let (mut set, mut model) = (WriteSet::default(), Model::new());
            let mut marks: Vec<(Mark, Model)> = Vec::new();
            for step in 0..6_000_u64 {
                let choice = random.next() >> 40;
                match choice % 64 {
                    0 if marks.len() < 5 => marks.push((set.mark(), model.clone())),
                    1 => {
                        if let Some((mark, before)) = marks.pop() {
                            set.roll_back(mark);
                            model = before;
                        }
                    }
                    2 => {
                        if let Some((mark, _)) = marks.pop() {
                            set.release(mark);
                        }
                    }
                    3 if marks.len() > 1 => {
                        // Past the inner marks at once.
                        let (mark, before) = marks.swap_remove(0);
                        marks.clear();
                        set.roll_back(mark);
                        model = before;
                    }
                    4..8 => check(&set, &model),
                    _ => {
                        let key = vec![(random.next() >> 33) as u8 % keys, 1];
                        let len = (random.next() >> 40) as usize % 3_000;
                        let value = (!choice.is_multiple_of(5)).then(|| vec![step as u8; len]);
                        set.set((), &key, value.as_deref(), Some(step));
                        model.insert(key, (value, Some(step)));
                    }
                }
            }
            check(&set, &model);
            let live = set.iter().map(|w| w.key.len() + w.value.map_or(0, <[u8]>::len));
            let live = live.sum::<usize>();
            while let Some((mark, _)) = marks.pop() {
                set.release(mark);
            }
            assert!(set.size_bytes() <= 2 * live + (2 << 20), "seed {seed}");
        }
    }

    #[test]
    fn a_value_that_is_replaced_again_and_again_behind_a_mark_takes_bounded_room() {
        let mut set = WriteSet::default();
        set.set((), b"k", Some(b"before"), None);
        let mark = set.mark();
        for len in (0..3_000).rev() {
            set.set((), b"k", Some(&vec![0; len]), None);
        }
        assert!(set.size_bytes() < 1 << 20, "{}", set.size_bytes());
        set.roll_back(mark);
        assert_eq!(set.get((), b"k").unwrap().value, Some(&b"before"[..]));
    }
}
