"""Roles, blocks, head and positions of every architecture."""

import pytest
from transformers import AutoModel

from fewtune.errors import MethodError
from fewtune.model.anatomy import ROLES, Anatomy
from models import ARCHITECTURES, BLOCKS, POSITIONS, WIDTH, tiny_config, tiny_model

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
}
HEADS = {
    "bert": ("classifier",),
    "roberta": ("classifier",),
    "deberta_v2": ("pooler", "classifier"),
    "modernbert": ("head", "classifier"),
    "t5": ("classification_head",),
    "t5_gated": ("classification_head",),
}
each = pytest.mark.parametrize("architecture", ARCHITECTURES)


def anatomy(architecture: str) -> Anatomy:
    return Anatomy(tiny_model(architecture))


@each
def test_every_linear_layer_of_the_blocks_has_its_role(architecture: str) -> None:
    found = anatomy(architecture)
    roles: dict[str | None, set[str]] = {}
    for layer in found.layers:
        if layer.block is not None:
            roles.setdefault(layer.role, set()).add(layer.path.removeprefix(found.blocks[layer.block] + "."))
        else:
            assert layer.role is None
    assert roles == {role: set(paths) for role, paths in EXPECTED[architecture].items()}
    assert roles.keys() <= set(ROLES)


@each
def test_blocks_are_counted_through_all_stacks(architecture: str) -> None:
    found = anatomy(architecture)
    t5 = architecture.startswith("t5")
    assert found.stacks == (("transformer.encoder.block", "transformer.decoder.block") if t5 else found.stacks[:1])
    assert len(found.blocks) == BLOCKS * len(found.stacks)
    assert {layer.block for layer in found.layers} - {None} == set(range(len(found.blocks)))


@each
def test_head_pooler_width_and_positions(architecture: str) -> None:
    found = anatomy(architecture)
    assert found.head == HEADS.get(architecture, ("score",))
    assert found.pooler == (("bert.pooler",) if architecture == "bert" else ())
    assert found.top == found.pooler + found.head
    assert found.width == WIDTH
    # RoBERTa's table has two rows more, which no token may use: positions count from behind the padding index.
    assert found.positions == (None if architecture.startswith("t5") else POSITIONS)


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
    ],
)
def test_the_output_layer_of_a_language_model_is_nothing_to_be_learned_anew(
    architecture: str, head: str, layer: str
) -> None:
    found = Anatomy(tiny_model(architecture, head=head))
    assert (found.top, found.output_layer) == ((), layer)
    assert found.head, "there is a head, which is as pre-trained as the rest"


@each
def test_a_body_alone_has_no_head(architecture: str) -> None:
    body = Anatomy(AutoModel.from_config(tiny_config(architecture)))
    assert (body.head, body.top) == ((), ())


@each
def test_blocks_selects_all_linear_layers_inside_and_nothing_else(architecture: str) -> None:
    found = anatomy(architecture)
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
