//! The identity of the machine's present start.
//!
//! Bytes that were written and not synced are there after a kill of the process, and may not be
//! after a power cut. So a file that is only good as long as the machine runs says in which run it
//! was written.

/// A number that differs from one start of the machine to the next. None where that can't be told.
#[cfg(target_os = "linux")]
pub(crate) fn id() -> Option<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (digits.len() == 32 && id != [0; 16]).then_some(id)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn id() -> Option<[u8; 16]> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn this_start_is_the_same_start() {
        assert_eq!(super::id(), super::id());
        assert!(super::id().is_some());
    }
}
