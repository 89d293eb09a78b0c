//! What becomes of maps that a template changes. In Go a map is one thing, and whoever holds it sees a change; our values
//! do not change, so a newer map is noted for the one before it, and found wherever that is looked at.

use std::collections::{BTreeMap, HashMap};
use std::rc::{Rc, Weak};

use super::value::Value;

type Entries = BTreeMap<String, Value>;

/// The maps that were changed.
#[derive(Default)]
pub(super) struct Maps {
    /// By the address of the map before, whose memory is held by the reference beside, so that no other comes to lie there.
    newer: HashMap<*const Entries, (Weak<Entries>, Rc<Entries>)>,
}

impl Maps {
    /// Gives what a map is now; what is in it may have changed as well.
    pub(super) fn now<'m>(&'m self, mut map: &'m Rc<Entries>) -> &'m Rc<Entries> {
        while let Some((_, newer)) = self.newer.get(&Rc::as_ptr(map)) {
            map = newer;
        }
        map
    }

    /// Gives what a value is now, and all that is in it. Counts how many values it has looked at.
    pub(super) fn whole(&mut self, value: &Value, looked: &mut usize) -> Value {
        if self.newer.is_empty() {
            return value.clone();
        }
        *looked += 1;
        match value {
            Value::List(items) => {
                let now: Vec<Value> = items.iter().map(|item| self.whole(item, looked)).collect();
                if items.iter().zip(&now).all(|(item, now)| is_same(item, now)) {
                    value.clone()
                } else {
                    Value::list_of(items.of(), now)
                }
            }
            Value::Map(before) => {
                let map = Rc::clone(self.now(before));
                let now: Entries = map.iter().map(|(name, item)| (name.clone(), self.whole(item, looked))).collect();
                if map.values().zip(now.values()).all(|(item, now)| is_same(item, now)) {
                    return Value::Map(map);
                }
                let now = Rc::new(now);
                self.note(&map, Rc::clone(&now));
                Value::Map(now)
            }
            other => other.clone(),
        }
    }

    /// Changes a map for all that hold it.
    ///
    /// # Errors
    /// Says that it would be put into itself.
    pub(super) fn change(&mut self, map: &Rc<Entries>, change: Change) -> Result<(), String> {
        let last = Rc::clone(self.now(map));
        if let Change::Set(_, value) = &change
            && self.holds(value, &last)
        {
            return Err("a map cannot be put into itself".to_owned());
        }
        drop(last);
        // Nobody else may hold the newest, and then it is changed where it is.
        let mut key = Rc::as_ptr(map);
        while let Some(next) = self.newer.get(&key).map(|(_, newer)| Rc::as_ptr(newer))
            && self.newer.contains_key(&next)
        {
            key = next;
        }
        match self.newer.get_mut(&key) {
            Some((_, newer)) => match Rc::get_mut(newer) {
                Some(entries) => change.make(entries),
                None => {
                    let (before, mut entries) = (Rc::clone(newer), (**newer).clone());
                    change.make(&mut entries);
                    self.note(&before, Rc::new(entries));
                }
            },
            None => {
                let mut entries = (**map).clone();
                change.make(&mut entries);
                self.note(map, Rc::new(entries));
            }
        }
        Ok(())
    }

    fn note(&mut self, before: &Rc<Entries>, now: Rc<Entries>) {
        self.newer.insert(Rc::as_ptr(before), (Rc::downgrade(before), now));
    }

    /// Whether a map is somewhere in a value.
    fn holds(&self, value: &Value, map: &Rc<Entries>) -> bool {
        match value {
            Value::List(items) => items.iter().any(|item| self.holds(item, map)),
            Value::Map(inner) => {
                let inner = self.now(inner);
                Rc::ptr_eq(inner, map) || inner.values().any(|item| self.holds(item, map))
            }
            _ => false,
        }
    }
}

/// What happens to a map.
pub(super) enum Change {
    Set(String, Value),
    Unset(String),
    /// Other entries take the place of all.
    All(Rc<Entries>),
}

impl Change {
    fn make(self, entries: &mut Entries) {
        match self {
            Self::Set(name, value) => drop(entries.insert(name, value)),
            Self::Unset(name) => drop(entries.remove(&name)),
            Self::All(all) => *entries = Rc::unwrap_or_clone(all),
        }
    }
}

/// Whether two values are one and the same, or of a kind that does not change.
fn is_same(before: &Value, now: &Value) -> bool {
    match (before, now) {
        (Value::Map(before), Value::Map(now)) => Rc::ptr_eq(before, now),
        (Value::List(before), Value::List(now)) => Rc::ptr_eq(before, now),
        _ => true,
    }
}
