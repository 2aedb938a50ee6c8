//! Binding bytes to their place: a mix of file, generation and position.
//!
//! The checksums of a record are XORed with this mix, so that bytes of an earlier life of the
//! file, of another file, or of another position never pass for a record here.

/// The mix of one file and generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    key: u64,
}

impl Place {
    pub(crate) fn new(file_id: [u8; 16], generation: u64) -> Place {
        let (low, high) = file_id.split_at(8);
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
        Place { key: finish(word(low) ^ finish(word(high) ^ finish(generation))) }
    }

    /// The place of sealed records: no record of a plain file is one there, nor the other way round.
    pub(crate) fn sealed(self) -> Place {
        self.other()
    }

    /// Of the place of sealed records that of plain ones, and the other way round.
    pub(crate) fn other(self) -> Place {
        Place { key: self.key ^ u64::from_le_bytes(*b"emdbSEAL") }
    }

    /// 64 bits that stand for this position of this file and generation.
    #[inline]
    pub(crate) fn mix(self, position: u64) -> u64 {
        finish(self.key ^ position.wrapping_mul(GOLDEN))
    }

    /// The place whose mix at `position` is `mix`: there is exactly one.
    pub(crate) fn of_mix(mix: u64, position: u64) -> Place {
        Place { key: unfinish(mix) ^ position.wrapping_mul(GOLDEN) }
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014): a bijection in which every input bit moves every output bit.
#[inline]
fn finish(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The inverse of [`finish`].
fn unfinish(mut x: u64) -> u64 {
    x = (x ^ (x >> 31) ^ (x >> 62)).wrapping_mul(0x3196_42B2_D24D_8EC3);
    x = (x ^ (x >> 27) ^ (x >> 54)).wrapping_mul(0x96DE_1B17_3F11_9089);
    x ^ (x >> 30) ^ (x >> 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_leads_back_to_its_place() {
        for n in 0..1000 {
            let place = Place::new([n as u8; 16], n);
            let position = finish(n) >> 22;
            let found = Place::of_mix(place.mix(position), position);
            assert_eq!(found.key, place.key);
        }
    }
}
