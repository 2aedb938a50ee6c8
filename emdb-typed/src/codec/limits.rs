//! What a row may not exceed, counted alike by the reader and the writer.

/// How deep values may nest. Decoding recurses, and a crafted row of a recursive type must not
/// exhaust the stack.
const MAX_DEPTH: usize = 256;

/// How many elements of no bytes (`()` and the like) the collections of one row may hold. They
/// alone can be many where the input is short.
const MAX_HOLLOW: usize = 1 << 16;

/// What one row has used up.
#[derive(Default)]
pub(super) struct Limits {
    depth: usize,
    hollow: usize,
}

impl Limits {
    /// One level down.
    pub(super) fn enter(&mut self) -> Result<(), String> {
        if self.depth == MAX_DEPTH {
            return Err(format!("values nest deeper than {MAX_DEPTH} levels"));
        }
        self.depth += 1;
        Ok(())
    }

    /// One level up.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// One more element of a collection that takes no bytes.
    pub(super) fn hollow(&mut self) -> Result<(), String> {
        if self.hollow == MAX_HOLLOW {
            return Err(format!("more than {MAX_HOLLOW} elements of collections take no bytes"));
        }
        self.hollow += 1;
        Ok(())
    }
}
