//! Loading a checkpoint: names, index, orders and counts as of one position of the journal.
//!
//! Whatever is wrong with the file, the answer is none, and the journal says it all.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::crypto::{Vault, sealed_image};
use crate::format::header::Header as FileHeader;
use crate::format::image::{Array, Header, Namespace, Slots};
use crate::format::options::Options;
use crate::format::place::Place;
use crate::format::record::{Record, Verb};
use crate::format::{JOURNAL_START, MAX_KEY, image};
use crate::index::expiry::Expiries;
use crate::index::hash::image::{Alarm, Cover, ImageSource, Proof, SEGMENT_BYTES};
use crate::index::hash::{MAX_RECORDS, PAGE, Segment, Table};
use crate::index::ordered::Order;
use crate::index::{expiry as expiries, ordered as order};
use crate::mvcc::generation::Generation;
use crate::mvcc::names::{DEFAULT_ID, INTERNAL, Incarnation, MAX_NAME};
use crate::os::sync::lock;
use crate::storage::data_file::DataFile;
use crate::storage::{Disk, Map, Medium};

/// What an image holds.
#[derive(Debug)]
pub(crate) struct Image {
    /// The position of the note that binds it to the journal.
    pub(crate) note_at: u64,
    /// The position of the journal up to which it goes.
    pub(crate) below: u64,
    /// Its length in bytes.
    pub(crate) len: u64,
    pub(crate) next_id: u32,
    pub(crate) namespaces: Vec<(String, Options, Arc<Incarnation>)>,
    /// Rings when a page turns out to be damaged.
    pub(crate) alarm: Arc<Alarm>,
}

/// Checksums of a segment's pages.
#[derive(Debug)]
struct Sums {
    place: Place,
    at: u64,
    sums: Box<[u32; image::PAGES]>,
}

impl Proof for Sums {
    fn holds(&self, page: usize, bytes: &[u8; PAGE]) -> bool {
        let at = self.at + (page * PAGE) as u64;
        image::sum(bytes, self.place, at) == self.sums[page]
    }
}

impl Image {
    /// The latest image beside the data file at `path` that is one of what `memory` holds.
    /// `wants_order` tells whether a namespace is to be ordered.
    pub(crate) fn load(
        disk: &dyn Disk,
        path: &Path,
        file: &FileHeader,
        generation: &Generation,
        wants_order: impl Fn(&str, Options) -> bool,
    ) -> Option<Image> {
        // One that lasts takes the place of both.
        let names = [DataFile::passing_image_of(path), DataFile::image_of(path)];
        names.iter().find_map(|name| Image::load_one(disk, name, file, generation, &wants_order))
    }

    fn load_one(
        disk: &dyn Disk,
        path: &Path,
        file: &FileHeader,
        generation: &Generation,
        wants_order: &impl Fn(&str, Options) -> bool,
    ) -> Option<Image> {
        if cfg!(target_endian = "big") {
            // Slots are used as they lie there.
            return None;
        }
        let medium = disk.open_read_only(path).ok()?;
        let map = map(&*medium, generation.vault.as_ref())?;
        let len = map.len as u64;
        let header = Header::read(map.bytes(0, image::PAGE)?)?;
        let bound = header.file_id == file.file_id
            && header.len == len
            && (header.boot == [0; 16] || disk.boot() == Some(header.boot))
            && header.generation == file.generation;
        let note = noted(&header, generation).filter(|_| bound);
        let note = note?;
        let note_at = note.position();
        let place = image::place(header.note, header.below);
        let meta = map.bytes(header.meta_at, header.meta_len)?;
        if image::sum(meta, place, header.meta_at) != header.meta_sum {
            return None;
        }
        let (next_id, namespaces, sessions) = image::read_meta(meta)?;
        if let Some(vault) = &generation.vault
            && !vault.take_checkpoint(&note, sessions).ok()?
        {
            return None;
        }
        let (below, alarm) = (header.below, Arc::<Alarm>::default());
        let (end, used) = (header.meta_at, image::PAGE);
        let mut loader = Loader { map, place, below, alarm: alarm.clone(), end, used };
        let mut loaded = Vec::new();
        let (mut names, mut ids) = (Vec::new(), Vec::new());
        for namespace in namespaces {
            names.push(namespace.name.clone());
            ids.push(namespace.id);
            loaded.push(loader.namespace(namespace, next_id, wants_order)?);
        }
        names.sort_unstable();
        ids.sort_unstable();
        let unique = names.is_sorted_by(|a, b| a < b) && ids.is_sorted_by(|a, b| a < b);
        // The default namespace, whose name is empty, is never dropped.
        let whole = unique && names.first().is_some_and(String::is_empty) && next_id > DEFAULT_ID;
        whole.then_some(Image { note_at, below, len, next_id, namespaces: loaded, alarm })
    }
}

/// The image of a file, decrypted if need be: all of it then, into memory.
fn map(medium: &dyn Medium, vault: Option<&Vault>) -> Option<Arc<Map>> {
    let len = medium.len().ok()?;
    let Some(vault) = vault else {
        return (len >= image::PAGE).then(|| medium.map_private(len).ok().map(Arc::new))?;
    };
    let sealed = medium.map_private(len).ok()?;
    let len = sealed_image::image_len(len).filter(|len| *len >= image::PAGE)?;
    let open = |out: &mut [u8]| {
        let bytes = sealed.bytes(0, sealed.len as u64)?;
        sealed_image::open(&vault.keys, vault.generation, bytes, out)
    };
    Some(Arc::new(Map::filled(usize::try_from(len).ok()?, open)?))
}

/// The image's note, if the journal has it at its place.
fn noted<'g>(header: &Header, generation: &'g Generation) -> Option<Record<'g>> {
    let place = generation.place;
    let note = generation.memory.record(header.note_at)?;
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
    alarm: Arc<Alarm>,
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
        wants_order: impl Fn(&str, Options) -> bool,
    ) -> Option<(String, Options, Arc<Incarnation>)> {
        let longest = if stored.name.starts_with(INTERNAL) { MAX_KEY } else { MAX_NAME };
        let sane = stored.name.len() <= longest
            && stored.id < next_id
            && stored.records <= MAX_RECORDS
            && stored.live_bytes <= self.below;
        if !sane {
            return None;
        }
        let options = Options::read(&stored.options).ok()?;
        let (below, damaged) = (self.below, AtomicBool::new(false));
        let origin = ImageSource { id: stored.id, below, damaged, alarm: self.alarm.clone() };
        let table = Table::of(origin, self.segments(stored.slots)?);
        let mut incarnation = Incarnation::new(stored.id);
        incarnation.table = table;
        incarnation.records.store(stored.records, Ordering::Relaxed);
        incarnation.live_bytes.store(stored.live_bytes, Ordering::Relaxed);
        self.array(stored.expiries)?;
        *lock(&incarnation.expiries) = Expiries::stored(expiries::Stored {
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
                let stored = order::Stored {
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
            Slots::Small { line_bits, slots } => {
                return Some(vec![Segment::stored(u32::from(line_bits), &slots, self.below)?]);
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
            self.take(segment.at, SEGMENT_BYTES as u64, image::PAGE)?;
            let proof = Sums { place: self.place, at: segment.at, sums: segment.sums };
            let place = (&self.map, segment.at as usize);
            mapped.push(Segment::mapped(depth, segment.used, place, Box::new(proof))?);
        }
        cover.is_complete().then_some(mapped)
    }
}
