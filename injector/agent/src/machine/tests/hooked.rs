//! Who is told of changes, and the child that is started again.

use super::*;

/// The world of the first tests, with hooks.
fn hooked(mode: Mode, hooks: Vec<HookPlan>) -> World {
    let mut plan = Plan::of(&Injection::parse(CONFIG, "c").unwrap(), mode, s(60));
    plan.hooks = hooks;
    let mut world = World { agent: Agent::new(plan, s(100), 1), now: s(100) };
    world.on(Event::Tick);
    world.log_in(None);
    world.fetched("a", 1);
    world.fetched("b", 1);
    world
}

/// Turns the clock until an action comes that is no fetch; fetches find nothing new.
fn until_told(world: &mut World) -> Action {
    for _ in 0..1000 {
        for action in world.later() {
            match action {
                Action::Fetch { secret, .. } => drop(world.unchanged(secret.as_str())),
                Action::Sweep => {}
                action => return action,
            }
        }
    }
    panic!("nothing has come")
}

#[test]
fn a_hook_is_told_once_of_several_changes_and_not_of_the_first_publication() {
    let mut world = hooked(Mode::Run, vec![HookPlan { debounce: s(5), ..HookPlan::of_all(false) }]);
    assert!(!world.published(Replaced::Nothing).contains(&Action::Tell(0)));
    assert_eq!(world.agent.next_hook(), None);
    for version in [2, 3] {
        world.fetched("a", version);
        world.fetched("b", version);
        assert!(!world.published(Replaced::Generation).contains(&Action::Tell(0)));
        world.now += s(1);
    }
    let last = world.now;
    assert_eq!(until_told(&mut world), Action::Tell(0));
    assert_eq!(world.now, last + s(3), "five seconds after the first change");
    world.on(Event::Told { hook: 0, result: Ok(()) });
    assert_eq!(world.agent.next_hook(), None);
}

#[test]
fn a_hook_that_fails_is_told_again_a_few_times_and_not_if_it_cannot_work() {
    let mut world = hooked(Mode::Run, vec![HookPlan::of_all(false)]);
    world.published(Replaced::Nothing);
    world.fetched("a", 2);
    world.fetched("b", 2);
    let mut told = u32::from(world.published(Replaced::Generation).contains(&Action::Tell(0)));
    let mut last = world.now;
    loop {
        world.on(Event::Told { hook: 0, result: Err(error(Class::Unreachable)) });
        if world.agent.next_hook().is_none() {
            break;
        }
        assert_eq!(until_told(&mut world), Action::Tell(0));
        assert!(world.now - last >= s(1));
        (told, last) = (told + 1, world.now);
    }
    assert_eq!(told, 10);
    world.fetched("a", 3);
    world.fetched("b", 3);
    assert!(world.published(Replaced::Generation).contains(&Action::Tell(0)));
    world.on(Event::Told { hook: 0, result: Err(error(Class::Misconfigured)) });
    assert_eq!(world.agent.next_hook(), None);
}

#[test]
fn a_hook_of_one_file_is_not_told_of_others() {
    let other = HookPlan { files: BTreeSet::from([f("both")]), ..HookPlan::of_all(false) };
    let mut world = hooked(Mode::Run, vec![other, HookPlan::of_all(false)]);
    world.published(Replaced::Nothing);
    world.fetched("a", 2);
    world.fetched("b", 2);
    let actions = world.published(Replaced::Generation);
    assert!(actions.contains(&Action::Tell(1)) && !actions.contains(&Action::Tell(0)), "{actions:?}");
}

#[test]
fn exec_starts_the_child_again_when_its_environment_has_changed() {
    let mut world = hooked(Mode::Exec, vec![HookPlan::of_all(true)]);
    world.fetched("e", 1);
    assert!(world.published(Replaced::Nothing).contains(&Action::Spawn));
    world.on(Event::Started(Ok(())));
    while !world.later().contains(&fetch("e", Some(1))) {
        world.unchanged("a");
        world.unchanged("b");
    }
    // The new value is kept until the child has it.
    assert_eq!(world.fetched("e", 2), [Action::StopChild]);
    assert_eq!(world.on(Event::ChildEnded { code: 143 }), [Action::Spawn]);
    assert!(world.on(Event::Started(Ok(()))).contains(&Action::Forget(n("e"))));
    // An end that nobody asked for is the end.
    assert!(world.on(Event::ChildEnded { code: 3 }).contains(&Action::Wipe));
}

#[test]
fn exec_starts_the_child_again_when_a_file_has_changed_with_its_environment_read_again() {
    let mut world = hooked(Mode::Exec, vec![HookPlan::of_all(true)]);
    world.fetched("e", 1);
    world.published(Replaced::Nothing);
    world.on(Event::Started(Ok(())));
    world.fetched("a", 2);
    world.fetched("b", 2);
    world.published(Replaced::Generation);
    assert!(world.later().contains(&fetch("e", None)));
    // Not while files are on their way.
    assert_eq!(world.fetched("e", 1), []);
    assert!(world.published(Replaced::Generation).contains(&Action::StopChild));
    // Told to stop meanwhile: it is not started again.
    world.on(Event::Stop);
    assert!(world.on(Event::ChildEnded { code: 143 }).contains(&Action::Wipe));
}

#[test]
fn once_ends_when_those_have_been_told_who_want_the_first_files_too() {
    let at_start = HookPlan { at_start: true, debounce: s(5), ..HookPlan::of_all(false) };
    for (result, code) in
        [(Ok(()), Outcome::Done), (Err(error(Class::Unreachable)), Outcome::Failed(error(Class::Unreachable)))]
    {
        let mut world = hooked(Mode::Once, vec![HookPlan::of_all(false), at_start.clone()]);
        let told = world.published(Replaced::Generation);
        assert!(told.contains(&Action::Tell(1)) && !told.contains(&Action::Tell(0)), "{told:?}");
        // The generation before is wiped meanwhile, and that is not the end.
        world.now += s(3600);
        assert_eq!(world.on(Event::Tick), [Action::Sweep]);
        let mut actions = world.on(Event::Told { hook: 1, result });
        actions.extend(world.on(Event::Revoked { store: n("v") }));
        assert!(actions.contains(&Action::Exit(code)), "{actions:?}");
        assert!(!actions.contains(&Action::Wipe));
    }
    // An app that takes our place finds what is new.
    let mut world = hooked(Mode::HandOver, vec![at_start]);
    assert!(!world.published(Replaced::Nothing).contains(&Action::Tell(0)));
}
