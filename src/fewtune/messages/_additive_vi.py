"""Câu tiếng Việt về những phương pháp thêm vào dòng tính toán của mô hình."""

SENTENCES: dict[str, str] = {
    "bottleneck_no_layers": "phương pháp 'bottleneck' đứng sau lớp cuối của phần chú ý (attention) và phần truyền thẳng (feed-forward), nhưng không nhận ra {missing} "
    "trong {model}; chỉ nhận ra các lớp: {roles}; hãy chọn --method lora",
}
