//! Good moments for a checkpoint that nobody asked for.
//!
//! A pause of the writers is one. While they make none, images are taken in passing, of which the next one makes
//! the former worthless: how much may be written for them, the journal earns.

use std::time::Duration;

use crate::checkpoint::state::{CheckpointKind, Since};

/// With so much of the journal, and as much as an image takes, a short pause of the writers is a good moment,
const SHORT_PAUSE_MIN_BYTES: u64 = 32 << 20;
pub(super) const SHORT_PAUSE: Duration = Duration::from_millis(100);
/// with a quarter of an image a long one, and with less one in which nothing more is to be expected.
const LONG_PAUSE: Duration = Duration::from_secs(1);
const LONG_PAUSE_IMAGE_PART: u64 = 4;
const REST: Duration = Duration::from_secs(30);

/// While much is written, one is taken with so much of the journal, and as much as it takes, if all
/// of those since the last pause come to a quarter of the journal since then: it bounds what an open has
/// to read after a kill, and what is written twice.
pub(super) const PASSING_MIN_BYTES: u64 = 16 << 20;
const PASSING_JOURNAL_PART: u64 = 4;
/// So much is written whatever the journal is, so that small indexes have theirs early.
const PASSING_ALLOWANCE: u64 = 8 << 20;
/// With so much since the last one that lasts, and twelve of those images, it is one that lasts.
const LASTING_MIN_BYTES: u64 = 256 << 20;
const LASTING_IMAGES: u64 = 12;

/// The bytes that may be written for images while the writers make no pause.
#[derive(Debug)]
pub(super) struct Budget {
    /// Where the journal ended at the last pause, as a sequence number.
    begun: u64,
    spent: u64,
}

impl Budget {
    /// One of what the journal has behind the sequence number `begun`.
    pub(super) fn from(begun: u64) -> Budget {
        Budget { begun, spent: 0 }
    }

    /// Whether an image of so many bytes more is affordable when the journal ends at `end`.
    fn affords(&self, image: u64, end: u64) -> bool {
        let earned = end.saturating_sub(self.begun) / PASSING_JOURNAL_PART;
        self.spent + image <= earned + PASSING_ALLOWANCE
    }

    /// Notes an image that was taken.
    pub(super) fn note(&mut self, moment: Moment, image: u64, end: u64) {
        match moment {
            Moment::Pause => *self = Budget::from(end),
            Moment::Busy(_) => self.spent += image,
        }
    }
}

/// A good moment for a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Pause,
    /// Writers go on.
    Busy(CheckpointKind),
}

impl Moment {
    /// Whether it is one for an image of about `image` bytes, when the journal ends at `end` and nothing has been
    /// written for `quiet`.
    pub(super) fn of(
        (since, end): (Since, u64),
        quiet: Duration,
        image: u64,
        budget: &Budget,
    ) -> Option<Moment> {
        let is_pause = quiet >= REST
            || quiet >= LONG_PAUSE && since.kept >= image / LONG_PAUSE_IMAGE_PART
            || quiet >= SHORT_PAUSE && since.kept >= SHORT_PAUSE_MIN_BYTES.max(image);
        if is_pause {
            return Some(Moment::Pause);
        }
        if since.any < PASSING_MIN_BYTES.max(image) || !budget.affords(image, end) {
            return None;
        }
        let lasts = since.kept >= LASTING_MIN_BYTES.max(LASTING_IMAGES * image);
        let kind = if lasts { CheckpointKind::Durable } else { CheckpointKind::Passing };
        Some(Moment::Busy(kind))
    }

    /// The kind of checkpoint for it.
    pub(super) fn kind(self) -> CheckpointKind {
        match self {
            Moment::Pause => CheckpointKind::Durable,
            Moment::Busy(kind) => kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// The images of a load whose index takes a tenth of the journal: what they take, and the longest stretch
    /// between two.
    fn load(journal: u64) -> (u64, u64) {
        let (mut budget, mut written, mut last, mut longest) = (Budget::from(0), 0, 0, 0);
        for end in (0..journal).step_by(MIB as usize) {
            let since = Since { any: end - last, kept: end };
            longest = longest.max(end - last);
            let image = end / 10;
            if let Some(moment) = Moment::of((since, end), Duration::ZERO, image, &budget) {
                budget.note(moment, image, end);
                written += image;
                last = end;
            }
        }
        (written, longest)
    }

    #[test]
    fn images_in_passing_take_a_quarter_of_the_journal_and_leave_half_of_it_to_read_at_most() {
        for journal in [200 * MIB, 900 * MIB, 4000 * MIB, 64_000 * MIB] {
            let (written, longest) = load(journal);
            assert!(written <= journal / 4 + PASSING_ALLOWANCE, "{written} of {journal}");
            assert!(longest <= journal / 2, "{longest} of {journal}");
        }
    }

    #[test]
    fn an_idle_database_has_its_image_soon_and_a_large_one_is_not_written_for_a_few_bytes() {
        let budget = Budget::from(0);
        let of = |kept, quiet_ms, image| {
            let since = Since { any: kept, kept };
            Moment::of((since, kept), Duration::from_millis(quiet_ms), image, &budget)
        };
        assert_eq!(of(5 * MIB, 1000, 2 * MIB), Some(Moment::Pause));
        assert_eq!(of(40 * MIB, 100, 2 * MIB), Some(Moment::Pause));
        assert_eq!(of(5 * MIB, 1000, 250 * MIB), None);
        assert_eq!(of(100 * MIB, 1000, 250 * MIB), Some(Moment::Pause));
        assert_eq!(of(5 * MIB, 30_000, 250 * MIB), Some(Moment::Pause));
    }
}
