//! Savepoints: parts of a transaction that are rolled back alone.
//!
//! A namespace notes how it was when a savepoint first comes to it, so a savepoint costs what is
//! written in it, however much the transaction has written before.

use super::frame::{Aside, Frame};
use super::namespace::TransactionNamespace;
use super::{Transaction, Writes};

impl TransactionNamespace {
    /// Notes how the namespace is, unless the savepoint has come to it before; tells whether it is
    /// the first time.
    pub(super) fn enter(&mut self, depth: usize) -> bool {
        let is_first = self.frames.last().is_none_or(|frame| frame.depth < depth);
        if is_first {
            let (mark, followed) = (self.writes.mark(), self.followed);
            self.frames.push(Frame { depth, mark, followed, aside: None });
        }
        is_first
    }

    /// Empties the namespace.
    pub(super) fn empty(&mut self) {
        let (incarnation, clears) = (self.pinned.incarnation.take(), self.clears);
        let writes = std::mem::take(&mut self.writes);
        if let Some(frame) = self.frames.last_mut() {
            let aside = || Box::new(Aside { incarnation, clears, writes });
            frame.aside.get_or_insert_with(aside);
        }
        self.clears += 1;
    }

    /// Makes the namespace what it was when the savepoint came to it.
    fn roll_back(&mut self, depth: usize) {
        let Some(frame) = self.frames.pop_if(|frame| frame.depth == depth) else { return };
        if let Some(aside) = frame.aside {
            let Aside { incarnation, clears, writes } = *aside;
            self.pinned.incarnation = incarnation;
            (self.clears, self.writes) = (clears, writes);
        }
        self.followed = frame.followed;
        self.writes.roll_back(frame.mark);
    }

    /// Gives what the savepoint did to the one around it; tells whether that has not come to the
    /// namespace itself.
    fn release(&mut self, depth: usize) -> bool {
        let Some(mut frame) = self.frames.pop_if(|frame| frame.depth == depth) else {
            return false;
        };
        let Some(around) = depth.checked_sub(1) else {
            if frame.aside.is_none() {
                self.writes.release(frame.mark);
            }
            return false;
        };
        let Some(outer) = self.frames.last_mut().filter(|outer| outer.depth == around) else {
            frame.depth = around;
            self.frames.push(frame);
            return true;
        };
        match frame.aside {
            // The mark is of what was put aside, and is passed when that is rolled back.
            Some(aside) => {
                outer.aside.get_or_insert(aside);
            }
            None => self.writes.release(frame.mark),
        }
        false
    }
}

/// A savepoint that is open; rolled back if it is dropped before it is released.
struct Savepoint<'tx, 'scope> {
    transaction: &'tx mut Transaction<'scope>,
    depth: usize,
    is_released: bool,
}

impl<'tx, 'scope> Savepoint<'tx, 'scope> {
    fn open(transaction: &'tx mut Transaction<'scope>) -> Self {
        let Writes { default, others, .. } = &mut transaction.writes;
        let depth = others.get_mut().open_savepoint();
        default.enter(depth);
        Savepoint { transaction, depth, is_released: false }
    }

    fn release(mut self) {
        let Writes { default, others, .. } = &mut self.transaction.writes;
        let others = others.get_mut();
        for place in others.close_savepoint() {
            if others.get_mut(place).release(self.depth) {
                others.note_entered(place);
            }
        }
        default.release(self.depth);
        self.is_released = true;
    }
}

impl Drop for Savepoint<'_, '_> {
    fn drop(&mut self) {
        if self.is_released {
            return;
        }
        let Writes { default, others, .. } = &mut self.transaction.writes;
        let others = others.get_mut();
        for place in others.close_savepoint() {
            others.get_mut(place).roll_back(self.depth);
        }
        default.roll_back(self.depth);
    }
}

impl<'scope> Transaction<'scope> {
    /// Runs `body` in a savepoint: if it returns `Err` or panics, all that it wrote in this
    /// transaction is rolled back, and nothing else. Earlier writes stay, and the
    /// transaction goes on. `Ok` keeps what it wrote, to be committed with the transaction.
    ///
    /// It is for a step that may fail while the whole need not: one row of an import, one attempt of
    /// several. Savepoints can be nested. One costs what is written in it, however much the
    /// transaction has written before. Reads see after a rollback what they saw before; iterators
    /// that were made meanwhile go on with what they saw.
    ///
    /// # Errors
    /// The error that `body` returns.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
    ///
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.insert("kept", "1")?;
    ///     let failed = tx.savepoint(|tx| -> Result<(), Error> {
    ///         tx.insert("undone", "2")?;
    ///         tx.remove("kept")?;
    ///         Err(Error::KeyNotFound)
    ///     });
    ///     assert!(failed.is_err());
    ///     assert!(tx.contains_key("kept")? && !tx.contains_key("undone")?);
    ///     Ok(())
    /// })?;
    /// assert_eq!(db.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn savepoint<T, E>(
        &mut self,
        body: impl FnOnce(&mut Transaction<'scope>) -> Result<T, E>,
    ) -> Result<T, E> {
        let savepoint = Savepoint::open(self);
        let done = body(savepoint.transaction)?;
        savepoint.release();
        Ok(done)
    }
}
