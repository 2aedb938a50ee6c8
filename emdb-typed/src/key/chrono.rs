//! Types of `chrono`: points in time in UTC, and dates and times without a zone. Nothing is lost:
//! a leap second has 10^9 nanoseconds or more, as it does in `chrono`, and sorts behind its second.

use ::chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

use super::calendar;
use super::error::KeyError;

fixed_width! {
    DateTime<Utc>: 12,
        |key| calendar::timestamp(key.timestamp(), key.timestamp_subsec_nanos()),
        read_timestamp;
    NaiveDate: 6, date, read_date;
    NaiveTime: 7, time, read_time;
    NaiveDateTime: 13,
        |key| calendar::date_time(date(&key.date()), time(&key.time())),
        |bytes| {
            let (date, time) = calendar::split_date_time(bytes);
            Ok(NaiveDateTime::new(read_date(date)?, read_time(time)?))
        };
}

fn read_timestamp(bytes: [u8; 12]) -> Result<DateTime<Utc>, KeyError> {
    let (secs, nanos) = calendar::split_timestamp(bytes);
    // In two steps: `from_timestamp` takes leap seconds only at the end of a minute, and
    // `with_nanosecond` can make them everywhere.
    DateTime::from_timestamp(secs, 0)
        .and_then(|second| second.with_nanosecond(nanos))
        .ok_or(calendar::no_timestamp())
}

fn date(key: &NaiveDate) -> [u8; 6] {
    // A month has at most 31 days, and a year 12 months.
    calendar::date(key.year(), key.month() as u8, key.day() as u8)
}

fn read_date(bytes: [u8; 6]) -> Result<NaiveDate, KeyError> {
    let (year, month, day) = calendar::split_date(bytes);
    NaiveDate::from_ymd_opt(year, month.into(), day.into()).ok_or(calendar::no_date())
}

fn time(key: &NaiveTime) -> [u8; 7] {
    // None of them is above 59.
    let [hour, minute, second] = [key.hour(), key.minute(), key.second()].map(|field| field as u8);
    calendar::time(hour, minute, second, key.nanosecond())
}

fn read_time(bytes: [u8; 7]) -> Result<NaiveTime, KeyError> {
    let (hour, minute, second, nanos) = calendar::split_time(bytes);
    NaiveTime::from_hms_opt(hour.into(), minute.into(), second.into())
        .and_then(|second| second.with_nanosecond(nanos))
        .ok_or(calendar::no_time())
}
