//! Which trace and which span: numbers that everybody works out alike.

use std::fmt;
use std::str::FromStr;

/// What digests of traces begin with, so that they are no other digests.
const DOMAIN: &[u8] = b"foldwise trace 1\0";

/// The trace of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace([u8; 16]);

/// A span of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

/// A span that others hang below, in one text for whoever is to tell of these: the W3C's `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The trace.
    pub trace: Trace,
    /// The span.
    pub span: SpanId,
}

impl Trace {
    /// The trace of the study that a request made.
    #[must_use]
    pub fn of_request(request_id: &str) -> Self {
        Self(digest(&[request_id.as_bytes()]))
    }

    /// The span of the study itself.
    #[must_use]
    pub fn study(self) -> Parent {
        Parent { trace: self, span: self.named("study", &[]) }
    }

    /// The span of an attempt at a cohort.
    #[must_use]
    pub fn attempt(self, cohort: u32, attempt: u32) -> Parent {
        Parent { trace: self, span: self.named("attempt", &[cohort.into(), attempt.into()]) }
    }

    fn named(self, name: &str, numbers: &[u64]) -> SpanId {
        let numbers: Vec<[u8; 8]> = numbers.iter().map(|number| number.to_le_bytes()).collect();
        let parts =
            [&self.0[..], name.as_bytes()].into_iter().chain(numbers.iter().map(|number| &number[..]));
        SpanId(digest(&parts.collect::<Vec<_>>()))
    }

    /// As OpenTelemetry's numbers are made.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl SpanId {
    /// As OpenTelemetry's numbers are made.
    #[must_use]
    pub fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl Parent {
    /// A span below this one, told from its sisters by a name and a number.
    #[must_use]
    pub fn below(self, name: &str, number: u64) -> Self {
        let own = digest::<8>(&[&self.span.0, name.as_bytes(), &number.to_le_bytes()]);
        Self { trace: self.trace, span: SpanId(own) }
    }
}

/// So many bytes that tell lists of parts from each other. None are all zero, which would be no number.
fn digest<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let mut bytes = [0; N];
    hasher.finalize_xof().fill(&mut bytes);
    if bytes.iter().all(|&byte| byte == 0) {
        bytes[0] = 1;
    }
    bytes
}

/// `00-TRACE-SPAN-01`.
impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        self.trace.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("-")?;
        self.span.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("-01")
    }
}

/// Not a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no traceparent of the form 00-TRACE-SPAN-01")]
pub struct NotAParent;

impl FromStr for Parent {
    type Err = NotAParent;

    fn from_str(text: &str) -> Result<Self, NotAParent> {
        let mut parts = text.split('-');
        let (Some("00"), Some(trace), Some(span), Some("01"), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAParent);
        };
        Ok(Self { trace: Trace(bytes(trace)?), span: SpanId(bytes(span)?) })
    }
}

fn bytes<const N: usize>(hex: &str) -> Result<[u8; N], NotAParent> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N || !hex.is_ascii() {
        return Err(NotAParent);
    }
    for (byte, place) in bytes.iter_mut().zip(0..) {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).map_err(|_| NotAParent)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Parent, Trace};

    #[test]
    fn numbers_follow_from_what_is_meant() {
        let trace = Trace::of_request("one");
        assert_eq!(trace, Trace::of_request("one"));
        assert_ne!(trace, Trace::of_request("two"));
        let spans = [
            trace.study(),
            trace.attempt(0, 1),
            trace.attempt(1, 0),
            trace.attempt(0, 2),
            trace.study().below("epoch", 1),
            trace.study().below("epoch", 2),
        ];
        for (index, span) in spans.iter().enumerate() {
            assert!(!spans[..index].contains(span), "{span}");
        }
    }

    #[test]
    fn a_parent_comes_through_a_text_and_nothing_else_does() {
        let parent = Trace::of_request("one").attempt(3, 2);
        let text = parent.to_string();
        assert_eq!(text.len(), 55);
        assert_eq!(text.parse(), Ok(parent));
        for wrong in
            ["", "00", &text[1..], &text.replace("-01", "-00"), &text.replace('-', "+"), &"ä".repeat(55)]
        {
            assert!(wrong.parse::<Parent>().is_err(), "{wrong}");
        }
    }
}
