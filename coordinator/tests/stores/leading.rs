//! Who leads: one at a time, and a leader that lost its term writes nothing.

use std::time::{Duration, Instant};

use foldwise_coordinator::store::postgres::{Candidate, Election, PostgresError};
use foldwise_coordinator::store::{Postgres, Store, StoreError};

use crate::address;
use crate::scene::{Scene, spec_of};
use crate::server::PostgresServer;

/// A standby is to lead within this time of the leader's death.
const TAKEOVER_MAX: Duration = Duration::from_secs(10);

/// Stands again and again until it leads; how long that took.
async fn elected(candidate: &Candidate) -> (Box<Postgres>, Duration) {
    #[expect(clippy::disallowed_methods, reason = "the test is about time")]
    let started = Instant::now();
    loop {
        if let Election::Won(store) = candidate.stand().await.expect("stands") {
            return (store, started.elapsed());
        }
        assert!(started.elapsed() < TAKEOVER_MAX * 3, "nobody leads");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn is_deposed(error: &StoreError) -> bool {
    matches!(error, StoreError::Postgres(PostgresError::Deposed { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_leads_as_soon_as_the_leader_is_gone() {
    let Some(server) = PostgresServer::start() else { return };
    let database = address(&server.database("d"));
    let first = Candidate::new(database.clone(), "a:1").expect("is made");
    let second = Candidate::new(database, "b:2").expect("is made");
    let (leader, _) = elected(&first).await;
    match second.stand().await.expect("stands") {
        Election::Taken(other) => assert_eq!((other.term, other.address.as_str()), (leader.term(), "a:1")),
        Election::Won(_) => panic!("two lead"),
    }
    // It renews its lease, so that time alone does not end its term.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(matches!(second.stand().await.expect("stands"), Election::Taken(_)));
    assert!(!leader.deposed().is_cancelled());
    let term = leader.term();
    drop((leader, first));
    let (next, took) = elected(&second).await;
    assert_eq!(next.term(), term + 1);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// The lease of a leader that is cut off runs out: here somebody else's session holds its lock, and nobody renews.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_lost_its_term_writes_nothing_and_is_told() {
    let Some(server) = PostgresServer::start() else { return };
    let database = address(&server.database("d"));
    let mut old = Postgres::open(database.clone(), "a:1").expect("opens");
    let mut scene = Scene::new();
    scene.submit("a", &spec_of(2, 2, ""));
    old.commit(&scene.changes).expect("commits");
    scene.changes.clear();
    // As if the old leader had stood still while another was elected.
    server.sql("d", "UPDATE leader SET term = term + 1, address = 'b:2'");
    scene.submit("b", &spec_of(2, 2, ""));
    let refused = old.commit(&scene.changes).expect_err("its term is over");
    assert!(is_deposed(&refused), "{refused}");
    assert!(refused.to_string().contains("nothing was written"), "{refused}");
    assert!(old.deposed().is_cancelled());
    assert_eq!(server.sql("d", "SELECT count(*) FROM study"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_does_nothing_learns_that_its_term_is_over() {
    let Some(server) = PostgresServer::start() else { return };
    let leader = Postgres::open(address(&server.database("d")), "a:1").expect("opens");
    server.sql("d", "UPDATE leader SET term = term + 1");
    tokio::time::timeout(TAKEOVER_MAX, leader.deposed().cancelled()).await.expect("is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stands_still_in_the_middle_of_a_commit_is_shut_out() {
    let Some(server) = PostgresServer::start() else { return };
    let database = address(&server.database("d"));
    // It leads, holds the lock and its term's row in an open transaction, and says nothing more.
    drop(Postgres::open(database.clone(), "a:1").expect("opens"));
    let standby = Candidate::new(database, "b:2").expect("is made");
    let frozen = frozen_leader(&server);
    let (next, took) = elected(&standby).await;
    assert!(took < TAKEOVER_MAX, "{took:?}");
    assert_eq!(server.sql("d", "SELECT address FROM leader"), "b:2");
    drop((next, frozen));
}

/// A session with the lock and an open transaction of a leader whose lease is about to run out.
fn frozen_leader(server: &PostgresServer) -> std::process::Child {
    use std::io::{BufRead, Write};
    let mut psql = server.psql("d");
    psql.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut session = psql.spawn().expect("psql starts");
    let statements = "SET application_name = 'frozen';
        SELECT pg_try_advisory_lock(x'666f6c6477697365'::bigint);
        UPDATE leader SET term = term + 1, address = 'a:1', expires = clock_timestamp() + '2 s';
        BEGIN; SELECT 'held' FROM leader FOR KEY SHARE;\n";
    session.stdin.as_mut().expect("piped").write_all(statements.as_bytes()).expect("writes");
    let answers = std::io::BufReader::new(session.stdout.take().expect("piped"));
    let held = answers.lines().map_while(Result::ok).find(|line| line == "held");
    assert!(held.is_some(), "the leader's row is held");
    session
}
