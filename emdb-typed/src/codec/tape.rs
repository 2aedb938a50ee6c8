//! A row as it is written, and as it is asked for when it is read: one leaf after the other.
//!
//! Rows carry no types, so the two have to be the same. [`sides`](super::sides) compares them. A
//! reader and a writer that keep no tape (`()`) are compiled without a trace of it.

/// A value without parts, or what the bytes say before the parts of one that has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leaf {
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
    /// Whether there is a value.
    Option(bool),
    /// How many elements a collection has.
    Len(usize),
    /// The index and the name of an enum's variant; the name is the writer's to know.
    Variant(u32, &'static str),
    /// The reader was asked what there is.
    Any,
}

/// One note of a tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    Leaf(Leaf),
    /// A part begins, with its name if it has one.
    Enter(Option<&'static str>),
    Leave,
}

/// Takes the notes of a reader or a writer.
pub(super) trait Tape {
    /// Whether there is one.
    const KEPT: bool;

    fn leaf(&mut self, leaf: Leaf);
    fn enter(&mut self, name: impl FnOnce() -> Option<&'static str>);
    fn leave(&mut self);
}

impl Tape for () {
    const KEPT: bool = false;

    #[inline(always)]
    fn leaf(&mut self, _: Leaf) {}

    #[inline(always)]
    fn enter(&mut self, _: impl FnOnce() -> Option<&'static str>) {}

    #[inline(always)]
    fn leave(&mut self) {}
}

impl Tape for Vec<Note> {
    const KEPT: bool = true;

    fn leaf(&mut self, leaf: Leaf) {
        self.push(Note::Leaf(leaf));
    }

    fn enter(&mut self, name: impl FnOnce() -> Option<&'static str>) {
        self.push(Note::Enter(name()));
    }

    fn leave(&mut self) {
        self.push(Note::Leave);
    }
}
