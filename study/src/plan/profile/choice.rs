//! Which of several profiles a study is planned with.

use super::DeviceProfile;
use crate::spec::{DeviceKind, PlanSpec};

/// Why a spec's choice of a profile cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileChoiceError {
    /// There is none of that name.
    #[error(
        "plan.profile: there is no device profile `{name}`, only {}: name one of them, leave `profile` out, or give the \
         file with `--profile` where the coordinator is started", known.join(", ")
    )]
    Unknown {
        /// The name.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// It is of another kind of device than the spec asks for.
    #[error(
        "plan.profile: `{name}` is a profile of {}, but the device asked for is {}: change one of them, or leave `device` \
         out", kind.word(), device.word()
    )]
    OtherKind {
        /// The profile's name.
        name: String,
        /// Its kind of device.
        kind: DeviceKind,
        /// The kind that is asked for.
        device: DeviceKind,
    },
}

impl DeviceProfile {
    /// The profile that a spec names, among `given` and those that are shipped; `None` where it names none.
    ///
    /// # Errors
    /// When there is none of that name, or it is of another kind than the spec's device.
    pub fn chosen(given: &[Self], plan: &PlanSpec) -> Result<Option<Self>, ProfileChoiceError> {
        let Some(name) = &plan.profile else { return Ok(None) };
        let shipped = DeviceKind::ALL.map(Self::shipped);
        let all = || given.iter().chain(&shipped);
        let Some(profile) = all().find(|profile| profile.name == *name) else {
            let known = all().map(|profile| profile.name.clone()).collect();
            return Err(ProfileChoiceError::Unknown { name: name.clone(), known });
        };
        match plan.device.filter(|&device| device != profile.kind) {
            Some(device) => {
                Err(ProfileChoiceError::OtherKind { name: name.clone(), kind: profile.kind, device })
            }
            None => Ok(Some(profile.clone())),
        }
    }

    /// The one that serves a kind of device where a spec names none: the first of `given`, else the shipped one.
    #[must_use]
    pub fn serving(given: &[Self], kind: DeviceKind) -> Self {
        given.iter().find(|profile| profile.kind == kind).cloned().unwrap_or_else(|| Self::shipped(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::DeviceProfile;
    use crate::spec::{DeviceKind, PlanSpec};

    fn chosen(name: Option<&str>, device: Option<DeviceKind>) -> Result<Option<String>, String> {
        let given = [DeviceProfile { name: "den".to_owned(), ..DeviceProfile::shipped(DeviceKind::Cpu) }];
        let plan = PlanSpec { profile: name.map(str::to_owned), device, width: None };
        let profile = DeviceProfile::chosen(&given, &plan).map_err(|error| error.to_string())?;
        Ok(profile.map(|profile| profile.name))
    }

    #[test]
    fn a_name_is_looked_up_among_the_given_and_the_shipped() {
        assert_eq!(chosen(None, None), Ok(None));
        assert_eq!(chosen(Some("den"), Some(DeviceKind::Cpu)), Ok(Some("den".to_owned())));
        assert_eq!(chosen(Some("shipped-cuda"), None), Ok(Some("shipped-cuda".to_owned())));
        let unknown = chosen(Some("attic"), None).expect_err("there is none");
        assert!(unknown.contains("`attic`, only den, shipped-cpu, shipped-cuda"), "{unknown}");
        let other = chosen(Some("den"), Some(DeviceKind::Cuda)).expect_err("it is of a CPU");
        assert!(other.contains("`den` is a profile of cpu"), "{other}");
    }

    #[test]
    fn the_first_given_profile_of_a_kind_serves() {
        let named =
            |name: &str| DeviceProfile { name: name.to_owned(), ..DeviceProfile::shipped(DeviceKind::Cpu) };
        let given = [named("first"), named("second")];
        assert_eq!(DeviceProfile::serving(&given, DeviceKind::Cpu).name, "first");
        assert_eq!(DeviceProfile::serving(&given, DeviceKind::Cuda).name, "shipped-cuda");
    }
}
