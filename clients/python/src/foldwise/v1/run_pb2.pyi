from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FailureKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_KIND_UNSPECIFIED: _ClassVar[FailureKind]
    FAILURE_KIND_CRASH: _ClassVar[FailureKind]
    FAILURE_KIND_OUT_OF_MEMORY: _ClassVar[FailureKind]
    FAILURE_KIND_DATA: _ClassVar[FailureKind]
    FAILURE_KIND_TRAINING: _ClassVar[FailureKind]
    FAILURE_KIND_RELEASED: _ClassVar[FailureKind]
    FAILURE_KIND_HANG: _ClassVar[FailureKind]
    FAILURE_KIND_SILENCE: _ClassVar[FailureKind]
FAILURE_KIND_UNSPECIFIED: FailureKind
FAILURE_KIND_CRASH: FailureKind
FAILURE_KIND_OUT_OF_MEMORY: FailureKind
FAILURE_KIND_DATA: FailureKind
FAILURE_KIND_TRAINING: FailureKind
FAILURE_KIND_RELEASED: FailureKind
FAILURE_KIND_HANG: FailureKind
FAILURE_KIND_SILENCE: FailureKind

class Epoch(_message.Message):
    __slots__ = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TRAIN_LOSS_FIELD_NUMBER: _ClassVar[int]
    TRAIN_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    VAL_LOSS_FIELD_NUMBER: _ClassVar[int]
    VAL_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    LR_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    lr: float
    def __init__(self, epoch: _Optional[int] = ..., train_loss: _Optional[float] = ..., train_accuracy: _Optional[float] = ..., val_loss: _Optional[float] = ..., val_accuracy: _Optional[float] = ..., lr: _Optional[float] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("trial", "fold", "epochs", "diverged_epoch", "seconds", "test", "weights_digest")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    FOLD_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    DIVERGED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    trial: int
    fold: int
    epochs: _containers.RepeatedCompositeFieldContainer[Epoch]
    diverged_epoch: int
    seconds: float
    test: TestResult
    weights_digest: str
    def __init__(self, trial: _Optional[int] = ..., fold: _Optional[int] = ..., epochs: _Optional[_Iterable[_Union[Epoch, _Mapping]]] = ..., diverged_epoch: _Optional[int] = ..., seconds: _Optional[float] = ..., test: _Optional[_Union[TestResult, _Mapping]] = ..., weights_digest: _Optional[str] = ...) -> None: ...

class TestResult(_message.Message):
    __slots__ = ("loss", "accuracy")
    LOSS_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    loss: float
    accuracy: float
    def __init__(self, loss: _Optional[float] = ..., accuracy: _Optional[float] = ...) -> None: ...
