//! What each column of a table is for, by the spec and the names of the columns that there are.

use std::collections::BTreeSet;

use foldwise_study::spec::data::{TableSpec, Task};

use crate::tabular::TableProblem;

/// The columns that are read.
#[derive(Debug)]
pub(super) struct Roles {
    /// In order.
    pub(super) features: Vec<String>,
    /// In order; one where it is a class.
    pub(super) targets: Vec<String>,
    pub(super) group: Option<String>,
}

impl Roles {
    /// The spec's columns, all of them checked against the header of the training file.
    pub(super) fn of(header: &[String], spec: &TableSpec) -> Result<Self, TableProblem> {
        let targets = spec.target.names();
        for column in targets.iter().chain(&spec.group) {
            place(header, column)?;
        }
        let role = |column: &String| match () {
            () if targets.contains(column) => Some("target"),
            () if spec.group.as_ref() == Some(column) => Some("group"),
            () => None,
        };
        let features: Vec<String> = match &spec.features {
            None => header.iter().filter(|&column| role(column).is_none()).cloned().collect(),
            Some(columns) => columns.clone(),
        };
        let mut seen = BTreeSet::new();
        for column in &features {
            place(header, column)?;
            if let Some(role) = role(column) {
                return Err(TableProblem::NotAFeature { column: column.clone(), role });
            }
            if !seen.insert(column) {
                return Err(TableProblem::Twice { column: column.clone(), list: "features" });
            }
        }
        if features.is_empty() {
            return Err(TableProblem::NoFeatures);
        }
        check_targets(targets, spec.task)?;
        let is_number = |column: &String| {
            seen.contains(column) || (spec.task == Task::Regression && targets.contains(column))
        };
        if let Some(column) = spec.words.keys().find(|&column| !is_number(column)) {
            return Err(TableProblem::UselessWords { column: column.clone() });
        }
        if let Some(column) = spec.types.keys().find(|&column| !seen.contains(column)) {
            return Err(TableProblem::UselessType { column: column.clone() });
        }
        Ok(Self { features, targets: targets.to_vec(), group: spec.group.clone() })
    }

    /// Every column that must be read.
    pub(super) fn columns(&self) -> impl Iterator<Item = &String> {
        self.features.iter().chain(&self.targets).chain(&self.group)
    }

    /// The same for test rows, which need no groups.
    pub(super) fn without_group(&self) -> Self {
        Self { features: self.features.clone(), targets: self.targets.clone(), group: None }
    }
}

fn check_targets(targets: &[String], task: Task) -> Result<(), TableProblem> {
    let mut seen = BTreeSet::new();
    if let Some(column) = targets.iter().find(|&column| !seen.insert(column)) {
        return Err(TableProblem::Twice { column: column.clone(), list: "target" });
    }
    match (targets.len(), task) {
        (1, _) | (2.., Task::Regression) => Ok(()),
        (_, Task::Classification | Task::Regression) => Err(TableProblem::SeveralClasses),
    }
}

/// The place of a column among the columns.
pub(super) fn place(header: &[String], column: &str) -> Result<usize, TableProblem> {
    header.iter().position(|name| name == column).ok_or_else(|| TableProblem::NoColumn {
        column: column.to_owned(),
        header: header.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    })
}
