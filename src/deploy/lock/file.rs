//! The lock of a project on a single engine: a file in the state directory that the operating system locks, so that it is free
//! again when its holder ends, however that happens. What stands in the file says who it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::holder::Holder;
use super::{Attempt, Look};
use crate::deploy::error::DeployError;
use crate::deploy::operator::Operator;
use crate::plan::digest;

/// The lock of a project without a pool.
pub(super) struct FileLock {
    path: PathBuf,
    holder: Holder,
    /// Locked as long as it is open.
    file: Mutex<Option<File>>,
}

impl FileLock {
    pub(super) fn new(path: PathBuf, holder: Holder) -> FileLock {
        FileLock {
            path,
            holder,
            file: Mutex::new(None),
        }
    }

    pub(super) fn try_to_take(&self) -> Result<Attempt, DeployError> {
        self.try_to_take_file().map_err(|error| failure(&self.path, &error))
    }

    fn try_to_take_file(&self) -> io::Result<Attempt> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&self.path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Attempt::HeldBy(words_of_holder(&self.path)?)),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Its last holder removes it before closing it: then this one is no longer what others find by that name.
            if !is_at(&file, &self.path) {
                continue;
            }
            let from = read(&self.path)?;
            file.set_len(0)?;
            let words = serde_json::to_vec_pretty(&self.holder.labels()).map_err(io::Error::other)?;
            file.write_all(&words)?;
            *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
            return Ok(Attempt::Taken { from });
        }
    }

    /// Looks whether the file that is locked is still what others find.
    pub(super) fn look(&self) -> Look {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match &*file {
            Some(file) if !is_at(file, &self.path) => Look::Lost(read(&self.path).ok().flatten()),
            _ => Look::Ours,
        }
    }

    /// Removes the file where it is still ours.
    pub(super) fn let_go(&self) -> io::Result<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        match file {
            Some(file) if is_at(&file, &self.path) => std::fs::remove_file(&self.path),
            _ => Ok(()),
        }
    }
}

/// Where the lock of a project on the operator's engine is.
pub(super) fn path(operator: &Operator, project: &str) -> PathBuf {
    operator.state.join("locks").join(project_on_engine(operator, project))
}

/// A project on the operator's engine, as the name of a file: engines are told apart by where they listen.
pub(in crate::deploy) fn project_on_engine(operator: &Operator, project: &str) -> String {
    let engine = match &operator.context {
        Ok((_, endpoint)) => endpoint.to_string(),
        Err(_) => String::new(),
    };
    let engine = digest::of(&engine);
    format!("{project}-{}", &engine[..12])
}

/// Removes a lock, whosever it is, and says whose it was.
pub(super) fn remove(path: &Path) -> Result<Option<Holder>, DeployError> {
    let removed = || {
        let holder = read(path)?;
        match std::fs::remove_file(path) {
            Ok(()) => Ok(Some(holder.unwrap_or_else(|| Holder::of_labels(&Default::default())))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    };
    removed().map_err(|error: io::Error| failure(path, &error))
}

/// Whose words stand in the file; `None`: it is not there or nothing stands in it.
fn read(path: &Path) -> io::Result<Option<Holder>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)
            .ok()
            .map(|labels| Holder::of_labels(&labels))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same of a file that is locked: its holder may be about to write.
fn words_of_holder(path: &Path) -> io::Result<Holder> {
    for _ in 0..10 {
        if let Some(holder) = read(path)? {
            return Ok(holder);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(Holder::of_labels(&Default::default()))
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(own), Ok(found)) = (file.metadata(), std::fs::metadata(path)) else {
        return false;
    };
    (own.dev(), own.ino()) == (found.dev(), found.ino())
}

fn failure(path: &Path, error: &io::Error) -> DeployError {
    DeployError::Content {
        kind: "lock",
        key: path.display().to_string(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(folder: &Path, user: &str) -> FileLock {
        FileLock::new(
            folder.join("locks/shop-engine"),
            Holder::this_process(user, "laptop", "up"),
        )
    }

    #[test]
    fn one_holds_it_until_it_lets_go_and_the_other_knows_who() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, ben) = (lock(folder.path(), "ann"), lock(folder.path(), "ben"));
        assert!(matches!(ann.try_to_take().unwrap(), Attempt::Taken { from: None }));
        let Attempt::HeldBy(holder) = ben.try_to_take().unwrap() else {
            panic!("two hold it")
        };
        assert_eq!(holder, ann.holder);
        assert!(matches!(ann.look(), Look::Ours));
        ann.let_go().unwrap();
        assert!(!ann.path.exists());
        assert!(matches!(ben.try_to_take().unwrap(), Attempt::Taken { from: None }));
    }

    #[test]
    fn what_a_holder_left_behind_is_taken_over_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, ben) = (lock(folder.path(), "ann"), lock(folder.path(), "ben"));
        assert!(matches!(ann.try_to_take().unwrap(), Attempt::Taken { .. }));
        // As the end of its process does.
        drop(ann.file.lock().unwrap().take());
        let Attempt::Taken { from: Some(left) } = ben.try_to_take().unwrap() else {
            panic!("nobody left it")
        };
        assert_eq!(left.user, "ann");
    }

    #[test]
    fn a_lock_that_was_removed_is_lost_to_whoever_took_it_then() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, ben) = (lock(folder.path(), "ann"), lock(folder.path(), "ben"));
        assert!(matches!(ann.try_to_take().unwrap(), Attempt::Taken { .. }));
        assert_eq!(remove(&ann.path).unwrap().unwrap().user, "ann");
        assert!(matches!(ann.look(), Look::Lost(None)));
        assert!(matches!(ben.try_to_take().unwrap(), Attempt::Taken { from: None }));
        let Look::Lost(Some(to)) = ann.look() else {
            panic!("it is not lost")
        };
        assert_eq!(to.user, "ben");
        ann.let_go().unwrap();
        assert!(ben.path.exists());
        assert_eq!(remove(&ann.path.with_extension("none")).unwrap(), None);
    }
}
