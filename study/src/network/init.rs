//! How weights start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule by name (`"kaiming_normal"`) or with settings (`{ weights = "xavier_uniform", gain = 1.4 }`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Init {
    /// A rule with its usual settings.
    Rule(InitRule),
    /// A rule with other settings.
    Settings(InitSettings),
}

/// How weights start. `fan_in` and `fan_out` are PyTorch's. Biases start at zero except with `pytorch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InitRule {
    /// PyTorch's default: weights and biases uniform within `±1/√fan_in`.
    #[default]
    Pytorch,
    /// `xavier_uniform_`, by default with gain 1.
    XavierUniform,
    /// `xavier_normal_`, by default with gain 1.
    XavierNormal,
    /// `kaiming_uniform_`, by default for rectifiers (gain √2) and `fan_in`.
    KaimingUniform,
    /// `kaiming_normal_`, by default for rectifiers (gain √2) and `fan_in`.
    KaimingNormal,
    /// Normal with mean 0 and the standard deviation `std`, by default 0.01.
    Normal,
    /// Zeros.
    Zeros,
}

/// A rule with other settings than its usual ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitSettings {
    /// The rule of the weights.
    pub weights: InitRule,
    /// What the deviation of a Xavier or Kaiming rule is multiplied with (`torch.nn.init.calculate_gain`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1_000.0))]
    pub gain: Option<f64>,
    /// Which connections a Kaiming rule counts (PyTorch's `mode`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<Fan>,
    /// Standard deviation of `normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1_000.0))]
    pub std: Option<f64>,
    /// How biases start; by default as the rule has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<BiasInit>,
}

/// Which connections a Kaiming rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fan {
    /// Those that come in: keeps the size of activations.
    #[default]
    In,
    /// Those that go out: keeps the size of gradients.
    Out,
}

/// How biases start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BiasInit {
    /// At zero.
    Zeros,
    /// Uniform within `±1/√fan_in`, PyTorch's default.
    Pytorch,
}

/// What a rule comes to for one layer's weights or biases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// One value.
    Constant(f64),
    /// Uniform within ± the bound.
    Uniform(f64),
    /// Normal with mean 0 and the standard deviation.
    Normal(f64),
}

impl Default for Init {
    fn default() -> Self {
        Self::Rule(InitRule::default())
    }
}

impl From<InitRule> for Init {
    fn from(rule: InitRule) -> Self {
        Self::Rule(rule)
    }
}

impl Init {
    /// What a setting is given that its rule does not have, if there is such a one.
    #[must_use]
    pub fn misfit(self) -> Option<&'static str> {
        let Self::Settings(InitSettings { weights, gain, fan, std, bias: _ }) = self else { return None };
        let kaiming = matches!(weights, InitRule::KaimingUniform | InitRule::KaimingNormal);
        let xavier = matches!(weights, InitRule::XavierUniform | InitRule::XavierNormal);
        match () {
            () if gain.is_some() && !kaiming && !xavier => {
                Some("`gain` is a setting of xavier and kaiming rules")
            }
            () if fan.is_some() && !kaiming => Some("`fan` is a setting of kaiming rules"),
            () if std.is_some() && weights != InitRule::Normal => Some("`std` is a setting of `normal`"),
            () => None,
        }
    }

    /// The distribution of weights with these fans (formulas of `torch.nn.init` and `reset_parameters`).
    #[must_use]
    pub fn weights(self, fan_in: f64, fan_out: f64) -> Distribution {
        let InitSettings { weights, gain, fan, std, bias: _ } = self.settings();
        let counted = match fan.unwrap_or_default() {
            Fan::In => fan_in,
            Fan::Out => fan_out,
        };
        let xavier = gain.unwrap_or(1.0) * (2.0 / (fan_in + fan_out)).sqrt();
        let kaiming = gain.unwrap_or(std::f64::consts::SQRT_2) / counted.sqrt();
        // A uniform distribution's deviation is its bound over √3.
        match weights {
            InitRule::Pytorch => Distribution::Uniform(1.0 / fan_in.sqrt()),
            InitRule::XavierUniform => Distribution::Uniform(3.0_f64.sqrt() * xavier),
            InitRule::XavierNormal => Distribution::Normal(xavier),
            InitRule::KaimingUniform => Distribution::Uniform(3.0_f64.sqrt() * kaiming),
            InitRule::KaimingNormal => Distribution::Normal(kaiming),
            InitRule::Normal => Distribution::Normal(std.unwrap_or(0.01)),
            InitRule::Zeros => Distribution::Constant(0.0),
        }
    }

    /// The distribution of biases of a layer whose weights have this fan.
    #[must_use]
    pub fn biases(self, fan_in: f64) -> Distribution {
        let settings = self.settings();
        let usual = match settings.weights {
            InitRule::Pytorch => BiasInit::Pytorch,
            _ => BiasInit::Zeros,
        };
        match settings.bias.unwrap_or(usual) {
            BiasInit::Pytorch => Distribution::Uniform(1.0 / fan_in.sqrt()),
            BiasInit::Zeros => Distribution::Constant(0.0),
        }
    }

    fn settings(self) -> InitSettings {
        match self {
            Self::Settings(settings) => settings,
            Self::Rule(weights) => InitSettings { weights, gain: None, fan: None, std: None, bias: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Distribution, Fan, Init, InitRule, InitSettings};

    fn close(found: Distribution, expected: Distribution) {
        let (Distribution::Uniform(a), Distribution::Uniform(b)) = (found, expected) else {
            let (Distribution::Normal(a), Distribution::Normal(b)) = (found, expected) else {
                panic!("{found:?} for {expected:?}")
            };
            return assert!((a - b).abs() < 1e-12, "{a} for {b}");
        };
        assert!((a - b).abs() < 1e-12, "{a} for {b}");
    }

    #[test]
    fn formulas_are_pytorchs() {
        let of = |rule: InitRule| Init::from(rule).weights(270.0, 360.0);
        close(of(InitRule::Pytorch), Distribution::Uniform(1.0 / 270.0_f64.sqrt()));
        close(of(InitRule::XavierUniform), Distribution::Uniform((6.0_f64 / 630.0).sqrt()));
        close(of(InitRule::XavierNormal), Distribution::Normal((2.0_f64 / 630.0).sqrt()));
        close(of(InitRule::KaimingUniform), Distribution::Uniform((6.0_f64 / 270.0).sqrt()));
        close(of(InitRule::KaimingNormal), Distribution::Normal((2.0_f64 / 270.0).sqrt()));
        let settings = InitSettings {
            weights: InitRule::KaimingNormal,
            gain: Some(1.0),
            fan: Some(Fan::Out),
            std: None,
            bias: None,
        };
        close(Init::Settings(settings).weights(270.0, 360.0), Distribution::Normal(1.0 / 360.0_f64.sqrt()));
    }
}
