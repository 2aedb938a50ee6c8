//! Types of `time`: points in time, and dates and times without an offset.
//!
//! One thing is lost: the offset of an [`OffsetDateTime`]. It is equal to the same point in time
//! with another offset, and so has its bytes; it comes back in UTC. Where the year in UTC is none
//! that the crate has (a few hours at either end of its range), it can't be read back.

use ::time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::calendar;
use super::error::KeyError;
use super::scalar::NANOS_PER_SEC;

fixed_width! {
    OffsetDateTime: 12, timestamp, read_timestamp;
    Date: 6, date, read_date;
    Time: 7, time, read_time;
    PrimitiveDateTime: 13,
        |key| calendar::date_time(date(&key.date()), time(&key.time())),
        |bytes| {
            let (date, time) = calendar::split_date_time(bytes);
            Ok(PrimitiveDateTime::new(read_date(date)?, read_time(time)?))
        };
}

fn timestamp(key: &OffsetDateTime) -> [u8; 12] {
    // The seconds are rounded down already, and an offset is one of whole seconds.
    calendar::timestamp(key.unix_timestamp(), key.nanosecond())
}

fn read_timestamp(bytes: [u8; 12]) -> Result<OffsetDateTime, KeyError> {
    let (secs, nanos) = calendar::split_timestamp(bytes);
    if nanos >= NANOS_PER_SEC {
        return Err(calendar::no_timestamp());
    }
    let nanos = i128::from(secs) * i128::from(NANOS_PER_SEC) + i128::from(nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| calendar::no_timestamp())
}

fn date(key: &Date) -> [u8; 6] {
    let (year, month, day) = key.to_calendar_date();
    calendar::date(year, month.into(), day)
}

fn read_date(bytes: [u8; 6]) -> Result<Date, KeyError> {
    let (year, month, day) = calendar::split_date(bytes);
    let month = Month::try_from(month).map_err(|_| calendar::no_date())?;
    Date::from_calendar_date(year, month, day).map_err(|_| calendar::no_date())
}

fn time(key: &Time) -> [u8; 7] {
    let (hour, minute, second, nanos) = key.as_hms_nano();
    calendar::time(hour, minute, second, nanos)
}

fn read_time(bytes: [u8; 7]) -> Result<Time, KeyError> {
    let (hour, minute, second, nanos) = calendar::split_time(bytes);
    Time::from_hms_nano(hour, minute, second, nanos).map_err(|_| calendar::no_time())
}
