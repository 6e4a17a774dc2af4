"""English sentences about weights stored in few bits."""

SENTENCES: dict[str, str] = {
    "plan_quantised": "{layers:,} linear layers of its blocks are stored in {format}: {bytes:,} bytes instead of {bytes_before:,}",
    "report_quantised": "{layers} linear layers of its blocks were stored in {format} and frozen: {bytes} instead of {before}. Scores, the model "
    "before tuning included, are those of the model with these weights. Over the base as it was before, an adapter is a slightly different model; "
    "fewtune export writes the one that was scored.",
    "quantized_trained": "method '{method}' trains weights of the blocks themselves ({parameter} …), and a base stored in {format} is frozen; "
    "choose --method lora, or leave model.quantize away",
    "quantized_unread": "{name}: its weights are quantised as '{form}', which is not read here; take NF4 or LLM.int8() of bitsandbytes, or the "
    "checkpoint that was not quantised, with model.quantize=nf4",
    "quantized_already": "{name}: its weights are stored in {format} already and cannot be stored in another way; leave model.quantize away, "
    "choose --method lora, or take the checkpoint that was not quantised",
    "quantize_contradicts": "method '{method}' stores its base in {needs}, but model.quantize={asked}; leave model.quantize away, or choose "
    "--method lora",
}
