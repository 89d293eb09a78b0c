//! Databases.

use super::{SECRET, found, key, password};

const PAGE: usize = 512;

/// A row of texts; those that are a number are the roots of tables.
fn record(cells: &[&str]) -> Vec<u8> {
    let (mut kinds, mut values) = (Vec::new(), Vec::new());
    for cell in cells {
        match cell.parse::<u8>() {
            Ok(number) => {
                kinds.push(1);
                values.push(number);
            }
            Err(_) => {
                kinds.extend(varint(13 + 2 * cell.len()));
                values.extend(cell.as_bytes());
            }
        }
    }
    [vec![u8::try_from(kinds.len() + 1).unwrap()], kinds, values].concat()
}

fn varint(number: usize) -> Vec<u8> {
    let low = u8::try_from(number & 0x7f).unwrap();
    if number < 0x80 { vec![low] } else { vec![u8::try_from(number >> 7).unwrap() | 0x80, low] }
}

/// A leaf with rows. What does not fit of one goes on on the pages from `next` on, each of which knows the one after.
fn leaf(head: &[u8], rows: &[Vec<u8>], next: u32) -> Vec<Vec<u8>> {
    let mut page = vec![0; PAGE];
    page[..head.len()].copy_from_slice(head);
    let (mut end, mut pages) = (PAGE, Vec::new());
    let mut pointers = Vec::new();
    for row in rows {
        let mut cell = [varint(row.len()), vec![1]].concat();
        let local = if row.len() <= PAGE - 35 {
            row.len()
        } else {
            let least = (PAGE - 12) * 32 / 255 - 23;
            let local = least + (row.len() - least) % (PAGE - 4);
            if local <= PAGE - 35 { local } else { least }
        };
        cell.extend(&row[..local]);
        let rest: Vec<&[u8]> = row[local..].chunks(PAGE - 4).collect();
        if !rest.is_empty() {
            cell.extend(next.to_be_bytes());
        }
        for (at, piece) in rest.iter().enumerate() {
            let following = if at + 1 < rest.len() { next + u32::try_from(at).unwrap() + 1 } else { 0 };
            let mut page = [&following.to_be_bytes()[..], piece].concat();
            page.resize(PAGE, 0);
            pages.push(page);
        }
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(&cell);
        pointers.extend(u16::try_from(end).unwrap().to_be_bytes());
    }
    let at = head.len();
    let count = u16::try_from(rows.len()).unwrap().to_be_bytes();
    page[at..at + 8].copy_from_slice(&[13, 0, 0, count[0], count[1], 0, 0, 0]);
    page[at + 8..at + 8 + pointers.len()].copy_from_slice(&pointers);
    pages.insert(0, page);
    pages
}

/// One with a table of people and one of settings. A key in a long note stands across two pages.
pub(super) fn database() -> Vec<u8> {
    let mut head = b"SQLite format 3\0".to_vec();
    head.resize(100, 0);
    head[16..18].copy_from_slice(&512u16.to_be_bytes());
    head[59] = 1;
    let schema = [
        record(&["table", "people", "people", "2", "CREATE TABLE people (name, password TEXT, note TEXT)"]),
        record(&["table", "settings", "settings", "3", "CREATE TABLE settings(name TEXT, value TEXT)"]),
    ];
    let note = |length: usize| format!("{} {} {}", "x".repeat(30), key(2), "y".repeat(length));
    // The row is so long that the key's middle is where its page ends.
    let length = (0..1200)
        .find(|length| {
            let row = record(&["anna", SECRET, &note(*length)]);
            let at = row.windows(20).position(|text| text == key(2).as_bytes()).unwrap();
            let least = (PAGE - 12) * 32 / 255 - 23;
            let local = least + row.len().saturating_sub(least) % (PAGE - 4);
            row.len() > PAGE - 35 && local <= PAGE - 35 && at + 10 == local
        })
        .unwrap();
    let people = [record(&["anna", SECRET, &note(length)]), record(&[&key(3), "secret", "walnut"])];
    let settings = [record(&["smtp_password", SECRET]), record(&["theme", "Walnut!943"])];
    let mut pages = leaf(&head, &schema, 0);
    let (people, settings) = (leaf(&[], &people, 4), leaf(&[], &settings, 0));
    pages.push(people[0].clone());
    pages.extend(settings);
    pages.extend_from_slice(&people[1..]);
    pages.concat()
}

#[test]
fn rows_tell_what_their_texts_are_called() {
    let all = found(&database());
    assert!(all.contains(&password("people.password")), "{all:?}");
    assert!(all.contains(&password("settings.smtp_password")), "{all:?}");
    // The name's text goes on into that of the next column.
    assert!(all.contains(&("aws.access-key-id".into(), "people.name".into(), key(3))), "{all:?}");
    // Of what stands on two pages, the place is that of the first piece.
    assert!(all.contains(&("aws.access-key-id".into(), "people.note".into(), key(2)[..10].into())), "{all:?}");
    assert_eq!(all.len(), 4, "{all:?}");
}

#[test]
fn pages_that_lead_back_end() {
    let database = database();
    // Each page as the one that a row goes on on, or as a child of another.
    for page in 1..=5u8 {
        for at in [PAGE, 2 * PAGE, 3 * PAGE] {
            let mut file = database.clone();
            file[at..at + 4].copy_from_slice(&[0, 0, 0, page]);
            found(&file);
            // An inner page of children that are it itself.
            file[at] = 5;
            file[at + 3..at + 5].copy_from_slice(&[0, 200]);
            (at + 8..at + 400).step_by(4).for_each(|at| file[at..at + 4].copy_from_slice(&[0, 0, 0, page]));
            found(&file);
        }
    }
    // A row as long as no file is.
    let mut file = database;
    let cell = usize::from(u16::from_be_bytes([file[PAGE + 8], file[PAGE + 9]]));
    file[PAGE + cell..PAGE + cell + 8].fill(0xff);
    found(&file);
}
