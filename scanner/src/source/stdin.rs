//! Standard input as one content.

use super::{Limits, Sink, Source, SourceError, Why};
use crate::origin::Origin;

/// Standard input.
#[derive(Debug)]
pub struct Stdin;

impl Source for Stdin {
    fn walk(&self, _: &Limits, sink: &dyn Sink) -> Result<(), SourceError> {
        if sink.content(Origin::Stdin, &mut std::io::stdin().lock()).is_err() {
            sink.skipped(Why::Unreadable, &Origin::Stdin);
        }
        Ok(())
    }
}
