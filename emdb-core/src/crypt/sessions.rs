//! The sessions of a journal: for each a key, of which every record is sealed with a number of its
//! own.

use std::fmt;
use std::sync::OnceLock;

use super::primitive::Aead;

/// A session: a random salt, and the cipher that it leads to.
pub(crate) struct Session {
    pub(crate) number: u32,
    pub(crate) salt: [u8; 16],
    pub(super) aead: OnceLock<Aead>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Sessions by their numbers. Readers take no lock.
///
/// Buckets of doubling size, as in a radix of the number plus one, so that nothing ever moves.
#[derive(Debug)]
pub(super) struct Sessions([OnceLock<Box<[OnceLock<Session>]>>; 32]);

/// The bucket of a number, and the place in it.
fn place(number: u32) -> (usize, usize) {
    let n = u64::from(number) + 1;
    let bucket = n.ilog2();
    (bucket as usize, (n - (1 << bucket)) as usize)
}

impl Sessions {
    pub(super) fn new() -> Sessions {
        Sessions(std::array::from_fn(|_| OnceLock::new()))
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Session> {
        let (bucket, at) = place(number);
        self.0.get(bucket)?.get()?.get(at)?.get()
    }

    /// Takes in a session. One that is known already stays.
    pub(super) fn add(&self, session: Session) {
        let (bucket, at) = place(session.number);
        let Some(bucket_cell) = self.0.get(bucket) else { return };
        let slots =
            bucket_cell.get_or_init(|| (0..1_usize << bucket).map(|_| OnceLock::new()).collect());
        if let Some(slot) = slots.get(at) {
            let _ = slot.set(session);
        }
    }

    /// All there are, in the order of their numbers.
    pub(super) fn all(&self) -> impl Iterator<Item = &Session> {
        self.0.iter().filter_map(OnceLock::get).flatten().filter_map(OnceLock::get)
    }
}
