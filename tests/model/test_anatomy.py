"""Roles, blocks, head and positions of every architecture."""

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModel

from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods.lora import Lora
from fewtune.model.anatomy import Anatomy
from fewtune.model.roles import ROLES
from models import BLOCKS, POSITIONS, SHAPES, WIDTH, tiny_config, tiny_model

_BERT = {
    "query": ["attention.self.query"],
    "key": ["attention.self.key"],
    "value": ["attention.self.value"],
    "out": ["attention.output.dense"],
    "up": ["intermediate.dense"],
    "down": ["output.dense"],
}
_LLAMA = {
    "query": ["self_attn.q_proj"],
    "key": ["self_attn.k_proj"],
    "value": ["self_attn.v_proj"],
    "out": ["self_attn.o_proj"],
    "gate": ["mlp.gate_proj"],
    "up": ["mlp.up_proj"],
    "down": ["mlp.down_proj"],
}


_NEOX = {
    "qkv": ["attention.query_key_value"],
    "out": ["attention.dense"],
    "up": ["mlp.dense_h_to_4h"],
    "down": ["mlp.dense_4h_to_h"],
}
_VIT = {
    role: [f"attention.{name}"] for role, name in {"query": "q_proj", "key": "k_proj", "value": "v_proj"}.items()
} | {
    "out": ["attention.o_proj"],
    "up": ["mlp.fc1"],
    "down": ["mlp.fc2"],
}
_DISTILBERT = {
    role: [f"attention.{name}"] for role, name in {"query": "q_lin", "key": "k_lin", "value": "v_lin"}.items()
} | {
    "out": ["attention.out_lin"],
    "up": ["ffn.lin1"],
    "down": ["ffn.lin2"],
}


def _bart(*attention: str) -> dict[str, list[str]]:
    """Whisper's blocks are BART's."""
    names = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "out_proj"}
    found = {role: [f"{part}.{name}" for part in attention] for role, name in names.items()}
    return found | {"up": ["fc1"], "down": ["fc2"]}


def _t5(up: dict[str, str]) -> dict[str, list[str]]:
    attention = ("layer.0.SelfAttention", "layer.1.EncDecAttention")
    found = {
        role: [f"{part}.{name}" for part in attention]
        for role, name in {"query": "q", "key": "k", "value": "v", "out": "o"}.items()
    }
    dense = ("layer.1.DenseReluDense", "layer.2.DenseReluDense")
    return found | {role: [f"{part}.{name}" for part in dense] for role, name in (up | {"down": "wo"}).items()}


# Architecture → role → the layers' paths inside a block, over all blocks
EXPECTED = {
    "bert": _BERT,
    "roberta": _BERT,
    "deberta_v2": _BERT
    | {
        "query": ["attention.self.query_proj"],
        "key": ["attention.self.key_proj"],
        "value": ["attention.self.value_proj"],
    },
    "modernbert": {"qkv": ["attn.Wqkv"], "out": ["attn.Wo"], "up": ["mlp.Wi"], "down": ["mlp.Wo"]},
    "gpt2": {"qkv": ["attn.c_attn"], "out": ["attn.c_proj"], "up": ["mlp.c_fc"], "down": ["mlp.c_proj"]},
    "llama": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "t5": _t5({"up": "wi"}),
    "t5_gated": _t5({"gate": "wi_0", "up": "wi_1"}),
    "bart": _bart("self_attn", "encoder_attn"),
    "distilbert": _DISTILBERT,
    "gemma": _LLAMA,
    "gpt_neox": _NEOX,
    "vit": _VIT,
    "whisper": _bart("self_attn"),  # to hear what a sound is, the encoder alone
    "whisper_lm": _bart("self_attn", "encoder_attn"),
}
EXPECTED |= {name: EXPECTED[shape.architecture] for name, shape in SHAPES.items() if name not in EXPECTED}
STACKS = {
    "t5": ("transformer.encoder.block", "transformer.decoder.block"),
    "t5_gated": ("transformer.encoder.block", "transformer.decoder.block"),
    "t5_gated_lm": ("encoder.block", "decoder.block"),
    "bart": ("model.encoder.layers", "model.decoder.layers"),
    "bart_lm": ("model.encoder.layers", "model.decoder.layers"),
    "whisper": ("encoder.layers",),
    "whisper_lm": ("model.encoder.layers", "model.decoder.layers"),
}
HEADS = {
    "bert": ("classifier",),
    "roberta": ("classifier",),
    "deberta_v2": ("pooler", "classifier"),
    "modernbert": ("head", "classifier"),
    "t5": ("classification_head",),
    "t5_gated": ("classification_head",),
    "bart": ("classification_head",),
    "distilbert": ("pre_classifier", "classifier"),
    "vit": ("classifier",),
    "whisper": ("projector", "classifier"),
}
each = pytest.mark.parametrize("shape", SHAPES)
each_with_a_head = pytest.mark.parametrize("shape", [name for name in SHAPES if not name.endswith("_lm")])


def anatomy(shape: str) -> Anatomy:
    return Anatomy(SHAPES[shape].model())


@each
def test_every_linear_layer_of_the_blocks_has_its_role(shape: str) -> None:
    found = anatomy(shape)
    roles: dict[str | None, set[str]] = {}
    for layer in found.layers:
        if layer.block is not None:
            roles.setdefault(layer.role, set()).add(layer.path.removeprefix(found.blocks[layer.block] + "."))
        else:
            assert layer.role is None
    assert roles == {role: set(paths) for role, paths in EXPECTED[shape].items()}
    assert roles.keys() <= set(ROLES)


@each
def test_blocks_are_counted_through_all_stacks(shape: str) -> None:
    found = anatomy(shape)
    assert found.stacks == STACKS.get(shape, found.stacks[:1])
    assert len(found.blocks) == BLOCKS * len(found.stacks) > 0
    assert {layer.block for layer in found.layers} - {None} == set(range(len(found.blocks)))


@each_with_a_head
def test_head_pooler_width_and_positions(shape: str) -> None:
    found = anatomy(shape)
    assert found.head == HEADS.get(shape, ("score",))
    assert found.pooler == (("bert.pooler",) if shape == "bert" else ())
    assert found.top == found.pooler + found.head
    assert found.width == WIDTH
    assert not found.tied
    # RoBERTa's table has two rows more, which no token may use: positions count from behind the padding index.
    none = shape.startswith("t5") or "input_ids" not in SHAPES[shape].batch()
    assert found.positions == (None if none else POSITIONS)


@pytest.mark.parametrize(
    ("architecture", "head", "modules"),
    [
        ("bert", "AutoModelForQuestionAnswering", ("qa_outputs",)),
        ("t5", "AutoModelForQuestionAnswering", ("qa_outputs",)),
        ("llama", "AutoModelForQuestionAnswering", ("qa_outputs",)),
        ("bert", "AutoModelForTokenClassification", ("classifier",)),
        ("t5_gated", "AutoModelForTokenClassification", ("classifier",)),
    ],
)
def test_heads_of_other_tasks(architecture: str, head: str, modules: tuple[str, ...]) -> None:
    found = Anatomy(tiny_model(architecture, head=head))
    assert (found.head, found.top, found.output_layer) == (modules, modules, None)


@pytest.mark.parametrize(
    ("architecture", "head", "layer"),
    [
        ("bert", "AutoModelForMaskedLM", "cls.predictions.decoder"),
        ("modernbert", "AutoModelForMaskedLM", "decoder"),
        ("gpt2", "AutoModelForCausalLM", "lm_head"),
        ("qwen3", "AutoModelForCausalLM", "lm_head"),
        ("t5", "AutoModelForSeq2SeqLM", "lm_head"),
        ("gemma", "AutoModelForCausalLM", "lm_head"),
        ("gpt_neox", "AutoModelForCausalLM", "lm_head"),
        ("bart", "AutoModelForSeq2SeqLM", "lm_head"),
        ("distilbert", "AutoModelForMaskedLM", "vocab_projector"),
        ("whisper", "AutoModelForSpeechSeq2Seq", "proj_out"),
    ],
)
def test_the_output_layer_of_a_language_model_is_nothing_to_be_learned_anew(
    architecture: str, head: str, layer: str
) -> None:
    found = Anatomy(tiny_model(architecture, head=head))
    assert (found.top, found.output_layer) == ((), layer)
    assert found.head, "there is a head, which is as pre-trained as the rest"
    # Whether the two share their weight is a matter of the checkpoint: of these only two bodies were trained with two.
    assert found.tied == (architecture not in ("qwen3", "gpt_neox"))


@pytest.mark.parametrize("architecture", sorted({shape.architecture for shape in SHAPES.values()}))
def test_a_body_alone_has_no_head(architecture: str) -> None:
    body = Anatomy(AutoModel.from_config(tiny_config(architecture)))
    assert body.head == ()
    assert body.top == ()


@each
def test_blocks_selects_all_linear_layers_inside_and_nothing_else(shape: str) -> None:
    found = anatomy(shape)
    chosen = found.select(("blocks",))
    assert chosen == tuple(layer for layer in found.layers if layer.block is not None)
    assert not any(layer.path.startswith(found.head) for layer in chosen)


def test_targets_may_be_roles_names_and_paths() -> None:
    found = anatomy("bert")

    def paths(*targets: str) -> list[str]:
        return [layer.path for layer in found.select(targets)]

    first, second = (f"bert.encoder.layer.{block}." for block in range(2))
    assert paths("value", "query") == [
        block + f"attention.self.{name}" for block in (first, second) for name in ("query", "value")
    ]
    assert paths("dense") == [
        block + name
        for block in (first, second)
        for name in ("attention.output.dense", "intermediate.dense", "output.dense")
    ]
    assert paths(first + "output.dense") == [first + "output.dense"]
    assert paths("classifier") == ["classifier"]
    assert paths("up", first + "intermediate.dense") == [first + "intermediate.dense", second + "intermediate.dense"]


def test_a_target_that_matches_nothing_is_an_error_that_names_what_there_is() -> None:
    with pytest.raises(MethodError) as raised:
        anatomy("bert").select(("q_proj",))
    assert str(raised.value) == (
        "targets 'q_proj' match no linear layer of BertForSequenceClassification; this model has the roles "
        "down, key, out, query, up, value and the names dense, query, key, value. Try method.targets=[query]"
    )


@pytest.mark.parametrize("target", ["q_proj", "que", "query_", "layer.0", "bert", "embeddings", "Query", ".*"])
def test_a_partial_match_is_never_silent(target: str) -> None:
    with pytest.raises(MethodError, match=r"^targets '.*' match no") as raised:
        anatomy("bert").select(("value", target))
    assert raised.value.values["targets"] == [target]


# Linear layers in the blocks of their kin that have no role: routers of experts, kernels of convolutions, global attention.
ROLELESS: dict[str, set[str]] = {
    "albert": set(),
    "convbert": {"attention.self.conv_kernel_layer", "attention.self.conv_out_layer"},
    "dinov2": set(),
    "electra": set(),
    "falcon": set(),
    "gemma3_text": set(),
    "gptj": set(),
    "longformer": {f"attention.self.{name}_global" for name in ("query", "key", "value")},
    "marian": set(),
    "mbart": set(),
    "mistral": set(),
    "mpnet": set(),
    "opt": set(),
    "phi3": set(),
    "umt5": set(),
    "wav2vec2": set(),
    "xlm-roberta": set(),
}


@pytest.mark.parametrize("kind", ROLELESS)
def test_the_kin_of_these_architectures_have_roles_too(kind: str) -> None:
    """In the shape their authors gave them, without weights; ALBERT's groups and all."""
    with torch.device("meta"):
        found = Anatomy(AutoModel.from_config(CONFIG_MAPPING[kind]()))
    inside = [layer for layer in found.layers if layer.block is not None]
    assert {"out", "up", "down"} < {layer.role for layer in inside}
    assert {"key", "value"} < {layer.role for layer in inside} or "qkv" in {layer.role for layer in inside}
    names = {layer.path.removeprefix(f"{found.blocks[layer.block]}.") for layer in inside if layer.role is None}
    assert names == ROLELESS[kind]


@each
def test_a_layer_that_carries_an_adapter_is_still_one(shape: str) -> None:
    before, model = anatomy(shape), SHAPES[shape].model()
    adapt(model, Lora(targets=("query", "key", "value") if "query" in EXPECTED[shape] else ("qkv",)))
    assert Anatomy(model).layers == before.layers


def hybrid(*, gates: tuple[int, ...]) -> Anatomy:
    """A Llama of which only these blocks have a gate."""
    model = tiny_model("llama")
    for block in {0, 1} - set(gates):
        model.set_submodule(f"model.layers.{block}.mlp.gate_proj", torch.nn.Identity())
    return Anatomy(model)


def paths_of(found: Anatomy, *targets: str) -> set[str]:
    return {layer.path for layer in found.select(targets)}


def test_a_target_that_some_blocks_lack_is_seen() -> None:
    found = hybrid(gates=(1,))
    assert found.uneven(paths_of(found, "gate")) == {"gate": (1, 2)}
    assert found.uneven(paths_of(found, "query", "gate_proj")) == {"gate": (1, 2)}
    assert found.uneven(paths_of(found, "query")) == {}
    assert found.uneven(paths_of(found, "blocks")) == {}, "nothing is left out"
    assert found.uneven(()) == {}
    even = hybrid(gates=(0, 1))
    assert even.uneven(paths_of(even, "gate")) == {}


def test_stacks_are_counted_apart() -> None:
    """All of T5's decoder has attention across and its encoder none, which is no unevenness; half of the decoder is."""
    found = anatomy("t5")
    assert found.uneven(paths_of(found, "query")) == {}
    across = {layer.path for layer in found.layers if ".EncDecAttention.k" in layer.path}
    assert found.uneven(across) == {}
    assert found.uneven(sorted(across)[:1]) == {"key": (1, 2)}


def test_a_layer_without_a_role_is_named() -> None:
    model = tiny_model("bert")
    model.bert.encoder.layer[0].surprise = torch.nn.Linear(2, 2)
    found = Anatomy(model)
    assert found.uneven(paths_of(found, "surprise")) == {"surprise": (1, 2)}


@pytest.mark.parametrize(
    ("model", "fixed"),
    [
        ("whisper", {"encoder.embed_positions.weight"}),
        ("whisper_lm", {"model.encoder.embed_positions.weight"}),  # the decoder's positions are learned
        ("bart_lm", set()),
        ("bert", set()),
    ],
)
def test_positions_that_are_computed_are_no_weights(model: str, fixed: set[str]) -> None:
    found = anatomy(model)
    found.model.requires_grad_(False)  # as after another method
    assert found.fixed == fixed
