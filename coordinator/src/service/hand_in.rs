//! A cohort's results on their way in: the files that they name, and what their runs measured.

use foldwise_proto::v1::{self as proto};
use tonic::Status;

use super::caller::Caller;
use super::worker::Workers;
use super::{convert, status};
use crate::blocking;
use crate::ledger::{
    Cohort, CohortState, Command, KeptMeasurements, LeaseName, Ledger, MemberResult, Rejection, Reply,
};
use crate::measurements::{self, Asked, Measured};
use crate::snapshots::Copies;

/// What is to be known of a cohort before its results are looked at.
struct Cohorts {
    /// Whether it has its results, and never takes others.
    settled: bool,
    /// How many runs it has.
    runs: usize,
    asked: Asked,
}

/// Results as they came in.
struct HandedIn {
    worker: String,
    lease: LeaseName,
    results: Vec<MemberResult>,
    next_slot: Option<u32>,
}

impl HandedIn {
    /// Digests of the weights that results name.
    fn weights(&self) -> impl Iterator<Item = &String> {
        self.results.iter().filter_map(|result| result.weights_digest.as_ref())
    }
}

impl Workers {
    /// Takes results in, and gives the slot that asks for it its next cohort.
    pub(super) async fn hand_in(
        &self,
        caller: &Caller,
        request: proto::CompleteCohortRequest,
    ) -> Result<proto::CompleteCohortResponse, Status> {
        let worker = caller.worker(request.worker)?;
        let lease = convert::lease_name(request.lease)?;
        self.check_holder(caller, &worker, lease).await?;
        let (device_model, software) = (convert::cut(request.device_model), convert::cut(request.software));
        let outcomes = request.outcomes.into_iter();
        let results: Vec<MemberResult> =
            outcomes.map(|outcome| convert::member_result(outcome, &device_model, &software)).collect();
        let lines = request.measurements_digest.to_ascii_lowercase();
        let handed = HandedIn { worker, lease, results, next_slot: request.next_slot };
        let names_files = !lines.is_empty() || handed.weights().next().is_some();
        let reply = if names_files {
            self.complete_with_files(handed, &lines).await?
        } else {
            self.complete(handed).await?
        };
        let Reply::Completed { accepted, next } = reply else {
            return Err(Status::internal(format!("unexpected reply {reply:?}")));
        };
        Ok(proto::CompleteCohortResponse {
            accepted,
            next: next.map(|grant| convert::lease(&grant, self.traced)),
        })
    }

    async fn complete(&self, handed: HandedIn) -> Result<Reply, Status> {
        let HandedIn { worker, lease, results, next_slot } = handed;
        self.command(Command::Complete { worker, lease, results, next_slot }).await
    }

    /// Takes in results that name files. These are held until that is decided, and those that no study needs then are
    /// removed.
    async fn complete_with_files(&self, mut handed: HandedIn, lines: &str) -> Result<Reply, Status> {
        let cohort = self.cohort(handed.lease).await?;
        let lines_file = Some(lines.to_owned()).filter(|lines| !lines.is_empty());
        let mut files: Vec<String> = handed.weights().cloned().chain(lines_file).collect();
        let mut held = vec![self.artifacts.hold(files.clone()).await];
        if cohort.settled {
            // An answer that was lost is given again without the files, which may have gone by now; those of a late result go.
            let measured = self.measured(lines, &handed.results, &cohort).unwrap_or_default();
            files.extend(copies(&measured));
        } else {
            files.iter().try_for_each(|digest| self.require(digest))?;
            let measured = self.measured(lines, &handed.results, &cohort)?;
            held.push(self.artifacts.hold(copies(&measured)).await);
            files.extend(copies(&measured));
            self.require_copies(&measured)?;
            for (result, measured) in handed.results.iter_mut().zip(measured) {
                result.measurements = measured.map(kept);
            }
        }
        let reply = self.complete(handed).await?;
        drop(held);
        self.remove_needless(files).await;
        Ok(reply)
    }

    async fn cohort(&self, lease: LeaseName) -> Result<Cohorts, Status> {
        let ask = move |ledger: &Ledger| -> Result<Cohorts, Rejection> {
            let missing = || Rejection::NoCohort { study: lease.study, cohort: lease.cohort };
            let study = ledger.studies().get(&lease.study);
            let study = study.ok_or_else(|| Rejection::NoStudy(lease.study.to_string()))?;
            let cohort: &Cohort = study.cohorts.get(lease.cohort as usize).ok_or_else(missing)?;
            Ok(Cohorts {
                settled: matches!(cohort.state, CohortState::Done { .. } | CohortState::Superseded { .. }),
                runs: cohort.runs.len(),
                asked: Asked {
                    measure: study.record.spec.measure.clone(),
                    classes: study.record.rows.classes,
                },
            })
        };
        let read = self.desk.read(move |ledger, _| ask(ledger)).await;
        let known = read.map_err(|refusal| status::of_refusal(&refusal))?;
        known.map_err(|rejection| status::of_refusal(&rejection.into()))
    }

    /// Reads what the runs measured from the uploaded file; nothing where there is none.
    fn measured(
        &self,
        digest: &str,
        results: &[MemberResult],
        cohort: &Cohorts,
    ) -> Result<Vec<Option<Measured>>, Status> {
        if digest.is_empty() {
            return Ok(Vec::new());
        }
        if results.len() != cohort.runs {
            let message = format!("`outcomes` has {} entries for {} runs", results.len(), cohort.runs);
            return Err(Status::invalid_argument(message));
        }
        let (file, _) = self.artifacts.open_whole(digest).map_err(|error| status::of_artifact(&error))?;
        let outcomes = results.iter().map(|result| &result.outcome);
        let read = blocking::run(|| measurements::read(file, outcomes, &cohort.asked));
        read.map_err(|error| status::of_measurements(&error))
    }

    /// Refuses copies of weights that are not kept here, or are not what the measurements say of them.
    fn require_copies(&self, measured: &[Option<Measured>]) -> Result<(), Status> {
        let files = measured.iter().zip(0..).filter_map(|(measured, index): (_, usize)| {
            measured.as_ref().and_then(|measured| measured.snapshots.as_ref()).map(|file| (index, file))
        });
        for (index, file) in files {
            self.require(&file.digest)?;
            let (kept, bytes) =
                self.artifacts.open_whole(&file.digest).map_err(|error| status::of_artifact(&error))?;
            let fits = match Copies::open(kept, bytes) {
                Ok(copies) if (copies.epochs, copies.weights) == (file.epochs.len() as u64, file.weights) => {
                    Ok(())
                }
                Ok(copies) => Err(format!("has [{}, {}] numbers", copies.epochs, copies.weights)),
                Err(error) => Err(error.to_string()),
            };
            fits.map_err(|reason| {
                let wanted = format!("[{}, {}]", file.epochs.len(), file.weights);
                let what = format!(
                    "`measurements[{index}].snapshots.digest` names a file that should have {wanted}"
                );
                Status::invalid_argument(format!("{what} numbers: {reason}"))
            })?;
        }
        Ok(())
    }

    /// Removes uploaded files that no study needs. Asked and done where the ledger changes, so that nothing comes between.
    pub(super) async fn remove_needless(&self, files: Vec<String>) {
        if files.is_empty() {
            return;
        }
        let artifacts = self.artifacts.clone();
        let removed = self.desk.read(move |ledger, _| {
            files.iter().filter(|digest| !ledger.needs(digest)).for_each(|digest| artifacts.remove(digest));
        });
        // A coordinator that stops sweeps at its next start.
        let _ = removed.await;
    }
}

/// The files of copies of weights that measurements name.
fn copies(measured: &[Option<Measured>]) -> Vec<String> {
    let files = measured.iter().flatten().filter_map(|measured| measured.snapshots.as_ref());
    files.map(|file| file.digest.clone()).collect()
}

fn kept(measured: Measured) -> KeptMeasurements {
    KeptMeasurements { json: measured.json, snapshots: measured.snapshots.map(|file| file.digest) }
}
