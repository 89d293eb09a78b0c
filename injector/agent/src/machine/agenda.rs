//! The secrets, and which of them there is anything to do about. A step is about one secret or two, and may not cost what
//! ten thousand others do: it asks for those that are due, whose value is at hand, or that have been lost, and each is in
//! an index of its own. Whatever is changed goes through [`Secrets::of`] or [`Secrets::each`], which note it, and the
//! indexes follow before the next question.

use std::collections::{BTreeMap, BTreeSet};

use oakum_inject::Class;
use oakum_inject::config::OnStale;
use oakum_inject::reference::Name;

use super::{Moment, SecretState};

/// Names by a moment of theirs.
type Queue = BTreeSet<(Moment, Name)>;

/// What is known of every secret, by its name.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    all: BTreeMap<Name, SecretState>,
    /// Those that may be otherwise than the indexes have them.
    touched: Touched,
    /// Where each stands in the indexes.
    standing: BTreeMap<Name, Standing>,
    /// When something is to be asked of a store, by that store.
    due: BTreeMap<Name, Queue>,
    /// When something becomes too old.
    ageing: Queue,
    /// Those that no fetch has ended for.
    untried: BTreeSet<Name>,
    /// Those whose value the shell holds.
    staged: BTreeSet<Name>,
    /// Those whose files may not be there.
    lost: BTreeSet<Name>,
    /// Whether something has changed that is told to the outside.
    news: bool,
}

#[derive(Debug, Default)]
enum Touched {
    #[default]
    None,
    These(Vec<Name>),
    All,
}

/// What the indexes have of a secret, and what is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each index")]
struct Standing {
    due: Option<(Name, Moment)>,
    ages: Option<Moment>,
    untried: bool,
    staged: bool,
    lost: bool,
    fault: Option<Class>,
    delivered: bool,
    holds_up: bool,
}

impl Standing {
    fn of(secret: &SecretState) -> Self {
        Self {
            due: secret.due.filter(|_| !secret.busy).map(|due| (secret.store.clone(), due)),
            ages: secret.stale_at(),
            untried: !secret.tried,
            staged: secret.staged.is_some(),
            lost: secret.stale && secret.on_stale == OnStale::Remove && secret.staged.is_none(),
            fault: secret.fault.as_ref().map(|fault| fault.class),
            delivered: secret.delivered.is_some(),
            holds_up: secret.holds_up(),
        }
    }

    fn told(&self) -> (Option<Class>, bool, bool) {
        (self.fault, self.delivered, self.holds_up)
    }
}

impl FromIterator<(Name, SecretState)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (Name, SecretState)>>(secrets: I) -> Self {
        let mut all = Self { all: secrets.into_iter().collect(), touched: Touched::All, ..Self::default() };
        all.settle();
        all
    }
}

impl Secrets {
    pub(super) fn get(&self, name: &Name) -> Option<&SecretState> {
        self.all.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Name, &SecretState)> {
        self.all.iter()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &SecretState> {
        self.all.values()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Gives one of them to be changed.
    pub(super) fn of(&mut self, name: &Name) -> Option<&mut SecretState> {
        let secret = self.all.get_mut(name)?;
        match &mut self.touched {
            Touched::All => {}
            Touched::These(names) => names.push(name.clone()),
            none @ Touched::None => *none = Touched::These(vec![name.clone()]),
        }
        Some(secret)
    }

    /// Gives all of them to be changed.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut SecretState> {
        self.touched = Touched::All;
        self.all.values_mut()
    }

    pub(super) fn remove(&mut self, name: &Name) -> Option<SecretState> {
        self.touched = Touched::All;
        self.all.remove(name)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Name) -> bool) {
        self.touched = Touched::All;
        self.all.retain(|name, _| keep(name));
    }

    /// Gives one of them to be changed, and makes it if there is none.
    pub(super) fn or_make(&mut self, name: &Name, make: impl FnOnce() -> SecretState) -> &mut SecretState {
        self.touched = Touched::All;
        self.all.entry(name.clone()).or_insert_with(make)
    }

    /// Lists, by their names, those for which something is to be asked of a store.
    pub(super) fn due(&mut self, store: &Name, now: Moment) -> Vec<Name> {
        self.settle();
        self.due.get(store).map(|queue| until(queue, now)).unwrap_or_default()
    }

    /// Lists, by their names, those that have become too old.
    pub(super) fn aged(&mut self, now: Moment) -> Vec<Name> {
        self.settle();
        until(&self.ageing, now)
    }

    /// When something is to be asked of a store. The indexes have been settled at the end of a step.
    pub(super) fn next_due(&self, store: &Name) -> Option<Moment> {
        self.due.get(store)?.first().map(|(due, _)| *due)
    }

    /// When something becomes too old.
    pub(super) fn next_aged(&self) -> Option<Moment> {
        self.ageing.first().map(|(at, _)| *at)
    }

    /// Whether a fetch has ended for each of them, well or not.
    pub(super) fn all_tried(&mut self) -> bool {
        self.settle();
        self.untried.is_empty()
    }

    /// Those whose value the shell holds.
    pub(super) fn staged(&mut self) -> &BTreeSet<Name> {
        self.settle();
        &self.staged
    }

    /// Those whose files may not be there, since they are older than they may be.
    pub(super) fn lost(&mut self) -> &BTreeSet<Name> {
        self.settle();
        &self.lost
    }

    /// Whether anything has changed since the last time that is told to the outside: faults, deliveries, what is too old.
    pub(super) fn take_news(&mut self) -> bool {
        self.settle();
        std::mem::take(&mut self.news)
    }

    /// Lets the indexes follow.
    pub(super) fn settle(&mut self) {
        match std::mem::take(&mut self.touched) {
            Touched::None => {}
            Touched::These(names) => names.into_iter().for_each(|name| self.stand(name)),
            Touched::All => {
                let gone: Vec<Name> =
                    self.standing.keys().filter(|name| !self.all.contains_key(*name)).cloned().collect();
                let names: Vec<Name> = self.all.keys().cloned().chain(gone).collect();
                names.into_iter().for_each(|name| self.stand(name));
            }
        }
    }

    /// Puts a secret where it belongs now, or takes it out where it is gone.
    fn stand(&mut self, name: Name) {
        let now = self.all.get(&name).map(Standing::of);
        let before = self.standing.get(&name);
        if now.as_ref() == before {
            return;
        }
        let none = Standing::default();
        let (old, new) = (before.unwrap_or(&none), now.as_ref().unwrap_or(&none));
        self.news |= old.told() != new.told();
        if old.due != new.due {
            if let Some((store, due)) = &old.due
                && let Some(queue) = self.due.get_mut(store)
            {
                queue.remove(&(*due, name.clone()));
            }
            if let Some((store, due)) = &new.due {
                self.due.entry(store.clone()).or_default().insert((*due, name.clone()));
            }
        }
        if old.ages != new.ages {
            if let Some(at) = old.ages {
                self.ageing.remove(&(at, name.clone()));
            }
            if let Some(at) = new.ages {
                self.ageing.insert((at, name.clone()));
            }
        }
        let sets = [(&mut self.untried, new.untried), (&mut self.staged, new.staged), (&mut self.lost, new.lost)];
        for (set, is_in) in sets {
            if is_in {
                set.insert(name.clone());
            } else {
                set.remove(&name);
            }
        }
        match now {
            Some(now) => drop(self.standing.insert(name, now)),
            None => drop(self.standing.remove(&name)),
        }
    }

    /// Holds every index against a look at each secret.
    #[cfg(test)]
    pub(super) fn assert_settled(&self) {
        assert!(matches!(self.touched, Touched::None), "{:?}", self.touched);
        let standing: BTreeMap<Name, Standing> =
            self.all.iter().map(|(name, secret)| (name.clone(), Standing::of(secret))).collect();
        assert_eq!(self.standing, standing);
        let due: BTreeSet<_> = self
            .due
            .iter()
            .flat_map(|(store, queue)| queue.iter().map(move |(due, name)| (name.clone(), (store.clone(), *due))))
            .collect();
        let expected = standing.iter().filter_map(|(name, one)| Some((name.clone(), one.due.clone()?)));
        assert_eq!(due, expected.collect());
        let expected = standing.iter().filter_map(|(name, one)| Some((one.ages?, name.clone())));
        assert_eq!(self.ageing, expected.collect());
        let set = |is_in: fn(&Standing) -> bool| -> BTreeSet<Name> {
            standing.iter().filter(|(_, one)| is_in(one)).map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(self.untried, set(|one| one.untried));
        assert_eq!(self.staged, set(|one| one.staged));
        assert_eq!(self.lost, set(|one| one.lost));
    }
}

fn until(queue: &Queue, now: Moment) -> Vec<Name> {
    let mut names: Vec<Name> = queue.iter().take_while(|(at, _)| *at <= now).map(|(_, name)| name.clone()).collect();
    names.sort_unstable();
    names
}
