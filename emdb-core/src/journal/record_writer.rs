//! Records as bytes, one behind the other, in room that was made for them.

use crate::crypto::{Framing, SessionWriter, Vault};
use crate::format::image::{NOTE_KEY, NOTE_LEN};
use crate::format::mark::{Mark, TIME_KEY, time_text};
use crate::format::place::Place;
use crate::format::prepared::Prepared;
use crate::format::record::Verb;

/// The event that a mark is of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MarkOf<'a> {
    /// A sync up to this position.
    Sync(u64),
    /// A checkpoint, by its random bytes.
    Note(&'a [u8; NOTE_LEN]),
    /// The time by which expiries were judged, in unix milliseconds.
    Time(u64),
}

/// Writes records one behind the other, sealed where the file's records are.
pub(crate) struct RecordWriter<'a> {
    pub(super) place: Place,
    pub(super) seal: Option<(&'a mut SessionWriter, &'a Vault)>,
    pub(super) out: &'a mut [u8],
    pub(super) start: u64,
    pub(super) used: usize,
}

impl RecordWriter<'_> {
    /// The position of the next record.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.start + self.used as u64
    }

    /// Writes a record.
    #[inline(always)]
    pub(crate) fn write(&mut self, prepared: &Prepared<'_>, framing: Framing) {
        let position = self.position();
        let out = &mut self.out[self.used..];
        let Framing { link, continues, .. } = framing;
        self.used += match &mut self.seal {
            None => prepared.write(self.place, position, link, continues, out),
            Some((session, vault)) => {
                session.write((*vault, self.place), position, prepared, framing, out)
            }
        };
    }

    pub(super) fn write_mark(&mut self, of: MarkOf<'_>) {
        match of {
            MarkOf::Note(note) => self.write_open(NOTE_KEY, note, false),
            MarkOf::Time(time) => self.write_open(TIME_KEY, &time_text(time), true),
            MarkOf::Sync(synced) => {
                let mark = Mark::new(self.place, self.position(), synced);
                self.write_open(mark.padding(), mark.value(), true);
            }
        }
    }

    fn write_open(&mut self, key: &[u8], text: &[u8], salted: bool) {
        let position = self.position();
        let out = &mut self.out[self.used..];
        self.used += match &mut self.seal {
            None => Prepared::new(Verb::Mark, true, 0, key, text, None)
                .write(self.place, position, 0, false, out),
            Some((session, vault)) => {
                let mut text = text.to_vec();
                if salted {
                    // So that a session outlives the record that begins it.
                    text.extend_from_slice(&session.salt());
                }
                session.write_mark((*vault, self.place), position, (key, &text), out)
            }
        };
    }
}
