//! The way from a row to one of its members, as a type.
//!
//! A path is [`Root`], the row itself, or a [`Step`] from a path to the member at a position of what that leads
//! to. So the compiler knows the type behind each path, and [`Place`](super::place::Place) finds its bytes.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::locate::Locate;
use crate::codec::{self, DecodeError};
use crate::index::Each;
use crate::key::{EncodeKey, Key};
use crate::lent;

/// The member at the position `N` of a struct. The derives implement it for a type of their own beside the struct, so that
/// the types of private members stay private.
pub trait Member<const N: usize>: 'static {
    /// The struct.
    type Of: 'static;

    /// The type of the member.
    type Value: 'static;

    /// Its name, or its position in a tuple struct.
    const NAME: &'static str;

    /// How it is stored, if the type alone tells it.
    fn stored() -> Option<Stored<Self::Value>>;

    /// The member of a value.
    fn get(of: &Self::Of) -> &Self::Value;

    /// Its bytes as a key, if it is one.
    fn key_form() -> Option<KeyForm<Self::Value>>;

    /// The bytes that its elements have as keys, if it has such.
    fn element_form() -> Option<ElementForm>;
}

/// How a member is stored.
#[derive(Debug)]
pub struct Stored<V> {
    /// Its position among the stored members.
    pub(crate) position: usize,
    /// How many of those there are.
    pub(crate) members: usize,
    /// Reads it.
    pub(crate) read: for<'a> fn(&mut lent::Fields<'a>) -> Result<V, DecodeError>,
    /// The bytes of a value; empty if it has none.
    pub(crate) write: fn(&V) -> Vec<u8>,
}

/// The bytes of a key.
#[derive(Debug)]
pub struct KeyForm<V> {
    /// The part form.
    pub(crate) part: fn(&V, &mut Vec<u8>),
    /// The final form.
    pub(crate) whole: fn(&V, &mut Vec<u8>),
}

/// The bytes that an element has as a key.
#[derive(Debug, Clone, Copy)]
pub struct ElementForm {
    /// The part form of an element that is the type's.
    pub(crate) part: fn(&dyn Any, &mut Vec<u8>),
}

/// Asks the compiler what a type is: `(&Probe::<V>::new()).key_form()`. Where the type is a key, the method of
/// the first trait is nearer than that of the second.
#[derive(Debug)]
pub struct Probe<V>(PhantomData<fn() -> V>);

impl<V> Probe<V> {
    /// For one question.
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Probe(PhantomData)
    }
}

/// For types that are keys, and agree with their bytes.
pub trait IsKey<V> {
    /// Its bytes as a key.
    fn key_form(&self) -> Option<KeyForm<V>>;
}

/// For types that are none.
pub trait IsNoKey<V> {
    /// No bytes.
    fn key_form(&self) -> Option<KeyForm<V>>;
}

impl<V: Key> IsKey<V> for Probe<V> {
    fn key_form(&self) -> Option<KeyForm<V>> {
        V::agrees().then_some(KeyForm { part: V::encode_part, whole: V::encode_into })
    }
}

impl<V> IsNoKey<V> for &Probe<V> {
    fn key_form(&self) -> Option<KeyForm<V>> {
        None
    }
}

/// For types that are stored by what serde says of them.
pub trait IsStored<V> {
    /// At this position, of so many members.
    fn stored(&self, position: usize, members: usize) -> Option<Stored<V>>;
}

/// For types that are not.
pub trait IsNotStored<V> {
    /// Nothing is known.
    fn stored(&self, position: usize, members: usize) -> Option<Stored<V>>;
}

impl<V: Serialize + DeserializeOwned> IsStored<V> for Probe<V> {
    fn stored(&self, position: usize, members: usize) -> Option<Stored<V>> {
        let write = |value: &V| codec::encode_value(value).unwrap_or_default();
        Some(Stored { position, members, read: |fields| fields.owned(), write })
    }
}

impl<V> IsNotStored<V> for &Probe<V> {
    fn stored(&self, _: usize, _: usize) -> Option<Stored<V>> {
        None
    }
}

/// For types whose elements are keys.
pub trait HasKeys {
    /// The bytes of an element.
    fn element_form(&self) -> Option<ElementForm>;
}

/// For types that have no such.
pub trait HasNoKeys {
    /// No bytes.
    fn element_form(&self) -> Option<ElementForm>;
}

impl<V: Each<Item: 'static>> HasKeys for Probe<V> {
    fn element_form(&self) -> Option<ElementForm> {
        V::Item::agrees().then_some(ElementForm {
            part: |element, out| {
                if let Some(element) = element.downcast_ref::<V::Item>() {
                    element.encode_part(out);
                }
            },
        })
    }
}

impl<V> HasNoKeys for &Probe<V> {
    fn element_form(&self) -> Option<ElementForm> {
        None
    }
}

/// A way from a row `R` to a value in it.
pub trait Path<R>: 'static {
    /// The type of the value.
    type Value: 'static;

    /// The names on the way, with points between them.
    fn name() -> Cow<'static, str>;

    /// The value in a row.
    fn get(row: &R) -> &Self::Value;

    /// Its bytes as a key.
    fn key_form() -> Option<KeyForm<Self::Value>>;

    /// The bytes of its elements.
    fn element_form() -> Option<ElementForm>;

    /// How it is stored, if the types on the way tell where: `locate` has gone there then.
    fn stored(locate: &mut Locate) -> Option<Stored<Self::Value>>;

    /// Goes into the value, to one of its members.
    fn enter(locate: &mut Locate) -> Option<()>;
}

/// The row itself.
pub enum Root {}

/// From the path `P` on to the member at the position `N`, which `S` has of what is there.
pub struct Step<P, S, const N: usize>(PhantomData<fn() -> (P, S)>);

impl<R: 'static> Path<R> for Root {
    type Value = R;

    fn name() -> Cow<'static, str> {
        Cow::Borrowed("")
    }

    fn get(row: &R) -> &R {
        row
    }

    fn key_form() -> Option<KeyForm<R>> {
        None
    }

    fn element_form() -> Option<ElementForm> {
        None
    }

    fn stored(_: &mut Locate) -> Option<Stored<R>> {
        None
    }

    fn enter(_: &mut Locate) -> Option<()> {
        // It begins there.
        Some(())
    }
}

impl<R: 'static, P: Path<R, Value = S::Of>, S: Member<N>, const N: usize> Path<R>
    for Step<P, S, N>
{
    type Value = S::Value;

    fn name() -> Cow<'static, str> {
        let before = P::name();
        if before.is_empty() {
            return Cow::Borrowed(S::NAME);
        }
        Cow::Owned(format!("{before}.{}", S::NAME))
    }

    fn get(row: &R) -> &S::Value {
        S::get(P::get(row))
    }

    fn key_form() -> Option<KeyForm<S::Value>> {
        S::key_form()
    }

    fn element_form() -> Option<ElementForm> {
        S::element_form()
    }

    fn stored(locate: &mut Locate) -> Option<Stored<S::Value>> {
        P::enter(locate)?;
        let stored = S::stored()?;
        locate.pass(stored.position, stored.members)?;
        Some(stored)
    }

    fn enter(locate: &mut Locate) -> Option<()> {
        Self::stored(locate)?;
        locate.enter()
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl<P, S, const N: usize> fmt::Debug for Step<P, S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Step").field(&N).finish()
    }
}
