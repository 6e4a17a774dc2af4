"""Vietnamese sentences about what is computed once, and what again."""

SENTENCES: dict[str, str] = {
    "frozen_where": "{stack} (khối 1–{blocks} trong {of})",
    "frozen_epoch": "chỉ có một epoch",
    "frozen_anew": "ở mỗi epoch văn bản được che hoặc ghép lại theo cách khác",
    "frozen_room": "cả bộ nhớ lẫn đĩa đều không đủ chỗ cho kết quả của nó",
    "plan_frozen": "{where} không học gì: được tính một lần cho mọi hàng, không có dropout; kết quả chiếm nhiều nhất {bytes:,} byte",
    "plan_frozen_each": "{where} không học gì: được tính không có dropout, lại từ đầu ở mỗi bước vì {why}",
    "report_frozen_memory": "{where} không học gì: phần này được tính một lần cho mọi hàng, không có dropout, và kết quả ({bytes}) được giữ "
    "trong bộ nhớ.",
    "report_frozen_disk": "{where} không học gì: phần này được tính một lần cho mọi hàng, không có dropout, và kết quả ({bytes}) được giữ "
    "trên đĩa cho đến khi huấn luyện xong.",
    "report_frozen_each": "{where} không học gì: phần này được tính không có dropout, lại từ đầu ở mỗi bước vì {why}.",
    "report_frozen_differs": "{where} không học gì, nhưng vẫn được tính ở mỗi bước, có dropout: nếu bỏ qua phần này thì mô hình tính ra kết quả "
    "khác.",
    "checkpointing_on": "một bước sẽ giữ khoảng {needed} GiB giá trị kích hoạt, mà chỉ còn khoảng {left} GiB cho chúng: các khối sẽ tính lại chúng ở "
    "lượt lan truyền ngược, lâu gấp 1,3 đến 1,6 lần; train.checkpointing=false sẽ cấm việc này",
    "checkpointing_unknown": "train.checkpointing=true, nhưng {architecture} không thể tính lại giá trị kích hoạt. Hãy bỏ tùy chọn này, hoặc đặt "
    "train.max_batch_tokens nhỏ hơn.",
    "report_phase_frozen": "tính một lần phần cố định",
}
