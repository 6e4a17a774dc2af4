"""Các câu tiếng Việt của `tasks/`: bài toán nào, nhãn, giá trị đích, trọng số, và những điều cần nói về chúng."""

SENTENCES: dict[str, str] = {
    # bài toán nào
    "task_found": "bài toán: {task} ({reason})",
    "task_reading": "nhãn được đọc với {option}={value}",
    "task_unclear": "{path}: cột '{column}' hợp với nhiều bài toán, và chỉ bạn biết mình muốn bài toán nào. Hãy chọn bằng một trong các tùy chọn sau\n{choices}",
    "task_choice": "--task {task}: {reason}",
    "task_unknown": "{path}: cột '{column}' không hợp với bài toán nào; hãy nêu tên bài toán ({names}), hoặc chọn cột khác bằng data.label_column",
    "fits_one": "{distinct:,} giá trị khác nhau trong {rows:,} hàng",
    "fits_one_of_several": "mỗi giá trị trong {distinct:,} giá trị khác nhau là một nhãn riêng",
    "fits_sets": "mỗi ô có nhiều nhãn, cách nhau bằng '{separator}'",
    "fits_lists": "danh sách các nhãn",
    "fits_numbers": "các số như {examples}",
    "fits_numbers_of_several": "các giá trị là mức độ: 4 gần 5 hơn là gần 1",
    # nhãn
    "labels_empty": "{rows:,} trên {of_rows:,} hàng huấn luyện không mang nhãn nào; chúng được học là những hàng không có nhãn nào đúng",
    "labels_too_few_for_sets": "nhãn duy nhất trong {rows:,} hàng huấn luyện là '{label}'; cần ít nhất hai nhãn. Với một nhãn chỉ có đúng hoặc không, "
    "hãy ghi yes và no rồi dùng --task classification; hoặc chọn data.label_column khác",
    "data_label_set": (
        "{path}: {count} trên {total} hàng chứa {value} thay vì một tập nhãn ở cột '{column}' ({lines}). "
        'Hãy ghi các nhãn với một dấu phân cách ("a|b"), hoặc danh sách văn bản (["a", "b"]); hoặc chọn cột khác bằng data.label_column.'
    ),
    # số
    "data_label_number": (
        "{path}: {count} trên {total} hàng chứa {value} hoặc tương tự thay vì một số ở cột '{column}' ({lines}). "
        "Hãy sửa hoặc bỏ các hàng này; số được đọc với dấu thập phân {decimal} (task.decimal) và không có dấu phân nhóm hàng nghìn."
    ),
    "target_decimal_unclear": "{path}: ở cột '{column}', dấu trong {examples} có thể là dấu thập phân hoặc dấu ngăn cách phần nghìn. Hãy nói rõ: "
    "task.decimal=point hoặc task.decimal=comma nếu đó là dấu thập phân, nếu không hãy ghi số không có dấu ấy",
    "target_constant": "cả {rows:,} hàng huấn luyện đều có số {value} ở cột nhãn nên không có gì để học; hãy chọn data.label_column khác",
    # trọng số
    "weights_labels": "task.class_weights: còn thiếu {missing}, không có nhãn này: {unknown}; hãy nêu mỗi nhãn đúng một lần",
    "weights_count": "task.class_weights: có {count} trọng số cho {expected} nhãn {labels}; hãy cho mỗi nhãn một trọng số, theo thứ tự này",
    # nhóm
    "groups_too_many": "data.group_column: {count:,} nhóm khác nhau (nhiều nhất {most}); hãy chọn cột có các giá trị lặp lại",
    "groups_small": "{count} nhóm có ít hơn {few} hàng kiểm tra: {examples}; điểm của chúng vẫn được ghi nhưng không nói lên điều gì",
    "groups_none": "{rows:,} trên {of_rows:,} hàng kiểm tra không thuộc nhóm nào; chúng chỉ được tính trong điểm chung",
    # dòng lệnh
    "plan_rows_numbers": "{train:,} hàng huấn luyện, {validation:,} hàng thẩm định và {test:,} hàng kiểm tra; "
    "trung vị {median} token, nhiều nhất {longest}",
    "groups_title": "{metric} theo nhóm, các hàng kiểm tra",
    "group_small": "ít hơn {few} hàng: đừng tin cậy vào số này",
    "metric_accuracy": "độ chính xác",
    "metric_micro_f1": "micro F1",
    "metric_r2": "R²",
    "baseline_commonest_set": "luôn trả lời tập nhãn phổ biến nhất",
    "baseline_tfidf_one_vs_rest": "đếm từ (TF-IDF + mỗi nhãn một hồi quy logistic)",
    "baseline_mean": "luôn trả lời giá trị trung bình",
    "baseline_tfidf_ridge": "đếm từ (TF-IDF + hồi quy ridge)",
    "short_commonest_set": "tập phổ biến",
    "short_tfidf_one_vs_rest": "TF-IDF + LR",
    "short_mean": "trung bình",
    "short_tfidf_ridge": "TF-IDF + ridge",
}
