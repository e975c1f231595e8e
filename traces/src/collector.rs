//! A collector that is told over OTLP, a batch at a time, by a thread of OpenTelemetry's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use foldwise_line::{Credentials, Line, LineError};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value as Told};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor};

use crate::{Parent, Span, Value, Way};

/// Time in which a collector must take a batch, and in which the last of it is sent when a program ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nobody is told.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// Not an address.
    #[error("`{0}` is no address of a collector: expected one such as http://127.0.0.1:4317")]
    Address(String),
    /// What is sent could be read.
    #[error(
        "traces would go in clear to {0}: name it with https://, or set OTEL_EXPORTER_OTLP_INSECURE=true if the network \
         is trusted"
    )]
    Clear(String),
    /// The way there.
    #[error("traces cannot be sent: {0}")]
    Line(#[from] LineError),
    /// Anything else.
    #[error("traces cannot be sent to {collector}: {reason}")]
    Exporter {
        /// Where.
        collector: String,
        /// Why.
        reason: String,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Collector {
    processor: Arc<BatchSpanProcessor>,
    scope: InstrumentationScope,
}

impl Collector {
    pub(crate) fn start(collector: &str, service: &'static str, way: &Way) -> Result<Self, TracesError> {
        if !["http://", "https://"].iter().any(|scheme| collector.starts_with(scheme)) {
            return Err(TracesError::Address(collector.to_owned()));
        }
        let credentials = match &way.ca {
            Some(ca) => Credentials::default().ca(ca),
            None => Credentials::default(),
        };
        let line = Line::new(collector, &credentials)?;
        if line.is_exposed() && !way.in_clear {
            return Err(TracesError::Clear(collector.to_owned()));
        }
        let channel = line.lazy(&line.endpoint());
        let exporter = SpanExporter::builder().with_tonic().with_timeout(PATIENCE).with_channel(channel);
        let exporter = exporter.build().map_err(|error| TracesError::Exporter {
            collector: collector.to_owned(),
            reason: error.to_string(),
        })?;
        let exporter = Telling { exporter, collector: line.url().to_owned(), deaf: AtomicBool::new(false) };
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let version = env!("CARGO_PKG_VERSION");
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.version", version))
            .build();
        processor.set_resource(&resource);
        let scope = InstrumentationScope::builder("foldwise").with_version(version).build();
        Ok(Self { processor: Arc::new(processor), scope })
    }

    pub(crate) fn tell(&self, span: Span) {
        let Span { own, parent, name, began, ended, attributes, failure } = span;
        let attributes = attributes.into_iter().map(|(name, value)| KeyValue::new(name, told(value)));
        self.processor.on_end(SpanData {
            span_context: context(own),
            parent_span_id: parent.map_or(SpanId::INVALID, |parent| SpanId::from_bytes(parent.span.bytes())),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: began,
            // A clock that was set back in between does not make a span that ends before it began.
            end_time: ended.max(began),
            attributes: attributes.collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: failure.map_or(Status::Unset, Status::error),
            instrumentation_scope: self.scope.clone(),
        });
    }

    pub(crate) fn end(&self) {
        // What cannot be sent now is lost, as its sender has said.
        let _ = self.processor.shutdown_with_timeout(PATIENCE);
    }
}

/// An exporter that says once when its collector does not take what it is told, and once when it does again.
#[derive(Debug)]
struct Telling {
    exporter: SpanExporter,
    collector: String,
    deaf: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        let deaf = exported.is_err();
        if self.deaf.swap(deaf, Ordering::Relaxed) != deaf {
            let collector = &self.collector;
            match &exported {
                Err(error) => {
                    tracing::warn!(collector, %error, "traces cannot be told; until they can they are dropped");
                }
                Ok(()) => tracing::info!(collector, "traces are told again"),
            }
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

fn context(own: Parent) -> SpanContext {
    let trace = TraceId::from_bytes(own.trace.bytes());
    let span = SpanId::from_bytes(own.span.bytes());
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default())
}

fn told(value: Value) -> Told {
    match value {
        Value::Integer(number) => Told::I64(number),
        Value::Float(number) => Told::F64(number),
        Value::Text(text) => Told::String(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Collector, TracesError, Way};

    #[tokio::test]
    async fn nothing_is_told_in_clear_to_another_machine_unasked() {
        let start = |collector: &str, in_clear| {
            Collector::start(collector, "test", &Way { in_clear, ..Way::default() })
        };
        for address in ["", "127.0.0.1:4317", "udp://127.0.0.1:4317"] {
            assert!(matches!(start(address, false), Err(TracesError::Address(_))), "{address}");
        }
        assert!(matches!(start("http://", false), Err(TracesError::Line(_))));
        let clear = start("http://collector.example:4317", false);
        assert!(matches!(clear, Err(TracesError::Clear(_))));
        for (address, in_clear) in [
            ("http://collector.example:4317", true),
            ("https://collector.example:4317", false),
            ("http://127.0.0.1:4317", false),
            ("http://[::1]:4317", false),
        ] {
            start(address, in_clear).expect(address);
        }
    }
}
