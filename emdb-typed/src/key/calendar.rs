//! Dates and times as fields: what the types of `chrono`, `jiff` and `time` share.
//!
//! Invariant: one date or time has the same bytes whichever crate it comes from. The crates check
//! the fields, each in its own range of years.

use super::error::KeyError;
use super::scalar::{instant, split_instant};

/// A point in time: seconds since 1970, rounded down, with the sign bit flipped; nanoseconds.
pub(super) fn timestamp(secs: i64, nanos: u32) -> [u8; 12] {
    instant((secs ^ i64::MIN).cast_unsigned(), nanos)
}

pub(super) fn split_timestamp(bytes: [u8; 12]) -> (i64, u32) {
    let (secs, nanos) = split_instant(bytes);
    (secs.cast_signed() ^ i64::MIN, nanos)
}

/// A date: the year with the sign bit flipped, month, day.
pub(super) fn date(year: i32, month: u8, day: u8) -> [u8; 6] {
    let [a, b, c, d] = (year ^ i32::MIN).to_be_bytes();
    [a, b, c, d, month, day]
}

pub(super) fn split_date([a, b, c, d, month, day]: [u8; 6]) -> (i32, u8, u8) {
    (i32::from_be_bytes([a, b, c, d]) ^ i32::MIN, month, day)
}

/// A time of day: hour, minute, second, nanoseconds.
pub(super) fn time(hour: u8, minute: u8, second: u8, nanos: u32) -> [u8; 7] {
    let [a, b, c, d] = nanos.to_be_bytes();
    [hour, minute, second, a, b, c, d]
}

pub(super) fn split_time([hour, minute, second, a, b, c, d]: [u8; 7]) -> (u8, u8, u8, u32) {
    (hour, minute, second, u32::from_be_bytes([a, b, c, d]))
}

/// A date, then a time of day.
pub(super) fn date_time(date: [u8; 6], time: [u8; 7]) -> [u8; 13] {
    let mut bytes = [0; 13];
    bytes[..6].copy_from_slice(&date);
    bytes[6..].copy_from_slice(&time);
    bytes
}

pub(super) fn split_date_time(bytes: [u8; 13]) -> ([u8; 6], [u8; 7]) {
    let [a, b, c, d, e, f, time @ ..] = bytes;
    ([a, b, c, d, e, f], time)
}

pub(super) fn no_timestamp() -> KeyError {
    KeyError::Value { expected: "a point in time that its type can hold" }
}

pub(super) fn no_date() -> KeyError {
    KeyError::Value { expected: "a date of the calendar that its type can hold" }
}

pub(super) fn no_time() -> KeyError {
    KeyError::Value { expected: "a time of day" }
}
