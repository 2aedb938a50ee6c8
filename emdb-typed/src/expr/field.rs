//! The fields of a record, by which programs name them.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::path::{Path, Root, Step};

/// A type whose members queries can name: a record, or a nested struct or enum that derives `Fields`.
///
/// `User::FIELDS` has a member for each field of the record, which is a [`Field`]. One whose type derives `Fields`
/// has the members of that: `User::FIELDS.address.city`. An enum has `is`, which takes the name of a variant.
///
/// # Example
///
/// ```
/// use emdb::{Emdb, Fields, Record, Table, TableError};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Record)]
/// struct User {
///     #[emdb(key)]
///     id: u64,
///     address: Address,
///     state: State,
/// }
///
/// #[derive(Serialize, Deserialize, Fields)]
/// struct Address {
///     city: String,
///     zip: u32,
/// }
///
/// #[derive(Serialize, Deserialize, Fields)]
/// enum State {
///     Active,
///     Suspended { days: u32 },
/// }
///
/// let db = Emdb::open_in_memory();
/// let users = Table::<User>::open(&db)?;
/// let address = Address { city: "Basel".into(), zip: 4051 };
/// users.insert(&User { id: 1, address, state: State::Suspended { days: 3 } })?;
///
/// let f = User::FIELDS;
/// assert_eq!(users.query().filter(f.address.city.eq("Basel")).count()?, 1);
/// assert_eq!(users.query().filter(f.state.is(StateKind::Active)).count()?, 0);
/// # Ok::<(), TableError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the members of `{Self}` can't be named in queries",
    label = "does not derive `Fields`",
    note = "derive it: `#[derive(emdb::Fields)]`; a record has it by `Record`"
)]
pub trait Fields: Sized + 'static {
    /// The members, each at its path from the row `R`.
    #[doc(hidden)]
    type Members<R: 'static, P: Path<R, Value = Self>>: 'static;

    /// The members behind the path `P`.
    #[doc(hidden)]
    fn members<R: 'static, P: Path<R, Value = Self>>() -> &'static Self::Members<R, P>;
}

/// A field of type `V` of the rows of `R`, at the path `P`.
///
/// Its methods make conditions on it ([`Expr`](crate::Expr)), and what queries sort by
/// ([`Order`](crate::query::Order)). It derefs to the members of a type that derives [`Fields`].
///
/// | on a field | there is |
/// | --- | --- |
/// | of any type with `==`, `<` | `eq`, `ne`, `one_of`; `lt`, `le`, `gt`, `ge`, `within` |
/// | `Option<V>` | `is_none`, `is_some`, and the above with a `V`, which `None` never matches |
/// | text | `starts_with`, `ends_with`, `contains`, `eq_ignore_case` |
/// | `Vec`, `VecDeque`, sets, arrays | `has`, `is_empty`, `len` |
/// | of any type | `matches` |
/// | of a type that is a [`Key`](trait@crate::Key) | `asc`, `desc` |
pub struct Field<R, V, P = Root> {
    types: PhantomData<Types<R, V, P>>,
}

/// It has none of them.
type Types<R, V, P> = fn() -> (R, V, P);

impl<R, V, P> Field<R, V, P> {
    /// For the derive: the field to which the path leads.
    #[doc(hidden)]
    pub const AT: Self = Field { types: PhantomData };
}

/// The member at the position `N` of the `S` behind `P`.
#[doc(hidden)]
pub type MemberField<R, V, P, S, const N: usize> = Field<R, V, Step<P, S, N>>;

impl<R: 'static, V: Fields, P: Path<R, Value = V>> Deref for Field<R, V, P> {
    type Target = V::Members<R, P>;

    fn deref(&self) -> &V::Members<R, P> {
        V::members::<R, P>()
    }
}

impl<R, V, P> Clone for Field<R, V, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, V, P> Copy for Field<R, V, P> {}

impl<R: 'static, V, P: Path<R>> fmt::Debug for Field<R, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({})", P::name())
    }
}
