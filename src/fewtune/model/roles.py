"""What a linear layer does in its block, read from its name."""

import re

ROLES = ("query", "key", "value", "qkv", "out", "up", "gate", "down")

# Searched in the path inside a block, in this order. Names as in transformers 5.23: BERT, RoBERTa, DeBERTa-v2, ModernBERT,
# DistilBERT, GPT-2, GPT-NeoX, Llama, Qwen, Gemma, T5, BART, ViT, Whisper and their kin; ALBERT, GPT-J, wav2vec 2 and Phi-3,
# whose `gate_up_proj` holds gate and up as ModernBERT's `Wi` does.
_ROLE_PATTERNS: tuple[tuple[str, str], ...] = (
    ("qkv", r"(Wqkv|query_key_value|(attn|attention)\.c_attn|qkv_proj|in_proj)$"),
    ("query", r"(^|\.)(query|query_proj|q_proj|q_lin|q|q_attn)$"),
    ("key", r"(^|\.)(key|key_proj|k_proj|k_lin|k)$"),
    ("value", r"(^|\.)(value|value_proj|v_proj|v_lin|v)$"),
    (
        "out",
        r"((^|\.)(o_proj|out_proj|out_lin|o)|(attention|attn)\.(output\.)?(dense|c_proj|Wo)|crossattention\.c_proj)$",
    ),
    ("gate", r"(^|\.)(gate_proj|wi_0)$"),
    (
        "up",
        r"(^|\.)(up_proj|gate_up_proj|wi|wi_1|c_fc|fc_in|fc1|lin1|ffn|intermediate[._]dense|mlp\.Wi|dense_h_to_4h)$",
    ),
    ("down", r"(^|\.)(down_proj|wo|fc_out|fc2|lin2|ffn_output|output[._]dense|mlp\.c_proj|mlp\.Wo|dense_4h_to_h)$"),
)


def role_of(inside: str) -> str | None:
    """The role of the layer at this path inside its block; None where the name says nothing we know."""
    return next((role for role, pattern in _ROLE_PATTERNS if re.search(pattern, inside)), None)


def role_elsewhere(name: str) -> str | None:
    """The role of a layer of this name in some other architecture: `q_proj` is Llama's `query`."""
    for role, pattern in _ROLE_PATTERNS:
        if any(re.search(pattern, prefix + name) for prefix in ("", "attn.", "mlp.")):
            return role
    return None
