//! Durations, as `ttl = "30d"` writes them.

const UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// The milliseconds of a duration, or what is wrong with it.
pub(crate) fn milliseconds(text: &str) -> Result<u64, String> {
    let expected = "a TTL is a whole number and one of the units `ms`, `s`, `m`, `h` and `d`: \
                    `ttl = \"30d\"`";
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    let Some((_, factor)) = unit.filter(|_| digits > 0) else {
        return Err(expected.to_owned());
    };
    // All that can go wrong with digits alone is that there are too many.
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor)) {
        Some(0) => Err("a TTL of nothing would expire each row at once: use 1 or more".to_owned()),
        Some(milliseconds) => Ok(milliseconds),
        None => Err("this TTL is too long: its milliseconds don't fit into 64 bits; \
                     rows without a TTL stay forever"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, expected) in [
            ("1ms", 1),
            ("2s", 2_000),
            ("3m", 180_000),
            ("4h", 14_400_000),
            ("30d", 2_592_000_000),
            ("18446744073709551615ms", u64::MAX),
        ] {
            assert_eq!(milliseconds(text), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_duration_is_told_what_one_is() {
        for text in
            ["", "30", "d", "30 d", " 30d", "30D", "-1s", "1.5h", "1h30m", "30w", "\u{663}s"]
        {
            assert!(milliseconds(text).unwrap_err().contains("whole number"), "{text}");
        }
        assert!(milliseconds("0s").unwrap_err().contains("at once"));
        for text in ["18446744073709551616ms", "213503982335d"] {
            assert!(milliseconds(text).unwrap_err().contains("too long"), "{text}");
        }
    }
}
