//! Templates that find out what they ask for while they are rendered.

use super::*;
use crate::machine::reload::Change;

const CONFIG: &str = "
apiVersion: oakum.dev/v1
kind: Injection
stores: { v: { vault: { address: https://vault.example.com, auth: { token_file: /t } } } }
volume: { path: /run/x, grace: 10s }
secrets: { a: 'v:a' }
files:
  a: a#x
  l: { template: '{{ range secrets \"k\" }}{{ with secret (printf \"k/%s\" .) }}{{ .Data.x }}{{ end }}{{ end }}' }
";

fn plan(config: &str, mode: Mode) -> Plan {
    Plan::of(&Injection::parse(config, "c").unwrap(), mode, s(60))
}

/// An agent that has logged in, and the name of the list.
fn begun(mode: Mode) -> (World, Name) {
    let plan = plan(CONFIG, mode);
    let list = plan.further[&f("l")].first().unwrap().clone();
    let mut world = World { agent: Agent::new(plan, s(100), 1), now: s(100) };
    world.on(Event::Tick);
    assert_eq!(world.log_in(None), [fetch("a", None), fetch(list.as_str(), None)]);
    (world, list)
}

impl World {
    /// The template of `l` has asked for these.
    fn asked(&mut self, names: &[&str], grows: bool) -> Vec<Action> {
        let needs = Needs { store: n("v"), refresh: s(30), max_stale: None, on_stale: OnStale::Keep };
        let asked = names.iter().map(|name| (n(name), needs.clone())).collect();
        self.on(Event::Asked(Questions { files: BTreeMap::from([(f("l"), asked)]), grows }))
    }

    fn names(&self) -> Vec<String> {
        self.agent.status(self.now).secrets.into_iter().map(|secret| secret.name).collect()
    }

    /// Brings it to where all is published, with two names in the list.
    fn listed(&mut self, list: &Name) {
        self.fetched("a", 1);
        self.fetched(list.as_str(), 1);
        self.asked(&["x", "y"], true);
        self.fetched("x", 1);
        self.fetched("y", 1);
        self.asked(&["x", "y"], false);
        self.published(Replaced::Nothing);
        assert!(self.agent.status(self.now).ready);
    }
}

#[test]
fn a_list_is_read_then_what_it_names_and_the_first_generation_holds_all() {
    for (mode, demand) in [(Mode::Run, Demand::WhatCanBe), (Mode::Once, Demand::All)] {
        let (mut world, list) = begun(mode);
        world.fetched("a", 1);
        assert_eq!(world.fetched(list.as_str(), 1), [publish(&["a", "l"], demand)]);
        assert_eq!(world.asked(&["x", "y"], true), [fetch("x", None), fetch("y", None)], "{mode:?}");
        assert_eq!(world.fetched("x", 1), []);
        // One of them tells of another.
        assert_eq!(world.fetched("y", 1), [publish(&["a", "l"], demand)]);
        assert_eq!(world.asked(&["x", "y", "z"], true), [fetch("z", None)]);
        assert_eq!(world.fetched("z", 1), [publish(&["a", "l"], demand)]);
        assert_eq!(world.asked(&["x", "y", "z"], false), []);
        let actions = world.published(Replaced::Nothing);
        assert_eq!(actions.iter().filter(|action| matches!(action, Action::Forget(_))).count(), 5, "{actions:?}");
    }
}

#[test]
fn a_name_that_vanishes_takes_its_secret_along() {
    let (mut world, list) = begun(Mode::Run);
    world.listed(&list);
    assert_eq!(world.fetched(list.as_str(), 2), [fetch("x", None), fetch("y", None)]);
    world.fetched("x", 1);
    // Its store does not have it any more: only the template knows whether it still wants it.
    assert_eq!(world.failed("y", Class::Missing), [publish(&["l"], Demand::WhatCanBe)]);
    assert_eq!(world.asked(&["x"], false), [Action::Release(n("y"))]);
    assert_eq!(world.names().len(), 3);
    assert_eq!(world.published(Replaced::Nothing), [Action::Forget(list), Action::Forget(n("x"))]);
    assert!(world.agent.status(world.now).ready && world.agent.complaints().is_empty());
}

#[test]
fn what_cannot_be_reached_now_is_waited_for() {
    let (mut world, list) = begun(Mode::Run);
    world.listed(&list);
    world.fetched(list.as_str(), 2);
    world.fetched("x", 2);
    assert_eq!(world.failed("y", Class::Unreachable), [], "the last good file stays");
    assert_eq!(world.later(), [fetch("y", None)]);
    assert_eq!(world.fetched("y", 1), [publish(&["l"], Demand::WhatCanBe)]);
}

#[test]
fn a_secret_that_is_still_asked_for_and_not_there_leaves_the_file_and_the_others_alone() {
    let (mut world, list) = begun(Mode::Run);
    world.fetched("a", 1);
    world.fetched(list.as_str(), 1);
    world.asked(&["x", "y"], true);
    world.fetched("x", 1);
    assert_eq!(world.failed("y", Class::Refused), [publish(&["a", "l"], Demand::WhatCanBe)]);
    world.asked(&["x", "y"], false);
    let failed = BTreeMap::from([(f("l"), error(Class::Missing))]);
    let event = Event::Published { failed, replaced: Replaced::Nothing, changed: BTreeSet::from([f("a")]) };
    let actions = world.on(event);
    assert_eq!(actions.len(), 3, "the values wait for nobody: {actions:?}");
    assert!(!world.agent.status(world.now).ready);
    // It may be read now, and the others are read again with it.
    assert_eq!(world.later(), [fetch("y", None)]);
    assert_eq!(world.fetched("y", 1), [fetch(list.as_str(), None), fetch("x", None)]);
    world.fetched(list.as_str(), 1);
    assert_eq!(world.fetched("x", 1), [publish(&["l"], Demand::WhatCanBe)]);
    world.asked(&["x", "y"], false);
    world.published(Replaced::Nothing);
    assert!(world.agent.status(world.now).ready);
}

#[test]
fn what_another_file_has_had_is_read_again_for_the_one_that_has_found_it() {
    let (mut world, list) = begun(Mode::Run);
    world.listed(&list);
    world.fetched(list.as_str(), 2);
    world.fetched("x", 1);
    world.fetched("y", 1);
    assert_eq!(world.asked(&["x", "y", "a"], true), [fetch("a", None)]);
    assert_eq!(world.fetched("a", 1), [publish(&["l"], Demand::WhatCanBe)]);
}

#[test]
fn another_configuration_keeps_what_was_found_for_the_files_that_it_leaves_alone() {
    let old = Injection::parse(CONFIG, "c").unwrap();
    for (from, to, kept) in [("a: a#x", "a: a#y", true), (".Data.x", ".Data.y", false)] {
        let (mut world, list) = begun(Mode::Run);
        world.listed(&list);
        let text = CONFIG.replace(from, to);
        let change = Change::between(&old, &Injection::parse(&text, "c").unwrap());
        let actions = world.agent.reload(world.now, plan(&text, Mode::Run), &change);
        let released = [Action::Release(n("x")), Action::Release(n("y"))];
        assert_eq!(!released.iter().all(|one| actions.contains(one)), kept, "{actions:?}");
        assert_eq!(world.names().len(), if kept { 4 } else { 2 });
        assert!(actions.contains(&fetch(if kept { "a" } else { list.as_str() }, None)), "{actions:?}");
    }
    // Another store has other secrets.
    let (mut world, list) = begun(Mode::Run);
    world.listed(&list);
    let text = CONFIG.replace("vault.example.com", "other.example.com");
    let change = Change::between(&old, &Injection::parse(&text, "c").unwrap());
    world.agent.reload(world.now, plan(&text, Mode::Run), &change);
    assert_eq!(world.names().len(), 2);
}
