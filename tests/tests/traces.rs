//! A study's trace, from its submission to its epochs, as a collector of OTLP puts it together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use foldwise_tests::{Cluster, Pictures, Search};
use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// What came, with the service that told it.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for told in request.into_inner().resource_spans {
            let attributes = told.resource.map(|resource| resource.attributes).unwrap_or_default();
            let service = attributes.iter().find(|attribute| attribute.key == "service.name");
            let service = format!("{:?}", service.and_then(|service| service.value.clone()));
            let spans = told.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.0.lock().expect("whole").extend(spans.map(|span| (service.clone(), span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A collector on a port of its own, for as long as the runtime lives.
fn collector(runtime: &tokio::runtime::Runtime) -> (String, Collector) {
    let collector = Collector::default();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let service = TraceServiceServer::new(collector.clone());
    let serving = tonic::transport::Server::builder().add_service(service);
    runtime.spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
    (url, collector)
}

#[test]
fn a_study_is_one_trace_from_its_submission_to_its_epochs() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (url, collector) = collector(&runtime);
    let pictures = Pictures::draw(600, 100);
    let spec = Search { epochs: 7, ..Search::default() }.of(pictures.section());
    let mut cluster = Cluster::start_at("127.0.0.1", 30.0, &["--traces", &url], |_| {});
    cluster.submit(&spec);
    let worker = cluster.recruit("one").slots(2).with(&["--traces", &url]).registered();
    let report = cluster.succeeded("small");
    // What waits to be told is told at the end.
    worker.signal(Signal::SIGTERM);
    let (code, log) = worker.end();
    assert_eq!(code, Some(0), "{log}");
    cluster.stop_coordinator();

    let told = collector.0.lock().unwrap().clone();
    let spans: HashMap<_, _> = told.iter().map(|(_, span)| (span.span_id.clone(), span)).collect();
    assert_eq!(spans.len(), told.len(), "each was told once");
    assert!(told.iter().all(|(_, span)| span.trace_id == told[0].1.trace_id), "one trace");
    let named = |name: &str| told.iter().filter(|(_, span)| span.name == name).collect::<Vec<_>>();
    let parent = |span: &Span| spans[&span.parent_span_id].name.clone();
    let [(service, study)] = named("study")[..] else { panic!("one study") };
    assert!(study.parent_span_id.is_empty() && service.contains("foldwise-coordinator"));
    assert_eq!(named("submit").len(), 1);
    let attempts = named("attempt");
    assert!(attempts.len() > 1);
    for part in ["submit", "attempt"] {
        assert!(named(part).iter().all(|(_, span)| parent(span) == "study"), "{part}");
    }
    for part in ["prepare", "train", "hand in"] {
        let parts = named(part);
        assert_eq!(parts.len(), attempts.len(), "{part}");
        assert!(
            parts
                .iter()
                .all(|(service, span)| parent(span) == "attempt" && service.contains("foldwise-worker"))
        );
    }
    let runs = report["trials"].as_array().unwrap().len() * 3;
    let last = report["final"]["epochs"].as_array().map_or(0, Vec::len);
    let epochs = named("epoch");
    assert_eq!(epochs.len(), runs * 7 + last);
    assert!(epochs.iter().all(|(_, span)| parent(span) == "train"));
    for (_, span) in &told {
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
        // It is made at the end of its submission.
        let first = matches!(&*span.name, "study" | "submit");
        assert!(first || span.start_time_unix_nano >= study.start_time_unix_nano, "{span:?}");
        assert_eq!(span.status.as_ref().map_or(0, |status| status.code), 0, "nothing failed");
    }
}

#[test]
fn a_collector_that_is_not_there_costs_nothing_but_a_word() {
    let pictures = Pictures::draw(600, 100);
    let spec = Search { epochs: 3, ..Search::default() }.of(pictures.section());
    let nowhere = ["--traces", "http://127.0.0.1:1"];
    let mut cluster = Cluster::start_at("127.0.0.1", 30.0, &nowhere, |_| {});
    cluster.submit(&spec);
    let _worker = cluster.recruit("one").slots(2).with(&nowhere).registered();
    let _ = cluster.succeeded("small");
    cluster.stop_coordinator();
}
