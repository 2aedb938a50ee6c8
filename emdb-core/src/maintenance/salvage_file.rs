//! The files of a salvage: the damaged one, which is only read, and the one that is made.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crypto::Secret;
use crate::error::{Error, Result, named};
use crate::maintenance::salvage::Salvage;
use crate::maintenance::salvage_report::SalvageReport;
use crate::os::lock::{self, FileLock};
use crate::os::paths::{self, suffix};
use crate::progress::OnProgress;
use crate::storage::Disk;
use crate::storage::file::{FileDisk, FileMedium};
use crate::storage::temp::Temp;

/// A salvage that was asked for.
pub(crate) struct SalvageRequest<'a> {
    pub(crate) damaged: &'a Path,
    pub(crate) target: &'a Path,
    pub(crate) secret: Option<Secret>,
    /// Records of incomplete commits count, too.
    pub(crate) partial_commits: bool,
}

impl SalvageRequest<'_> {
    /// Makes the copy.
    pub(crate) fn run(self, tell: OnProgress<'_>) -> Result<SalvageReport> {
        let source = Source::open(self.damaged)?;
        let target = Target::new(self.target, &source)?;
        let lock = FileLock::acquire(&target.path)?;
        let done = {
            let _temp = Temp::new(&FileDisk, target.temp.clone());
            self.build(source, &target, tell)
        };
        lock.release();
        done.map_err(|e| e.named("salvage to", &target.path))
    }

    fn build(self, source: Source, target: &Target, tell: OnProgress<'_>) -> Result<SalvageReport> {
        target.check_absent()?;
        let medium = Arc::new(FileMedium::new(source.file));
        let salvage = Salvage::new(medium, self.partial_commits, self.secret.as_ref())?;
        let report = salvage.run(&FileDisk, &target.temp, tell)?;
        target.check_absent()?;
        FileDisk.rename(&target.temp, &target.path)?;
        FileDisk.sync_names(&target.path)?;
        Ok(report)
    }
}

/// The damaged file, opened for reading and kept from writers.
struct Source {
    file: File,
    path: PathBuf,
}

impl Source {
    fn open(given: &Path) -> Result<Source> {
        let path = std::fs::canonicalize(given).map_err(named("reach", given))?;
        // Opening something else, a pipe for one, could wait.
        if !std::fs::metadata(&path).map_err(named("look at", &path))?.is_file() {
            let what = format!("{} is not a regular file", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what).into());
        }
        let file = File::open(&path).map_err(named("open", &path))?;
        lock::share(&file)?;
        Ok(Source { file, path })
    }

    /// Whether `path` is this file, by any name.
    fn is_at(&self, path: &Path) -> Result<bool> {
        match std::fs::metadata(path) {
            Ok(_) if std::fs::canonicalize(path)? == self.path => Ok(true),
            Ok(_) => lock::is_same_file(&self.file, path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(named("look at", path)(e).into()),
        }
    }
}

/// The target of the copy.
struct Target {
    path: PathBuf,
    temp: PathBuf,
}

impl Target {
    fn new(given: &Path, source: &Source) -> Result<Target> {
        let path = paths::canonical(given)?;
        let temp = paths::sibling(&path, suffix::SALVAGE);
        let used = [
            paths::lock_file(&path),
            paths::sibling(&temp, suffix::TEMPORARY),
            temp.clone(),
            path.clone(),
        ];
        for name in &used {
            if source.is_at(name)? {
                return Err(Error::config(format!(
                    "{} is the damaged file, which must stay as it is; choose another target",
                    name.display()
                )));
            }
        }
        let target = Target { path, temp };
        target.check_absent()?;
        Ok(target)
    }

    fn check_absent(&self) -> Result<()> {
        match std::fs::metadata(&self.path) {
            Ok(meta) if meta.is_file() && meta.len() == 0 => Ok(()),
            Ok(_) => Err(Error::config(format!(
                "the target {} exists and is not an empty file; choose another, or remove it",
                self.path.display()
            ))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(named("look at", &self.path)(e).into()),
        }
    }
}
