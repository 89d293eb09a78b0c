//! XML as a tree of elements. No entity but the five of the language and codes of characters is known, so that nothing
//! unfolds, and nothing is fetched.

use crate::structured::value::{MOST_DEPTH, MOST_VALUES, Scalar};

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element<'t> {
    /// Its name, without a prefix.
    pub(crate) name: &'t [u8],
    /// Its attributes.
    pub(crate) attributes: Vec<(&'t [u8], Scalar<'t>)>,
    /// The text right in it, if there is any but blanks; the first stretch.
    pub(crate) text: Option<Scalar<'t>>,
    /// The elements in it.
    pub(crate) children: Vec<Element<'t>>,
}

impl<'t> Element<'t> {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Scalar<'t>> {
        self.attributes.iter().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }
}

/// Reads the elements of a text up to the first thing that is no XML; what is open there is closed. They are the children
/// of an element without a name.
pub(crate) fn xml(text: &[u8]) -> Element<'_> {
    let mut open = vec![Element::default()];
    let mut left = MOST_VALUES;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'<', &text[at..]) {
        take_text(text, at, at + found, &mut open);
        at += found;
        let rest = &text[at..];
        let after = |end: &[u8]| memchr::memmem::find(rest, end).map_or(rest.len(), |found| found + end.len());
        if rest.starts_with(b"<!--") {
            at += after(b"-->");
        } else if rest.starts_with(b"<![CDATA[") {
            let end = after(b"]]>");
            let inside = at + 9..(at + end).saturating_sub(3).max(at + 9);
            if let Some(element) = open.last_mut().filter(|e| e.text.is_none() && !inside.is_empty()) {
                element.text = Some(Scalar::plain(text, inside).trimmed());
            }
            at += end;
        } else if rest.starts_with(b"<?") || rest.starts_with(b"<!") {
            at += after(b">");
        } else if rest.starts_with(b"</") {
            if open.len() > 1 {
                close(&mut open);
            }
            at += after(b">");
        } else {
            let Some((element, length, empty)) = tag(text, at) else { break };
            let count = 1 + element.attributes.len();
            if left < count || open.len() > MOST_DEPTH {
                break;
            }
            left -= count;
            open.push(element);
            if empty {
                close(&mut open);
            }
            at += length;
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().unwrap_or_default()
}

fn close<'t>(open: &mut Vec<Element<'t>>) {
    if let Some(element) = open.pop()
        && let Some(outer) = open.last_mut()
    {
        outer.children.push(element);
    }
}

/// The text between two tags.
fn take_text<'t>(text: &'t [u8], from: usize, to: usize, open: &mut [Element<'t>]) {
    let inside = &text[from..to];
    let blanks = inside.len() - inside.trim_ascii_start().len();
    let length = inside.trim_ascii().len();
    if length > 0
        && let Some(element) = open.last_mut().filter(|element| element.text.is_none())
    {
        element.text = Some(unescaped(text, from + blanks, from + blanks + length));
    }
}

/// Reads an opening tag: the element, the tag's length, and whether it is closed at once.
fn tag(text: &[u8], start: usize) -> Option<(Element<'_>, usize, bool)> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':') || *b >= 0x80;
    let name_at = |at: usize| at + text[at..].iter().take_while(|b| is_name(b)).count();
    let blanks = |at: usize| at + text[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let mut at = name_at(start + 1);
    let whole = &text[start + 1..at];
    let name = whole.rsplit(|b| *b == b':').next().unwrap_or_default();
    if name.is_empty() {
        return None;
    }
    let mut element = Element { name, ..Element::default() };
    loop {
        at = blanks(at);
        match text.get(at)? {
            b'>' => return Some((element, at + 1 - start, false)),
            b'/' if text.get(at + 1) == Some(&b'>') => return Some((element, at + 2 - start, true)),
            _ => {}
        }
        let end = name_at(at);
        if end == at || element.attributes.len() >= 256 {
            return None;
        }
        let key = text[at..end].rsplit(|b| *b == b':').next().unwrap_or_default();
        at = blanks(end);
        if text.get(at) != Some(&b'=') {
            return None;
        }
        at = blanks(at + 1);
        let quote = *text.get(at).filter(|b| matches!(b, b'"' | b'\''))?;
        let end = at + 1 + memchr::memchr(quote, &text[at + 1..])?;
        element.attributes.push((key, unescaped(text, at + 1, end)));
        at = end + 1;
    }
}

/// A text with its entities undone.
pub(crate) fn unescaped(text: &[u8], start: usize, end: usize) -> Scalar<'_> {
    if memchr::memchr(b'&', &text[start..end]).is_none() {
        return Scalar::plain(text, start..end);
    }
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    let mut at = start;
    while at < end {
        let before = bytes.len();
        let length = entity(&text[at..end], &mut bytes).unwrap_or_else(|| {
            bytes.push(text[at]);
            1
        });
        places.resize(places.len() + bytes.len() - before, at as u32);
        at += length;
    }
    Scalar::decoded(start..end, bytes, places)
}

fn entity(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let body = text.strip_prefix(b"&")?;
    let end = body.iter().take(10).position(|b| *b == b';')?;
    let name = &body[..end];
    let character = match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', rest @ ..] => {
            let (digits, radix) = rest.strip_prefix(b"x").map_or((rest, 10), |hex| (hex, 16));
            char::from_u32(u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?)?
        }
        _ => return None,
    };
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_attributes_and_texts_are_read() {
        let text = "<?xml version=\"1.0\"?><!-- <x> --><a:s><b k='v&amp;w' x=\"y\"/>\n <c> one </c><d><![CDATA[two]]></d></a:s>";
        let root = xml(text.as_bytes());
        let s = &root.children[0];
        assert_eq!(s.name, b"s");
        let value = s.children[0].attribute("k").unwrap();
        assert_eq!((&*value.text, &text[value.range.clone()]), (b"v&w".as_slice(), "v&amp;w"));
        assert_eq!(&text[value.place(&(2..3))], "w");
        assert_eq!(&*s.children[1].text.as_ref().unwrap().text, b"one");
        assert_eq!(&text[s.children[2].text.as_ref().unwrap().range.clone()], "two");
    }

    #[test]
    fn what_was_read_before_a_fault_stays() {
        let root = xml(b"<a><b>one</b><c d=>two</c></a>");
        assert_eq!(&*root.children[0].children[0].text.as_ref().unwrap().text, b"one");
        assert_eq!(root.children[0].children.len(), 1);
    }

    #[test]
    fn depth_and_number_are_bounded() {
        assert!(!xml("<a>".repeat(100_000).as_bytes()).children.is_empty());
        assert!(xml("<a/>".repeat(200_000).as_bytes()).children.len() <= MOST_VALUES);
    }
}
