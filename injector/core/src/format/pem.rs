//! Private key, certificate and chain in one file (RFC 7468), in this order. Line ends become `\n`, and exactly one stands
//! between blocks. What is no PEM is refused, for a server that starts with half a bundle fails later and elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::rows::{Row, Tree, Value};
use super::{Draft, Part, RenderError, Rows};
use crate::secret::Secret;

pub(super) const PARTS: &[Part] = &[
    Part::optional(&["private_key", "key"]).secret(),
    Part::optional(&["certificate", "cert"]),
    // As the answers of Vault's PKI have them.
    Part::optional(&["chain", "ca_chain", "issuing_ca"]),
];

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    if rows.rows.is_empty() {
        return Err(RenderError::NoPart { format: rows.format, part: "certificate" });
    }
    for part in ["private_key", "certificate", "chain"] {
        let Some(row) = rows.get(part) else { continue };
        for text in texts(row)? {
            for block in blocks(row, text.expose_str().unwrap_or_default())? {
                edge(out, "BEGIN", block.label);
                for line in &block.lines {
                    out.text(line);
                    out.text("\n");
                }
                edge(out, "END", block.label);
            }
        }
    }
    Ok(())
}

fn edge(out: &mut Draft, mark: &str, label: &str) {
    for piece in ["-----", mark, " ", label, "-----\n"] {
        out.text(piece);
    }
}

/// Gives the text of a part; a list of texts is all of them, as Vault gives a chain.
pub(super) fn texts(row: &Row<'_>) -> Result<Vec<Secret>, RenderError> {
    if let Value::Text(_) = row.value {
        return Ok(vec![Secret::from(row.text()?.to_owned())]);
    }
    let refuse = || row.refuse("it is neither text nor a list of texts");
    let Tree::List(items) = row.tree()? else { return Err(refuse()) };
    let text = |json| match Tree::of(json) {
        Some(Tree::Text(text)) => Ok(text),
        _ => Err(refuse()),
    };
    items.into_iter().map(|item| text(item.get())).collect()
}

/// A block between its BEGIN and its END.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    /// Headers (RFC 1421) and an empty line, where there are any, then base64.
    lines: Vec<&'a str>,
    /// Where the base64 begins.
    body: usize,
}

impl Block<'_> {
    /// Tells whether it has headers, which only an encrypted key of the old kind has.
    pub(super) fn has_headers(&self) -> bool {
        self.body > 0
    }

    /// Gives what the base64 holds, or nothing if it is none.
    pub(super) fn der(&self) -> Option<Secret> {
        let lines = self.lines.get(self.body..)?;
        let mut joined = Draft::with_room(lines.iter().map(|line| line.len()).sum());
        for line in lines {
            joined.text(line);
        }
        let joined = joined.finish();
        // `decode` would leave behind what it read before a mistake.
        let mut der = Zeroizing::new(vec![0; joined.len() / 4 * 3 + 3]);
        let length = STANDARD.decode_slice(joined.expose(), &mut der).ok()?;
        der.truncate(length);
        if length == 0 { None } else { Some(Secret::from(std::mem::take(&mut *der))) }
    }
}

/// Takes a text apart, and refuses what is not PEM, or not what the part is for.
pub(super) fn blocks<'a>(row: &Row<'_>, text: &'a str) -> Result<Vec<Block<'a>>, RenderError> {
    let mut blocks = Vec::new();
    // `lines` takes `\r\n` for one line end; a lone `\r` is one too, of long ago.
    let mut lines = text.lines().flat_map(|line| line.split('\r')).map(str::trim_end);
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let label = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"));
        let Some(label) = label else {
            return Err(row.refuse(if line.contains("\\n") {
                "it is not PEM: its line breaks are a backslash and an n"
            } else {
                "it is not PEM, or has text beside it"
            }));
        };
        let end =
            |line: &str| line.strip_prefix("-----END ").and_then(|rest| rest.strip_suffix("-----")) == Some(label);
        let mut block = Block { label, lines: Vec::new(), body: 0 };
        loop {
            match lines.next() {
                Some(line) if end(line) => break,
                Some(line) if !line.starts_with("-----") => block.lines.push(line),
                _ => return Err(row.refuse("a block of it has no end")),
            }
        }
        if block.lines.iter().any(|line| line.contains(": ")) {
            block.body = block.lines.iter().position(|line| line.is_empty()).map_or(usize::MAX, |at| at + 1);
        } else {
            block.lines.retain(|line| !line.is_empty());
        }
        if block.der().is_none() {
            return Err(row.refuse("a block of it is not base64"));
        }
        blocks.push(block);
    }
    let (good, why) = if row.part() == Some("private_key") {
        // The parameters of a curve stand before its key where OpenSSL wrote both.
        let keys = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY")).count();
        let others = blocks.iter().filter(|block| block.label == "EC PARAMETERS").count();
        (keys == 1 && keys + others == blocks.len(), "it is not one private key")
    } else {
        (!blocks.is_empty() && blocks.iter().all(|block| block.label == "CERTIFICATE"), "it is not certificates alone")
    };
    if good { Ok(blocks) } else { Err(row.refuse(why)) }
}
