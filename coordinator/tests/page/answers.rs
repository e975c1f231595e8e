//! What the api answers: pages and their limits, orders, filters, failures, reports.

use serde_json::Value;

use crate::browser::get;
use crate::server::start;
use crate::work::{Worker, submit};

fn numbers(table: &Value) -> Vec<u64> {
    let rows = table["trials"].as_array().expect("there are rows");
    rows.iter().filter_map(|row| row["trial"].as_u64()).collect()
}

#[tokio::test]
async fn lists_come_in_pages_of_bounded_size() {
    let server = start().await;
    for trials in 2..=4 {
        submit(&server, trials).await;
    }
    let list = get(server.address, "/api/studies?limit=2").await.json();
    let shown: Vec<&Value> =
        list["studies"].as_array().unwrap().iter().map(|study| &study["number"]).collect();
    assert_eq!((shown, &list["next"], &list["total"]), (vec![&3.into(), &2.into()], &2.into(), &3.into()));
    let rest = get(server.address, "/api/studies?limit=2&before=2").await.json();
    assert_eq!((rest["studies"][0]["number"].as_u64(), &rest["next"]), (Some(1), &Value::Null));
    for wrong in ["?limit=0", "?limit=201", "?limit=x", "?before=-1"] {
        assert_eq!(get(server.address, &format!("/api/studies{wrong}")).await.status, 400, "{wrong}");
    }
    let wrong = get(server.address, "/api/studies/3/trials?limit=201").await;
    assert_eq!((wrong.status, wrong.refusal().as_str()), (400, "`limit` is a number from 1 to 200"));
    assert_eq!(get(server.address, "/api/studies/none").await.status, 404);
}

#[tokio::test]
async fn ten_thousand_trials_are_sorted_and_filtered_where_they_are() {
    let server = start().await;
    submit(&server, 10_000).await;
    let address = server.address;
    let table = get(address, "/api/studies/1/trials").await.json();
    assert_eq!((numbers(&table).len(), &table["total"]), (50, &10_000.into()));
    let last = get(address, "/api/studies/1/trials?sort=trial&order=desc&limit=2").await.json();
    assert_eq!(numbers(&last), [9_999, 9_998]);
    let by_rate = get(address, "/api/studies/1/trials?sort=train.optimizer.lr&order=desc&limit=1&offset=1")
        .await
        .json();
    assert_eq!(numbers(&by_rate), [9_998]);
    let few = get(address, "/api/studies/1/trials?filter=lr%3C%3D0.0012+trial%3E0&sort=trial").await.json();
    assert_eq!((numbers(&few), &few["matching"]), (vec![1, 2], &2.into()));
    assert_eq!(get(address, "/api/studies/1/trials?filter=depth%3D1").await.status, 400);
    assert_eq!(get(address, "/api/studies/1/trials?sort=depth").await.status, 400);
    assert!(numbers(&get(address, "/api/studies/1/trials?offset=99999").await.json()).is_empty());
}

#[tokio::test]
async fn scores_order_trials_and_those_that_are_not_whole_come_after() {
    let server = start().await;
    submit(&server, 4).await;
    let mut worker = Worker::register(&server).await;
    for _ in 0..2 {
        let lease = worker.lease().await;
        worker.complete(&lease).await;
    }
    let lease = worker.lease().await;
    worker.report(&lease, 1).await;
    let address = server.address;
    let table = get(address, "/api/studies/1/trials").await.json();
    assert_eq!((numbers(&table), &table["order"]), (vec![1, 0, 2, 3], &"desc".into()));
    let states: Vec<&Value> = table["trials"].as_array().unwrap().iter().map(|row| &row["state"]).collect();
    assert_eq!(states, ["finished", "finished", "training", "waiting"]);
    let worst = get(address, "/api/studies/1/trials?sort=score&order=asc&limit=2").await.json();
    assert_eq!(numbers(&worst), [0, 1]);
    let study = get(address, "/api/studies/1").await.json();
    assert_eq!(
        (&study["best_trial"], &study["runs"]["finished"], &study["training"][0]["first_trial"]),
        (&1.into(), &6.into(), &2.into())
    );
    let workers = get(address, "/api/workers").await.json();
    assert_eq!(
        (&workers["workers"][0]["state"], &workers["workers"][0]["slots"][0]["lease"]["cohort"]),
        (&"working".into(), &2.into())
    );
    let curves = get(address, "/api/studies/1/curves").await.json();
    assert_eq!(curves["trials"].to_string(), "[1,0,2]");
    let live: Vec<&Value> =
        curves["runs"].as_array().unwrap().iter().filter(|run| run["live"] == true).collect();
    assert_eq!((live.len(), live[0]["epochs"].as_array().unwrap().len()), (3, 1));
    let trial = get(address, "/api/studies/1/trials/1").await.json();
    assert_eq!((&trial["folds"][2]["state"], &trial["folds"][2]["epoch"]), (&"finished".into(), &2.into()));
    assert_eq!(get(address, "/api/studies/1/trials/4").await.status, 404);
    assert_eq!(get(address, "/api/studies/1/curves?trials=0,1,2,3,4,5,6,7,8").await.status, 400);
}

#[tokio::test]
async fn failures_are_told_by_cause_with_the_last_words() {
    let server = start().await;
    submit(&server, 2).await;
    let mut worker = Worker::register(&server).await;
    let lease = worker.lease().await;
    worker.fail(&lease, "<script>alert(1)</script> went wrong").await;
    let told = get(server.address, "/api/studies/1/failures").await.json();
    assert_eq!(
        (&told["causes"][0]["words"], &told["causes"][0]["times"]),
        (&"training failed".into(), &1.into())
    );
    assert_eq!(told["last"][0]["message"], "<script>alert(1)</script> went wrong");
    assert_eq!((&told["last"][0]["outcome"], &told["last"][0]["worker"]), (&"waiting".into(), &"w".into()));
}

#[tokio::test]
async fn reports_are_files_to_keep_with_harmless_names() {
    let server = start().await;
    submit(&server, 2).await;
    let mut worker = Worker::register(&server).await;
    for _ in 0..2 {
        let lease = worker.lease().await;
        worker.complete(&lease).await;
    }
    let json = get(server.address, "/studies/1/report/json").await;
    assert_eq!(json.header("content-disposition"), "attachment; filename=\"grid-1.json\"");
    assert_eq!(json.json()["selection"]["winner"], 1);
    assert_eq!(get(server.address, "/studies/1/report/csv").await.body.lines().count(), 7);
    let text = get(server.address, "/studies/1/report/txt").await;
    assert!(text.body.contains("Winner") && text.header("content-type").starts_with("text/plain"));
    let report = get(server.address, "/api/studies/1/report").await.json();
    let summary = report["summary"].as_str().expect("a paragraph");
    assert!(summary.starts_with("In the study “grid”, 2 configurations were compared"), "{summary}");
    let html = get(server.address, "/studies/1/report/html").await;
    assert!(html.body.starts_with("<!") && html.header("content-security-policy").contains("sandbox"));
    let name = report["figures"][0]["name"].as_str().expect("there is a figure");
    let figure = get(server.address, &format!("/studies/1/figures/{name}.svg?dark=true")).await;
    assert!(figure.body.starts_with("<svg") && figure.header("content-type") == "image/svg+xml");
    assert!(figure.header("content-security-policy").contains("sandbox"));
    assert_eq!(get(server.address, "/studies/1/figures/none.svg").await.status, 404);
    assert_eq!(get(server.address, "/studies/1/report/exe").await.status, 404);
    assert_eq!(get(server.address, "/studies/2/report/json").await.status, 404);
}
