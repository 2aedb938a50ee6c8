//! The resources that a process and its files use.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::engine::Outcome;

const MIB: f64 = (1 << 20) as f64;

/// The process's memory when it began: the workload's, which no figure counts.
pub struct Memory {
    resident: f64,
    anonymous: f64,
}

impl Memory {
    /// Takes the present for the beginning. The peak so far is forgotten.
    pub fn begin() -> Outcome<Memory> {
        std::fs::write("/proc/self/clear_refs", "5")?;
        Ok(Memory { resident: status("VmRSS")?, anonymous: status("RssAnon")? })
    }

    /// The peak since the beginning, mapped files included, in MiB.
    pub fn peak(&self) -> Outcome<f64> {
        Ok((status("VmHWM")? - self.resident).max(0.0))
    }

    /// The memory that no file backs, in MiB.
    pub fn anonymous(&self) -> Outcome<f64> {
        Ok((status("RssAnon")? - self.anonymous).max(0.0))
    }
}

/// A field of the process's status that is given in kB, in MiB.
fn status(field: &str) -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no such field")?;
    Ok(kib.parse::<f64>()? * 1024.0 / MIB)
}

/// Does `work`, and gives the peak of the memory that no file backs, above what it was, in MiB. A
/// thread looks every millisecond, as the kernel keeps no such peak.
pub fn with_peak<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, f64)> {
    let before = status("RssAnon")?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = before;
            while !done.load(Ordering::Relaxed) {
                peak = peak.max(status("RssAnon")?);
                std::thread::sleep(Duration::from_millis(1));
            }
            Outcome::Ok(peak)
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        let peak = watch.join().unwrap_or(Err("a thread panicked".into()))?;
        Ok((worked?, peak - before))
    })
}

/// The MiB that this process has had written to a device, or will: pages count when they first
/// become dirty, and again after each time that they were written.
pub fn bytes_written() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.ok_or("no count of written bytes")?.parse::<f64>()? / MIB)
}

/// The blocks on disk of all files in `folder`, in MiB.
pub fn disk_use(folder: &Path) -> Outcome<f64> {
    let mut used = 0.0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        used += if metadata.is_dir() {
            disk_use(&entry.path())?
        } else {
            // Allocated blocks, as `du` counts them: a sparse file takes what it holds.
            std::os::unix::fs::MetadataExt::blocks(&metadata) as f64 * 512.0 / MIB
        };
    }
    Ok(used)
}
