//! Memory that nothing needs any more: versions that views kept, and the room of keys that have gone.

use std::time::{Duration, Instant};

use crossbeam_epoch::Guard;

use crate::engine::Engine;
use crate::engine::append_lock::Append;
use crate::engine::write_op::WriteOp;
use crate::format::record::Verb;
use crate::mvcc::generation::{Generation, GenerationHandle};
use crate::mvcc::incarnation::Incarnation;

/// For how long shrinking an index may keep writers waiting, and how long it lets them write then.
const HELD_MAX: Duration = Duration::from_micros(200);
const LET_WRITE: Duration = Duration::from_micros(100);

impl Engine {
    /// Frees former incarnations and dropped namespaces that no view needs any more. After the
    /// watermark has moved, no new view can need one.
    #[inline]
    pub(super) fn trim(
        &self,
        generation: &Generation,
        append: &mut Append,
        ops: &[WriteOp<'_>],
        guard: &Guard,
    ) {
        if !append.unneeded.untrimmed.is_empty() || append.unneeded.dropped {
            self.trim_unneeded(generation, append, ops, guard);
        }
    }

    /// The same where there is something, which most commits don't come to.
    #[inline(never)]
    fn trim_unneeded(
        &self,
        generation: &Generation,
        append: &mut Append,
        ops: &[WriteOp<'_>],
        guard: &Guard,
    ) {
        let unneeded = &mut append.unneeded;
        let gone = generation.views.gone();
        if gone == unneeded.trimmed_at && ops.iter().all(|op| op.verb != Verb::Clear) {
            return;
        }
        unneeded.trimmed_at = gone;
        let seen = |start, end| generation.views.any_between(start, end);
        unneeded.untrimmed.retain(|_, namespace| namespace.trim(seen, guard));
        if unneeded.dropped {
            let mut names = self.names.lock();
            names.dropped.retain(|namespace| {
                let is_seen = namespace.is_seen(&generation.views);
                if !is_seen {
                    namespace.let_go(guard);
                }
                is_seen
            });
            unneeded.dropped = !names.dropped.is_empty();
        }
    }

    /// The same when no commit comes after the last view has gone. Tells whether something is still
    /// kept.
    pub(crate) fn trim_between_commits(&self) -> bool {
        let mut append = self.append_lock.lock();
        let guard = crossbeam_epoch::pin();
        let handle = self.generation(&guard);
        self.trim(&handle.generation, &mut append, &[], &guard);
        !append.unneeded.untrimmed.is_empty() || append.unneeded.dropped
    }

    /// Makes the hash index of an incarnation as small as its keys allow, for whoever has the right
    /// to maintain, with writers let in between.
    pub(crate) fn shrink_table(
        &self,
        handle: &GenerationHandle,
        incarnation: &Incarnation,
        stopped: impl Fn() -> bool,
    ) {
        let table = &incarnation.table;
        let generation = &handle.generation;
        let mut held = Duration::ZERO;
        loop {
            let before = table.bytes();
            let mut tag = Some(0);
            while let Some(from) = tag {
                if stopped() {
                    return;
                }
                table.read_ahead(from, &crossbeam_epoch::pin());
                let append = self.append_lock.lock();
                let (began, guard) = (Instant::now(), crossbeam_epoch::pin());
                let oldest = generation.views.oldest().min(generation.watermark());
                tag = table.shrink_at(from, oldest, &guard);
                drop((guard, append));
                held += began.elapsed();
                if held > HELD_MAX {
                    std::thread::sleep(LET_WRITE);
                    held = Duration::ZERO;
                }
            }
            if table.bytes() >= before {
                break;
            }
        }
        let _append = self.append_lock.lock();
        table.shrink_directory(&crossbeam_epoch::pin());
    }
}
