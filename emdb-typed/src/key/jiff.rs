//! Types of `jiff`: points in time, and civil dates and times. Nothing is lost: all of them have
//! nanoseconds, and none has a time zone.

use ::jiff::Timestamp;
use ::jiff::civil::{Date, DateTime, Time};

use super::calendar;
use super::error::KeyError;
use super::scalar::NANOS_PER_SEC;

fixed_width! {
    Timestamp: 12, timestamp, read_timestamp;
    Date: 6, date, read_date;
    Time: 7, time, read_time;
    DateTime: 13,
        |key| calendar::date_time(date(&key.date()), time(&key.time())),
        |bytes| {
            let (date, time) = calendar::split_date_time(bytes);
            Ok(DateTime::from_parts(read_date(date)?, read_time(time)?))
        };
}

fn timestamp(key: &Timestamp) -> [u8; 12] {
    // Both fit: jiff counts years from -9999 to 9999. Its own seconds are rounded to zero.
    let nanos = i64::from(key.subsec_nanosecond());
    let secs = key.as_second() + nanos.div_euclid(i64::from(NANOS_PER_SEC));
    calendar::timestamp(secs, nanos.rem_euclid(i64::from(NANOS_PER_SEC)) as u32)
}

fn read_timestamp(bytes: [u8; 12]) -> Result<Timestamp, KeyError> {
    let (secs, nanos) = calendar::split_timestamp(bytes);
    if nanos >= NANOS_PER_SEC {
        return Err(calendar::no_timestamp());
    }
    let nanos = i128::from(secs) * i128::from(NANOS_PER_SEC) + i128::from(nanos);
    Timestamp::from_nanosecond(nanos).map_err(|_| calendar::no_timestamp())
}

fn date(key: &Date) -> [u8; 6] {
    calendar::date(key.year().into(), key.month().cast_unsigned(), key.day().cast_unsigned())
}

fn read_date(bytes: [u8; 6]) -> Result<Date, KeyError> {
    let (year, month, day) = calendar::split_date(bytes);
    let year = i16::try_from(year).map_err(|_| calendar::no_date())?;
    // What is above 127 is negative then, and refused for it.
    Date::new(year, month.cast_signed(), day.cast_signed()).map_err(|_| calendar::no_date())
}

fn time(key: &Time) -> [u8; 7] {
    let [hour, minute, second] =
        [key.hour(), key.minute(), key.second()].map(|field| field.cast_unsigned());
    calendar::time(hour, minute, second, key.subsec_nanosecond().cast_unsigned())
}

fn read_time(bytes: [u8; 7]) -> Result<Time, KeyError> {
    let (hour, minute, second, nanos) = calendar::split_time(bytes);
    // What is above the range of the signed type is negative then, and refused for it.
    let [hour, minute, second] = [hour, minute, second].map(|field| field.cast_signed());
    Time::new(hour, minute, second, nanos.cast_signed()).map_err(|_| calendar::no_time())
}
