//! The event stream: what is told, that it is resumed, that it is bounded, that it ends with the coordinator.

use crate::browser::{Events, get};
use crate::server::start;
use crate::work::{Worker, spec, submit, submit_spec};

#[tokio::test]
async fn a_study_is_told_as_it_changes_and_taken_up_again_after_the_last_event() {
    let server = start().await;
    submit(&server, 4).await;
    let mut worker = Worker::register(&server).await;
    let mut events = Events::open(server.address, "?study=1", "").await;
    assert_eq!(events.next("hello").await.data["resumed"], false);
    let lease = worker.lease().await;
    let leased = events.next("study").await;
    assert_eq!(leased.data["runs"]["training"], 3);
    worker.report(&lease, 1).await;
    let epochs = events.next("epochs").await;
    assert_eq!((epochs.data["runs"].as_array().unwrap().len(), &epochs.data["left_out"]), (3, &0.into()));
    let last = events.next("study").await;
    drop(events);

    // What happens while nobody listens is told to who comes back.
    worker.complete(&lease).await;
    let mut again = Events::open(server.address, "?study=1", &last.id).await;
    assert_eq!(again.next("hello").await.data["resumed"], true);
    let study = again.next("study").await;
    assert_eq!((study.name.as_str(), &study.data["runs"]["finished"]), ("study", &3.into()));
    // The address may say the same; what is not known is said.
    let mut since = Events::open(server.address, &format!("?study=1&since={}", last.id), "").await;
    assert_eq!(since.next("hello").await.data["resumed"], true);
    let mut unknown = Events::open(server.address, "?study=1", "7-12").await;
    assert_eq!(unknown.next("hello").await.data["resumed"], false);
}

#[tokio::test]
async fn the_list_is_told_which_studies_changed() {
    let server = start().await;
    let mut events = Events::open(server.address, "", "").await;
    events.next("hello").await;
    submit(&server, 2).await;
    let told = events.next("studies").await;
    assert_eq!(
        (&told.data["studies"][0]["number"], &told.data["studies"][0]["name"]),
        (&1.into(), &"grid".into())
    );
    let mut workers = Events::open(server.address, "?workers=true", "").await;
    assert_eq!(workers.next("workers").await.data["total"], 0);
}

#[tokio::test]
async fn ten_thousand_epochs_make_few_events() {
    let server = start().await;
    submit_spec(&server, spec(40).replace("epochs = 2", "epochs = 700")).await;
    let mut worker = Worker::register(&server).await;
    let mut events = Events::open(server.address, "?study=1", "").await;
    events.next("hello").await;
    let lease = worker.lease().await;
    for epoch in 1..=700 {
        worker.report(&lease, epoch).await;
    }
    let told = events.next("epochs").await;
    let kept: usize =
        told.data["runs"].as_array().unwrap().iter().map(|run| run["epochs"].as_array().unwrap().len()).sum();
    assert!(kept <= 256, "{kept}");
}

#[tokio::test]
async fn more_pages_than_there_is_room_for_are_asked_to_wait() {
    let server = start().await;
    let mut open = Vec::new();
    for _ in 0..64 {
        let events = Events::open(server.address, "", "").await;
        assert_eq!(events.status, 200);
        open.push(events);
    }
    let refused = get(server.address, "/api/events").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "10"));
    assert!(refused.refusal().contains("64 pages"), "{}", refused.refusal());
    assert_eq!(get(server.address, "/api/events?study=5").await.status, 503);
}

#[tokio::test]
async fn open_streams_end_with_the_coordinator() {
    let server = start().await;
    assert_eq!(get(server.address, "/api/events?study=5").await.status, 404);
    let mut events = Events::open(server.address, "", "").await;
    events.next("hello").await;
    server.stop.cancel();
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(4), server.served).await;
    stopped.expect("does not wait for open pages").expect("stops well");
}
