//! Whether a value that is written is read back.
//!
//! serde's two sides of a type are independent code, and a row has nothing in it that would tell
//! one that they disagree: it comes back as an error, or as another value. So a value is written,
//! read and written again, and what was written is compared with what was asked for.
//!
//! Values need not come back equal: a type may make a text lower-case, or drop what doesn't count.
//! Neither need the bytes: a `HashMap` has another order each time.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::fault::{Cause, Fault};
use super::reader::Reader;
use super::tape::{Leaf, Note};
use super::writer::Writer;
use super::{decode, encode_value};

/// Why a value can't be read back, if it can't. One that can't be written either has no fault here.
pub(crate) fn fault<T: Serialize + DeserializeOwned>(value: &T) -> Option<Fault> {
    let (bytes, written) = tape_of(value)?;
    let mut reader = Reader::taped(&bytes, Vec::new());
    let back = T::deserialize(&mut reader).map_err(Failure::into_reason);
    let left = reader.rest().len();
    let read = reader.into_tape();
    let (written, read) = (Side::of(&written), Side::of(&read));
    if let Some((path, cause)) = mismatch(&written, &read, back.is_ok()) {
        return Some(one_sided(&written, &read, back.is_ok()).unwrap_or(Fault { path, cause }));
    }
    let refused = match &back {
        Err(reason) => Some(reason.clone()),
        Ok(_) if left > 0 => Some(format!("{left} bytes are left over")),
        Ok(_) => None,
    };
    if let Some(reason) = refused {
        let misled = variant(&written, &read);
        let plain = || Fault { path: read.last(), cause: Cause::Refused(reason) };
        return Some(misled.unwrap_or_else(plain));
    }
    let (again, rewritten) = tape_of(&back.ok()?)?;
    if again == bytes { None } else { other_variant(&written, &Side::of(&rewritten)) }
}

/// Whether the bytes of a value are those of the value that they are read as: then it is read back.
pub(crate) fn is_stable<T: Serialize + DeserializeOwned>(value: &[u8]) -> bool {
    let back = decode::<T>(value);
    back.is_ok_and(|back| encode_value(&back).is_ok_and(|again| again == value))
}

fn tape_of<T: Serialize>(value: &T) -> Option<(Vec<u8>, Vec<Note>)> {
    let mut writer = Writer::taped(Vec::new());
    value.serialize(&mut writer).ok()?;
    Some(writer.into_parts())
}

type Path = Vec<&'static str>;

/// A tape, in order: its leaves, and the named parts.
struct Side {
    leaves: Vec<(Leaf, Path)>,
    parts: Vec<Path>,
}

impl Side {
    fn of(tape: &[Note]) -> Self {
        let mut side = Side { leaves: Vec::new(), parts: Vec::new() };
        let mut path: Vec<Option<&'static str>> = Vec::new();
        let named = |path: &[Option<&'static str>]| path.iter().copied().flatten().collect();
        for note in tape {
            match *note {
                Note::Leaf(leaf) => side.leaves.push((leaf, named(&path))),
                Note::Enter(name) => {
                    path.push(name);
                    if name.is_some() {
                        side.parts.push(named(&path));
                    }
                }
                Note::Leave => drop(path.pop()),
            }
        }
        side
    }

    fn last(&self) -> Path {
        self.leaves.last().map_or_else(Vec::new, |(_, path)| path.clone())
    }
}

/// The first place where what was asked for is not what was written.
fn mismatch(written: &Side, read: &Side, done: bool) -> Option<(Path, Cause)> {
    let (mut at, mut asked) = (0, 0);
    while let Some((want, path)) = read.leaves.get(asked) {
        let found = written.leaves.get(at);
        let path = found.map_or(path, |(_, path)| path).clone();
        if *want == Leaf::Any {
            return Some((path, Cause::Untyped));
        }
        let Some((have, _)) = found else {
            let read = kind(*want);
            return Some((path, Cause::Kinds { written: "nothing", read }));
        };
        if !fits(*have, *want) {
            return Some((path, Cause::Kinds { written: kind(*have), read: kind(*want) }));
        }
        // A length and that many bytes are written like a byte string.
        match (*have, *want) {
            (Leaf::Len(len), Leaf::Bytes | Leaf::Str) => at += bytes(written, at + 1, len),
            (Leaf::Bytes | Leaf::Str, Leaf::Len(len)) => asked += bytes(read, asked + 1, len),
            _ => {}
        }
        (at, asked) = (at + 1, asked + 1);
    }
    let (left, path) = written.leaves.get(at).filter(|_| done)?;
    Some((path.clone(), Cause::Kinds { written: kind(*left), read: "nothing" }))
}

/// How many of the `len` leaves from `at` on are bytes.
fn bytes(side: &Side, at: usize, len: usize) -> usize {
    side.leaves.iter().skip(at).take(len).take_while(|(leaf, _)| *leaf == Leaf::U8).count()
}

/// Whether all that is written as `have` can be read as `want`. Integers of more than a byte are
/// written as short as they are, and a wider type reads them.
fn fits(have: Leaf, want: Leaf) -> bool {
    const UNSIGNED: [Leaf; 4] = [Leaf::U16, Leaf::U32, Leaf::U64, Leaf::U128];
    const SIGNED: [Leaf; 4] = [Leaf::I16, Leaf::I32, Leaf::I64, Leaf::I128];
    let within = |all: &[Leaf]| {
        let place = |leaf| all.iter().position(|one| *one == leaf);
        place(have).zip(place(want)).is_some_and(|(have, want)| have <= want)
    };
    match (have, want) {
        (Leaf::Variant(have, _), Leaf::Variant(want, _)) => have == want,
        (Leaf::Str | Leaf::Bytes | Leaf::Len(_), Leaf::Str | Leaf::Bytes) => true,
        (Leaf::Str | Leaf::Bytes, Leaf::Len(_)) | (Leaf::Bool, Leaf::U8) => true,
        _ => have == want || within(&UNSIGNED) || within(&SIGNED),
    }
}

/// The field that only one of the sides has: the first where their fields are not the same.
fn one_sided(written: &Side, read: &Side, done: bool) -> Option<Fault> {
    let same = written.parts.iter().zip(&read.parts).take_while(|(w, r)| w == r).count();
    let fault = |path: &Path, written| {
        Some(Fault { path: path.clone(), cause: Cause::OneSided { written } })
    };
    match (written.parts.get(same), read.parts.get(same)) {
        (_, Some(read)) if !written.parts.contains(read) => fault(read, false),
        (Some(written), Some(_)) => fault(written, true),
        (Some(written), None) if done => fault(written, true),
        _ => None,
    }
}

/// The variant that the reader was at when it failed.
fn variant(written: &Side, read: &Side) -> Option<Fault> {
    let at = read.leaves.len().checked_sub(1)?;
    match (written.leaves.get(at)?, read.leaves.get(at)?) {
        ((Leaf::Variant(_, name), path), (Leaf::Variant(..), _)) => {
            Some(Fault { path: path.clone(), cause: Cause::Variant { name } })
        }
        _ => None,
    }
}

/// A variant that was written the first time and not the second. Collections may have changed their
/// order meanwhile, or let go of elements that were there twice: the latter tells nothing.
fn other_variant(written: &Side, rewritten: &Side) -> Option<Fault> {
    let variants = |side: &Side| {
        let is_variant = |(leaf, _): &&(Leaf, Path)| matches!(leaf, Leaf::Variant(..));
        let mut variants: Vec<_> = side.leaves.iter().filter(is_variant).cloned().collect();
        variants.sort();
        variants
    };
    let (before, after) = (variants(written), variants(rewritten));
    if before.len() != after.len() {
        return None;
    }
    let changed = before.into_iter().zip(after).find(|(before, after)| before != after)?;
    match changed.0 {
        (Leaf::Variant(_, name), path) => Some(Fault { path, cause: Cause::Variant { name } }),
        _ => None,
    }
}

fn kind(leaf: Leaf) -> &'static str {
    match leaf {
        Leaf::Bool => "a `bool`",
        Leaf::I8 => "an `i8`",
        Leaf::I16 => "an `i16`",
        Leaf::I32 => "an `i32`",
        Leaf::I64 => "an `i64`",
        Leaf::I128 => "an `i128`",
        Leaf::U8 => "a `u8`",
        Leaf::U16 => "a `u16`",
        Leaf::U32 => "a `u32`",
        Leaf::U64 => "a `u64`",
        Leaf::U128 => "a `u128`",
        Leaf::F32 => "an `f32`",
        Leaf::F64 => "an `f64`",
        Leaf::Char => "a `char`",
        Leaf::Str => "a string",
        Leaf::Bytes => "a byte string",
        Leaf::Option(_) => "an option",
        Leaf::Len(_) => "a collection",
        Leaf::Variant(..) => "an enum",
        Leaf::Any => "whatever there is",
    }
}
