//! Writes that a transaction holds back until its commit.

/// A write on its way to a commit.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    /// None for a removal.
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) expiry: Option<u64>,
}

impl Staged {
    /// The value, if it is one and not expired at `now`.
    pub(crate) fn live(&self, now: u64) -> Option<&[u8]> {
        self.value.as_deref().filter(|_| self.expiry.is_none_or(|at| at > now))
    }
}
