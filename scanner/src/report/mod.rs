//! Ways of writing findings down. A report sees findings and counts, never a secret.

use std::io::{self, Write};

use crate::finding::Finding;
use crate::scan::{Outcome, Summary};

/// Writes one report.
pub trait Reporter {
    /// Before the first finding.
    ///
    /// # Errors
    /// What the output says.
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;
    /// A finding.
    ///
    /// # Errors
    /// What the output says.
    fn finding(&mut self, finding: &Finding, out: &mut dyn Write) -> io::Result<()>;
    /// After the last finding.
    ///
    /// # Errors
    /// What the output says.
    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()>;
}

/// Writes a whole outcome.
///
/// # Errors
/// What the output says.
pub fn write(reporter: &mut dyn Reporter, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    reporter.begin(out)?;
    for finding in &outcome.findings {
        reporter.finding(finding, out)?;
    }
    reporter.finish(&outcome.summary, out)?;
    out.flush()
}
