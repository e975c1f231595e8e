//! Traces: what became of a study, as spans that an OpenTelemetry collector puts together.
//!
//! A study is one trace. Its number and those of its spans follow from the study's request, its cohorts and their attempts
//! ([`Trace`]), so that every party tells its part by itself: coordinators that take over from each other, workers that know
//! no more than their lease. Nothing is kept for it, and nothing depends on it.

mod ids;
mod span;

#[cfg(feature = "otlp")]
mod collector;
#[cfg(not(feature = "otlp"))]
#[path = "no_collector.rs"]
mod collector;

pub use collector::TracesError;
pub use ids::{Parent, SpanId, Trace};
pub use span::{Span, Value};

use std::path::PathBuf;

use collector::Collector;

/// How a collector may be reached, as OpenTelemetry's own variables say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// `OTEL_EXPORTER_OTLP_INSECURE`: in clear, though it is another machine's.
    pub in_clear: bool,
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`: the CA that is believed, as PEM; public ones if absent.
    pub ca: Option<PathBuf>,
}

/// Where spans go, if anywhere.
#[derive(Debug, Clone, Default)]
pub struct Traces(Option<Collector>);

impl Traces {
    /// Tells a collector of OTLP over gRPC, such as `http://127.0.0.1:4317`, in the name of a service, with the headers of
    /// `OTEL_EXPORTER_OTLP_HEADERS`. Within a runtime; the collector is looked for when there is something to tell.
    ///
    /// # Errors
    /// When the address is none, would be spoken to in clear though it is another machine's, or this program was built without
    /// the feature `otlp`.
    pub fn to(collector: &str, service: &'static str, way: &Way) -> Result<Self, TracesError> {
        Collector::start(collector, service, way).map(|collector| Self(Some(collector)))
    }

    /// Whether anybody is told.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Tells of something that has ended. It never waits: what a collector is too slow for is dropped.
    pub fn tell(&self, span: Span) {
        if let Some(collector) = &self.0 {
            collector.tell(span);
        }
    }

    /// Sends what waits, for some seconds at most. Blocks.
    pub fn end(&self) {
        if let Some(collector) = &self.0 {
            collector.end();
        }
    }
}
