"""PEFT reads our soft prompts and we read PEFT's, with equal logits wherever PEFT computes the same."""

import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel

from fewtune.adapted import Adapted, adapt
from fewtune.errors import FormatError
from fewtune.methods.prompt_tuning import PromptTuning
from fewtune.model.find import Origin
from fewtune.save import peft_prompt
from fewtune.save.folder import load_adapter, save_tuned
from models import ALL_ARCHITECTURES, EOS, PAD, WRITERS, tiny_model, tiny_tokenizer

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Position ids are not supported:UserWarning"),
]
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
TOKENS = 5
HEADS = {
    "TOKEN_CLS": "AutoModelForTokenClassification",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
}
WRITES = ("gpt2", "llama", "qwen2", "qwen3", "gemma", "gpt_neox")
# PEFT 0.21.2 runs neither DistilBERT (`Please specify token_dim`) nor encoder-decoders that answer questions (they take no
# embeddings); gemma and bart have no such heads.
PAIRS = [
    *((architecture, "CAUSAL_LM") for architecture in WRITES),
    *((architecture, "SEQ_2_SEQ_LM") for architecture in WRITERS),
    *((each, "TOKEN_CLS") for each in ALL_ARCHITECTURES if each not in ("bart", "distilbert")),
    *((each, "QUESTION_ANS") for each in ALL_ARCHITECTURES if each not in (*WRITERS, "distilbert", "gemma")),
]
pairs = pytest.mark.parametrize(("architecture", "task"), PAIRS)


def model_of(architecture: str, task: str) -> PreTrainedModel:
    return tiny_model(architecture, head=HEADS[task], labels=2)


def batch_of(task: str) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 500, (2, 7), generator=generator)
    ids[:, -1], ids[1, 4], ids[1, 5:] = EOS, EOS, PAD
    mask = (ids != PAD).long()
    return {"input_ids": ids, "attention_mask": mask} | ({"decoder_input_ids": ids[:, :3]} if "2" in task else {})


def moved(model: Any) -> Any:
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def answers(model: Any, task: str, *, cut: int = 0) -> Tensor:
    """Logits of the text's tokens, without padding."""
    batch = batch_of(task)
    with torch.no_grad():
        said = model(**batch)
    found = torch.stack([value for name, value in said.items() if name.endswith("logits")])
    if "2" in task:
        return found
    return found[:, :, cut:][:, batch["attention_mask"].bool()]


def ours(architecture: str, task: str, folder: Path) -> Adapted:
    adapted = adapt(model_of(architecture, task), PromptTuning(tokens=TOKENS))
    moved(adapted.model)
    folder.mkdir()
    peft_prompt.save(adapted, folder, Origin("a/base-model", None, folder), task)
    return adapted


def theirs(architecture: str, task: str, folder: Path) -> Any:
    config = peft.PromptTuningConfig(task_type=task, num_virtual_tokens=TOKENS)
    model = moved(peft.get_peft_model(model_of(architecture, task), config))
    model.save_pretrained(folder)
    return model


def cut(task: str) -> int:
    return 0 if "2" in task else TOKENS


@pairs
def test_peft_reads_ours_with_equal_logits(architecture: str, task: str, tmp_path: Path) -> None:
    adapted = ours(architecture, task, tmp_path / "a")
    loaded = peft.PeftModel.from_pretrained(model_of(architecture, task), tmp_path / "a").eval()
    expected = answers(adapted.model, task)
    torch.testing.assert_close(answers(loaded, task, cut=cut(task)), expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(answers(model_of(architecture, task), task), expected, atol=0.02)


@pairs
def test_we_read_theirs_with_equal_logits(architecture: str, task: str, tmp_path: Path) -> None:
    model = theirs(architecture, task, tmp_path / "a")
    loaded = load_adapter(model_of(architecture, task), tmp_path / "a")
    assert isinstance(loaded.method, PromptTuning)
    assert loaded.method.tokens == TOKENS
    expected = answers(model, task, cut=cut(task))
    torch.testing.assert_close(answers(loaded.model.eval(), task), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("architecture", [*WRITES, *WRITERS])
def test_peft_writes_the_same_text(architecture: str, tmp_path: Path) -> None:
    """One row, since PEFT 0.21.2 forgets padding on the left here."""
    task = "SEQ_2_SEQ_LM" if architecture in WRITERS else "CAUSAL_LM"
    adapted = ours(architecture, task, tmp_path / "a")
    loaded = peft.PeftModel.from_pretrained(model_of(architecture, task), tmp_path / "a").eval()
    row = {name: value[:1] for name, value in batch_of("CAUSAL_LM").items()}
    options: dict[str, Any] = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None, "pad_token_id": PAD}
    assert loaded.generate(**row, **options).tolist() == adapted.model.generate(**row, **options).tolist()  # pyright: ignore


@pytest.mark.parametrize(
    ("task", "form"), [("CAUSAL_LM", CONFIG), ("TOKEN_CLS", "fewtune.json"), (None, "fewtune.json")]
)
def test_peft_s_form_is_written_where_outputs_have_the_same_shape(task: str | None, form: str, tmp_path: Path) -> None:
    adapted = adapt(model_of("gpt2", task or "TOKEN_CLS"), PromptTuning(tokens=TOKENS))
    save_tuned(adapted, tmp_path / "a", Origin("a/base-model", None, tmp_path), tiny_tokenizer("gpt2"), task)
    assert (tmp_path / "a" / form).exists()
    back = load_adapter(model_of("gpt2", task or "TOKEN_CLS"), tmp_path / "a")
    assert torch.equal(answers(back.model, task or "TOKEN_CLS"), answers(adapted.model, task or "TOKEN_CLS"))


def test_a_classifier_of_peft_is_refused_since_its_head_reads_another_place(tmp_path: Path) -> None:
    config = peft.PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=TOKENS)
    peft.get_peft_model(tiny_model("bert"), config).save_pretrained(str(tmp_path / "a"))
    with pytest.raises(FormatError, match="task_type=SEQ_CLS"):
        load_adapter(tiny_model("bert"), tmp_path / "a")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [("option", "surprise"), ("none", "holds no prompt"), ("count", "holds no prompt"), ("width", "does not fit")],
)
def test_what_cannot_be_read_right_is_refused_and_the_model_stays(damage: str, sentence: str, tmp_path: Path) -> None:
    ours("bert", "TOKEN_CLS", tmp_path / "a")
    config, tensors = json.loads((tmp_path / "a" / CONFIG).read_text()), load_file(tmp_path / "a" / WEIGHTS)
    match damage:
        case "option":
            config["surprise"] = 3
        case "none":
            del tensors["prompt_embeddings"]
        case "count":
            config["num_virtual_tokens"] = 99
        case "width":
            tensors["prompt_embeddings"] = torch.ones(TOKENS, 7)
    (tmp_path / "a" / CONFIG).write_text(json.dumps(config))
    save_file(tensors, tmp_path / "a" / WEIGHTS)
    model = model_of("bert", "TOKEN_CLS")
    with pytest.raises(FormatError, match=sentence):
        load_adapter(model, tmp_path / "a")
    assert torch.equal(answers(model, "TOKEN_CLS"), answers(model_of("bert", "TOKEN_CLS"), "TOKEN_CLS"))
