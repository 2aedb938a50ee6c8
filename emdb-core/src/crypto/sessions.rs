//! The sessions of a journal: for each a key, of which every record is sealed with a number of its
//! own.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::crypto::primitive::Aead;

/// A session: a random salt, the cipher that it leads to, and where in the journal its records lie.
pub(crate) struct Session {
    pub(crate) number: u32,
    pub(crate) salt: [u8; 16],
    /// Its first position, or 0 if that is not known.
    pub(crate) start: u64,
    /// The first position of the next one.
    end: AtomicU64,
    pub(crate) aead: OnceLock<Aead>,
}

impl Session {
    pub(crate) fn new(number: u32, salt: [u8; 16], start: u64) -> Session {
        Session { number, salt, start, end: AtomicU64::new(u64::MAX), aead: OnceLock::new() }
    }

    pub(crate) fn begun_at(self, start: u64) -> Session {
        Session { start, ..self }
    }

    /// Whether the next one begins where it did.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end.load(Ordering::Acquire)
    }

    /// Whether a record of this session can lie at `position`. A record that lies elsewhere is of
    /// another history: of a copy that was written on, or of a torn tail that was cut.
    #[inline]
    pub(crate) fn holds(&self, position: u64) -> bool {
        self.start <= position && position < self.end.load(Ordering::Acquire)
    }
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
pub(crate) struct Sessions([OnceLock<Box<[OnceLock<Session>]>>; 32]);

/// The bucket of a number, and the place in it.
fn place(number: u32) -> (usize, usize) {
    let n = u64::from(number) + 1;
    let bucket = n.ilog2();
    (bucket as usize, (n - (1 << bucket)) as usize)
}

impl Sessions {
    pub(crate) fn new() -> Sessions {
        Sessions(std::array::from_fn(|_| OnceLock::new()))
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&Session> {
        let (bucket, at) = place(number);
        self.0.get(bucket)?.get()?.get(at)?.get()
    }

    /// Takes in a session, which begins behind all that are known. False if another one is known by
    /// its number.
    pub(crate) fn add(&self, session: Session) -> bool {
        let (number, salt, start) = (session.number, session.salt, session.start);
        let (bucket, at) = place(number);
        let Some(bucket_cell) = self.0.get(bucket) else { return false };
        let slots =
            bucket_cell.get_or_init(|| (0..1_usize << bucket).map(|_| OnceLock::new()).collect());
        let Some(slot) = slots.get(at) else { return false };
        let known = slot.get_or_init(|| session);
        if start > 0
            && let Some(last) = (0..number).rev().find_map(|number| self.get(number))
        {
            last.end.fetch_min(start, Ordering::AcqRel);
        }
        known.salt == salt && (known.start == start || start == 0)
    }

    /// All there are, in the order of their numbers.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Session> {
        self.0.iter().filter_map(OnceLock::get).flatten().filter_map(OnceLock::get)
    }
}
