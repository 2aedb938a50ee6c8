//! Taking a checkpoint: an image of the index at a position of the journal, beside the data file.
//!
//! Writers wait while a note is appended and the namespaces are listed. The rest goes through the
//! index beside them, and leaves out records behind the note. Records that were replaced meanwhile
//! may be left out as well, so the journal is synced before the image gets its name.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::checkpoint::state::{CheckpointKind, Checkpoints};
use crate::checkpoint::write::ImageWriter;
use crate::crypto::sealed_image::Sealer;
use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::read_view::ReadView;
use crate::error::{Error, Result};
use crate::format::image::{self, Namespace};
use crate::format::options::Options;
use crate::mvcc::incarnation::Incarnation;
use crate::os::paths::{self, suffix};
use crate::storage::Medium;
use crate::storage::data_file::DataFile;
use crate::storage::temp::Temp;

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

/// Writes an image of what is committed now. Ended early when `stopped`. The caller has the right to
/// rewrite what lies on the disk.
pub(crate) fn take(
    engine: &Engine,
    checkpoints: &Checkpoints,
    kind: CheckpointKind,
    stopped: &dyn Fn() -> bool,
) -> Result<()> {
    let Some(file) = &engine.file else { return Ok(()) };
    let taken = Taking { engine, checkpoints, file, stopped }.run(kind);
    if !matches!(taken, Err(Error::Cancelled)) {
        checkpoints.count(taken.is_ok());
    }
    taken
}

/// A checkpoint that is being taken.
struct Taking<'a> {
    engine: &'a Engine,
    checkpoints: &'a Checkpoints,
    file: &'a DataFile,
    stopped: &'a dyn Fn() -> bool,
}

/// A kind of checkpoint, with the run of the machine in which it is good; zeros for any.
#[derive(Debug, Clone, Copy)]
struct Validity {
    kind: CheckpointKind,
    boot: [u8; 16],
}

impl Taking<'_> {
    fn run(&self, kind: CheckpointKind) -> Result<()> {
        let disk = &*self.file.disk;
        let validity = match kind {
            CheckpointKind::Durable => Validity { kind, boot: [0; 16] },
            CheckpointKind::Closing | CheckpointKind::Passing => match (disk.boot(), kind) {
                (Some(boot), _) => Validity { kind, boot },
                // One in passing is not worth a sync.
                (None, CheckpointKind::Passing) => return Ok(()),
                (None, _) => Validity { kind: CheckpointKind::Durable, boot: [0; 16] },
            },
        };
        let kind = validity.kind;
        // Before a file is made beside it, and again before one gets a name.
        self.file.check_name()?;
        let capture = self.capture()?;
        let passing = DataFile::passing_image_of(&self.file.path);
        let target = match kind {
            CheckpointKind::Passing => passing.clone(),
            CheckpointKind::Durable | CheckpointKind::Closing => {
                DataFile::image_of(&self.file.path)
            }
        };
        let temp = Temp::new(disk, paths::sibling(&target, suffix::TEMPORARY));
        let medium = disk.create(&temp.path)?;
        let size = self.write(&capture, &*medium, validity)?;
        if kind == CheckpointKind::Durable {
            medium.sync()?;
        }
        drop(medium);
        // Not before what it leaves out is certain: a commit that is being made may have replaced
        // a record already, so it has to end first.
        drop(self.engine.append_lock.lock());
        if kind != CheckpointKind::Passing {
            self.engine.flush()?;
        }
        self.file.check_name()?;
        disk.rename(&temp.path, &target)?;
        let below = capture.view.generation().journal.sequence(capture.view.watermark());
        self.checkpoints.note(kind, below, size);
        if kind != CheckpointKind::Passing {
            // It would only be older.
            let _ = disk.remove(&passing);
        }
        if kind == CheckpointKind::Durable {
            disk.sync_names(&target)?;
        }
        Ok(())
    }

    /// Appends a note, and lists what there is at that moment.
    fn capture(&self) -> Result<Capture> {
        let mut note = [0; image::NOTE_LEN];
        getrandom::fill(&mut note).map_err(std::io::Error::from)?;
        // With no transaction open: none has taken ids for what it will begin.
        let mut commit = self.engine.begin_commit(Access::Plain)?;
        let note_at = commit.append_note(&note)?;
        let view = self.engine.read_view();
        commit.repeat_mark_of_time()?;
        let guard = crossbeam_epoch::pin();
        let names = self.engine.names.lock();
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
        let next_id = self.engine.next_id.load(Ordering::Relaxed);
        drop((names, commit));
        Ok(Capture { view, note, note_at, next_id, namespaces })
    }

    /// Writes the image, and gives its length.
    fn write(&self, capture: &Capture, medium: &dyn Medium, validity: Validity) -> Result<u64> {
        let below = capture.view.watermark();
        let place = image::place(capture.note, below);
        let reader = capture.view.reader();
        let write = |at: u64, bytes: &[u8]| medium.write_at(at, bytes);
        let vault = reader.generation.journal.vault.as_ref();
        let sealer = vault.map(|v| Sealer::new(&v.keys, v.generation, &write)).transpose()?;
        let sealer = sealer.map(RefCell::new);
        let put = |at: u64, bytes: &[u8]| match &sealer {
            Some(sealer) => sealer.borrow_mut().put(at, bytes),
            None => write(at, bytes),
        };
        let mut writer = ImageWriter::new(&put, place, (reader, below), self.stopped);
        let mut namespaces = Vec::new();
        for captured in &capture.namespaces {
            let namespace = write_namespace(&mut writer, capture, captured, validity.kind)?;
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
        let Some((file_id, generation)) = self.engine.identity() else { return Ok(0) };
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
            boot: validity.boot,
        };
        put(0, &header.encode())?;
        drop(writer);
        match sealer {
            Some(sealer) => Ok(sealer.into_inner().finish(len)?),
            None => Ok(len),
        }
    }
}

/// Writes the sections of a namespace.
fn write_namespace(
    writer: &mut ImageWriter<'_>,
    capture: &Capture,
    captured: &Captured,
    kind: CheckpointKind,
) -> Result<Namespace> {
    let incarnation = &captured.incarnation;
    let slots = writer.slots(&incarnation.table)?;
    let expiries = writer.expiries(incarnation, captured.records)?;
    let keys = capture.view.anchors(incarnation);
    let order = incarnation.order.get().filter(|_| kind != CheckpointKind::Passing);
    let order = order.filter(|order| order.is_built());
    // A namespace that can't be put in order, since a key is damaged, is found unordered by the
    // next open.
    let run = match order.map(|order| writer.run(order, keys)) {
        Some(Err(Error::Corrupted { .. })) | None => None,
        Some(run) => Some(run?),
    };
    Ok(Namespace {
        name: captured.name.clone(),
        options: captured.options.bytes().to_vec(),
        id: incarnation.id,
        records: captured.records,
        live_bytes: captured.live_bytes,
        slots,
        expiries,
        run,
    })
}
