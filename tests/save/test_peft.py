"""PEFT reads what we write and we read what PEFT writes, with equal logits, on every architecture."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from fewtune.adapted import Adapted, adapt
from fewtune.errors import FormatError
from fewtune.methods._low_rank import LowRank
from fewtune.methods.dora import Dora
from fewtune.methods.lora import Lora
from fewtune.methods.lora_plus import LoraPlus
from fewtune.methods.rslora import Rslora
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.find import Origin
from fewtune.save.folder import load_adapter, save_tuned
from models import (
    ARCHITECTURES,
    LABELS,
    SHAPES,
    inputs_of,
    logits,
    tiny_batch,
    tiny_config,
    tiny_model,
    tiny_tokenizer,
    widen,
)
from save.beside_peft import CONFIG, WEIGHTS, move

pytestmark = [
    # peft 0.21.2 still calls transformers' older name for it
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    # What it warns of is tried below: that the two are equal when loaded.
    pytest.mark.filterwarnings(
        "ignore:fan_in_fan_out is set to True:UserWarning"
    ),  # said of each nn.Linear beside a Conv1D
    pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning"),
]
each = pytest.mark.parametrize("architecture", ARCHITECTURES)
VARIANTS: dict[str, LowRank] = {
    "plain": Lora(rank=3, alpha=12),
    "rank_stabilized": Lora(rank=4, alpha=6, scaling="rank_stabilized"),
    "rslora": Rslora(rank=4, alpha=6),
    "lora_plus": LoraPlus(rank=3, alpha=12),
    "dora": Dora(rank=3, alpha=12),
    "dora_rank_stabilized": Dora(rank=4, alpha=6, scaling="rank_stabilized", targets=("up", "down")),
    "attention_only_dropout": Lora(rank=2, alpha=4, targets=("out", "down"), dropout=0.3),
}


def ours(architecture: str, method: LowRank, folder: Path) -> Adapted:
    """A LoRA with random factors and a random head, saved by us."""
    torch.manual_seed(1)
    adapted = adapt(tiny_model(architecture), method)
    move(adapted.model)
    adapted.model.config.id2label = dict(enumerate(LABELS))
    adapted.model.config.label2id = {label: index for index, label in enumerate(LABELS)}
    save_tuned(adapted, folder, Origin("a/base-model", "0" * 40, folder), tiny_tokenizer(architecture), "SEQ_CLS")
    return adapted


def theirs(architecture: str, folder: Path, **options: object) -> PreTrainedModel:
    """The same by PEFT: all linear layers of the blocks, the head as `modules_to_save`."""
    torch.manual_seed(2)
    anatomy = Anatomy(tiny_model(architecture))
    defaults = {
        "r": 3,
        "lora_alpha": 12,
        "target_modules": [layer.path for layer in anatomy.select(("blocks",))],
        "modules_to_save": list(anatomy.top),
        "fan_in_fan_out": architecture == "gpt2",
        "init_lora_weights": False,
    }
    model = peft.get_peft_model(tiny_model(architecture), peft.LoraConfig(**(defaults | options)))
    move(model)
    model.save_pretrained(folder)
    return model


def largest(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, as a share of the largest logit (about 5)."""
    return float((found - expected).abs().max() / expected.abs().max())


def assert_equal(one: nn.Module, other: nn.Module, architecture: str) -> float:
    """Equal logits in fp32, where only the order of operations may differ, and in fp64 (whose norms compute in fp32)."""
    batch = tiny_batch(architecture)
    far = largest(logits(one, batch), logits(other, batch))
    assert far <= 5e-5
    assert largest(logits(one.double(), batch), logits(other.double(), batch)) <= 1e-6
    one.float(), other.float()
    return far


def changed(folder: Path, change: Callable[[str, torch.Tensor], torch.Tensor | None]) -> None:
    tensors = {name: change(name, tensor) for name, tensor in load_file(folder / WEIGHTS).items()}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items() if tensor is not None}, folder / WEIGHTS)


@each
@pytest.mark.parametrize("variant", VARIANTS)
def test_peft_reads_ours_with_equal_logits(
    architecture: str, variant: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    batch = tiny_batch(architecture)
    adapted = ours(architecture, VARIANTS[variant], tmp_path / "a")
    expected = logits(adapted.model, batch)
    loaded = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "a")
    record_property("difference", assert_equal(loaded, adapted.model, architecture))

    for name, tensor in (("lora_B", 0.0), (Anatomy(tiny_model(architecture)).head[-1], 0.5)):
        shutil.copytree(tmp_path / "a", without := tmp_path / f"without_{name}")
        changed(without, lambda key, value, name=name, by=tensor: value * by if f".{name}." in key else value)
        other = peft.PeftModel.from_pretrained(tiny_model(architecture), without)
        assert largest(logits(other, batch), expected) > 0.05, f"{name} makes no difference, so equality says nothing"


@each
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_rslora": True, "lora_dropout": 0.2},
        {"task_type": "SEQ_CLS", "modules_to_save": None},
        {"use_dora": True},
        {"use_dora": True, "use_rslora": True, "lora_dropout": 0.2},
    ],
    ids=["plain", "rslora", "task_type", "dora", "dora_rslora"],
)
def test_we_read_pefts_with_equal_logits(
    architecture: str, options: dict, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    batch = tiny_batch(architecture)
    model = theirs(architecture, tmp_path, **options)
    expected = logits(model, batch)
    loaded = load_adapter(tiny_model(architecture), tmp_path)
    record_property("difference", assert_equal(loaded.model, model, architecture))
    assert largest(logits(tiny_model(architecture), batch), expected) > 0.05

    changed(tmp_path, lambda key, value: value * 0 if "lora_B" in key else value)
    assert largest(logits(load_adapter(tiny_model(architecture), tmp_path).model, batch), expected) > 0.05


@pytest.mark.parametrize("use_rslora", [False, True])
@pytest.mark.parametrize("architecture", ["bert", "gpt2", "t5"])
def test_ranks_and_strengths_of_single_layers(architecture: str, use_rslora: bool, tmp_path: Path) -> None:
    last = [layer.path for layer in Anatomy(tiny_model(architecture)).select(("blocks",))][-1]
    # Patterns that overlap are no use: peft 0.21.2 sorts them when it saves, and then reads its own file differently.
    options = {
        "rank_pattern": {last: 5, r".*\.0\..*\.(query|c_attn|q)": 2},
        "alpha_pattern": {last: 20, "query|key|c_fc|wi": 3},
    }
    model, batch = theirs(architecture, tmp_path / "theirs", use_rslora=use_rslora, **options), tiny_batch(architecture)
    loaded = load_adapter(tiny_model(architecture), tmp_path / "theirs")
    assert {layer.A.shape[0] for layer in loaded.layers().values()} == {2, 3, 5}
    assert_equal(loaded.model, model, architecture)

    # what was read is written again as it was, for PEFT and for us
    save_tuned(loaded, tmp_path / "again", Origin("a/base-model", None, tmp_path), tiny_tokenizer(architecture))
    again = load_adapter(tiny_model(architecture), tmp_path / "again")
    assert torch.equal(logits(again.model, batch), logits(loaded.model, batch))
    back = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "again")
    assert_equal(back, model, architecture)


def test_pefts_older_keys_are_read(tmp_path: Path) -> None:
    model = theirs("bert", tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    save_file(
        {name.replace(".classifier.", ".classifier.modules_to_save."): t for name, t in tensors.items()},
        tmp_path / WEIGHTS,
    )
    assert_equal(load_adapter(tiny_model("bert"), tmp_path).model, model, "bert")


@pytest.mark.parametrize(
    "reader", [lambda model, path: load_adapter(model, path).model, peft.PeftModel.from_pretrained]
)
def test_a_base_without_a_pooler_gives_the_same_logits(reader: Callable[..., nn.Module], tmp_path: Path) -> None:
    """transformers gives such a BERT a random pooler, another one each time; so the adapter must bring its own."""
    adapted = ours("bert", Lora(rank=2), tmp_path / "a")
    base = tiny_model("bert")
    with torch.no_grad():
        base.get_parameter("bert.pooler.dense.weight").normal_()
    expected = logits(adapted.model, tiny_batch("bert"))
    assert largest(logits(base, tiny_batch("bert")), expected) > 0.1
    assert largest(logits(reader(base, tmp_path / "a"), tiny_batch("bert")), expected) <= 5e-5


@each
def test_the_files_say_what_is_in_them(architecture: str, tmp_path: Path) -> None:
    method = Lora(rank=3, alpha=12, dropout=0.1, targets=("down",))
    adapted = ours(architecture, method, tmp_path / "a")
    config = json.loads((tmp_path / "a" / CONFIG).read_text())
    assert (config["peft_type"], config["task_type"]) == ("LORA", "SEQ_CLS")
    assert (config["r"], config["lora_alpha"], config["lora_dropout"], config["use_rslora"]) == (3, 12, 0.1, False)
    assert config["fan_in_fan_out"] == (architecture == "gpt2")
    assert config["modules_to_save"] == list(Anatomy(tiny_model(architecture)).top)
    assert (config["base_model_name_or_path"], config["revision"]) == ("a/base-model", "0" * 40)
    targets = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "a").targeted_module_names
    assert sorted(targets) == sorted(adapted.layers())

    keys = set(load_file(tmp_path / "a" / WEIGHTS))
    factors = {f"base_model.model.{path}.lora_{symbol}.weight" for path in adapted.layers() for symbol in "AB"}
    assert keys == factors | {f"base_model.model.{path}" for path in adapted.directly()}
    assert json.loads((tmp_path / "a" / "config.json").read_text())["id2label"] == {
        str(index): label for index, label in enumerate(LABELS)
    }
    assert (tmp_path / "a" / "tokenizer.json").exists()


def test_targets_are_named_shortly_only_where_that_is_exact(tmp_path: Path) -> None:
    def written(architecture: str, *targets: str) -> list[str]:
        ours(architecture, Lora(targets=targets), folder := tmp_path / f"{architecture}-{'-'.join(targets)}")
        return json.loads((folder / CONFIG).read_text())["target_modules"]

    assert written("bert", "query", "value") == ["query", "value"]
    assert written("llama", "blocks") == sorted(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )
    # `dense` is also the pooler's name, and means three roles
    assert written("bert", "up") == [f"bert.encoder.layer.{block}.intermediate.dense" for block in range(2)]


def test_more_layers_than_peft_keeps_by_name(tmp_path: Path) -> None:
    """From 20 full paths on, peft looks for shorter names that mean the same layers; ours must survive that."""
    config = tiny_config("bert")
    config.num_hidden_layers = 4

    def deep() -> PreTrainedModel:
        model = AutoModelForSequenceClassification.from_config(config)
        widen(model)
        return model.eval()

    adapted = adapt(deep(), Lora(rank=2))
    assert len(adapted.layers()) == 24
    move(adapted.model)
    save_tuned(adapted, tmp_path / "a", Origin("a/base-model", None, tmp_path), tiny_tokenizer(), "SEQ_CLS")
    loaded = peft.PeftModel.from_pretrained(deep(), tmp_path / "a")
    assert_equal(loaded, adapted.model, "bert")


@each
def test_the_head_comes_back(architecture: str, tmp_path: Path) -> None:
    adapted = ours(architecture, Lora(targets=("down",)), tmp_path / "a")
    loaded = load_adapter(tiny_model(architecture), tmp_path / "a")
    assert adapted.directly() and loaded.directly().keys() == adapted.directly().keys()
    for name, parameter in adapted.directly().items():
        assert torch.equal(loaded.directly()[name], parameter)
        assert not torch.equal(tiny_model(architecture).get_parameter(name), parameter)


def test_what_was_loaded_can_be_trained_on(tmp_path: Path) -> None:
    adapted = ours("bert", Lora(rank=2, dropout=0.1), tmp_path / "a")
    loaded = load_adapter(tiny_model("bert"), tmp_path / "a")
    assert loaded.trainable().keys() == adapted.trainable().keys()
    assert {module.training for module in loaded.model.modules()} == {False}
    assert loaded.method == adapted.method.model_copy(update={"targets": tuple(adapted.layers())})
    loaded.model(**tiny_batch("bert")).loss.backward()
    assert all(parameter.grad is not None for parameter in loaded.trainable().values())


@pytest.mark.parametrize(("method", "scaling"), [(Rslora(rank=4), "rank_stabilized"), (LoraPlus(rank=4), "standard")])
def test_what_peft_calls_lora_comes_back_as_the_lora_that_computes_the_same(
    method: LowRank, scaling: str, tmp_path: Path
) -> None:
    adapted = ours("bert", method, tmp_path / "a")
    assert json.loads((tmp_path / "a" / CONFIG).read_text())["use_rslora"] == (scaling == "rank_stabilized")
    loaded = load_adapter(tiny_model("bert"), tmp_path / "a")
    assert loaded.method == Lora(rank=4, scaling=scaling, targets=tuple(adapted.layers()))
    assert torch.equal(logits(loaded.model, tiny_batch("bert")), logits(adapted.model, tiny_batch("bert")))


@pytest.mark.parametrize("change", ["missing", "short", "unasked"])
def test_magnitudes_that_do_not_fit_are_refused(change: str, tmp_path: Path) -> None:
    ours("bert", Dora(rank=2), tmp_path / "a")
    if change == "unasked":
        edited(use_dora=False)(tmp_path / "a")
    else:
        last = "layer.0.output.dense.lora_magnitude_vector"
        to = {"missing": None, "short": torch.ones(3)}[change]
        changed(tmp_path / "a", lambda key, value: to if key.endswith(last) else value)
    with pytest.raises(FormatError, match="do not belong together"):
        load_adapter(tiny_model("bert"), tmp_path / "a")


def test_a_dora_comes_back_as_one_that_can_be_trained_on(tmp_path: Path) -> None:
    adapted = ours("gpt2", Dora(rank=4, scaling="rank_stabilized"), tmp_path / "a")
    assert json.loads((tmp_path / "a" / CONFIG).read_text())["use_dora"] is True
    loaded = load_adapter(tiny_model("gpt2"), tmp_path / "a")
    assert loaded.method == adapted.method.model_copy(update={"targets": tuple(adapted.layers())})
    assert loaded.trainable().keys() == adapted.trainable().keys()
    loaded.model(**tiny_batch("gpt2")).loss.backward()
    assert all(parameter.grad is not None for parameter in loaded.trainable().values())


def edited(**options: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps(config | options))

    return edit


def truncated(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) // 2])


def rewritten(change: Callable[[str, torch.Tensor], torch.Tensor | None]) -> Callable[[Path], None]:
    return lambda folder: changed(folder, change)


def without(option: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text())
        del config[option]
        (folder / CONFIG).write_text(json.dumps(config))

    return edit


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "dora_without_magnitudes": (edited(use_dora=True), "A, B, m do not belong together"),
    "use_qalora": (edited(use_qalora=True), "the adapter uses use_qalora=True, which this version does not compute"),
    "bias": (edited(bias="all"), "the adapter uses bias=all"),
    "lora_bias": (edited(lora_bias=True), "the adapter uses lora_bias=True"),
    "pissa": (edited(init_lora_weights="pissa_niter_4"), "the adapter uses init_lora_weights=pissa_niter_4"),
    "olora": (edited(init_lora_weights="OLoRA"), "the adapter uses init_lora_weights=OLoRA"),
    "unknown_option": (edited(twisted=[1]), r"the adapter uses twisted=\[1\]"),
    "boft": (edited(peft_type="BOFT"), "holds an adapter of type BOFT"),
    "no_weights": (lambda folder: (folder / WEIGHTS).unlink(), f"{WEIGHTS} is missing"),
    "no_config": (lambda folder: (folder / CONFIG).unlink(), "no adapter here"),
    "config_is_a_list": (lambda folder: (folder / CONFIG).write_text("[]"), "holds an adapter of type None"),
    "config_is_no_json": (lambda folder: (folder / CONFIG).write_text("{"), "the adapter is damaged"),
    "no_rank": (without("r"), "the adapter is damaged: adapter_config.json"),
    "rank_zero": (edited(r=0), "the adapter is damaged: adapter_config.json"),
    "truncated": (truncated, "the adapter is damaged"),
    "empty": (lambda folder: (folder / WEIGHTS).write_bytes(b""), "the adapter is damaged"),
    "no_factors": (rewritten(lambda key, value: None), "holds no lora_A and lora_B"),
    "half_a_pair": (
        rewritten(lambda key, value: None if "layer.0.output.dense.lora_A" in key else value),
        "belong together",
    ),
    "vector": (rewritten(lambda key, value: value[0] if "lora_B" in key else value), "belong together"),
    "ranks_differ": (rewritten(lambda key, value: value[:1] if "lora_A" in key else value), "belong together"),
    "foreign_tensor": (
        rewritten(lambda key, value: torch.stack([value, value]) if key.endswith("classifier.bias") else value),
        "does not fit BertForSequenceClassification: classifier.bias",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_cannot_be_read_right_is_refused(damage: str, tmp_path: Path) -> None:
    break_it, sentence = DAMAGE[damage]
    ours("bert", Lora(rank=2), tmp_path / "a")
    break_it(tmp_path / "a")
    model = tiny_model("bert")
    with pytest.raises(FormatError, match=sentence):
        load_adapter(model, tmp_path / "a")
    assert not any(isinstance(module, AdapterLayer) for module in model.modules()), "the model was changed all the same"


def test_real_adapters_of_other_kinds_are_refused(tmp_path: Path) -> None:
    kinds = {
        "bias": peft.LoraConfig(target_modules=["query"], bias="lora_only"),
        "loha": peft.LoHaConfig(target_modules=["query"]),
        "embedding": peft.LoraConfig(target_modules=["word_embeddings"]),
        "pissa": peft.LoraConfig(target_modules=["query"], init_lora_weights="pissa"),
    }
    for name, config in kinds.items():
        peft.get_peft_model(tiny_model("bert"), config).save_pretrained(tmp_path / name)
        with pytest.raises(FormatError):
            load_adapter(tiny_model("bert"), tmp_path / name)


@pytest.mark.parametrize("other", ["roberta", "gpt2", "t5"])
def test_an_adapter_for_another_model_is_refused(other: str, tmp_path: Path) -> None:
    ours("bert", Lora(), tmp_path / "a")
    with pytest.raises(FormatError, match=rf"the adapter does not fit {type(tiny_model(other)).__name__}: bert\."):
        load_adapter(tiny_model(other), tmp_path / "a")


def test_another_number_of_labels_is_refused(tmp_path: Path) -> None:
    ours("bert", Lora(), tmp_path / "a")
    with pytest.raises(FormatError, match=r"classifier\.(weight|bias) is missing there or has another shape"):
        load_adapter(tiny_model("bert", labels=2), tmp_path / "a")


WRITERS = [name for name in SHAPES if name.endswith("_lm")]


@pytest.mark.parametrize("shape", WRITERS)
@pytest.mark.parametrize("what", ["output layer", "output layer alone", "embeddings"])
def test_peft_reads_ours_where_the_output_layer_is_the_embedding(shape: str, what: str, tmp_path: Path) -> None:
    """A correction to one of the two leaves the other as it was; an embedding that learned is the output layer too."""
    model, batch = SHAPES[shape].model(), SHAPES[shape].batch()
    output = Anatomy(model).output_layer
    assert output is not None
    options = {
        "output layer": {"targets": ("blocks", output)},
        "output layer alone": {"targets": (output,)},
        "embeddings": {"targets": ("down",), "also": ("embeddings",)},
    }[what]
    adapted = adapt(model, Lora(rank=3, alpha=12, **options))
    move(adapted.model)
    task_type = "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else None
    save_tuned(adapted, tmp_path / "a", Origin("a/base-model", None, tmp_path), tiny_tokenizer(), task_type)
    mine, plain = load_adapter(SHAPES[shape].model(), tmp_path / "a").model, SHAPES[shape].model()
    loaded = peft.PeftModel.from_pretrained(SHAPES[shape].model(), tmp_path / "a").base_model.model
    with torch.no_grad():
        expected, again, theirs, base = (each.eval()(**batch).logits for each in (model, mine, loaded, plain))
        read, before = model.get_input_embeddings().weight, plain.get_input_embeddings().weight
    assert torch.equal(again, expected)
    assert largest(theirs, expected) <= 5e-5
    assert largest(base, expected) > 0.05, "the adapter makes no difference, so equality says nothing"
    assert torch.equal(read, before) == (what != "embeddings")
    written = load_file(tmp_path / "a" / WEIGHTS)
    assert any("embed" in key or "wte" in key or "shared" in key for key in written) == (what == "embeddings")


@each
def test_peft_answers_questions_with_equal_logits(architecture: str, tmp_path: Path) -> None:
    """With its own type for questions: peft finds the head by itself, or by the names that we write down."""
    torch.manual_seed(1)
    auto = "AutoModelForQuestionAnswering"
    adapted = adapt(tiny_model(architecture, head=auto, labels=2), Lora(rank=3, alpha=12))
    move(adapted.model)
    save_tuned(
        adapted,
        tmp_path / "a",
        Origin("a/base-model", "0" * 40, tmp_path),
        tiny_tokenizer(architecture),
        "QUESTION_ANS",
    )
    assert json.loads((tmp_path / "a" / CONFIG).read_text())["task_type"] == "QUESTION_ANS"
    loaded = peft.PeftModel.from_pretrained(tiny_model(architecture, head=auto, labels=2), tmp_path / "a")
    batch = inputs_of(tiny_batch(architecture))
    if architecture in ("bert", "deberta_v2"):
        batch["token_type_ids"] = (torch.arange(12) > 5).long().expand(4, 12)
    # Not `loaded` itself: peft 0.21.2 loses token_type_ids in its wrapper for questions.
    models = (adapted.model, loaded.base_model, tiny_model(architecture, head=auto, labels=2))
    with torch.no_grad():
        expected, found, base = (
            torch.stack([said.start_logits, said.end_logits]) for said in (model.eval()(**batch) for model in models)
        )
    assert largest(found, expected) <= 5e-5
    assert largest(base, expected) > 0.05, "the adapter makes no difference, so equality says nothing"
