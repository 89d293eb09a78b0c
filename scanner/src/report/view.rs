//! What the formats share: the words for severities, and a place laid flat, as `oakum.report/1` names its fields.

use std::borrow::Cow;

use oakum_patterns::{Confidence, Severity};
use serde::Serialize;

use crate::finding::{Finding, Place};
use crate::origin::{BaseBy, Image, Layer, Origin, State};

/// What has become of a layer's file, in a word.
pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Present => "present",
        State::Overwritten { .. } => "overwritten",
        State::Deleted { .. } => "deleted",
    }
}

/// The contract's word for a severity.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// The contract's word for a confidence.
pub(super) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Possible => "possible",
        Confidence::Likely => "likely",
        Confidence::Certain => "certain",
    }
}

/// A place, as reports show it. Absent fields of `Option<Option<_>>` belong to other kinds of places.
#[derive(Debug, Serialize)]
pub(super) struct PlaceView<'a> {
    /// `file`, `stdin`, `layer` or `config`.
    pub(super) kind: &'static str,
    /// The path of the file, on the machine or in the image.
    pub(super) path: Option<Cow<'a, str>>,
    /// The path through archives within it.
    pub(super) member: Vec<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) end_line: u64,
    pub(super) end_column: u64,
    pub(super) layer: Option<LayerView<'a>>,
    pub(super) state: Option<&'static str>,
    /// Only of layers: the layer that overwrote or deleted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_by: Option<Option<usize>>,
    /// Only of layers, as the next two are: four octal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gid: Option<Option<u64>>,
    /// Only of a configuration, as the next two are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<&'a str>,
    pub(super) commit: Option<&'a str>,
}

/// The layer of a place.
#[derive(Debug, Serialize)]
pub(super) struct LayerView<'a> {
    pub(super) image: &'a str,
    pub(super) platform: &'a str,
    pub(super) digest: &'a str,
    pub(super) diff_id: &'a str,
    pub(super) index: usize,
    pub(super) history: Option<usize>,
    pub(super) created_by: &'a str,
    pub(super) base: Option<bool>,
    /// How `base` is known.
    #[serde(serialize_with = "by")]
    pub(super) base_by: Option<BaseBy>,
}

impl<'a> PlaceView<'a> {
    pub(super) fn new(place: &'a Place) -> Self {
        let (root, member) = place.origin.split();
        let span = place.span;
        let mut view = Self {
            kind: "file",
            path: None,
            member,
            key: place.key.as_deref(),
            line: span.line,
            column: span.column,
            end_line: span.end_line,
            end_column: span.end_column,
            layer: None,
            state: None,
            state_by: None,
            mode: None,
            uid: None,
            gid: None,
            image: None,
            platform: None,
            field: None,
            commit: None,
        };
        match root {
            Origin::File(path) => view.path = Some(path.to_string_lossy()),
            Origin::Stdin => view.kind = "stdin",
            Origin::Layer { image, index, path, permissions } => {
                view.kind = "layer";
                view.path = Some(path.into());
                view.layer = LayerView::new(image, *index);
                let state = place.state.unwrap_or(State::Present);
                let by = match state {
                    State::Present => None,
                    State::Overwritten { by } | State::Deleted { by } => Some(by),
                };
                view.state = Some(self::state(state));
                view.state_by = Some(by);
                view.mode = Some(permissions.map(|p| format!("{:04o}", p.mode)));
                view.uid = Some(permissions.map(|p| p.uid));
                view.gid = Some(permissions.map(|p| p.gid));
            }
            Origin::Config { image, field } => {
                view.kind = "config";
                view.image = Some(&image.name);
                view.platform = Some(&image.platform);
                view.field = Some(field);
            }
            Origin::Member { .. } => unreachable!("the root of an origin is no member"),
        }
        view
    }

    /// Whether lines and columns are those of the file at `path`, and not of something in it.
    pub(super) fn is_plain_file(&self) -> bool {
        self.kind == "file" && self.member.is_empty()
    }

    /// What became of it in the image, where it cannot be read any more: `deleted by layer 3`.
    pub(super) fn fate(&self) -> Option<String> {
        let by = self.state_by??;
        Some(format!("{} by layer {by}", self.state?))
    }

    /// `mode 0644, owner 0:0`, of a file in a layer.
    pub(super) fn permissions(&self) -> Option<String> {
        Some(format!("mode {}, owner {}:{}", self.mode.as_ref()?.as_ref()?, self.uid??, self.gid??))
    }

    /// One line that names it, unescaped: `app:1 layer 2: etc/app.env:3:7`.
    pub(super) fn label(&self) -> String {
        let mut label = match (&self.layer, self.image, self.field) {
            (Some(layer), ..) => format!("{} layer {}: ", layer.image, layer.index),
            (_, Some(image), Some(field)) => return format!("{image} configuration: {field}"),
            _ => String::new(),
        };
        label.push_str(&self.location());
        label
    }

    /// `path › member:line:column`, unescaped.
    pub(super) fn location(&self) -> String {
        let mut location = self.path.as_deref().unwrap_or("standard input").to_owned();
        for member in &self.member {
            location.push_str(" › ");
            location.push_str(member);
        }
        format!("{location}:{}:{}", self.line, self.column)
    }
}

impl<'a> LayerView<'a> {
    fn new(image: &'a Image, index: usize) -> Option<Self> {
        let Layer { digest, diff_id, history, created_by, base, .. } = image.layers.get(index)?;
        Some(Self {
            image: &image.name,
            platform: &image.platform,
            digest,
            diff_id,
            index,
            history: *history,
            created_by,
            base: *base,
            base_by: image.base_by,
        })
    }
}

fn by<S: serde::Serializer>(by: &Option<BaseBy>, to: S) -> Result<S::Ok, S::Error> {
    let word = by.map(|by| match by {
        BaseBy::Given => "given",
        BaseBy::Digests => "digests",
        BaseBy::Labels => "labels",
        BaseBy::History => "history",
    });
    word.serialize(to)
}

/// `1 file`, `2 files`.
pub(super) fn count(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// All the places of a finding, as views.
pub(super) fn places(finding: &Finding) -> impl Iterator<Item = PlaceView<'_>> {
    finding.places.iter().map(PlaceView::new)
}
