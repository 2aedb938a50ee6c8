//! Taking a checkpoint: an image of the index at a position of the journal, beside the data file.
//!
//! Writers wait while a note is appended and the namespaces are listed. What follows goes through
//! the index beside them, and leaves out whatever came behind the note. What was replaced
//! meanwhile may be left out as well, so the journal is synced before the image gets its name.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::checkpoint::write::Writer;
use crate::crypto::sealed_image::Sealer;
use crate::engine::Engine;
use crate::engine::commit::Access;
use crate::engine::read::ReadView;
use crate::error::{Error, Result};
use crate::format::image::Namespace;
use crate::format::options::Options;
use crate::format::{JOURNAL_START, image};
use crate::journal::writer::{MarkOf, Tail};
use crate::mvcc::names::Incarnation;
use crate::os::paths;
use crate::os::sync::lock;
use crate::storage::Medium;
use crate::storage::data_file::DataFile;
use crate::storage::temp::Temp;

/// Bytes of the journal since the last checkpoint with which the end of an open takes none: they
/// are read as fast as an image is loaded.
const FEW: u64 = 1 << 20;
/// The same for the background.
pub(crate) const SOME: u64 = 4 << 20;

/// What a checkpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckpointKind {
    /// To last.
    Durable,
    /// The end of an open, which is not to wait for the disk: good as long as the machine runs.
    Closing,
    /// A moment while much is written: the same, and without orders, which would have to be merged
    /// again and again.
    Passing,
}

/// What an engine knows of its checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    /// The sequence number that the last one goes up to, and its length.
    pub(crate) last: AtomicU64,
    /// The same of the last one that is not in passing.
    pub(crate) kept: AtomicU64,
    pub(crate) size: AtomicU64,
    pub(crate) taken: AtomicU64,
    pub(crate) failures: AtomicU64,
    /// The end of the journal from which on the background is told.
    pub(crate) due_at: AtomicU64,
}

impl Checkpoints {
    /// After an open that began with an image up to `last`, of `size` bytes.
    pub(crate) fn new(last: Option<(u64, u64)>) -> Checkpoints {
        let (last, size) = last.unwrap_or((JOURNAL_START, 0));
        Checkpoints {
            last: AtomicU64::new(last),
            kept: AtomicU64::new(last),
            size: AtomicU64::new(size),
            taken: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            due_at: AtomicU64::new(u64::MAX),
        }
    }

    /// There is none, and the journal begins at this sequence number.
    pub(crate) fn start_over(&self, start: u64) {
        self.last.store(start, Ordering::Relaxed);
        self.kept.store(start, Ordering::Relaxed);
        self.size.store(0, Ordering::Relaxed);
    }
}

/// A namespace at the moment of the note.
struct Captured {
    name: String,
    options: Options,
    incarnation: Arc<Incarnation>,
    records: u64,
    live_bytes: u64,
}

/// Everything at that moment.
struct Capture {
    view: ReadView,
    note: [u8; image::NOTE_LEN],
    note_at: u64,
    next_id: u32,
    namespaces: Vec<Captured>,
}

impl Engine {
    /// Writes an image of what is committed now. Ended early when `stopped`.
    pub(crate) fn checkpoint(
        &self,
        kind: CheckpointKind,
        stopped: impl Fn() -> bool,
    ) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        // A transaction of this thread is told so; nobody who waits for it must have the turn.
        drop(self.enter(Access::Plain)?);
        let _turn = self.maintenance.begin()?;
        let taken = self.take_image(file, kind, &stopped);
        let counted = match &taken {
            Ok(()) => &self.checkpoints.taken,
            Err(_) => &self.checkpoints.failures,
        };
        if !matches!(taken, Err(Error::Cancelled)) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Takes one at the end of an open, if that spares the next one something.
    pub(crate) fn last_checkpoint(&self, durable: bool) {
        let end = self.data_end.0.load(Ordering::Acquire);
        let since = end.saturating_sub(self.checkpoints.kept.load(Ordering::Relaxed));
        if since >= FEW {
            let kind = if durable { CheckpointKind::Durable } else { CheckpointKind::Closing };
            // The journal has it all; the next open reads that.
            let _ = self.checkpoint(kind, || false);
        }
    }

    fn take_image(
        &self,
        file: &DataFile,
        kind: CheckpointKind,
        stopped: &dyn Fn() -> bool,
    ) -> Result<()> {
        let boot = if kind == CheckpointKind::Durable { Some([0; 16]) } else { file.disk.boot() };
        let Some(boot) = boot else {
            // One in passing is not worth a sync.
            return if kind == CheckpointKind::Passing {
                Ok(())
            } else {
                self.take_image(file, CheckpointKind::Durable, stopped)
            };
        };
        let capture = self.capture()?;
        let passing = DataFile::passing_image_of(&file.path);
        let target = match kind {
            CheckpointKind::Passing => passing.clone(),
            CheckpointKind::Durable | CheckpointKind::Closing => DataFile::image_of(&file.path),
        };
        let temp = Temp::new(&*file.disk, paths::sibling(&target, ".emdb-tmp"));
        let medium = file.disk.create(&temp.path)?;
        let size = self.write_image(&capture, &*medium, (kind, boot), stopped)?;
        if kind == CheckpointKind::Durable {
            medium.sync()?;
        }
        drop(medium);
        // Not before what it leaves out is certain: a commit that is being made may have replaced
        // a record already, so it has to end first.
        drop(lock(&self.tail));
        if kind != CheckpointKind::Passing {
            self.flush()?;
        }
        file.disk.rename(&temp.path, &target)?;
        let below = capture.view.generation().sequence(capture.view.watermark());
        self.checkpoints.last.store(below, Ordering::Relaxed);
        self.checkpoints.size.store(size, Ordering::Relaxed);
        if kind != CheckpointKind::Passing {
            self.checkpoints.kept.store(below, Ordering::Relaxed);
            // It would only be older.
            let _ = file.disk.remove(&passing);
        }
        if kind == CheckpointKind::Durable {
            file.disk.sync_names(&target)?;
        }
        Ok(())
    }

    /// Appends a note, and lists what there is at that moment.
    fn capture(&self) -> Result<Capture> {
        let mut note = [0; image::NOTE_LEN];
        getrandom::fill(&mut note).map_err(std::io::Error::from)?;
        // With no transaction open: none has taken ids for what it will begin.
        let mut tail = self.enter(Access::Plain)?;
        let note_at = self.append_note(&mut tail, &note)?;
        let view = self.read_view();
        let guard = crossbeam_epoch::pin();
        let names = lock(&self.names);
        let captured = names.live.values().map(|state| {
            let incarnation = state.current(&guard).clone();
            Captured {
                name: state.name.clone(),
                options: Options { ordered: state.is_ordered() },
                records: incarnation.records.load(Ordering::Relaxed),
                live_bytes: incarnation.live_bytes.load(Ordering::Relaxed),
                incarnation,
            }
        });
        let namespaces = captured.collect();
        let next_id = self.next_id.load(Ordering::Relaxed);
        Ok(Capture { view, note, note_at, next_id, namespaces })
    }

    fn append_note(&self, tail: &mut Tail, value: &[u8; image::NOTE_LEN]) -> Result<u64> {
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        let generation = &*handle.generation;
        let (medium, memory) = (&*generation.medium, &generation.memory);
        let (start, end) = tail.encode_mark(generation, MarkOf::Note(value))?;
        if let Err((error, uncertain)) = tail.complete(medium, memory, (start, end)) {
            if uncertain {
                self.poison();
            }
            return Err(error);
        }
        tail.position = end;
        // A session may begin before it.
        let note_at = end - image::note_len(generation.vault.is_some());
        // It has to be as durable as the image.
        self.data_end.0.store(generation.sequence(end), Ordering::Release);
        generation.committed.0.store(end, Ordering::Release);
        Ok(note_at)
    }

    fn write_image(
        &self,
        capture: &Capture,
        medium: &dyn Medium,
        (kind, boot): (CheckpointKind, [u8; 16]),
        stopped: &dyn Fn() -> bool,
    ) -> Result<u64> {
        let below = capture.view.watermark();
        let place = image::place(capture.note, below);
        let reader = capture.view.reader();
        let write = |at: u64, bytes: &[u8]| medium.write_at(at, bytes);
        let vault = reader.generation.vault.as_ref();
        let sealer = vault.map(|v| Sealer::new(&v.keys, v.generation, &write)).transpose()?;
        let sealer = sealer.map(RefCell::new);
        let put = |at: u64, bytes: &[u8]| match &sealer {
            Some(sealer) => sealer.borrow_mut().put(at, bytes),
            None => write(at, bytes),
        };
        let mut writer = Writer::new(&put, place, (reader, below), stopped);
        let mut namespaces = Vec::new();
        for captured in &capture.namespaces {
            let incarnation = &captured.incarnation;
            let slots = writer.slots(&incarnation.table)?;
            let expiries = writer.expiries(incarnation, captured.records)?;
            let keys = capture.view.anchors(incarnation);
            let order = incarnation.order.get().filter(|_| kind != CheckpointKind::Passing);
            let order = order.filter(|order| order.is_built());
            // What can't be put in order, since a key is damaged, the next open finds unordered.
            let run = match order.map(|order| writer.run(order, keys)) {
                Some(Err(Error::Corrupted { .. })) | None => None,
                Some(run) => Some(run?),
            };
            let namespace = Namespace {
                name: captured.name.clone(),
                options: captured.options.bytes().to_vec(),
                id: incarnation.id,
                records: captured.records,
                live_bytes: captured.live_bytes,
                slots,
                expiries,
                run,
            };
            namespace.encode(&mut namespaces);
        }
        writer.out.align(8)?;
        let meta_at = writer.out.at();
        let (count, salts) =
            (capture.namespaces.len() as u32, vault.map(|vault| vault.salts(capture.note_at)));
        let salts = salts.unwrap_or_default();
        let meta = image::meta(capture.next_id, count, &namespaces, &salts);
        writer.out.put(&meta)?;
        let len = writer.out.at();
        writer.out.flush()?;
        let Some((file_id, generation)) = self.identity() else { return Ok(0) };
        let header = image::Header {
            file_id,
            generation,
            note: capture.note,
            note_at: capture.note_at,
            below,
            len,
            meta_at,
            meta_len: meta.len() as u64,
            meta_sum: image::sum(&meta, place, meta_at),
            boot,
        };
        put(0, &header.encode())?;
        drop(writer);
        match sealer {
            Some(sealer) => Ok(sealer.into_inner().finish(len)?),
            None => Ok(len),
        }
    }
}
