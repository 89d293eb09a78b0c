//! How anything that holds secrets is spoken to, and how its failures are told apart by what one can do about them.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use crate::secret::Fields;

/// What a provider's call gives, some time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// A place that secrets come from. Each is one file and one feature of `oakum-providers`.
///
/// A provider makes a call when it is asked to, and no more: when to ask again, and how long to wait after a failure,
/// is decided by the agent's state machine alone.
pub trait SecretProvider: Send + Sync {
    /// Opens a session where the store has such a thing (a login), in place of the one before.
    ///
    /// # Errors
    /// [`Class::Refused`] when the credentials are not accepted.
    fn login(&self) -> Answer<'_, Session>;

    /// Reads a secret, or says that it is still the one that the caller knows.
    ///
    /// # Errors
    /// [`Class::SessionLost`] when another login may help.
    fn fetch<'a>(&'a self, want: &'a Want) -> Answer<'a, Fetched>;

    /// Prolongs what was granted.
    ///
    /// # Errors
    /// As `fetch`.
    fn renew<'a>(&'a self, grant: &'a Grant) -> Answer<'a, Session>;

    /// Gives back what was granted, so that nobody can use it any more.
    ///
    /// # Errors
    /// As `fetch`.
    fn revoke<'a>(&'a self, grant: &'a Grant) -> Answer<'a, ()>;

    /// Waits until a secret that was fetched may have changed; none where the store cannot tell, so that it is only
    /// polled. The next call goes on where the last one ended, so that no change between them is missed.
    ///
    /// # Errors
    /// When the waiting broke off. It may be tried again after a while.
    fn watch<'a>(&'a self, _want: &'a Want) -> Option<Answer<'a, ()>> {
        None
    }
}

/// Something that a store grants for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grant {
    /// The session that the last login opened.
    Session,
    /// The sessions before it. They stay open, since what was leased in one ends with it, until they are given back.
    Earlier,
    /// A secret that was leased, by the store's own name for that.
    Lease(String),
}

/// For how long a value is good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Term {
    /// Until somebody changes it.
    #[default]
    Open,
    /// Until its end, unless it is prolonged: reading again gives another value, and costs the store another lease.
    Lease(Lease),
    /// Until the store itself replaces it, this long from now. Reading again costs nothing.
    Rotation(Duration),
}

/// A value that was made for us and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The store's name for it; none where it can be neither prolonged nor given back, such as a certificate.
    pub id: Option<String>,
    /// How long it holds from now on.
    pub ttl: Duration,
    /// Whether it can be prolonged.
    pub renewable: bool,
}

/// For how long a session holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// How long it holds from now on; none when it does not end.
    pub ttl: Option<Duration>,
    /// Whether it can be prolonged.
    pub renewable: bool,
    /// Whether it was made by our own login, and so is ours to revoke. A token that lay in a file is not.
    pub ours: bool,
}

impl Session {
    /// A session with a store that knows none: it never ends and there is nothing to revoke.
    pub const NONE: Self = Self { ttl: None, renewable: false, ours: false };
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The path within the store.
    pub path: String,
    /// The version that was pinned, if any.
    pub pinned: Option<u64>,
    /// The stage of which the version is wanted, if any; only stores that have stages are asked for one.
    pub stage: Option<String>,
    /// The version that the caller has already, if any.
    pub known: Option<Version>,
    /// What is sent along: with anything in here, the path is written to and not read.
    pub with: BTreeMap<String, String>,
    /// How it is asked for, and what of the answer is wanted.
    pub manner: Manner,
}

/// How a secret is asked for, and what of the answer is wanted. All but the first are for stores of Vault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Manner {
    /// Its fields.
    #[default]
    Fields,
    /// The whole answer as one field ([`crate::format::WHOLE`]): what a template asked for by its path.
    Whole,
    /// The names below the path as one field, a JSON list: what a template asked for by `secrets`.
    List,
    /// What its owners have written about it, and not the secret itself.
    Metadata,
    /// A token that lasts this long and gives the secret out once, to whoever comes first.
    Token(Duration),
    /// Its fields, by way of such a token: where a policy demands that answers are wrapped.
    ByToken(Duration),
    /// Its fields, by such a token that lies in a file.
    InFile(PathBuf),
}

/// What a read found.
#[derive(Debug)]
pub enum Fetched {
    /// The version that the caller knows is still the newest; no value was read.
    Unchanged,
    /// A value that the caller does not have yet.
    Changed {
        /// The fields, to be dropped as soon as they are delivered.
        fields: Fields,
        /// What to pass as `known` the next time.
        version: Version,
        /// For how long the value is good.
        term: Term,
    },
}

/// Tells two values of a secret apart without holding either.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The store's own number, and a hash of the moment at which it says that the version was made: what is deleted and
    /// written anew is numbered from 1 again.
    Number {
        /// The number.
        number: u64,
        /// The hash.
        made: u64,
    },
    /// A hash of the value under a key that was drawn when the process began and is never written anywhere.
    Digest([u8; 32]),
}

impl Version {
    /// The store's own number, if it has one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number { number, .. } => Some(*number),
            Self::Digest(_) => None,
        }
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { number, .. } => write!(f, "Number({number})"),
            Self::Digest(_) => f.write_str("Digest(..)"),
        }
    }
}

/// What can be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Nobody answered, or the store is sealed, on standby or busy: wait and ask again.
    Unreachable,
    /// The answer made no sense. It may be a proxy's page, so ask again, but somebody should look.
    Malformed,
    /// The session is no longer valid: log in again.
    SessionLost,
    /// The store knows us and says no: somebody must change a policy or a credential.
    Refused,
    /// There is no such secret, version or field: somebody must write it.
    Missing,
    /// Our own configuration cannot work: somebody must change it.
    Misconfigured,
}

impl Class {
    /// Names the class for logs and metrics; the names are stable.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
            Self::SessionLost => "session_lost",
            Self::Refused => "refused",
            Self::Missing => "missing",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// Tells whether waiting may help without anybody doing anything.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Unreachable | Self::Malformed | Self::SessionLost)
    }
}

/// A failure of a provider. Its text never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ProviderError {
    /// What can be done about it.
    pub class: Class,
    /// What was being done, to what, and what went wrong.
    pub what: String,
    /// The way out, where it is known.
    pub hint: Option<String>,
    /// The status of HTTP that the store answered with, if it has answered.
    pub status: Option<u16>,
    /// How long the store asked to be left alone.
    pub retry_after: Option<Duration>,
    /// What somebody has to look at now, if this is more than a failure.
    pub alarm: Option<Alarm>,
}

/// Something that may be an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// The token that our secret id was wrapped in is used up, and not by us.
    WrappingTokenUsed,
    /// The token that our secret id was to be wrapped in was made elsewhere.
    WrappingTokenForeign,
}

impl Alarm {
    /// All of them.
    pub const ALL: &[Self] = &[Self::WrappingTokenUsed, Self::WrappingTokenForeign];

    /// Names the alarm for metrics; in logs it has `vault.` in front. The names are stable.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WrappingTokenUsed => "wrapping_token_used",
            Self::WrappingTokenForeign => "wrapping_token_foreign",
        }
    }
}

impl ProviderError {
    /// Makes an error of a class.
    #[must_use]
    pub fn new(class: Class, what: impl Into<String>) -> Self {
        Self { class, what: what.into(), hint: None, status: None, retry_after: None, alarm: None }
    }

    /// Adds the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the status of the answer.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds how long to wait.
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Makes it an alarm.
    #[must_use]
    pub fn alarm(mut self, alarm: Alarm) -> Self {
        self.alarm = Some(alarm);
        self
    }

    /// Puts what was being done in front of the text.
    #[must_use]
    pub fn while_doing(mut self, doing: &str) -> Self {
        self.what = format!("{doing}: {}", self.what);
        self
    }
}
