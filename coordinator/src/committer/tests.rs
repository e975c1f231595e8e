//! What follows the ledger, when the answer to a commit was lost that had succeeded.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldwise_data::Cache;
use foldwise_study::spec::Format;
use tokio_util::sync::CancellationToken;

use super::{Committer, Refusal};
use crate::access::{Minted, Role};
use crate::artifacts::Artifacts;
use crate::clock::Clock;
use crate::events::{Events, Happening};
use crate::ledger::{Change, Command, LedgerConfig, Snapshot};
use crate::store::{Results, Sqlite, Store, StoreError};
use crate::submission::prepare;

const SPEC: &str = "name = \"s\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = { folds = 2 }\n[network]\n\
    mlp = { hidden = [8] }\n[train]\nepochs = 1\nbatch_size = 100\noptimizer = { kind = \"sgd\", lr = 0.1 }\n";

/// A store whose connection breaks after a commit and before its answer, when told so; and which is not sure, when told so.
#[derive(Debug)]
struct Lossy {
    inner: Sqlite,
    loses: Arc<AtomicBool>,
    unsure: Arc<AtomicBool>,
}

fn trouble() -> StoreError {
    StoreError::Missing(PathBuf::from("the answer"))
}

impl Store for Lossy {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.inner.commit(changes)?;
        if self.loses.swap(false, Ordering::Relaxed) { Err(trouble()) } else { Ok(()) }
    }

    fn load(&self) -> Result<Snapshot, StoreError> {
        self.inner.load()
    }

    fn assured(&self) -> Result<(), StoreError> {
        if self.unsure.load(Ordering::Relaxed) { Err(trouble()) } else { Ok(()) }
    }

    fn results(&self) -> Results {
        self.inner.results()
    }
}

#[tokio::test]
async fn who_follows_the_ledger_learns_what_was_written_though_the_answer_was_lost() {
    let folder = tempfile::tempdir().expect("folder");
    let (loses, unsure) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let inner = Sqlite::open(folder.path()).expect("opens");
    let store = Box::new(Lossy { inner, loses: Arc::clone(&loses), unsure: Arc::clone(&unsure) });
    let config = LedgerConfig { lease_ms: 1000, profiles: Vec::new() };
    let (events, clock) = (Events::new(1), Clock::start());
    let artifacts = Artifacts::open(&folder.path().join("artifacts")).expect("opens");
    let (committer, desk) = Committer::new(store, config, clock, artifacts, events.clone()).expect("reads");
    let tokens = committer.tokens();
    let stop = CancellationToken::new();
    let working = tokio::spawn(committer.run(stop.clone()));

    let now = clock.now().unix_ms;
    let minted = Minted::new("root", Role::Admin, now, None).expect("makes");
    let id = minted.record.id.clone();
    desk.command(Command::CreateToken(Box::new(minted.record))).await.expect("is kept");
    let record = prepare("one", SPEC, Format::Toml, &Cache::at("/nonexistent")).expect("a good spec");
    desk.command(Command::CreateStudy(Box::new(record))).await.expect("is kept");
    assert!(tokens.has_admin(now));

    let mut watcher = events.watch("");
    loses.store(true, Ordering::Relaxed);
    let refused = desk.command(Command::RevokeToken(id)).await.expect_err("the answer is lost");
    assert!(matches!(refused, Refusal::Store(_)), "{refused}");
    assert!(!tokens.has_admin(now), "it was revoked all the same");
    let told = watcher.happenings.recv().await.expect("is told");
    assert_eq!(told.happening, Happening::Changed(1), "watchers look again");

    unsure.store(true, Ordering::Relaxed);
    let refused = desk.read(|ledger, _| ledger.studies().len()).await.expect_err("nobody can tell");
    assert!(matches!(refused, Refusal::Store(_)), "{refused}");
    desk.command(Command::CancelStudy(1)).await.expect_err("nor do anything");
    unsure.store(false, Ordering::Relaxed);
    assert_eq!(desk.read(|ledger, _| ledger.studies().len()).await.expect("is sure again"), 1);
    stop.cancel();
    working.await.expect("ends");
}
