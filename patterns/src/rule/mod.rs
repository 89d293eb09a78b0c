//! Rules are data: what a service's credential looks like, and what to do about one.

pub(crate) mod file;
mod samples;

use std::borrow::Cow;

use crate::lead::Lead;
use crate::shape::Shape;
use crate::words::Words;

pub use file::{Bounds, Check, Confidence, FileError, Severity};
pub use samples::Samples;

/// Text of a rule: built in, or read at run time.
pub(crate) type Text = Cow<'static, str>;
/// A list in a rule.
pub(crate) type List<T> = Cow<'static, [T]>;

/// What one kind of credential looks like, why it matters and how to replace it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `service.kind`, such as `github.pat`.
    pub id: Text,
    /// What it is called.
    pub name: Text,
    /// The service it opens.
    pub service: Text,
    /// Rules of one family share fingerprints.
    pub family: Text,
    /// What someone could do with it.
    pub why: Text,
    /// How a leaked one is made worthless.
    pub rotate: Text,
    /// How bad a leak is.
    pub severity: Severity,
    /// How sure a match is before its checks.
    pub confidence: Confidence,
    /// The regular expression on bytes; the secret is its group `secret`, or all of it.
    pub pattern: Text,
    /// Literals of which one is in every match; from the pattern itself when empty.
    pub keywords: Words,
    /// Parts of the name that the value must stand beside; none for a token that speaks for itself.
    pub near: Words,
    /// Which ends must stand free.
    pub bounds: Bounds,
    /// How far a match may reach where the pattern sets no bound.
    pub max: Option<u32>,
    /// What a candidate must pass.
    pub checks: List<Check>,
    /// The usual field name in Vault.
    pub vault_field: Option<Text>,
    /// The rules of the secrets whose other half this is, which is no secret itself: near such a one it is no finding.
    pub pairs: Words,
    /// Shapes of samples that the rule finds.
    pub hits: Samples,
    /// Shapes of samples that it does not.
    pub misses: Samples,
    pub(crate) shape: Shape,
    /// How far into a match the first of `keywords` stands, where that is known.
    pub(crate) lead: Option<Lead>,
    /// For each keyword where its gram stands in it, and the bucket that this lies in, as `grams/laid.toml` has them.
    pub(crate) laid: List<Option<[u8; 2]>>,
}

impl Rule {
    /// The rules that come with this version, ordered by file and place.
    #[must_use]
    pub fn builtin() -> &'static [Self] {
        BUILTIN
    }

    /// Reads the rules of a TOML file; CONTRIBUTING.md tells its fields.
    ///
    /// ```
    /// let rules = oakum_patterns::Rule::parse_file(r#"
    ///     service = "acme"
    ///     rotate = "delete it on acme's settings page"
    ///     [[rule]]
    ///     id = "acme.token"
    ///     name = "Acme token"
    ///     why = "reads every order"
    ///     severity = "high"
    ///     pattern = 'acme_[0-9a-f]{32}'
    /// "#).unwrap();
    /// assert_eq!(rules[0].id, "acme.token");
    /// ```
    ///
    /// # Errors
    /// The line and the reason.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, FileError> {
        let file = file::parse(text)?;
        let (service, rotate) = (file.service, file.rotate);
        Ok(file
            .rules
            .into_iter()
            .map(|r| Self {
                lead: r.lead(),
                id: r.id.into(),
                name: r.name.into(),
                service: service.clone().into(),
                family: r.family.unwrap_or_else(|| service.clone()).into(),
                why: r.why.into(),
                rotate: r.rotate.unwrap_or_else(|| rotate.clone()).into(),
                severity: r.severity,
                confidence: r.confidence,
                pattern: r.pattern.text.into(),
                shape: r.pattern.shape,
                laid: List::default(),
                keywords: Words::new(&r.keywords),
                near: Words::new(&r.near),
                bounds: r.bounds,
                max: r.max,
                checks: r.checks.into(),
                vault_field: r.vault_field.map(Into::into),
                pairs: Words::new(&r.pairs),
                hits: Samples::plain(r.hits),
                misses: Samples::plain(r.misses),
            })
            .collect())
    }

    /// Whether it is the generic detector's: any service, told by the name alone.
    #[must_use]
    pub fn is_generic(&self) -> bool {
        self.checks.contains(&Check::Assigned)
    }
}

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
