//! The keys of the databases, some of which are encrypted, and how they change in a life.

use std::path::Path;

use emdb::{Emdb, EmdbBuilder, EncryptionInput};
use emdb_testing::Random;

use super::machine::World;

/// None, or a raw key.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Key(Option<u8>);

impl Key {
    /// A key in two of three cases.
    pub(crate) fn some(rng: &mut Random) -> Key {
        Key((rng.below(3) != 0).then(|| rng.below(200) as u8))
    }

    pub(crate) fn is_none(self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn input(self) -> Option<EncryptionInput> {
        self.0.map(|byte| EncryptionInput::RawKey([byte; 32]))
    }

    /// Opens what is at `path`, or begins it.
    pub(crate) fn builder(self, path: &Path) -> EmdbBuilder {
        let builder = Emdb::builder().path(path);
        match self.0 {
            #[cfg(feature = "encrypt")]
            Some(byte) if !path.exists() => {
                builder.encryption_key([byte; 32]).cipher(changes::cipher(byte))
            }
            #[cfg(feature = "encrypt")]
            Some(byte) => builder.encryption_key([byte; 32]),
            _ => builder,
        }
    }

    /// The key of a file that is encrypted in some of the tests, told by its name.
    pub(crate) fn of_name(path: &Path) -> Key {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        Key(name.starts_with("sealed").then_some(1))
    }
}

/// Whether this build can encrypt.
pub(crate) const CAN_ENCRYPT: bool = cfg!(feature = "encrypt");

#[cfg(not(feature = "encrypt"))]
impl World {
    /// Gives the closed file another key; tells whether it was rewritten.
    pub(crate) fn change_key(&mut self) -> bool {
        false
    }
}

#[cfg(feature = "encrypt")]
mod changes {
    use std::ops::ControlFlow;

    use emdb::{Cipher, EncryptionOptions, Error, Result};

    use super::*;
    use crate::common::sibling;

    /// The cipher that a key of this number is first used with.
    pub(super) fn cipher(byte: u8) -> Cipher {
        [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305][usize::from(byte % 2)]
    }

    impl World {
        /// Gives the closed file another key; tells whether it was rewritten.
        pub(crate) fn change_key(&mut self) -> bool {
            if !self.kind.sealed || self.below(2) == 0 {
                return false;
            }
            let (from, to) = (self.key, Key(Some(self.below(200) as u8)));
            let options = EncryptionOptions::new().cipher(cipher(self.below(2) as u8));
            let mut left = if self.below(6) == 0 { self.below(3) } else { u64::MAX };
            let may_break = |_| {
                left = left.wrapping_sub(1);
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let path = &self.path.clone();
            let choice = self.below(4);
            let (what, to, done): (_, _, Result<()>) = match (from.input(), to.input()) {
                (Some(from), Some(to_input)) => match choice {
                    0 => {
                        ("disable", Key(None), Emdb::disable_encryption_with(path, from, may_break))
                    }
                    1 => ("rewrap", to, Emdb::change_passphrase(path, from, to_input)),
                    _ => ("rotate", to, options.rotate(path, from, to_input, may_break)),
                },
                (_, to_input) => ("enable", to, options.enable(path, to_input.unwrap(), may_break)),
            };
            self.note(format!("{what}, {from:?} to {to:?}: {done:?}"));
            match done {
                Ok(()) => self.key = to,
                Err(Error::Cancelled) => {
                    let left = sibling(path, ".compact.tmp").exists();
                    assert!(!left, "a file was left behind");
                }
                Err(e) => panic!("{what}: {e}"),
            }
            if from != self.key {
                let refused = from.builder(path).read_only(true).build();
                assert!(matches!(refused, Err(Error::EncryptionError(_))), "{what}: {refused:?}");
            }
            what != "rewrap"
        }
    }
}
