//! Values that tell whether they are whole, and whose they are.

/// A value of the namespace and key, with a number that the writer chooses and `len` bytes more.
pub fn seal(namespace: &str, key: &[u8], number: u64, len: usize) -> Vec<u8> {
    let mut value = number.to_le_bytes().to_vec();
    value.extend((0..len).map(|n| (number as usize).wrapping_mul(31).wrapping_add(n) as u8));
    let sum = sum(namespace, key, &value);
    value.extend(sum.to_le_bytes());
    value
}

/// The number in a value.
///
/// # Panics
/// If the value is not what [`seal`] gave for this namespace and key.
#[track_caller]
pub fn unseal(namespace: &str, key: &[u8], value: &[u8]) -> u64 {
    assert!(value.len() >= 16, "{namespace}/{key:?}: a value of {} bytes", value.len());
    let (body, seal) = value.split_at(value.len() - 8);
    assert!(
        sum(namespace, key, body).to_le_bytes() == seal,
        "{namespace}/{key:?}: not what was written, {} bytes",
        value.len()
    );
    u64::from_le_bytes(body[..8].try_into().unwrap())
}

/// FNV-1a (Fowler, Noll and Vo), 64 bits.
fn sum(namespace: &str, key: &[u8], body: &[u8]) -> u64 {
    let parts = [namespace.as_bytes(), b"/", key, b"/", body];
    let bytes = parts.into_iter().flatten();
    bytes.fold(0xCBF2_9CE4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
