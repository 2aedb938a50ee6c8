//! The options that are stored with a namespace's name.

/// A namespace's options: one byte of flags, or nothing if none is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// The keys are kept in order.
    pub(crate) ordered: bool,
}

const ORDERED: u8 = 1;
/// In a record that gives a namespace another name, and nowhere else: whoever doesn't know of that
/// refuses the record instead of leaving the name as it is.
const RENAMES: u8 = 2;

impl Options {
    pub(crate) fn bytes(self) -> &'static [u8] {
        if self.ordered { &[ORDERED] } else { &[] }
    }

    /// The bytes in a record that gives the namespace another name.
    pub(crate) fn renaming_bytes(self) -> &'static [u8] {
        if self.ordered { &[RENAMES | ORDERED] } else { &[RENAMES] }
    }

    /// Reads those.
    pub(crate) fn read_renaming(bytes: &[u8]) -> Result<Options, &'static str> {
        match bytes {
            [RENAMES] => Ok(Options::default()),
            [flags] if *flags == RENAMES | ORDERED => Ok(Options { ordered: true }),
            _ => Err("a namespace is renamed in a way that this version does not know"),
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Options, &'static str> {
        match bytes {
            [] => Ok(Options::default()),
            [ORDERED] => Ok(Options { ordered: true }),
            _ => Err("a namespace has options that this version does not know"),
        }
    }
}
