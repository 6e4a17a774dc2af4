"""Vietnamese sentences of `fewtune templates`."""

SENTENCES: dict[str, str] = {
    # cli/templates.py
    "templates_name": "tên",
    "templates_language": "ngôn ngữ",
    "templates_task": "bài toán",
    "templates_wordings": "cách hỏi",
    "templates_inverted": "đảo chiều",
    "templates_thought": "có lý do",
    "templates_first": "cách hỏi đầu tiên",
    "templates_legend": "đảo chiều: cho trước câu trả lời và yêu cầu viết văn bản. có lý do: nêu lý do trước câu trả lời, dành cho dữ liệu có cột lý do. "
    "Lấy một tệp để sửa: fewtune templates TÊN --out mine.yaml",
    "templates_sound": "Mọi cách hỏi trong tệp đều dùng được. Tiếp theo: ghi tên tệp này vào mục `templates` của một tệp hỗn hợp",
    "templates_written": "Đã ghi {path}. Hãy sửa theo ý bạn, rồi kiểm tra xem tệp còn dùng được không: fewtune templates {path}",
    "templates_out_nameless": "--out {out}: mẫu câu hỏi nào? Hãy ghi một tên mà `fewtune templates` liệt kê, ví dụ: fewtune templates sentiment_vi --out {out}",
}
