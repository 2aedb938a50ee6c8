//! The options that are stored with a namespace's name.

/// A namespace's options: one byte of flags, or nothing if none is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// The keys are kept in order.
    pub(crate) ordered: bool,
}

const ORDERED: u8 = 1;

impl Options {
    pub(crate) fn bytes(self) -> &'static [u8] {
        if self.ordered { &[ORDERED] } else { &[] }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Options, &'static str> {
        match bytes {
            [] => Ok(Options::default()),
            [ORDERED] => Ok(Options { ordered: true }),
            _ => Err("a namespace has options that this version does not know"),
        }
    }
}
