//! A folder or a file. Links are not followed, so a loop of them is no loop; of a tree's `.git` only the settings are
//! read, since its history is another target's matter. In a file system it is what somebody left there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ignore::{WalkBuilder, WalkState};

use super::{Flow, Limits, Sink, Source, SourceError, Why, crew};
use crate::origin::Origin;

/// A folder, with all below it, or one file.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    respect_gitignore: bool,
    /// Whether `.git` is a folder like any other.
    history: bool,
    /// Whether it is the file system that is being run, with what the kernel shows in it.
    running: bool,
}

/// Where the kernel shows what is no file of a file system.
const KERNEL: [&str; 3] = ["proc", "sys", "dev"];

impl Files {
    /// Everything below `root`, files that git ignores included: secrets live in them.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), respect_gitignore: false, history: false, running: false }
    }

    /// An unpacked file system: everything below `root`, with the history that somebody left in it.
    #[must_use]
    pub fn unpacked(root: &Path) -> Self {
        Self { history: true, ..Self::new(root) }
    }

    /// The file system that is being run: what the kernel shows at its root is counted, and not read.
    #[must_use]
    pub fn running() -> Self {
        Self { running: true, ..Self::unpacked(Path::new("/")) }
    }

    /// Passes over what ignore files name, and counts it.
    #[must_use]
    pub fn respect_gitignore(mut self, respect: bool) -> Self {
        self.respect_gitignore = respect;
        self
    }

    fn walker(&self, limits: &Limits) -> WalkBuilder {
        let mut builder = WalkBuilder::new(&self.root);
        builder.standard_filters(false).follow_links(false).threads(limits.jobs.max(1));
        if self.respect_gitignore {
            builder.git_ignore(true).git_exclude(true).git_global(true).ignore(true).parents(true).require_git(false);
        }
        builder
    }
}

impl Source for Files {
    fn walk(&self, limits: &Limits, sink: &dyn Sink) -> Result<(), SourceError> {
        let open = |error| SourceError::Open { target: self.root.display().to_string(), error };
        let root = std::fs::metadata(&self.root).map_err(open)?;
        if root.is_dir() {
            std::fs::read_dir(&self.root).map_err(open)?;
        } else {
            // A file that the user names is opened whatever it is: a pipe or device too.
            let mut file = File::open(&self.root).map_err(open)?;
            let origin = Origin::File(self.root.clone());
            // It may be an archive.
            crew::alone(crew::hands(limits.jobs, 1, root.len()), sink, || {
                if sink.content(origin.clone(), &mut file).is_err() {
                    sink.skipped(Why::Unreadable, &origin);
                }
            });
            return Ok(());
        }
        let mut builder = self.walker(limits);
        if self.respect_gitignore {
            builder.filter_entry(|entry| entry.file_name() != ".git");
        }
        let (running, history) = (self.running, self.history);
        let later = Mutex::default();
        builder.build_parallel().run(|| {
            Box::new(|entry| {
                if sink.flow() == Flow::Stop {
                    return WalkState::Quit;
                }
                match entry {
                    Ok(entry) if running && is_of_kernel(&entry) => {
                        sink.skipped(Why::Special, &Origin::File(entry.into_path()));
                        WalkState::Skip
                    }
                    Ok(entry) => visit(&entry, history, &later, sink),
                    Err(error) => {
                        sink.skipped(
                            Why::Unreadable,
                            &Origin::File(path_of(&error).unwrap_or_else(|| self.root.clone())),
                        );
                        WalkState::Continue
                    }
                }
            })
        });
        read_together(later.into_inner().unwrap_or_else(PoisonError::into_inner), limits, sink);
        if self.respect_gitignore {
            self.count_ignored(limits, sink);
        }
        Ok(())
    }
}

impl Files {
    /// What the ignore files took away is counted, so that nothing goes unseen.
    fn count_ignored(&self, limits: &Limits, sink: &dyn Sink) {
        let mut kept = std::collections::HashSet::new();
        for entry in self.walker(limits).filter_entry(|e| e.file_name() != ".git").build().flatten() {
            kept.insert(entry.into_path());
        }
        let mut all = WalkBuilder::new(&self.root);
        all.standard_filters(false).follow_links(false).filter_entry(|e| e.file_name() != ".git");
        for entry in all.build().flatten() {
            if entry.file_type().is_some_and(|t| t.is_file()) && !kept.contains(entry.path()) {
                sink.skipped(Why::Ignored, &Origin::File(entry.into_path()));
            }
        }
    }
}

fn is_of_kernel(entry: &ignore::DirEntry) -> bool {
    entry.depth() == 1 && KERNEL.iter().any(|name| entry.file_name() == *name)
}

fn visit(entry: &ignore::DirEntry, history: bool, later: &Mutex<Vec<Large>>, sink: &dyn Sink) -> WalkState {
    let origin = || Origin::File(shown(entry.path()));
    let Some(kind) = entry.file_type() else { return WalkState::Continue };
    if kind.is_dir() {
        if !history && entry.file_name() == ".git" && entry.depth() > 0 {
            sink.skipped(Why::GitFolder, &origin());
            return if settings_of(entry.path(), sink) == Flow::Stop { WalkState::Quit } else { WalkState::Skip };
        }
    } else if kind.is_symlink() {
        sink.skipped(Why::Symlink, &origin());
    } else if kind.is_file() {
        if may_be_archive(entry.path())
            && let Ok(found) = entry.metadata()
            && found.len() >= LARGE
        {
            later.lock().unwrap_or_else(PoisonError::into_inner).push((found.len(), entry.path().to_owned()));
            return WalkState::Continue;
        }
        read(entry.path(), sink);
    } else {
        sink.skipped(Why::Special, &origin());
    }
    WalkState::Continue
}

/// An archive's size, and where it is.
type Large = (u64, PathBuf);

/// Large archives are read when the rest is, by all threads at once: one that is met last would keep one thread alone busy.
const LARGE: u64 = 8 << 20;
/// How the names of archives end that are often large.
const ARCHIVES: [&str; 13] = ["apk", "bz2", "deb", "ear", "gz", "jar", "pack", "tar", "tgz", "war", "xz", "zip", "zst"];

fn may_be_archive(path: &Path) -> bool {
    path.extension().is_some_and(|end| ARCHIVES.iter().any(|archive| end.eq_ignore_ascii_case(archive)))
}

/// Reads large archives, the largest first.
fn read_together(mut all: Vec<Large>, limits: &Limits, sink: &dyn Sink) {
    all.sort_unstable_by(|one, other| other.cmp(one));
    let hands = crew::hands(limits.jobs, all.len(), all.iter().map(|(size, _)| size).sum());
    let all = Mutex::new(all.into_iter());
    let next = || all.lock().unwrap_or_else(PoisonError::into_inner).next();
    crew::together(hands, sink, &|| {
        while sink.flow() == Flow::Go
            && let Some((_, path)) = next()
        {
            read(&path, sink);
        }
    });
}

/// Reads a file that was met on the walk.
fn read(path: &Path, sink: &dyn Sink) {
    let origin = Origin::File(shown(path));
    let read = open_regular(path).and_then(|file| match file {
        Some(mut file) => sink.content(origin.clone(), &mut file),
        None => {
            sink.skipped(Why::Special, &origin);
            Ok(())
        }
    });
    if read.is_err() {
        sink.skipped(Why::Unreadable, &origin);
    }
}

/// What git keeps as plain text: people put passwords into the addresses of remotes.
fn settings_of(git: &Path, sink: &dyn Sink) -> Flow {
    for name in ["config", "config.worktree", "FETCH_HEAD"] {
        let path = git.join(name);
        if std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            let origin = Origin::File(shown(&path));
            let read = open_regular(&path)
                .and_then(|file| file.map_or(Ok(()), |mut file| sink.content(origin.clone(), &mut file)));
            if read.is_err() {
                sink.skipped(Why::Unreadable, &origin);
            }
        }
    }
    sink.flow()
}

/// Opens without blocking, in case a pipe has taken the file's place since it was listed.
fn open_regular(path: &Path) -> io::Result<Option<File>> {
    use std::os::unix::fs::OpenOptionsExt;
    const O_NONBLOCK: i32 = 0o4000;
    const O_NOFOLLOW: i32 = 0o400_000;
    match std::fs::OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOFOLLOW).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) => Err(error),
    }
}

/// `./a/b` is shown as `a/b`.
fn shown(path: &Path) -> PathBuf {
    path.strip_prefix("./").unwrap_or(path).to_owned()
}

fn path_of(error: &ignore::Error) -> Option<PathBuf> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(shown(path)),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(shown(child)),
        _ => None,
    }
}
