//! A volume that cannot be written, or is not there any more.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use e2e::programs::tool;
use serde_json::json;

use super::Row;

/// The volume refuses a new value: the old one stays, which logs and metrics say, until it can be written again.
fn is_survived(mut row: Row, hint: &str, end: impl FnOnce(&Row)) {
    row.vault.put(row.name, &json!({"word": "second"}));
    row.agent.until_said("warn cannot write ", 2);
    assert!(row.agent.err().contains(hint), "{}", row.agent.err());
    assert_eq!(row.place.read("db").as_deref(), Some("first"));
    assert_eq!(row.tells("/readyz").status, 200, "what is there is still good");
    assert!(row.metric("oakum_agent_publication_failures ").is_some_and(|times| times != "0"));
    end(&row);
    row.recovers("second");
    assert_eq!(row.metric("oakum_agent_publication_failures ").as_deref(), Some("0"));
}

#[test]
fn a_full_volume_keeps_the_last_good_files_until_there_is_room() {
    let row = Row::new("full");
    let filler = row.place.volume().join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    // What is open is not gone when it is removed.
    drop(file);
    is_survived(row, "raise the sizeLimit of the emptyDir", |_| fs::remove_file(&filler).unwrap());
}

#[test]
fn a_volume_that_becomes_read_only_keeps_the_last_good_files_until_it_can_be_written() {
    let remount = |row: &Row, how: &str| {
        tool(Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(row.place.volume()));
    };
    let row = Row::new("read-only");
    remount(&row, "ro");
    is_survived(row, "mount the volume without readOnly", |row| remount(row, "rw"));
}

#[test]
fn a_volume_that_is_unmounted_underneath_brings_nothing_onto_the_disk() {
    let mut row = Row::new("unmounted");
    tool(Command::new("umount").arg("-l").arg(row.place.volume()));
    row.vault.put("unmounted", &json!({"word": "second"}));
    row.agent.until_said("info published files=1", 2);
    // It has the volume by a descriptor, not by the path, where another file system is now.
    assert_eq!(row.place.names(), [""; 0]);
    assert_eq!(row.tells("/readyz").status, 200, "it cannot know");
    let Row { agent, place, vault, faults, .. } = row;
    assert_eq!(agent.stop().code, 0);
    assert_eq!(place.names(), [""; 0]);
    // What starts next sees that this is no volume in memory, and does not begin.
    let ran = place.start_as_it_is("run").end();
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert!(ran.err.contains("not in memory"), "{}", ran.err);
    drop((vault, faults));
}
