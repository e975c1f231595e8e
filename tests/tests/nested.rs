//! Nested cross-validation across processes.

use foldwise_tests::{Cluster, Pictures, Search, StudyJson, assert_same, each_run_once, reference};

const PLAIN: &str = "k_fold = { folds = 3, seed = 1 }";
const NESTED: &str = "k_fold = { folds = 3, seed = 1 }\nouter = { k_fold = { folds = 2, seed = 5 } }";

fn search(validation: &'static str) -> Search {
    Search { epochs: 20, validation, width: 4, ..Search::default() }
}

#[test]
fn outer_folds_judge_the_search_and_change_nothing_of_it() {
    let pictures = Pictures::draw(600, 100);
    let nested = search(NESTED).of(pictures.section());
    let expected = reference(&nested);
    each_run_once(&expected, 4, 3);
    let outer = expected["nested"]["outer"].as_array().expect("outer folds");
    let mut sum = 0.0;
    for outer in outer {
        assert_eq!(
            (&outer["state"], &outer["train_rows"], &outer["test_rows"]),
            (&"finished".into(), &300.into(), &300.into())
        );
        let means: Vec<f64> = outer["inner_means"]
            .as_array()
            .expect("means")
            .iter()
            .map(|mean| mean.as_f64().expect("whole"))
            .collect();
        let chosen = outer["trial"].as_u64().expect("a choice");
        let best = means.iter().copied().fold(f64::MIN, f64::max);
        assert_eq!(means[usize::try_from(chosen).expect("small")], best, "the best within was chosen");
        assert_eq!(outer["score"], outer["test_accuracy"]);
        sum += outer["score"].as_f64().expect("a score");
    }
    let mean = expected["nested"]["mean"].as_f64().expect("a mean");
    assert!((mean - sum / 2.0).abs() < 1e-12 && mean > 0.5, "{mean}");

    // Two workers, one of which dies and is replaced: the same report.
    let cluster = Cluster::start(2.0);
    cluster.submit(&nested);
    let mut doomed = cluster.worker("doomed", 1);
    doomed.line_with("handed in");
    let _other = cluster.worker("other", 1);
    doomed.kill();
    assert_same(&cluster.succeeded("small"), &expected);

    // The same study without outer folds, and judged only after its end.
    let plain = search(PLAIN).of(pictures.section());
    let bare = reference(&plain);
    for part in ["trials", "selection", "final"] {
        let part = |report: &StudyJson| report[part].clone();
        assert_same(&part(&expected), &part(&bare));
    }
    let cluster = Cluster::start(30.0);
    cluster.submit(&plain);
    let _worker = cluster.worker("w", 2);
    let _ = cluster.succeeded("small");
    let _ = cluster.done(&["extend", "small", &cluster.spec(&nested)]);
    let judged = cluster.succeeded("small");
    assert_same(&judged["nested"], &expected["nested"]);
}
