//! The bytes of keys as they stand in files: pinned, because they never change. And bytes that are
//! no keys, with what is said about them.

use super::*;

#[track_caller]
fn pin<K: Key>(key: &K, final_form: &[u8], part_form: &[u8]) {
    assert_eq!(to_bytes(key), final_form);
    assert_eq!(to_part(key), part_form);
    let decoded = K::decode(final_form).unwrap();
    assert_eq!(to_bytes(&decoded), final_form);
}

/// Keys with one form for both.
#[track_caller]
fn pin_one<K: Key>(key: &K, bytes: &[u8]) {
    pin(key, bytes, bytes);
}

#[test]
fn the_bytes_of_keys_are_pinned() {
    pin_one(&0x01_u8, &[1]);
    pin_one(&0x0102_u16, &[1, 2]);
    pin_one(&0x0102_0304_u32, &[1, 2, 3, 4]);
    pin_one(&7_u64, &[0, 0, 0, 0, 0, 0, 0, 7]);
    pin_one(&7_u128, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    pin_one(&-1_i8, &[0x7F]);
    pin_one(&i16::MIN, &[0, 0]);
    pin_one(&0_i32, &[0x80, 0, 0, 0]);
    pin_one(&-2_i64, &[0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]);
    pin_one(&1_i128, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    pin_one(&NonZero::<u16>::MIN, &[0, 1]);
    pin_one(&NonZero::new(-1_i16).unwrap(), &[0x7F, 0xFF]);
    pin_one(&0.0_f32, &[0x80, 0, 0, 0]);
    pin_one(&-0.0_f32, &[0x7F, 0xFF, 0xFF, 0xFF]);
    pin_one(&1.0_f64, &[0xBF, 0xF0, 0, 0, 0, 0, 0, 0]);
    pin_one(&-1.0_f64, &[0x40, 0x0F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    pin_one(&(), &[]);
    pin_one(&false, &[0]);
    pin_one(&true, &[1]);
    pin_one(&'\u{1F980}', &[0, 1, 0xF9, 0x80]);
    pin_one(&Duration::new(1, 2), &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
    pin_one(&Ipv4Addr::new(10, 1, 2, 3), &[10, 1, 2, 3]);
    pin_one(&Ipv6Addr::LOCALHOST, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    pin_one(&IpAddr::from([10, 1, 2, 3]), &[4, 10, 1, 2, 3]);
    pin_one(&IpAddr::V6(Ipv6Addr::LOCALHOST), &[6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn the_bytes_of_strings_and_composites_are_pinned() {
    pin(&String::new(), b"", b"\0\x01");
    pin(&"a\0b".to_owned(), b"a\0b", b"a\0\xFFb\0\x01");
    pin(&Box::<str>::from("Z\u{fc}rich"), b"Z\xC3\xBCrich", b"Z\xC3\xBCrich\0\x01");
    pin(&vec![0_u8, 1, 0xFF], b"\0\x01\xFF", b"\0\xFF\x01\xFF\0\x01");
    pin_one(&None::<u8>, &[0]);
    pin_one(&Some(7_u8), &[1, 7]);
    pin(&Some("a".to_owned()), b"\x01a", b"\x01a\0\x01");
    pin_one(&[0_u8, 1, 2], &[0, 1, 2]);
    pin(&["a".to_owned(), "b".to_owned()], b"a\0\x01b", b"a\0\x01b\0\x01");
    pin(&("a".to_owned(),), b"a", b"a\0\x01");
    pin(&("a".to_owned(), 7_u8), b"a\0\x01\x07", b"a\0\x01\x07");
    pin(&(7_u8, "a".to_owned()), b"\x07a", b"\x07a\0\x01");
    pin_one(&(1_u8, 2_u8, 3_u8, 4_u8, 5_u8, 6_u8, 7_u8, 8_u8), &[1, 2, 3, 4, 5, 6, 7, 8]);
    pin_one(&Reverse(1_u8), &[0xFE]);
    pin_one(&Reverse("a".to_owned()), &[0x9E, 0xFF, 0xFE]);
}

#[cfg(feature = "uuid")]
#[test]
fn the_bytes_of_uuids_are_pinned() {
    pin_one(&uuid::Uuid::from_u128(7), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
}

/// 1969-12-31 23:59:58.000000003, in all three crates.
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
mod calendar {
    use super::*;

    const TIMESTAMP: &[u8] = &[0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0, 0, 0, 3];
    const DATE: &[u8] = &[0x80, 0, 0x07, 0xB1, 12, 31];
    const TIME: &[u8] = &[23, 59, 58, 0, 0, 0, 3];

    fn date_time() -> Vec<u8> {
        [DATE, TIME].concat()
    }

    #[cfg(feature = "jiff")]
    #[test]
    fn the_bytes_of_jiff_are_pinned() {
        let date_time_key = jiff::civil::date(1969, 12, 31).at(23, 59, 58, 3);
        pin_one(&jiff::Timestamp::from_nanosecond(-1_999_999_997).unwrap(), TIMESTAMP);
        pin_one(&date_time_key.date(), DATE);
        pin_one(&date_time_key.time(), TIME);
        pin_one(&date_time_key, &date_time());
    }

    #[cfg(feature = "time")]
    #[test]
    fn the_bytes_of_time_are_pinned() {
        let date = time::Date::from_calendar_date(1969, time::Month::December, 31).unwrap();
        let time_of_day = time::Time::from_hms_nano(23, 59, 58, 3).unwrap();
        let date_time_key = time::PrimitiveDateTime::new(date, time_of_day);
        let hour = time::UtcOffset::from_hms(1, 0, 0).unwrap();
        pin_one(&date_time_key.assume_utc(), TIMESTAMP);
        pin_one(&date_time_key.assume_utc().to_offset(hour), TIMESTAMP);
        pin_one(&date, DATE);
        pin_one(&time_of_day, TIME);
        pin_one(&date_time_key, &date_time());
        let decoded = time::OffsetDateTime::decode(TIMESTAMP).unwrap();
        assert_eq!(decoded.offset(), time::UtcOffset::UTC);
    }

    #[cfg(feature = "chrono")]
    #[test]
    fn the_bytes_of_chrono_are_pinned() {
        let date = chrono::NaiveDate::from_ymd_opt(1969, 12, 31).unwrap();
        let date_time_key = date.and_hms_nano_opt(23, 59, 58, 3).unwrap();
        pin_one(&date_time_key.and_utc(), TIMESTAMP);
        pin_one(&date, DATE);
        pin_one(&date_time_key.time(), TIME);
        pin_one(&date_time_key, &date_time());
        // 23:59:60.5
        let leap = chrono::NaiveTime::from_hms_nano_opt(23, 59, 59, 1_500_000_000).unwrap();
        pin_one(&leap, &[23, 59, 59, 0x59, 0x68, 0x2F, 0]);
    }

    #[test]
    fn fields_out_of_range_are_no_dates_and_times() {
        // February has no 30th, no month is the 13th, no hour the 24th; 10^9 nanoseconds are more
        // than a second, and 2 * 10^9 more than a leap second.
        let no_dates = [[0x80, 0, 0x07, 0xB1, 2, 30], [0x80, 0, 0x07, 0xB1, 13, 1], [0xFF; 6]];
        let no_times =
            [[24, 0, 0, 0, 0, 0, 0], [0, 60, 0, 0, 0, 0, 0], [0, 0, 0, 0x77, 0x35, 0x94, 0]];
        for bytes in &no_dates {
            #[cfg(feature = "chrono")]
            chrono::NaiveDate::decode(bytes).unwrap_err();
            #[cfg(feature = "jiff")]
            jiff::civil::Date::decode(bytes).unwrap_err();
            #[cfg(feature = "time")]
            time::Date::decode(bytes).unwrap_err();
        }
        for bytes in &no_times {
            #[cfg(feature = "chrono")]
            chrono::NaiveTime::decode(bytes).unwrap_err();
            #[cfg(feature = "jiff")]
            jiff::civil::Time::decode(bytes).unwrap_err();
            #[cfg(feature = "time")]
            time::Time::decode(bytes).unwrap_err();
        }
    }
}

#[test]
fn bytes_that_are_no_key_are_told_apart() {
    let length = |expected, found| KeyError::Length { expected, found };
    assert_eq!(u32::decode(&[1, 2, 3]), Err(length(4, 3)));
    assert_eq!(u32::decode_part(&mut &[1, 2, 3][..]), Err(length(4, 3)));
    assert_eq!(u32::decode(&[0; 5]), Err(length(4, 5)));
    assert_eq!(<()>::decode(&[0]), Err(length(0, 1)));
    assert_eq!(<[u8; 0]>::decode(&[0]), Err(length(0, 1)));
    assert_eq!(Option::<u8>::decode(&[0, 0]), Err(length(1, 2)));
    assert_eq!(Reverse::<u8>::decode(&[0, 0]), Err(length(1, 2)));
    assert_eq!(IpAddr::decode(&[4, 1, 2, 3, 4, 5]), Err(length(5, 6)));
    assert_eq!(<(u8, bool)>::decode(&[0, 0, 0]), Err(length(1, 2)));
    assert_eq!(String::decode(&[0xFF]), Err(KeyError::Utf8));
    assert_eq!(<(String, u8)>::decode(&[0xFF, 0, 1, 7]), Err(KeyError::Utf8));

    for value in [
        bool::decode(&[2]).err(),
        char::decode(&[0, 0, 0xD8, 0]).err(),
        NonZero::<u8>::decode(&[0]).err(),
        Option::<u8>::decode(&[2, 0]).err(),
        IpAddr::decode(&[5, 0, 0, 0, 0]).err(),
        Duration::decode(&[0, 0, 0, 0, 0, 0, 0, 0, 0x3B, 0x9A, 0xCA, 0]).err(),
    ] {
        assert!(matches!(value, Some(KeyError::Value { .. })), "{value:?}");
    }
    // Not closed, an escape that is none, and one that is cut.
    for bytes in [&b""[..], b"a", b"a\0", b"a\0\0", b"a\0\x02\0\x01"] {
        assert_eq!(Vec::<u8>::decode_part(&mut &bytes[..]), Err(KeyError::Escape));
    }
    let error = KeyError::Value { expected: "a `bool`, 0 or 1" };
    assert_eq!(error.to_string(), "the bytes of the key are not a `bool`, 0 or 1");
}
