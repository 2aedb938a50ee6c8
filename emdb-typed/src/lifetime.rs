//! When a row expires, as its type says.

use crate::seal::Seal;

/// The expiry of a row, as its record says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// The database's default, if it has one.
    Default,
    /// So many milliseconds after it was written: `#[emdb(ttl = "...")]`.
    After(u64),
    /// At this unix time in milliseconds, or never: `#[emdb(expires_at)]`.
    At(Option<u64>),
}

/// A field that says when its row expires: `#[emdb(expires_at)]`.
///
/// This trait is sealed: it is implemented for `u64` and `Option<u64>`.
#[diagnostic::on_unimplemented(
    message = "`expires_at` can't be a `{Self}`",
    label = "neither `u64` nor `Option<u64>`",
    note = "it is a point in time, in milliseconds since 1970; `None` is never"
)]
pub trait ExpiryTime {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The unix time in milliseconds; `None` for a row that doesn't expire.
    fn at(&self) -> Option<u64>;
}

impl ExpiryTime for u64 {
    const SEAL: Seal = Seal;

    fn at(&self) -> Option<u64> {
        Some(*self)
    }
}

impl ExpiryTime for Option<u64> {
    const SEAL: Seal = Seal;

    fn at(&self) -> Option<u64> {
        *self
    }
}

/// Whether records can say when their rows expire.
#[diagnostic::on_unimplemented(
    message = "`ttl` and `expires_at` need the feature `ttl` of emdb",
    label = "this record says when its rows expire",
    note = "it is one of the default features; without them, add it in `Cargo.toml`: \
            `emdb = {{ .., features = [\"ttl\"] }}`"
)]
pub trait Expires {
    /// Asks the compiler, for each record that says when its rows expire.
    fn expires() {}
}

#[cfg(feature = "ttl")]
impl<T> Expires for T {}
