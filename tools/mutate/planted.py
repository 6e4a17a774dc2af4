"""Mistakes that somebody could make in this code, or has made in others': each stands with the tests that must notice it."""

from dataclasses import dataclass

METHODS, MODEL, ENGINE, SAVE = "src/fewtune/methods", "src/fewtune/model", "src/fewtune/engine", "src/fewtune/save"
CONTRACT = "tests/methods/test_contract.py"


@dataclass(frozen=True)
class Bug:
    """One wrong change of one file."""

    file: str
    old: str
    """Stands there exactly once."""
    new: str
    why: str
    """What goes wrong."""
    tests: tuple[str, ...]
    """Arguments of pytest; at least one test fails."""


BUGS: tuple[Bug, ...] = (
    # --- methods
    Bug(
        f"{METHODS}/_low_rank.py",
        "nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))",
        "nn.init.zeros_(self.A)",
        "A = B = 0: no gradient ever reaches either factor",
        (CONTRACT, "-k", "[lora-bert"),
    ),
    Bug(
        f"{METHODS}/_low_rank.py",
        'return self.alpha / (math.sqrt(rank) if self.scaling == "rank_stabilized" else rank)',
        'return self.alpha / (math.sqrt(rank) if self.scaling == "rank_stabilized" else self.rank)',
        "a layer with a rank of its own gets the scale of the others",
        ("tests/methods/test_composition.py",),
    ),
    Bug(
        f"{METHODS}/_low_rank.py",
        "return lora_linear(x, weight_of(self.base), bias_of(self.base), A, B, scale, p)",
        "return lora_linear(dropout(x), weight_of(self.base), bias_of(self.base), A, B, scale)",
        "dropout hides inputs from the frozen layer too",
        (CONTRACT, "-k", "[lora-bert-starts_as_base"),
    ),
    Bug(
        f"{METHODS}/_low_rank.py",
        "return self.A.detach(), self.scale * self.B.detach()",
        "return self.A.detach(), self.B.detach()",
        "the plain LoRA that is written lacks the scale",
        ("tests/save/test_plain_lora.py",),
    ),
    Bug(
        f"{METHODS}/_low_rank.py",
        "for path in anatomy.modules(self.also) if path not in anatomy.top]",
        "for path in anatomy.modules(()) if path not in anatomy.top]",
        "modules that should learn beside the correction do not",
        ("tests/methods/test_composition.py",),
    ),
    Bug(
        f"{METHODS}/dora.py",
        "nn.Parameter(weight_of(base).detach().float().norm(dim=1))",
        "nn.Parameter(weight_of(base).detach().float().norm(dim=0))",
        "lengths by column: on square layers nothing but the numbers tells",
        ("tests/methods/test_dora.py",),
    ),
    Bug(
        f"{METHODS}/dora.py",
        "    @torch.no_grad()\n    def norm",
        "    def norm",
        "the gradient flows through the norm, which section 4.3 of the paper cuts",
        ("tests/methods/test_dora.py",),
    ),
    Bug(
        f"{METHODS}/ia3.py",
        "torch.ones(size,",
        "torch.zeros(size,",
        "the model starts with all keys and values at zero",
        (CONTRACT, "-k", "[ia3-"),
    ),
    Bug(
        f"{METHODS}/ia3.py",
        "            if bias is not None and not self.inner:\n",
        "            if bias is not None:\n",
        "merging rescales the bias of a layer whose inputs are rescaled",
        ("tests/methods/test_ia3.py",),
    ),
    Bug(
        f"{METHODS}/bitfit.py",
        '_of_roles(anatomy, biases, ("gate", "up"))',
        '_of_roles(anatomy, biases, ("down",))',
        "the small variant trains the feed-forward's second layer in place of its first",
        ("tests/methods/test_bitfit.py",),
    ),
    Bug(
        f"{METHODS}/bitfit.py",
        "if name not in top]",
        "]",
        "the biases of the head are trained and named twice",
        ("tests/methods/test_bitfit.py", CONTRACT, "-k", "bitfit"),
    ),
    Bug(
        f"{METHODS}/head.py",
        "            if anatomy.tied:\n",
        "            if not anatomy.tied:\n",
        "training a tied output layer changes what the frozen body reads",
        ("tests/methods/test_head.py",),
    ),
    Bug(
        f"{METHODS}/last_layers.py",
        "anatomy.stacks[-1]",
        "anatomy.stacks[0]",
        "of an encoder-decoder the encoder's last blocks learn, far from the head",
        ("tests/methods/test_last_layers.py",),
    ),
    Bug(
        f"{METHODS}/last_layers.py",
        "blocks[-self.layers :]",
        "blocks[: self.layers]",
        "the first blocks learn",
        ("tests/methods/test_last_layers.py",),
    ),
    Bug(
        f"{METHODS}/full.py",
        "            if name not in anatomy.fixed:\n",
        "            if True:\n",
        "sinusoids learn, and are not saved",
        ("tests/methods/test_full.py",),
    ),
    Bug(
        f"{METHODS}/_defaults.py",
        "math.sqrt(384 / width)",
        "math.sqrt(width / 384)",
        "the learning rate grows with the model",
        ("tests/methods/test_defaults.py",),
    ),
    Bug(
        f"{METHODS}/scalora.py",
        "((self.A, beta[:, None], alpha[:, None]), (self.B, alpha, beta))",
        "((self.A, beta[:, None], beta[:, None]), (self.B, alpha, alpha))",
        "each factor's moments follow its own scale, not the other's",
        ("tests/methods/test_scalora.py",),
    ),
    Bug(
        f"{METHODS}/scalora.py",
        "self._leave((B * (1 - alpha * beta) * self.scale)",
        "self._leave((B * (1 - alpha * beta))",
        "the residual forgets the scale, so that rescaling changes the function",
        ("tests/methods/test_scalora.py",),
    ),
    Bug(
        f"{METHODS}/scalora.py",
        "self.kappa * layer.scale**2)",
        "self.kappa)",
        "the factors are sized as if the scale were one",
        ("tests/methods/test_scalora.py",),
    ),
    Bug(
        f"{METHODS}/nb_lora.py",
        "return A, 2 * self.scale * B",
        "return A, self.scale * B",
        "half of the correction is exported",
        ("tests/methods/test_nb_lora.py",),
    ),
    Bug(
        "src/fewtune/kernels/cayley.py",
        "return torch.cat([H - H.T, -2 * grad[r:] @ M.T + F[r:] @ (H + H.T)])",
        "return torch.cat([H - H.T, -2 * grad[r:] @ M.T + F[r:] @ (H - H.T)])",
        "a wrong gradient, with which training still goes on",
        ("tests/kernels/test_cayley.py",),
    ),
    Bug(
        f"{METHODS}/adalora.py",
        "left**3)",
        "left**2)",
        "the budget falls along another curve",
        ("tests/methods/test_adalora.py",),
    ),
    Bug(
        f"{METHODS}/adalora.py",
        'return of["E"] + of["B"].mean(dim=0) + of["A"].mean(dim=1)',
        'return of["E"] * (of["B"].mean(dim=0) + of["A"].mean(dim=1))',
        "ranks are pruned by another score",
        ("tests/methods/test_adalora.py",),
    ),
    Bug(
        f"{METHODS}/adalora.py",
        "        elif taken > end:\n            for layer in layers:\n                layer.E.mul_(layer.kept)",
        "        elif taken > end:\n            for layer in layers:\n                layer.E.mul_(1)",
        "what was pruned comes back after the last choice",
        ("tests/methods/test_adalora.py",),
    ),
    Bug(
        f"{METHODS}/_resize.py",
        "return Resized(torch.cat([A, fresh]), F.pad(B, (0, more)), found, error=0.0)",
        "return Resized(torch.cat([A, fresh]), F.pad(B, (0, more), value=1e-2), found, error=0.0)",
        "growing a rank changes what the model computes",
        ("tests/engine/test_resize.py",),
    ),
    Bug(
        f"{METHODS}/_moved.py",
        "self.scale * torch.cat([self.B - self.B0, self.B0], dim=1)",
        "self.scale * torch.cat([self.B, self.B0], dim=1)",
        "the start is not taken out again",
        (CONTRACT, "-k", "pissa"),
    ),
    Bug(
        f"{ENGINE}/export.py",
        "found = _compared(before, _outputs(after, prepared, examples),",
        "found = _compared(before, before,",
        "a wrong merge is let through",
        ("tests/engine/test_export.py",),
    ),
    # --- kernels and the model
    Bug(
        "src/fewtune/kernels/cross_entropy.py",
        "self.total = self.total.mul_(shrunk).add_(",
        "self.total = self.total.add_(",
        "a sum over earlier blocks is not corrected when a larger logit comes",
        ("tests/kernels/test_cross_entropy.py", "-k", "loss_and_gradients"),
    ),
    Bug(
        "src/fewtune/kernels/cross_entropy.py",
        "pulled -= smoothing / v * all_weights",
        "pulled -= 0 * all_weights",
        "label smoothing is in the loss and not in its gradient",
        ("tests/kernels/test_cross_entropy.py", "-k", "loss_and_gradients"),
    ),
    Bug(
        f"{MODEL}/logits.py",
        "return Behind(1.0 if abs(scale - 1) < 1e-6 else scale, bias.clone() if bias.any() else None)",
        "return Behind(1.0, bias.clone() if bias.any() else None)",
        "what a model divides its logits by is forgotten",
        ("tests/model/test_logits.py", "-k", "granite"),
    ),
    Bug(
        f"{MODEL}/logits.py",
        "        chance.again()\n",
        "        pass\n",
        "a model that steps aside drops other units than without the attempt",
        ("tests/model/test_logits.py", "-k", "drawn"),
    ),
    Bug(
        "src/fewtune/tasks/_language.py",
        "return F.pad(self._where(batch), (0, self.shift))",
        "return F.pad(self._where(batch), (self.shift, 0))",
        "a causal model is asked for each token where it has read it",
        ("tests/tasks/test_language_modeling.py", "-k", "those_of_transformers or that_of_transformers"),
    ),
    Bug(
        "src/fewtune/kernels/low_rank.py",
        "* scale, B.to(x.dtype))",
        ", B.to(x.dtype)) * scale * scale",
        "the scale counts twice, which at s = 1 nobody sees",
        ("tests/kernels/test_low_rank.py",),
    ),
    Bug(
        "src/fewtune/kernels/low_rank.py",
        ".to(type_A).mul_(ctx.scale)",
        ".to(type_A)",
        "A learns as if the scale were 1",
        ("tests/kernels/test_low_rank.py",),
    ),
    Bug(
        "src/fewtune/kernels/low_rank.py",
        "learned = z @ A if mask is None else only(z @ A, mask)",
        "learned = z @ A",
        "layers below hear of inputs that dropout hid",
        ("tests/kernels/test_low_rank.py",),
    ),
    Bug(
        "src/fewtune/kernels/dropout.py",
        ".random_(-(2**63), None)",
        ".random_()",
        "one bit in 64 is never set, so every fourth element is hidden less often",
        ("tests/kernels/test_dropout.py",),
    ),
    Bug(
        "src/fewtune/kernels/rms_norm.py",
        "* root_part.pow(3)",
        "* root_part.pow(2)",
        "the gradient of a norm is right only where the root of the mean of squares is 1",
        ("tests/kernels/test_rms_norm.py",),
    ),
    Bug(
        f"{MODEL}/quick.py",
        "model.set_submodule(path, module.train(_given(found[module]).training))",
        "model.set_submodule(path, module)",
        "a model set to evaluation within a run comes back with its dropout on",
        ("tests/model/test_quick.py",),
    ),
    Bug(
        f"{MODEL}/linear.py",
        "return weight.T if is_transposed(module) else weight",
        "return weight",
        "GPT-2's layers are read across, which on square ones changes no shape",
        ("tests/model/test_linear.py",),
    ),
    Bug(
        f"{MODEL}/linear.py",
        "if isinstance(module, QuantLinear) else copy.deepcopy(module)",
        "if isinstance(module, QuantLinear) else module",
        "merging writes into the base",
        ("tests/model/test_linear.py",),
    ),
    Bug(
        f"{MODEL}/anatomy.py",
        "return self.pooler + self.head if self.head and self.output_layer is None else ()",
        "return self.head if self.head and self.output_layer is None else ()",
        "the random pooler of a checkpoint without one neither learns nor is saved",
        ("tests/model/test_anatomy.py",),
    ),
    Bug(
        f"{MODEL}/anatomy.py",
        'return target in ("blocks", layer.role, layer.name, layer.path)',
        'return target == "blocks" or target in layer.path',
        "a target matches a part of a name: `que` means `query`",
        ("tests/model/test_anatomy.py",),
    ),
    Bug(
        f"{MODEL}/anatomy.py",
        "lacking = (blocks - indexes) & left_out",
        "lacking = blocks - indexes - left_out",
        "targets that only some blocks have go unsaid",
        ("tests/model/test_anatomy.py",),
    ),
    Bug(
        "src/fewtune/adapted.py",
        "    model.requires_grad_(False)\n    for edit in edits:",
        "    for edit in edits:",
        "nothing is frozen",
        ("tests/test_adapted.py",),
    ),
    Bug(
        "src/fewtune/adapted.py",
        "        _say_untied(result)\n",
        "",
        "a merged output layer is tied to the embeddings again by whoever loads it",
        ("tests/test_adapted.py",),
    ),
    Bug(
        "src/fewtune/adapted.py",
        "factor *= edit.factor",
        "factor = 1.0",
        "LoRA+ is LoRA",
        ("tests/methods/test_lora_plus.py",),
    ),
    # --- on disk
    Bug(
        f"{SAVE}/peft.py",
        '"use_rslora": method.scaling == "rank_stabilized",',
        '"use_rslora": False,',
        "PEFT scales by alpha / r what was trained with alpha / sqrt(r)",
        ("tests/save/test_peft.py", "-k", "reads_ours_with_equal_logits and rank_stabilized"),
    ),
    Bug(
        f"{SAVE}/_peft.py",
        "return sorted(names if exact else wrapped)",
        "return sorted(names)",
        "PEFT puts corrections on layers that had none",
        ("tests/save/test_peft.py", "-k", "reads_ours_with_equal_logits and attention_only"),
    ),
    Bug(
        f"{SAVE}/peft_ia3.py",
        "reshape((1, -1) if layer.inner else (-1, 1))",
        "reshape((-1, 1) if layer.inner else (1, -1))",
        "PEFT rescales inputs where outputs were meant",
        ("tests/save/test_peft_ia3.py",),
    ),
    # --- training
    Bug(
        f"{ENGINE}/loop.py",
        "share = loss / count * self.accelerator.num_processes",
        "share = loss / count / len(batches)",
        "a mean of means: ragged micro-batches weigh too much",
        ("tests/engine/test_loop.py",),
    ),
    Bug(
        f"{ENGINE}/loop.py",
        "            if last and (penalty",
        "            if (penalty",
        "the penalty counts once for each micro-batch",
        ("tests/engine/test_loop.py",),
    ),
    Bug(
        f"{ENGINE}/loop.py",
        '        checkpoint.load_parameters(self.folder / "best", self.adapted)\n',
        "",
        "what is saved is the last epoch, not the best",
        ("tests/engine/test_loop.py",),
    ),
    Bug(
        f"{ENGINE}/loop.py",
        '        self.batches.restore(state["batches"])\n',
        "",
        "a resumed run begins the epoch again",
        ("tests/engine/test_resume.py",),
    ),
    Bug(
        f"{ENGINE}/optim.py",
        "train.weight_decay if parameter.ndim > 1 else 0.0",
        "train.weight_decay",
        "biases and norms decay",
        ("tests/engine/test_optim.py",),
    ),
    Bug(
        f"{ENGINE}/optim.py",
        "        scaler.unscale_(self.adamw)\n",
        "",
        "gradients are clipped while they are scaled",
        ("tests/engine/test_optim.py",),
    ),
    Bug(
        f"{ENGINE}/optim.py",
        "return (step + 1) / rising",
        "return step / rising",
        "the first step learns nothing",
        ("tests/engine/test_optim.py",),
    ),
    Bug(
        f"{ENGINE}/precision.py",
        "kept = parameter.requires_grad or",
        "kept = not parameter.requires_grad or",
        "what learns is kept in bf16, where small steps are lost",
        ("tests/engine/test_precision.py",),
    ),
    Bug(
        f"{ENGINE}/batches.py",
        "np.random.default_rng([self.seed, self.epoch])",
        "np.random.default_rng([self.seed])",
        "every epoch has the same order",
        ("tests/engine/test_batches.py",),
    ),
)
