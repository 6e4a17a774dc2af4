"""Câu tiếng Việt về những phương pháp không hợp với mô hình."""

SENTENCES: dict[str, str] = {
    "last_layers_too_many": "method.layers={asked}, nhưng {model} chỉ có {found} khối trong '{stack}'; hãy chọn số nhỏ hơn, hoặc --method full",
}
