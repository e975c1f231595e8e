//! Why a network does not fit its data or itself.

/// Why a network does not fit its data or itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not exactly one of the forms.
    #[error("give exactly one of `mlp`, `cnn`, `layers` and `torchscript`")]
    NotOneForm,
    /// A layer that needs pictures got a vector, or the other way round.
    #[error("layer {at} ({layer}) needs {needs}, but gets {got:?}: {hint}")]
    Rank {
        /// Position in the list, from 0, with repeats written out; inside a residual layer such as `4.body.1`.
        at: String,
        /// The layer's name.
        layer: &'static str,
        /// The shape it needs, in words.
        needs: &'static str,
        /// The shape it gets.
        got: Vec<usize>,
        /// What to do.
        hint: &'static str,
    },
    /// A window larger than the padded picture, or of no size.
    #[error(
        "layer {at} ({layer}) has a {kernel:?} window with padding {padding:?} and stride {stride:?}, which does not fit the picture it gets, {got:?}"
    )]
    Window {
        /// Position in the list, from 0, with repeats written out; inside a residual layer such as `4.body.1`.
        at: String,
        /// The layer's name.
        layer: &'static str,
        /// Kernel height and width.
        kernel: [usize; 2],
        /// Stride.
        stride: [usize; 2],
        /// Padding.
        padding: [usize; 2],
        /// The shape it gets.
        got: Vec<usize>,
    },
    /// The last layer's shape is not what the data needs.
    #[error(
        "the network ends in {got:?}, but the data needs [{outputs}]: end with `\"output\"`, or with `flatten` and a linear layer of {outputs} units"
    )]
    Output {
        /// The last shape.
        got: Vec<usize>,
        /// What the data needs.
        outputs: usize,
    },
    /// Too many numbers for a machine to count.
    #[error("layer {at} ({layer}) is too large: its size overflows")]
    Overflow {
        /// Position in the list, from 0, with repeats written out; inside a residual layer such as `4.body.1`.
        at: String,
        /// The layer's name.
        layer: &'static str,
    },
    /// Channels that groups do not divide.
    #[error(
        "layer {at} (conv2d) turns {input} channels into {output} in {groups} groups, which do not divide them evenly"
    )]
    Groups {
        /// Position in the list.
        at: String,
        /// Channels that come in.
        input: usize,
        /// Channels that go out.
        output: usize,
        /// Groups.
        groups: usize,
    },
    /// The two ways of a residual layer end in different shapes.
    #[error(
        "layer {at} (residual) adds {body:?} (its body) and {shortcut:?} (its {way}): both must have one shape; give the shortcut a layer that makes it so, such as a convolution with the body's channels and stride"
    )]
    Residual {
        /// Position in the list.
        at: String,
        /// Where the body ends.
        body: Vec<usize>,
        /// Where the other way ends.
        shortcut: Vec<usize>,
        /// `shortcut`, or `input` where there is none.
        way: &'static str,
    },
    /// An initializer has a setting that its rule does not.
    #[error("layer {at} ({layer}): init: {reason}")]
    Init {
        /// Position in the list.
        at: String,
        /// The layer's name.
        layer: &'static str,
        /// What does not fit.
        reason: &'static str,
    },
    /// More layers than anyone means.
    #[error("the network has more than {most} layers with repeats written out")]
    TooManyLayers {
        /// The limit.
        most: usize,
    },
}
