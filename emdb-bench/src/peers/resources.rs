//! The resources that a process and its files use.

use std::path::Path;

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

/// The blocks on disk of the files in `folder`, in MiB: those of `.meta` files, which hold nothing
/// that can't be computed again, apart from the rest.
pub struct Disk {
    pub data: f64,
    pub meta: f64,
}

impl Disk {
    pub fn of(folder: &Path) -> Outcome<Disk> {
        let mut disk = Disk { data: 0.0, meta: 0.0 };
        disk.add(folder)?;
        Ok(disk)
    }

    fn add(&mut self, folder: &Path) -> Outcome<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                self.add(&entry.path())?;
                continue;
            }
            // Allocated blocks, as `du` counts them: a sparse file takes what it holds.
            let size = std::os::unix::fs::MetadataExt::blocks(&metadata) as f64 * 512.0 / MIB;
            if entry.path().extension().is_some_and(|extension| extension == "meta") {
                self.meta += size;
            } else {
                self.data += size;
            }
        }
        Ok(())
    }
}
