//! Members of structs by their names, for indexes that go into the value of a field.

/// The member of a struct with a certain name, of which `NAME` is the hash (FNV-1a).
///
/// `#[derive(Fields)]` and `#[derive(Record)]` implement it for each member that is stored. With it the derive of a
/// record, which sees the type of the field alone, names the type of `address.city`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no member of this name that can be indexed",
    label = "not a member that is known",
    note = "`fields(address.city)` needs `#[derive(emdb::Fields)]` on the type of `address`, and in it a member \
            `city` that serde doesn't skip"
)]
pub trait Named<const NAME: u64> {
    /// Its type.
    type Value;

    /// The member of a value.
    fn __member(&self) -> &Self::Value;
}
