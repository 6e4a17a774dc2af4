"""Vietnamese sentences of `fewtune demo`."""

SENTENCES: dict[str, str] = {
    "demo_vietnamese_lost": (
        "Còn tiếng Việt thì sao? Trong {texts:,} tin nhắn có dấu đi kèm fewtune, {finding}. Giữ được dấu là các mô hình đa ngữ (họ XLM-RoBERTa) "
        "và các mô hình dành riêng cho tiếng Việt (PhoBERT, cần tách từ trước). "
        "`fewtune demo --messages vi` vẫn huấn luyện mô hình này trên tiếng Việt."
    ),
    "demo_vietnamese_kept": (
        "Còn tiếng Việt thì sao? Bộ tách từ của mô hình này phân biệt được mọi từ trong {texts:,} tin nhắn có dấu đi kèm fewtune. "
        "`fewtune demo --messages vi` huấn luyện mô hình này trên tiếng Việt."
    ),
}
