"""English sentences about methods that do not fit a model."""

SENTENCES: dict[str, str] = {
    "last_layers_too_many": "method.layers={asked}, but {model} has {found} block(s) in '{stack}'; choose a smaller number, or --method full",
    "bitfit_no_bias": "method 'bitfit' trains bias terms, and the pre-trained body of {model} has none; choose --method lora, or --method head",
    "bitfit_no_such_bias": "method.biases=query_mlp: no '{role}' layer of {model} has a bias of its own; choose method.biases=all",
    "ia3_no_layers": "method 'ia3' rescales keys, values and the feed-forward, but of the layers of {model} only these are known: {roles}; "
    "choose --method lora",
    "not_plain_lora": "what '{method}' learned is no plain LoRA: its correction is not a product of two thin matrices; use --to merged where it merges, or fewtune itself",
    "ranks_low": "must be >= 1, got {ranks}",
    "rank_without_target": "method.ranks: '{target}' means {layer}, which is not among method.targets={targets}; add it there, or leave its rank out",
    "also_unmatched": "method.also: '{name}' is no module of {model} with parameters; {near}",
    "also_is_target": "method.also: {module} holds layers that carry a correction; take it out of method.also, or choose other method.targets",
    "nb_lora_alpha": "method '{method}' has no {option}: a factor of the correction would move its bound; choose method.bound",
    "nb_lora_rank": "method.rank={rank} is above the {width} inputs of {layer}, so its factors cannot be orthonormal; choose a smaller rank",
    "rate_ratio_excluded": "method '{method}' has no {option}: its factors are no free A and B whose rates could differ; leave it out",
    "adalora_grows": "target_rank={target} is above rank={rank}, and AdaLoRA only prunes; choose a larger rank or a smaller target_rank",
    "adalora_phases": "warmup={warmup} and final={final} leave no steps in which ranks are pruned; together they must stay below 1",
    "scalora_rates": "method '{method}' has no {option}: its scaling is derived for one learning rate of both factors; leave it out",
    "export_differs": "what was written computes something else than the tuned model: outputs differ by {difference:.2e} of the largest on {rows} held-out rows, {tolerance:.0e} is let through, and {changed} of {of} answers change; nothing was kept. Store it in a finer format (--stored fp32), or let more through (--tolerance)",
    "exported_merged": "{folder}: a plain model in {stored}. On {rows} held-out rows its outputs differ from the tuned model's by at most {difference} of the largest, and {changed} of {of} answers change",
    "exported_lora": "{folder}: a plain LoRA in PEFT's form. On {rows} held-out rows its outputs differ from the tuned model's by at most {difference} of the largest, and {changed} of {of} answers change",
    "not_resizable": "{layer} cannot be given another rank: it holds no A and B of which the product alone counts",
}
