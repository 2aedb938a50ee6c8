//! The seal of traits that are ours to implement.

/// Seals a trait: it has a constant of this type, which nobody else can name by a public path.
#[derive(Debug)]
pub struct Seal;
