//! Loading a checkpoint: names, index, orders and counts as of one position of the journal.
//!
//! Whatever is wrong with the file, the answer is none, and the journal says it all.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::crypto::{Vault, sealed_image};
use crate::engine::baseline::{Baseline, Opening};
use crate::format::image::{self, Array, Header, Namespace, Slots};
use crate::format::options::Options;
use crate::format::place::Place;
use crate::format::record::{Record, Verb};
use crate::format::{JOURNAL_START, KEY_MAX_BYTES};
use crate::index::expiry::{self, Expiries};
use crate::index::hash::buckets::PAGE_BYTES;
use crate::index::hash::image::Cover;
use crate::index::hash::segment::Segment;
use crate::index::hash::source::{DamageAlarm, ImageSource, PageSums, SEGMENT_BYTES};
use crate::index::hash::table::MAX_RECORDS;
use crate::index::hash::{Slot, Table};
use crate::index::ordered::{self, Order};
use crate::journal::file::Journal;
use crate::mvcc::incarnation::{DEFAULT_ID, Incarnation};
use crate::mvcc::names::NAME_MAX_BYTES;
use crate::mvcc::namespace::INTERNAL;
use crate::os::fork::Process;
use crate::os::sync::lock;
use crate::storage::data_file::DataFile;
use crate::storage::{Map, Medium};

/// Checksums of a segment's pages.
#[derive(Debug)]
struct Sums {
    place: Place,
    below: u64,
    at: u64,
    sums: Box<[u32; image::SEGMENT_PAGES]>,
}

impl PageSums for Sums {
    fn holds(&self, page: usize, bytes: &[u8; PAGE_BYTES]) -> bool {
        let at = self.at + (page * PAGE_BYTES) as u64;
        // A slot that leads behind the image is none that was written.
        let is_within = |word: &[u8; 8]| Slot(u64::from_le_bytes(*word)).position() < self.below;
        image::sum(bytes, self.place, at) == self.sums[page]
            && bytes.as_chunks().0.iter().all(is_within)
    }
}

/// The latest image beside the data file that is one of what its journal holds.
pub(crate) fn load(opening: Opening<'_>) -> Option<Baseline> {
    // One that lasts takes the place of both.
    let names = [DataFile::passing_image_of(opening.path), DataFile::image_of(opening.path)];
    names.iter().find_map(|name| load_one(opening, name))
}

fn load_one(opening: Opening<'_>, path: &Path) -> Option<Baseline> {
    if cfg!(target_endian = "big") {
        // Slots are used as they lie there.
        return None;
    }
    let Opening { disk, header: file, wants_order, .. } = opening;
    let journal = &opening.generation.journal;
    let medium = disk.open_read_only(path).ok()?;
    let len = medium.len().ok()?;
    let is_short = disk.free_bytes(path).is_some_and(|free| free < len);
    let map = map(&*medium, journal.vault.as_ref(), is_short)?;
    let len = map.len as u64;
    let header = Header::read(map.bytes(0, image::PAGE_BYTES)?)?;
    let bound = header.file_id == file.file_id
        && header.len == len
        && (header.boot == [0; 16] || disk.boot() == Some(header.boot))
        && header.generation == file.generation;
    let note = noted(&header, journal).filter(|_| bound)?;
    let note_at = note.position();
    let place = image::place(header.note, header.below);
    let meta = map.bytes(header.meta_at, header.meta_len)?;
    if image::sum(meta, place, header.meta_at) != header.meta_sum {
        return None;
    }
    let (next_id, stored, sessions) = image::read_meta(meta)?;
    if let Some(vault) = &journal.vault
        && !vault.take_checkpoint(&note, sessions).ok()?
    {
        return None;
    }
    let (below, alarm) = (header.below, Arc::<DamageAlarm>::default());
    let (end, used) = (header.meta_at, image::PAGE_BYTES);
    let mut loader = Loader { map, place, below, alarm: alarm.clone(), end, used };
    let mut namespaces = Vec::new();
    let (mut names, mut ids) = (Vec::new(), Vec::new());
    for namespace in stored {
        names.push(namespace.name.clone());
        ids.push(namespace.id);
        namespaces.push(loader.namespace(namespace, next_id, wants_order)?);
    }
    names.sort_unstable();
    ids.sort_unstable();
    let unique = names.is_sorted_by(|a, b| a < b) && ids.is_sorted_by(|a, b| a < b);
    // The default namespace, whose name is empty, is never dropped.
    let whole = unique && names.first().is_some_and(String::is_empty) && next_id > DEFAULT_ID;
    whole.then_some(Baseline { note_at, below, len, next_id, namespaces, alarm })
}

/// The image of a file, decrypted if need be: all of it then, into memory. So it is where space is
/// short, since a file that is mapped takes its space when it has been given up, too.
fn map(medium: &dyn Medium, vault: Option<&Vault>, is_short: bool) -> Option<Arc<Map>> {
    let len = medium.len().ok()?;
    let Some(vault) = vault else {
        if len < image::PAGE_BYTES {
            return None;
        }
        let stored = medium.map_private(len).ok()?;
        if !is_short {
            return Some(Arc::new(stored));
        }
        let copy = |out: &mut [u8]| {
            out.copy_from_slice(stored.bytes(0, len)?);
            Some(())
        };
        return Map::filled(len as usize, copy).map(Arc::new);
    };
    let sealed = medium.map_private(len).ok()?;
    let len = sealed_image::image_len(len).filter(|len| *len >= image::PAGE_BYTES)?;
    let open = |out: &mut [u8]| {
        let bytes = sealed.bytes(0, sealed.len as u64)?;
        sealed_image::open(&vault.keys, vault.generation, bytes, out)
    };
    Some(Arc::new(Map::filled(usize::try_from(len).ok()?, open)?))
}

/// The image's note, if the journal has it at its place.
fn noted<'j>(header: &Header, journal: &'j Journal) -> Option<Record<'j>> {
    let place = journal.place;
    let note = journal.memory.record(header.note_at)?;
    let is_that = header.note_at >= JOURNAL_START
        && note.verb() == Verb::Mark
        && note.commits()
        && note.verify_head(place)
        && note.verify_value(place)
        && note.key() == image::NOTE_KEY
        && note.value().starts_with(&header.note)
        && note.end() == header.below;
    is_that.then_some(note)
}

/// Makes sense of the sections of an image.
struct Loader {
    map: Arc<Map>,
    place: Place,
    below: u64,
    alarm: Arc<DamageAlarm>,
    /// Behind the last section.
    end: u64,
    /// Sections follow each other, so that none is used twice.
    used: u64,
}

impl Loader {
    /// Takes a section.
    fn take(&mut self, at: u64, len: u64, align: u64) -> Option<()> {
        let end = at.checked_add(len)?;
        if at < self.used || end > self.end || !at.is_multiple_of(align) {
            return None;
        }
        self.used = end;
        Some(())
    }

    fn array(&mut self, array: Array) -> Option<()> {
        if array.count == 0 {
            return Some(());
        }
        self.take(array.at, array.count.checked_mul(8)?, 8)
    }

    fn namespace(
        &mut self,
        stored: Namespace,
        next_id: u32,
        wants_order: &dyn Fn(&str, Options) -> bool,
    ) -> Option<(String, Options, Arc<Incarnation>)> {
        let longest =
            if stored.name.starts_with(INTERNAL) { KEY_MAX_BYTES } else { NAME_MAX_BYTES };
        let sane = stored.name.len() <= longest
            && stored.id < next_id
            && stored.records <= MAX_RECORDS
            && stored.live_bytes <= self.below;
        if !sane {
            return None;
        }
        let options = Options::read(&stored.options).ok()?;
        let (below, damaged) = (AtomicU64::new(self.below), AtomicBool::new(false));
        let (alarm, process) = (self.alarm.clone(), Process::current());
        let origin = ImageSource { id: stored.id, below, damaged, alarm, process };
        let table = Table::of(origin, self.segments(stored.slots)?);
        let mut incarnation = Incarnation::new(stored.id);
        incarnation.table = table;
        incarnation.records.store(stored.records, Ordering::Relaxed);
        incarnation.live_bytes.store(stored.live_bytes, Ordering::Relaxed);
        self.array(stored.expiries)?;
        *lock(&incarnation.expiries) = Expiries::stored(expiry::Stored {
            map: self.map.clone(),
            place: self.place,
            below: self.below,
            array: stored.expiries,
        });
        if let Some(run) = stored.run {
            self.array(run.windows)?;
            self.array(run.positions)?;
            if run.windows.count != run.positions.count {
                return None;
            }
            if wants_order(&stored.name, options) {
                let stored = ordered::Stored {
                    map: self.map.clone(),
                    place: self.place,
                    below: self.below,
                    common: run.common,
                    windows: run.windows,
                    positions: run.positions,
                };
                incarnation.order.get_or_init(|| Order::stored(stored));
            }
        }
        Some((stored.name, options, Arc::new(incarnation)))
    }

    fn segments(&mut self, slots: Slots) -> Option<Vec<Segment>> {
        let segments = match slots {
            Slots::Small { bucket_bits, slots } => {
                return Some(vec![Segment::stored(u32::from(bucket_bits), &slots, self.below)?]);
            }
            Slots::Full(segments) => segments,
        };
        let mut cover = Cover::default();
        let mut mapped = Vec::with_capacity(segments.len());
        for segment in segments {
            let depth = u32::from(segment.depth);
            if !cover.add(depth) {
                return None;
            }
            self.take(segment.at, SEGMENT_BYTES as u64, image::PAGE_BYTES)?;
            let (below, at) = (self.below, segment.at);
            let proof = Sums { place: self.place, below, at, sums: segment.sums };
            let place = (&self.map, segment.at as usize);
            mapped.push(Segment::mapped(depth, segment.used, place, Box::new(proof))?);
        }
        cover.is_complete().then_some(mapped)
    }
}
