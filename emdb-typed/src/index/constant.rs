//! The constants by which a program names its indexes.

use std::fmt;
use std::marker::PhantomData;

use crate::seal::Seal;

/// One index of the record `T`, over values of the type `K`; `U` is [`Unique`] or [`Multi`].
///
/// The derive makes an associated constant of this type for each index (`User::EMAIL`), and
/// [`Table::by`](crate::Table::by) takes it.
pub struct Index<T, K, U> {
    position: u16,
    types: PhantomData<Types<T, K, U>>,
}

/// It has none of them.
type Types<T, K, U> = fn() -> (T, K, U);

/// An index that takes each value once.
#[derive(Debug, Clone, Copy)]
pub enum Unique {}

/// An index in which many rows can have a value.
#[derive(Debug, Clone, Copy)]
pub enum Multi {}

/// An index that has at most one row for a value.
///
/// This trait is sealed: it is implemented for [`Unique`] alone.
#[diagnostic::on_unimplemented(
    message = "this index is not unique, so a value can have many rows",
    label = "use `all`",
    note = "`by(..).all(value)` gives them one after the other; an index that is declared `unique` \
            has `get`"
)]
pub trait OneRow {
    #[doc(hidden)]
    const SEAL: Seal;
}

impl OneRow for Unique {
    const SEAL: Seal = Seal;
}

impl<T, K, U> Index<T, K, U> {
    /// For the derive: the index at this position of the record's description.
    #[doc(hidden)]
    #[must_use]
    pub const fn at(position: u16) -> Self {
        Index { position, types: PhantomData }
    }

    pub(crate) fn position(self) -> usize {
        usize::from(self.position)
    }
}

impl<T, K, U> Clone for Index<T, K, U> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, K, U> Copy for Index<T, K, U> {}

impl<T, K, U> fmt::Debug for Index<T, K, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("position", &self.position).finish()
    }
}
