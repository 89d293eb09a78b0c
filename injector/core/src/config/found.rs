//! Secrets that no configuration names: templates ask for them by their paths, and some of those come out of a list or out
//! of another secret, so that they are found while a template is rendered, and may be others the next time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{OnStale, SecretSpec};
use crate::provider::Manner;
use crate::reference::{Name, Reference};
use crate::template::{CallKind, SecretCall};

/// How secrets are had that a template asks for while it is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Further {
    /// The store that is asked.
    pub store: Name,
    /// How often, and what becomes of those that cannot be had.
    pub pace: Pace,
}

/// What a configuration says of all secrets that are asked for by a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// How often one is looked at that is read, where that is not as usual.
    pub refresh: Option<Duration>,
    /// How long a look may fail until the agent ends.
    pub gives_up: Option<Duration>,
}

impl Pace {
    pub(crate) fn set(self, secret: &mut SecretSpec) {
        if let Some(refresh) = self.refresh.filter(|_| secret.with.is_empty()) {
            secret.refresh = refresh;
        }
        if let Some(wait) = self.gives_up {
            // Between two looks nothing can fail.
            secret.max_stale = Some(secret.refresh + wait);
            secret.on_stale = OnStale::Exit;
        }
    }
}

/// What a call of a template asks for.
pub(super) fn asked_for(store: &Name, call: &SecretCall) -> Result<SecretSpec, String> {
    let from = Reference::parse(&format!("{store}:{}", call.path)).map_err(|(what, _)| what)?;
    let with: BTreeMap<String, String> = call.arguments.iter().cloned().collect();
    let refresh = SecretSpec::default_refresh(&with);
    let manner = if call.kind == CallKind::List { Manner::List } else { Manner::Whole };
    Ok(SecretSpec { refresh, with, manner, ..SecretSpec::new(from) })
}

/// The names that a call may have, the likeliest first: numbers of what it asks for, so that it has its name whatever
/// templates come and go around it. FNV-1a.
pub(super) fn names(store: &Name, call: &SecretCall) -> impl Iterator<Item = Name> {
    let arguments = call.arguments.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let list = (call.kind == CallKind::List).then_some("list");
    let parts = [store.as_str(), call.path.as_str()].into_iter().chain(arguments).chain(list);
    let bytes = parts.flat_map(|part| part.bytes().chain([0]));
    let first = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..=u32::MAX)
        .map(move |next| Name::parse(&format!("path.{:08x}", first.wrapping_add(next))).expect("it is a name"))
}

/// The secrets that templates have asked for so far, each under a name of ours.
#[derive(Debug, Default)]
pub struct Found(BTreeMap<Name, SecretSpec>);

impl Found {
    /// Gives what is asked for under a name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&SecretSpec> {
        self.0.get(name)
    }

    /// Lists them.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &SecretSpec)> {
        self.0.iter()
    }

    /// Gives the name of what a call asks for, where it is one of these, or of those that the configuration has. Two calls
    /// that ask for the same have one.
    #[must_use]
    pub fn name(&self, known: &BTreeMap<Name, SecretSpec>, further: &Further, call: &SecretCall) -> Option<Name> {
        self.seek(known, further, call).ok().filter(|(_, new)| new.is_none()).map(|(name, _)| name)
    }

    /// The same, and takes it in if it is new.
    ///
    /// # Errors
    /// Says what is wrong with the path.
    pub fn take_in(
        &mut self,
        known: &BTreeMap<Name, SecretSpec>,
        further: &Further,
        call: &SecretCall,
    ) -> Result<Name, String> {
        let (name, new) = self.seek(known, further, call)?;
        if let Some(new) = new {
            self.0.insert(name.clone(), new);
        }
        Ok(name)
    }

    /// Nobody asks for it any more.
    pub fn remove(&mut self, name: &Name) {
        self.0.remove(name);
    }

    fn seek(
        &self,
        known: &BTreeMap<Name, SecretSpec>,
        further: &Further,
        call: &SecretCall,
    ) -> Result<(Name, Option<SecretSpec>), String> {
        let mut spec = asked_for(&further.store, call)?;
        further.pace.set(&mut spec);
        for name in names(&further.store, call) {
            match known.get(&name).or_else(|| self.0.get(&name)) {
                Some(other) if (&other.from, &other.with, &other.manner) == (&spec.from, &spec.with, &spec.manner) => {
                    return Ok((name, None));
                }
                Some(_) => {}
                None => return Ok((name, Some(spec))),
            }
        }
        Err("there is no name left for it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str, kind: CallKind) -> SecretCall {
        SecretCall { path: path.to_owned(), arguments: Vec::new(), kind }
    }

    #[test]
    fn what_is_the_same_has_one_name_and_what_is_not_another() {
        let store = Name::parse("vault").unwrap();
        let pace = Pace { refresh: Some(Duration::from_secs(7)), gives_up: Some(Duration::from_secs(300)) };
        let further = Further { store: store.clone(), pace };
        let (known, mut found) = (BTreeMap::new(), Found::default());
        let (secret, list) = (call("kv/a", CallKind::Secret), call("kv/a", CallKind::List));
        assert_eq!(found.name(&known, &further, &secret), None);
        let name = found.take_in(&known, &further, &secret).unwrap();
        assert_eq!(found.name(&known, &further, &secret).as_ref(), Some(&name));
        let other = found.take_in(&known, &further, &list).unwrap();
        assert_ne!(name, other);
        let spec = found.get(&name).unwrap();
        assert_eq!((spec.refresh.as_secs(), spec.max_stale.unwrap().as_secs(), spec.on_stale), (7, 307, OnStale::Exit));
        assert_eq!((&spec.manner, &found.get(&other).unwrap().manner), (&Manner::Whole, &Manner::List));
        // One that the configuration has by another right is not taken for it.
        let taken = BTreeMap::from([(name.clone(), asked_for(&store, &call("kv/b", CallKind::Secret)).unwrap())]);
        let mut found = Found::default();
        assert_ne!(found.take_in(&taken, &further, &secret).unwrap(), name);
        let same = BTreeMap::from([(name.clone(), asked_for(&store, &secret).unwrap())]);
        assert_eq!(Found::default().name(&same, &further, &secret), Some(name));
        assert!(found.take_in(&known, &further, &call("kv/\n", CallKind::Secret)).is_err());
    }
}
