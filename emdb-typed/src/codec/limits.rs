//! The limits of a row, counted alike by the reader and the writer.

/// How deep values may nest. Decoding recurses, and a crafted row of a recursive type must not
/// exhaust the stack.
const NESTED_MAX_LEVELS: usize = 256;

/// How many elements of no bytes (`()` and the like) the collections of one row may hold. They
/// alone can be many where the input is short.
const HOLLOW_MAX_ELEMENTS: usize = 1 << 16;

/// The part of the limits that one row has used up.
#[derive(Default)]
pub(super) struct Limits {
    depth: usize,
    hollow: usize,
}

impl Limits {
    /// One level down.
    #[inline(always)]
    pub(super) fn enter(&mut self) -> Result<(), String> {
        if self.depth == NESTED_MAX_LEVELS {
            return Err(too_deep());
        }
        self.depth += 1;
        Ok(())
    }

    /// One level up.
    #[inline(always)]
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// One more element of a collection that takes no bytes.
    pub(super) fn hollow(&mut self) -> Result<(), String> {
        if self.hollow == HOLLOW_MAX_ELEMENTS {
            return Err(format!(
                "more than {HOLLOW_MAX_ELEMENTS} elements of collections take no bytes"
            ));
        }
        self.hollow += 1;
        Ok(())
    }
}

#[cold]
fn too_deep() -> String {
    format!("values nest deeper than {NESTED_MAX_LEVELS} levels")
}
