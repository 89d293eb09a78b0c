//! Declarations of entities, for an XML 1.0 document that includes the file and then says `&name;`:
//!
//! ```xml
//! <!DOCTYPE app [ <!ENTITY % secrets SYSTEM "secrets.ent"> %secrets; ]>
//! <app password="&password;"/>
//! ```

use super::{Draft, RenderError, Rows};

/// The entities that every document has.
const PREDEFINED: [&str; 5] = ["lt", "gt", "amp", "apos", "quot"];

pub(super) fn check_name(name: &str) -> Result<(), String> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !first || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Err(
            "the name of an entity may hold only letters, digits, `.`, `_` and `-`, and begins with a letter or \
                    `_`"
            .to_owned(),
        );
    }
    if PREDEFINED.contains(&name) {
        return Err(format!("`{name}` is an entity of XML itself"));
    }
    Ok(())
}

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    for row in &rows.rows {
        out.text("<!ENTITY ");
        out.text(row.name);
        out.text(" \"");
        for c in row.text()?.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '.' | '_' | '-' => out.char(c),
                '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    return Err(row.refuse("it holds a control character, which XML has no way to write"));
                }
                // Read twice (section 4.4): where it is declared, `&#38;` becomes `&`, and what that begins is a
                // reference again where the entity stands. So no `<` begins a tag there, no line break becomes a space.
                _ => {
                    out.text("&#38;#x");
                    out.hex(c.into(), if u32::from(c) > 0xffff { 6 } else { 4 });
                    out.text(";");
                }
            }
        }
        out.text("\">\n");
    }
    Ok(())
}
