"""English sentences about what is computed once, and what again."""

SENTENCES: dict[str, str] = {
    "frozen_where": "{stack} (blocks 1–{blocks} of {of})",
    "frozen_epoch": "there is one epoch",
    "frozen_anew": "in each epoch texts are covered or put together anew",
    "frozen_room": "there is neither memory nor disk for its outputs",
    "plan_frozen": "nothing learns in {where}: computed once for all rows, without dropout; its outputs take at most {bytes:,} bytes",
    "plan_frozen_each": "nothing learns in {where}: computed without dropout, at every step since {why}",
    "report_frozen_memory": "Nothing learned in {where}: it was computed once for all rows, without dropout, and its outputs ({bytes}) "
    "were kept in memory.",
    "report_frozen_disk": "Nothing learned in {where}: it was computed once for all rows, without dropout, and its outputs ({bytes}) were "
    "kept on disk until the training ended.",
    "report_frozen_each": "Nothing learned in {where}: it was computed without dropout, at every step since {why}.",
    "report_frozen_differs": "Nothing learned in {where}, but it was computed at every step, with dropout: where it is left out this model "
    "computes something else.",
    "checkpointing_on": "a step would keep about {needed} GiB of activations, and about {left} GiB are left for them: the blocks compute them again in "
    "the backward pass, which takes 1.3 to 1.6 times as long; train.checkpointing=false forbids it",
    "checkpointing_unknown": "train.checkpointing=true, but {architecture} cannot compute its activations again. Leave the option out, or give a smaller "
    "train.max_batch_tokens.",
    "report_phase_frozen": "computing the frozen part once",
}
