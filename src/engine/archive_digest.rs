//! What is in a tar archive, as one digest: equal where the same files lie at the same paths with the same content, owner,
//! mode, links and times.
//!
//! Knows what an engine's archive of a folder says of a file, whatever the order. Reads each byte once and keeps none.

use std::io::{self, Read};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Receiver;

/// An archive's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveDigest {
    /// SHA-256 over all entries.
    pub digest: [u8; 32],
    /// Files, folders, links.
    pub entries: u64,
    /// Of the files' contents.
    pub bytes: u64,
}

/// Extended attributes of an entry that say nothing of the file itself, or what its header says too.
const LEFT_OUT: [&[u8]; 3] = [b"atime", b"ctime", b"mtime"];

/// Reads an archive to its end. Times count in whole seconds: engines keep no more.
///
/// # Errors
///
/// The archive breaks off, or is none.
pub fn of(archive: impl Read) -> io::Result<ArchiveDigest> {
    let mut archive = tar::Archive::new(archive);
    let mut found: Vec<[u8; 32]> = Vec::new();
    let mut bytes = 0;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut own = Sha256::new();
        let mut field = |value: &[u8]| {
            own.update((value.len() as u64).to_be_bytes());
            own.update(value);
        };
        field(&entry.path_bytes());
        field(&entry.link_name_bytes().unwrap_or_default());
        let header = entry.header();
        field(&[header.entry_type().as_byte()]);
        field(&header.mode()?.to_be_bytes());
        field(&header.uid()?.to_be_bytes());
        field(&header.gid()?.to_be_bytes());
        field(&header.mtime()?.to_be_bytes());
        let device = (
            header.device_major().ok().flatten(),
            header.device_minor().ok().flatten(),
        );
        field(format!("{device:?}").as_bytes());
        let mut extended: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for one in entry.pax_extensions()?.into_iter().flatten() {
            let one = one?;
            if !LEFT_OUT.contains(&one.key_bytes()) {
                extended.push((one.key_bytes().to_vec(), one.value_bytes().to_vec()));
            }
        }
        extended.sort();
        for (key, value) in &extended {
            field(key);
            field(value);
        }
        let mut content = Sha256::new();
        bytes += io::copy(&mut entry, &mut content)?;
        field(&content.finalize());
        found.push(own.finalize().into());
    }
    found.sort_unstable();
    let mut all = Sha256::new();
    found.iter().for_each(|one| all.update(one));
    Ok(ArchiveDigest {
        digest: all.finalize().into(),
        entries: found.len() as u64,
        bytes,
    })
}

/// The chunks of a stream, for readers that wait for them. Never on a thread that runs tasks.
pub struct Chunks {
    pub queue: Receiver<Bytes>,
    pub rest: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.queue.blocking_recv() {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let taken = self.rest.split_to(buffer.len().min(self.rest.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct File {
        path: &'static str,
        content: &'static str,
        mode: u32,
        user: u64,
        time: u64,
    }

    const FILE: File = File {
        path: "volume/a",
        content: "one",
        mode: 0o640,
        user: 1000,
        time: 7,
    };

    fn digest(files: &[File]) -> ArchiveDigest {
        let mut archive = tar::Builder::new(Vec::new());
        for file in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(file.content.len() as u64);
            header.set_mode(file.mode);
            header.set_uid(file.user);
            header.set_gid(0);
            header.set_mtime(file.time);
            archive
                .append_data(&mut header, file.path, file.content.as_bytes())
                .unwrap();
        }
        of(archive.into_inner().unwrap().as_slice()).unwrap()
    }

    fn link(to: &str) -> ArchiveDigest {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_link(&mut header, "volume/link", to).unwrap();
        of(archive.into_inner().unwrap().as_slice()).unwrap()
    }

    #[test]
    fn the_order_of_files_is_nothing_and_everything_else_of_them_counts() {
        let other = || File {
            path: "volume/b",
            ..FILE
        };
        let both = digest(&[FILE, other()]);
        assert_eq!(both, digest(&[other(), FILE]));
        assert_eq!((both.entries, both.bytes), (2, 6));
        let changed = [
            File {
                path: "volume/c",
                ..FILE
            },
            File { content: "two", ..FILE },
            File { mode: 0o644, ..FILE },
            File { user: 0, ..FILE },
            File { time: 8, ..FILE },
        ];
        for file in changed {
            assert_ne!(digest(&[file]).digest, digest(&[FILE]).digest);
        }
        assert_ne!(link("a").digest, link("b").digest);
    }

    #[test]
    fn an_archive_that_breaks_off_is_an_error() {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(4000);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_data(&mut header, "a", &[1; 4000][..]).unwrap();
        let whole = archive.into_inner().unwrap();
        assert!(of(&whole[..2000]).is_err());
        assert!(of(whole.as_slice()).is_ok());
    }
}
