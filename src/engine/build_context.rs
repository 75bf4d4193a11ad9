//! A build's context as a tar stream.
//!
//! Knows which files go along and under which names. Reads the disk in a thread of its own, a few chunks ahead of the
//! engine; never holds the context in memory.

use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::dockerignore::Ignore;
use super::error::EngineError;
use crate::compose::model::Build;

/// The name that a Dockerfile from elsewhere gets in the context. It is named in `.dockerignore` too, so that the engine
/// takes it out again before the first `COPY`.
const FOREIGN_DOCKERFILE: &str = ".hoist.dockerfile";
const IGNORE_FILE: &str = ".dockerignore";
const CHUNK: usize = 128 * 1024;
const QUEUE: usize = 8;

/// What to send, and under which name the engine finds the Dockerfile in it.
#[derive(Debug)]
pub(super) struct ContextPlan {
    folder: PathBuf,
    ignore: Ignore,
    /// Files that are sent whatever `.dockerignore` says, because the engine itself needs them.
    always: Vec<String>,
    /// Files made up here: name and content.
    extra: Vec<(String, Vec<u8>)>,
    pub(super) dockerfile: String,
}

pub(super) type Chunks = mpsc::Receiver<io::Result<Bytes>>;

impl ContextPlan {
    /// Reads `.dockerignore` (`DOCKERFILE.dockerignore` goes before it) and, where it is not in the context, the Dockerfile.
    pub(super) fn new(build: &Build) -> Result<ContextPlan, EngineError> {
        let folder = build.context.clone();
        if !fs::metadata(&folder)
            .map_err(|source| unreadable(&folder, source))?
            .is_dir()
        {
            return Err(unreadable(
                &folder,
                io::Error::new(io::ErrorKind::NotADirectory, "it is no folder"),
            ));
        }
        let wanted = build.dockerfile.as_deref().unwrap_or("Dockerfile");
        let path = folder.join(wanted);
        let (own_ignore, foreign) = match &build.dockerfile_inline {
            Some(text) => (None, Some(text.clone().into_bytes())),
            None => (Some(sibling(&path)), None),
        };
        let inside = relative(&folder, &path);
        let foreign = match (&inside, foreign) {
            (_, Some(text)) => Some(text),
            (Some(_), None) => {
                // Told here, with the path, instead of by the engine after the upload.
                fs::metadata(&path).map_err(|source| unreadable(&path, source))?;
                None
            }
            (None, None) => Some(fs::read(&path).map_err(|source| unreadable(&path, source))?),
        };
        let own = own_ignore.filter(|path| path.is_file());
        let ignore_path = own.unwrap_or_else(|| folder.join(IGNORE_FILE));
        let ignore_text = match fs::read_to_string(&ignore_path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unreadable(&ignore_path, error)),
        };
        let ignore = Ignore::parse(&ignore_text)
            .map_err(|reason| unreadable(&ignore_path, io::Error::new(io::ErrorKind::InvalidData, reason)))?;
        let mut plan = ContextPlan {
            folder,
            ignore,
            always: vec![IGNORE_FILE.to_owned()],
            extra: Vec::new(),
            dockerfile: FOREIGN_DOCKERFILE.to_owned(),
        };
        match (foreign, inside) {
            (Some(text), _) => {
                let mut hidden = format!("{}\n{FOREIGN_DOCKERFILE}\n", ignore_text.trim_end());
                if !plan.folder.join(IGNORE_FILE).exists() {
                    hidden.push_str(IGNORE_FILE);
                    hidden.push('\n');
                }
                plan.extra.push((IGNORE_FILE.to_owned(), hidden.into_bytes()));
                plan.extra.push((FOREIGN_DOCKERFILE.to_owned(), text));
            }
            (None, Some(inside)) => {
                plan.always.push(inside.clone());
                plan.dockerfile = inside;
            }
            (None, None) => {}
        }
        Ok(plan)
    }

    /// Starts to pack. The handle gives the reason where the stream breaks off; a stream that nobody reads any more
    /// ends the packing.
    pub(super) fn stream(self) -> (Chunks, JoinHandle<Result<(), EngineError>>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let packing = tokio::task::spawn_blocking(move || {
            let failed = sender.clone();
            let outcome = self.pack(ChunkWriter { sender });
            if let Err(error) = &outcome {
                let _ = failed.blocking_send(Err(io::Error::other(error.to_string())));
            }
            outcome
        });
        (receiver, packing)
    }

    fn pack(&self, writer: impl Write) -> Result<(), EngineError> {
        let mut archive = tar::Builder::new(BufWriter::with_capacity(CHUNK, writer));
        archive.follow_symlinks(false);
        for (name, content) in &self.extra {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_entry_type(tar::EntryType::Regular);
            archive
                .append_data(&mut header, name, content.as_slice())
                .map_err(|source| unreadable(&self.folder, source))?;
        }
        self.pack_folder(&mut archive, &self.folder, "")?;
        archive
            .into_inner()
            .and_then(|mut writer| writer.flush())
            .map_err(|source| unreadable(&self.folder, source))
    }

    fn pack_folder(
        &self,
        archive: &mut tar::Builder<impl Write>,
        folder: &Path,
        below: &str,
    ) -> Result<(), EngineError> {
        let mut entries = fs::read_dir(folder)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(|source| unreadable(folder, source))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(unreadable(
                    &path,
                    io::Error::new(io::ErrorKind::InvalidData, "its name is not UTF-8"),
                ));
            };
            let name = if below.is_empty() {
                name
            } else {
                format!("{below}/{name}")
            };
            if self.extra.iter().any(|(extra, _)| *extra == name) {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).map_err(|source| unreadable(&path, source))?;
            let wanted = !self.ignore.excludes(&name) || self.always.contains(&name);
            if metadata.is_dir() {
                if wanted {
                    append(archive, &path, &name, &metadata)?;
                }
                let needed = self.always.iter().any(|always| always.starts_with(&format!("{name}/")));
                if wanted || needed || self.ignore.may_take_back_in(&name) {
                    self.pack_folder(archive, &path, &name)?;
                }
            } else if wanted {
                append(archive, &path, &name, &metadata)?;
            }
        }
        Ok(())
    }
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    path: &Path,
    name: &str,
    metadata: &fs::Metadata,
) -> Result<(), EngineError> {
    let wrong = |source| unreadable(path, source);
    let mut header = tar::Header::new_gnu();
    header.set_metadata(metadata);
    // As the `docker` command does, so that the cache does not depend on who builds.
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_symlink() {
        header.set_size(0);
        let target = fs::read_link(path).map_err(wrong)?;
        archive.append_link(&mut header, name, target).map_err(wrong)
    } else if metadata.is_dir() {
        header.set_size(0);
        archive.append_data(&mut header, name, io::empty()).map_err(wrong)
    } else if metadata.is_file() {
        let file = fs::File::open(path).map_err(wrong)?;
        let content = Exactly {
            inner: file.take(metadata.len()),
        };
        archive.append_data(&mut header, name, content).map_err(wrong)
    } else {
        // Sockets, pipes and devices have no content to build from; the `docker` command leaves sockets out too.
        Ok(())
    }
}

fn unreadable(path: &Path, source: io::Error) -> EngineError {
    EngineError::BuildContext {
        path: path.to_owned(),
        source,
    }
}

/// `DOCKERFILE.dockerignore` beside a Dockerfile.
fn sibling(dockerfile: &Path) -> PathBuf {
    let mut name = dockerfile.file_name().unwrap_or_default().to_os_string();
    name.push(".dockerignore");
    dockerfile.with_file_name(name)
}

/// The name of `path` in `folder`, if it is below it, read without looking at links.
fn relative(folder: &Path, path: &Path) -> Option<String> {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let plain: PathBuf = parts.into_iter().collect();
    let inside = plain.strip_prefix(folder).ok()?.to_str()?;
    Some(inside.to_owned())
}

/// A file that shrinks while it is read would leave the archive without its proper length.
struct Exactly<R> {
    inner: io::Take<R>,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && !buffer.is_empty() && self.inner.limit() > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it became shorter while it was read",
            ));
        }
        Ok(count)
    }
}

/// Hands chunks to the request, and waits when it is behind.
struct ChunkWriter {
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sender
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn packed(build: &Build) -> (String, Vec<(String, String)>) {
        let plan = ContextPlan::new(build).unwrap();
        let mut bytes = Vec::new();
        plan.pack(&mut bytes).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let name = entry.path().unwrap().to_str().unwrap().to_owned();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                (name, text)
            })
            .collect();
        (plan.dockerfile, entries)
    }

    fn names(entries: &[(String, String)]) -> Vec<&str> {
        entries.iter().map(|(name, _)| name.trim_end_matches('/')).collect()
    }

    #[test]
    fn what_is_ignored_stays_at_home_but_the_dockerfile_goes_along() {
        let folder = folder(&[
            ("Dockerfile", "FROM scratch"),
            (".dockerignore", "*\n!src\nsrc/secret\n!keep/me"),
            ("src/main.rs", "main"),
            ("src/secret", "no"),
            ("keep/me", "yes"),
            ("keep/not", "no"),
        ]);
        let (dockerfile, entries) = packed(&Build {
            context: folder.path().to_owned(),
            ..Build::default()
        });
        assert_eq!(dockerfile, "Dockerfile");
        assert_eq!(
            names(&entries),
            [".dockerignore", "Dockerfile", "keep/me", "src", "src/main.rs"]
        );
    }

    #[test]
    fn a_dockerfile_from_elsewhere_is_hidden_from_copy() {
        let folder = folder(&[("context/file", "x"), ("other/Dockerfile", "FROM other")]);
        let (dockerfile, entries) = packed(&Build {
            context: folder.path().join("context"),
            dockerfile: Some("../other/Dockerfile".into()),
            ..Build::default()
        });
        assert_eq!(names(&entries), [".dockerignore", dockerfile.as_str(), "file"]);
        assert_eq!(entries[1].1, "FROM other");
        assert_eq!(entries[0].1, format!("\n{dockerfile}\n.dockerignore\n"));
    }

    #[test]
    fn an_inline_dockerfile_takes_the_place_of_the_file() {
        let folder = folder(&[("Dockerfile", "FROM wrong"), (".dockerignore", "a")]);
        let (dockerfile, entries) = packed(&Build {
            context: folder.path().to_owned(),
            dockerfile_inline: Some("FROM right".into()),
            ..Build::default()
        });
        let text = |name: &str| entries.iter().find(|(entry, _)| entry == name).unwrap().1.clone();
        assert_eq!(text(&dockerfile), "FROM right");
        assert_eq!(text(".dockerignore"), format!("a\n{dockerfile}\n"));
    }

    #[test]
    fn an_ignore_file_of_the_dockerfiles_own_goes_before_the_contexts() {
        let folder = folder(&[
            ("docker/Dockerfile", "FROM scratch"),
            ("docker/Dockerfile.dockerignore", "b"),
            (".dockerignore", "a"),
            ("a", ""),
            ("b", ""),
        ]);
        let (dockerfile, entries) = packed(&Build {
            context: folder.path().to_owned(),
            dockerfile: Some("docker/Dockerfile".into()),
            ..Build::default()
        });
        assert_eq!(dockerfile, "docker/Dockerfile");
        assert!(
            names(&entries).contains(&"a") && !names(&entries).contains(&"b"),
            "{entries:?}"
        );
    }

    #[test]
    fn links_are_sent_as_links_and_nobody_owns_the_files() {
        let folder = folder(&[("Dockerfile", "FROM scratch")]);
        std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
        let plan = ContextPlan::new(&Build {
            context: folder.path().to_owned(),
            ..Build::default()
        })
        .unwrap();
        let mut bytes = Vec::new();
        plan.pack(&mut bytes).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let link = archive
            .entries()
            .unwrap()
            .map(Result::unwrap)
            .find(|entry| entry.path().unwrap().ends_with("link"));
        let link = link.unwrap();
        assert_eq!(link.link_name().unwrap().unwrap().to_str(), Some("nowhere"));
        assert_eq!((link.header().uid().unwrap(), link.header().gid().unwrap()), (0, 0));
    }

    #[test]
    fn a_missing_dockerfile_is_told_with_its_path() {
        let folder = folder(&[("file", "x")]);
        let error = ContextPlan::new(&Build {
            context: folder.path().to_owned(),
            ..Build::default()
        })
        .unwrap_err();
        assert!(error.to_string().contains("/Dockerfile"), "{error}");
    }
}
