"""fewtune fine-tunes pre-trained language models when data and hardware are few, and tells the truth about whether it worked.

import fewtune
result = fewtune.train(fewtune.RunConfig(model="minilm", data="reviews.csv", method="lora"))
fewtune.load(result.folder).predict(["Never again."])
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fewtune.adapted import Adapted as Adapted
    from fewtune.adapted import adapt as adapt
    from fewtune.engine.predict import Tuned as Tuned
    from fewtune.errors import FewtuneError as FewtuneError
    from fewtune.methods.adalora import Adalora as Adalora
    from fewtune.methods.bitfit import Bitfit as Bitfit
    from fewtune.methods.bottleneck import Bottleneck as Bottleneck
    from fewtune.methods.dora import Dora as Dora
    from fewtune.methods.eva import Eva as Eva
    from fewtune.methods.full import Full as Full
    from fewtune.methods.head import Head as Head
    from fewtune.methods.hira import Hira as Hira
    from fewtune.methods.ia3 import Ia3 as Ia3
    from fewtune.methods.last_layers import LastLayers as LastLayers
    from fewtune.methods.loftq import Loftq as Loftq
    from fewtune.methods.lora import Lora as Lora
    from fewtune.methods.lora_ga import LoraGa as LoraGa
    from fewtune.methods.lora_plus import LoraPlus as LoraPlus
    from fewtune.methods.nb_lora import NbLora as NbLora
    from fewtune.methods.olora import Olora as Olora
    from fewtune.methods.pissa import Pissa as Pissa
    from fewtune.methods.prefix_tuning import PrefixTuning as PrefixTuning
    from fewtune.methods.prompt_tuning import PromptTuning as PromptTuning
    from fewtune.methods.qlora import Qlora as Qlora
    from fewtune.methods.rslora import Rslora as Rslora
    from fewtune.methods.scalora import Scalora as Scalora
    from fewtune.methods.vera import Vera as Vera
    from fewtune.run import RunResult as RunResult
    from fewtune.run import load as load
    from fewtune.run import plan as plan
    from fewtune.run import resume as resume
    from fewtune.run import train as train
    from fewtune.save.folder import load_adapter as load_adapter
    from fewtune.settings import DataConfig as DataConfig
    from fewtune.settings import EvalConfig as EvalConfig
    from fewtune.settings import HardwareConfig as HardwareConfig
    from fewtune.settings import ModelConfig as ModelConfig
    from fewtune.settings import RunConfig as RunConfig
    from fewtune.settings import TrainConfig as TrainConfig
    from fewtune.tasks._base import Prediction as Prediction
    from fewtune.tasks.classification import Classification as Classification
    from fewtune.tasks.multilabel import Multilabel as Multilabel
    from fewtune.tasks.question_answering import QuestionAnswering as QuestionAnswering
    from fewtune.tasks.regression import Regression as Regression

# Public name → the module that holds it. Loaded on first use, so that importing fewtune costs nothing.
_PUBLIC = {
    "Adapted": "fewtune.adapted",
    "adapt": "fewtune.adapted",
    "Tuned": "fewtune.engine.predict",
    "FewtuneError": "fewtune.errors",
    "Adalora": "fewtune.methods.adalora",
    "Bitfit": "fewtune.methods.bitfit",
    "Bottleneck": "fewtune.methods.bottleneck",
    "Dora": "fewtune.methods.dora",
    "Eva": "fewtune.methods.eva",
    "Full": "fewtune.methods.full",
    "Head": "fewtune.methods.head",
    "Hira": "fewtune.methods.hira",
    "Ia3": "fewtune.methods.ia3",
    "LastLayers": "fewtune.methods.last_layers",
    "Loftq": "fewtune.methods.loftq",
    "Lora": "fewtune.methods.lora",
    "LoraGa": "fewtune.methods.lora_ga",
    "LoraPlus": "fewtune.methods.lora_plus",
    "NbLora": "fewtune.methods.nb_lora",
    "Olora": "fewtune.methods.olora",
    "Pissa": "fewtune.methods.pissa",
    "PrefixTuning": "fewtune.methods.prefix_tuning",
    "PromptTuning": "fewtune.methods.prompt_tuning",
    "Qlora": "fewtune.methods.qlora",
    "Rslora": "fewtune.methods.rslora",
    "Scalora": "fewtune.methods.scalora",
    "Vera": "fewtune.methods.vera",
    "RunResult": "fewtune.run",
    "load": "fewtune.run",
    "plan": "fewtune.run",
    "resume": "fewtune.run",
    "train": "fewtune.run",
    "load_adapter": "fewtune.save.folder",
    "DataConfig": "fewtune.settings",
    "EvalConfig": "fewtune.settings",
    "HardwareConfig": "fewtune.settings",
    "ModelConfig": "fewtune.settings",
    "RunConfig": "fewtune.settings",
    "TrainConfig": "fewtune.settings",
    "Prediction": "fewtune.tasks._base",
    "Classification": "fewtune.tasks.classification",
    "Multilabel": "fewtune.tasks.multilabel",
    "QuestionAnswering": "fewtune.tasks.question_answering",
    "Regression": "fewtune.tasks.regression",
}

__all__ = sorted(_PUBLIC)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'fewtune' has no attribute {name!r}")
    from fewtune.registry import imported

    return getattr(imported(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
