"""English sentences of `fewtune demo`."""

SENTENCES: dict[str, str] = {
    "demo_vietnamese_lost": (
        "And in Vietnamese? In {texts:,} messages that come with fewtune and have diacritics, {finding}. Models that keep them: multilingual ones "
        "(XLM-RoBERTa and its kin) and ones made for Vietnamese (PhoBERT, which expects segmented words). "
        "`fewtune demo --messages vi` trains this model on Vietnamese all the same."
    ),
    "demo_vietnamese_kept": (
        "And in Vietnamese? This model's tokenizer tells all words apart in {texts:,} messages that come with fewtune and have diacritics. "
        "`fewtune demo --messages vi` trains it on Vietnamese."
    ),
}
