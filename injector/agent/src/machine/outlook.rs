//! How things are, in a line: for whoever reads `systemctl status`. Unlike [`Status`](super::Status) it costs next to
//! nothing while all is well, since it is worked out at each step.

use std::fmt;

use oakum_inject::Class;
use oakum_inject::reference::Name;

use super::{Agent, Phase, SecretState};

/// How many faults are named.
const NAMED: usize = 3;

/// Names and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outlook {
    pub(crate) ready: bool,
    pub(crate) secrets: usize,
    /// How many of them are wherever they belong.
    pub(crate) delivered: usize,
    /// What cannot be had, or not be refreshed.
    pub(crate) faults: Vec<(Name, Class)>,
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ready: _, secrets, delivered, faults } = self;
        let plural = if *secrets == 1 { "" } else { "s" };
        if delivered == secrets {
            write!(f, "{secrets} secret{plural} delivered")?;
        } else {
            write!(f, "{delivered} of {secrets} secret{plural} delivered")?;
        }
        for (at, (name, class)) in faults.iter().take(NAMED).enumerate() {
            write!(f, "{}{name}: {}", if at == 0 { "; " } else { ", " }, class.name())?;
        }
        match faults.len().checked_sub(NAMED) {
            Some(more @ 1..) => write!(f, ", and {more} more"),
            _ => Ok(()),
        }
    }
}

impl Agent {
    /// Whether the outlook may be another than when this was last asked. It costs nothing, and an outlook a look at each
    /// secret.
    pub(crate) fn has_news(&mut self) -> bool {
        std::mem::take(&mut self.news) | self.secrets.take_news()
    }

    /// Says how things are.
    pub(crate) fn outlook(&self) -> Outlook {
        let delivered =
            self.secrets.iter().filter(|(name, secret)| secret.delivered.is_some() && self.is_published(name));
        let fault = |(name, secret): (&Name, &SecretState)| {
            let fault = secret.fault.as_ref().or_else(|| self.stores.get(&secret.store)?.fault())?;
            Some((name.clone(), fault.class))
        };
        Outlook {
            ready: self.is_ready(),
            secrets: self.secrets.len(),
            delivered: delivered.count(),
            faults: self.secrets.iter().filter_map(fault).collect(),
        }
    }

    /// Whether every file has been published, in `exec` the child is running, and nothing is too old.
    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Steady
            && self.files.values().all(|file| file.made)
            && !self.secrets.values().any(SecretState::holds_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_and_names_what_is_wrong() {
        let fault = |name: &str| (Name::parse(name).unwrap(), Class::Refused);
        let of = |delivered, faults: &[&str]| {
            let faults = faults.iter().copied().map(fault).collect();
            Outlook { ready: false, secrets: 5, delivered, faults }.to_string()
        };
        assert_eq!(of(5, &[]), "5 secrets delivered");
        let refused = Class::Refused.name();
        assert_eq!(of(4, &["a"]), format!("4 of 5 secrets delivered; a: {refused}"));
        let four = format!("0 of 5 secrets delivered; a: {refused}, b: {refused}, c: {refused}, and 1 more");
        assert_eq!(of(0, &["a", "b", "c", "d"]), four);
        assert_eq!(Outlook { ready: true, secrets: 1, delivered: 1, faults: vec![] }.to_string(), "1 secret delivered");
    }
}
