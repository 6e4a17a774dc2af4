"""Các câu tiếng Việt của chính dòng lệnh: những gì gõ sai, và tiêu đề các bảng."""

SENTENCES: dict[str, str] = {
    # cli/_usage.py
    "usage_option_unknown": "không có tùy chọn {option}; {hint}",
    "usage_missing": "còn thiếu {name}",
    "usage_choice": "{name}: phải là một trong {choices}",
    "usage_see": "Mọi tùy chọn: {command} --help",
    # cli/_config.py
    "source_in_pieces": '{path}: tên có dấu cách phải đặt trong ngoặc kép: "{path}"',
    # cli/predict.py
    "predict_texts_or_data": "hãy đưa vào hoặc các văn bản, hoặc --data TỆP",
    "predict_needs_data": "{option} chỉ dùng cùng với --data TỆP",
    "predict_file_as_text": "{path} là một tệp nhưng lại đứng ở chỗ của văn bản cần gán nhãn; để gán nhãn các hàng của nó: fewtune predict {run} --data {path} …",
    "predict_json_or_out": "--json ghi ra đầu ra chuẩn, --out TỆP ghi theo định dạng của đuôi tệp; chỉ chọn một",
    "predict_accuracy_or_below": "--review-accuracy tìm ngưỡng, --review-below đặt ngưỡng; chỉ chọn một",
    "predict_format_of_file": "--format chỉ dành cho đầu vào chuẩn (--data -); với tệp thì đuôi tệp đã cho biết định dạng",
    "predict_pairs": "mô hình này đọc từng cặp văn bản; hãy đưa hai văn bản cho mỗi câu trả lời, hoặc --data TỆP",
    # cli/evaluate.py
    "evaluate_no_label": "{path}: không có cột '{column}', là cột chứa nhãn khi huấn luyện, mà không có nhãn thì không chấm điểm được. "
    "Hãy nêu cột chứa nhãn bằng --label-column; nếu muốn gán nhãn cho các hàng: fewtune predict {run} --data {path}",
    "evaluate_learned": "{path} chính là tệp đã dùng để huấn luyện lần chạy này, nên các điểm này phần lớn chỉ đo trí nhớ; điểm trung thực nằm "
    "trong {run}/scores.json. Hãy đưa những hàng mà mô hình chưa từng thấy",
    # record/folder.py
    "run_absent": "{folder}: không có thư mục này; {hint}",
    "run_absent_alone": "{folder}: không có thư mục này; hãy đưa thư mục mà `fewtune train` nêu ở cuối",
    # những gì hiện trên màn hình
    "role_text": "văn bản",
    "role_pair": "văn bản thứ hai",
    "role_label": "nhãn",
    "role_start": "ký tự đầu của câu trả lời",
    "role_impossible": "có câu trả lời hay không",
    "role_template": "phần của mẫu câu",
    "role_group": "nhóm",
    "plan_cpu": "cpu (số luồng: {threads})",
    "plan_next": "Chưa huấn luyện gì cả. Muốn huấn luyện, hãy chạy chính lệnh này với `train` thay cho `plan`.",
    "layers_what": "phần được học",
    "layers_as": "dưới dạng",
    "layers_count": "số lượng",
    "layers_parameters": "tham số",
    "layers_all": "tất cả",
    "layers_trained": "học toàn bộ",
    "scores_title": "tập kiểm tra, khoảng tin cậy {confidence}",
    "scores_title_file": "{path}: {rows:,} hàng, khoảng tin cậy {confidence}",
    "scores_tuned": "đã tinh chỉnh",
    "scores_lowest": "{few} lớp thấp nhất trong {count} lớp; --json cho biết tất cả",
}
