//! The ciphers and key derivations that an encrypted database can be made with.

use crate::error::{Error, Result};
use crate::format::envelope::Stretch;

/// The cipher of an encrypted database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Cipher {
    /// AES-256 in Galois/Counter mode (NIST SP 800-38D). The faster one wherever the processor has
    /// instructions for it, as nearly all of today have.
    #[default]
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439). For processors without such instructions.
    ChaCha20Poly1305,
}

impl Cipher {
    pub(crate) fn id(self) -> u8 {
        match self {
            Cipher::Aes256Gcm => 1,
            Cipher::ChaCha20Poly1305 => 2,
        }
    }

    pub(crate) fn of_id(id: u8) -> Option<Cipher> {
        [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305].into_iter().find(|c| c.id() == id)
    }
}

/// The work of trying a passphrase: the parameters of Argon2id (RFC 9106).
///
/// The default, 64 MiB in three passes with four lanes, takes a fraction of a second and is the second
/// choice that the RFC recommends. The parameters stand in the file; a later open uses those.
///
/// | | least | most |
/// | --- | --- | --- |
/// | memory | 7,168 KiB | 1 GiB |
/// | passes | 1 | 64 |
/// | lanes | 1 | 64 |
/// | memory times passes | 35,000 KiB | 16 GiB |
///
/// The least are what the OWASP cheat sheet for password storage allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "parameters do nothing before a database is made with them"]
pub struct KdfParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Bounds: of the memory, of passes and of lanes, and of memory times passes.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 7168..=1 << 20;
const PASSES_OR_LANES: std::ops::RangeInclusive<u32> = 1..=64;
const WORK_KIB: std::ops::RangeInclusive<u64> = 35_000..=16 << 20;

impl KdfParams {
    /// Parameters with `memory_kib` KiB of memory, gone over `passes` times in `lanes` lanes. They
    /// are checked when a database is made with them.
    ///
    /// ```
    /// use emdb::KdfParams;
    ///
    /// // The least that is taken, and more than the default.
    /// let quick = KdfParams::new(19_456, 2, 1);
    /// let slow = KdfParams::new(256 << 10, 4, 4);
    /// assert!(quick.memory_kib() < slow.memory_kib());
    /// ```
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> KdfParams {
        KdfParams { memory_kib, passes, lanes }
    }

    /// Memory in KiB.
    ///
    /// ```
    /// assert_eq!(emdb::KdfParams::default().memory_kib(), 64 << 10);
    /// ```
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// The number of passes over the memory.
    ///
    /// ```
    /// assert_eq!(emdb::KdfParams::default().passes(), 3);
    /// ```
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Parts of the memory that can be worked on at once.
    ///
    /// ```
    /// assert_eq!(emdb::KdfParams::default().lanes(), 4);
    /// ```
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    pub(crate) fn check(&self) -> Result<()> {
        let work = u64::from(self.memory_kib) * u64::from(self.passes);
        let sane = MEMORY_KIB.contains(&self.memory_kib)
            && PASSES_OR_LANES.contains(&self.passes)
            && PASSES_OR_LANES.contains(&self.lanes)
            && WORK_KIB.contains(&work);
        if sane {
            return Ok(());
        }
        Err(Error::config(format!(
            "kdf_params of {} KiB, {} passes and {} lanes are out of bounds; KdfParams tells them",
            self.memory_kib, self.passes, self.lanes
        )))
    }

    pub(crate) fn stretch(self) -> Stretch {
        Stretch::Argon2id { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes }
    }

    /// The parameters that a file states.
    pub(crate) fn of(stretch: Stretch) -> Option<KdfParams> {
        match stretch {
            Stretch::None => None,
            Stretch::Argon2id { memory_kib, passes, lanes } => {
                Some(KdfParams { memory_kib, passes, lanes })
            }
        }
    }
}

impl Default for KdfParams {
    fn default() -> KdfParams {
        KdfParams::new(64 << 10, 3, 4)
    }
}
