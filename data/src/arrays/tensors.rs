//! Files in the safetensors format: a JSON header, and the arrays' bytes.

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors};

use crate::arrays::array::{Kind, Layout};
use crate::arrays::{Array, ArrayProblem, known};

/// Reads the array of this name.
pub(super) fn read<'a>(content: &'a [u8], name: &str) -> Result<Array<'a>, ArrayProblem> {
    let failed = |error: SafeTensorError| ArrayProblem::Format { reason: error.to_string() };
    let file = SafeTensors::deserialize(content).map_err(failed)?;
    let names = || file.names().into_iter().map(ToString::to_string);
    let tensor = match file.tensor(name) {
        Ok(tensor) => tensor,
        Err(SafeTensorError::TensorNotFound(_)) => {
            return Err(ArrayProblem::NoArray { known: known(names()) });
        }
        Err(error) => return Err(failed(error)),
    };
    let kind = match tensor.dtype() {
        Dtype::BOOL => Kind::Bool,
        Dtype::U8 => Kind::U8,
        Dtype::I8 => Kind::I8,
        Dtype::U16 => Kind::U16,
        Dtype::I16 => Kind::I16,
        Dtype::U32 => Kind::U32,
        Dtype::I32 => Kind::I32,
        Dtype::U64 => Kind::U64,
        Dtype::I64 => Kind::I64,
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::Bf16,
        Dtype::F32 => Kind::F32,
        Dtype::F64 => Kind::F64,
        other => return Err(ArrayProblem::Type { found: format!("{other:?}") }),
    };
    Array::new(kind, tensor.shape().to_vec(), Layout::default(), tensor.data())
}
