"""Các câu tiếng Việt của `token_classification`: từ được gán nhãn, tệp chứa chúng và điểm của chúng."""

SENTENCES: dict[str, str] = {
    "scored_entities": "thực thể được đọc từ nhãn ({scheme}) như seqeval 1.2.2 đọc ở chế độ mặc định",
    # tệp CoNLL
    "conll_found": "{path}: đọc theo dạng CoNLL: mỗi dòng một từ, nhãn ở cột {column}, một dòng trống giữa các câu",
    "conll_one_column": "{path}: dòng '{line}' chỉ có một cột. Hãy để từ ở cột đầu và nhãn ở cột cuối, cách nhau bằng tab hoặc dấu cách.",
    "conll_ragged": "{path}, dòng {line}: có {found} cột, nhưng dòng đầu có {expected} cột ('{shown}'). Hãy để một dòng trống giữa các câu, và cùng số "
    "cột ở mọi dòng khác.",
    "conll_word_empty": "{path}, dòng {line}: có nhãn mà không có từ. Hãy ghi từ vào, hoặc bỏ dòng này.",
    "conll_tag_empty": "{path}, dòng {line}: có từ mà không có nhãn. Hãy ghi nhãn (O nếu không có gì), hoặc bỏ dòng này.",
    # từ và nhãn
    "fits_tags": "danh sách các từ ('{words}') và danh sách nhãn của chúng ('{tags}')",
    "tags_no_words": "{path}: không nhận ra cột chứa từ qua tên trong {columns}. Hãy nêu tên cột bằng data.text_column.",
    "tags_no_tags": "{path}: không nhận ra cột chứa nhãn qua tên trong {columns}. Hãy nêu tên cột bằng data.label_column.",
    "tags_words_missing": "{path}: {count} trên {total} hàng không có từ nào ở cột '{column}' ({lines}). Hãy điền vào, hoặc bỏ các hàng này.",
    "tags_words_kind": "{path}: {count} trên {total} hàng chứa {kind} {value} thay vì một danh sách từ ở cột '{column}' ({lines}). Hãy ghi [\"Hà_Nội\", "
    '"đẹp"], hoặc một văn bản có các từ cách nhau bằng dấu cách; hoặc chọn cột khác bằng data.text_column.',
    "tags_word_empty": "{path}: {count} trên {total} hàng có một từ rỗng ở cột '{column}' ({lines}). Hãy ghi từ ấy vào, hoặc bỏ nó cùng với nhãn.",
    "tags_tags_missing": "{path}: {count} trên {total} hàng không có nhãn ở cột '{column}' ({lines}). Mỗi từ cần một nhãn, O nếu không có gì để đánh dấu.",
    "tags_tags_kind": '{path}: {count} trên {total} hàng chứa {kind} {value} thay vì một danh sách nhãn ở cột \'{column}\' ({lines}). Hãy ghi ["B-LOC", "O"], '
    "hoặc chọn cột khác bằng data.label_column.",
    "tags_tag_empty": "{path}: {count} trên {total} hàng có một nhãn rỗng ở cột '{column}' ({lines}). Hãy ghi O nếu không có gì để đánh dấu.",
    "tags_numbers": "{path}: {count} trên {total} hàng có nhãn là số mà không có tên ở cột '{column}' ({lines}), chẳng hạn {value}. Hãy cho biết các số từ 0 "
    "trở đi là gì, theo thứ tự: task.labels=[O, B-PER, I-PER, …]",
    "tags_lengths_line": "{path}, dòng {line}: hai danh sách không dài bằng nhau (từ: {words}, nhãn ở cột '{column}': {tags}). Hãy cho mỗi từ một nhãn.",
    "tags_lengths_row": "{path}, hàng {line}: hai danh sách không dài bằng nhau (từ: {words}, nhãn ở cột '{column}': {tags}). Hãy cho mỗi từ một nhãn.",
    "tags_lengths_file": "{path}, {line}: hai danh sách không dài bằng nhau (từ: {words}, nhãn ở cột '{column}': {tags}). Hãy cho mỗi từ một nhãn.",
    "tags_unknown": "các hàng {split} chứa nhãn mà tập huấn luyện không có: {others} ({count} hàng; theo số thứ tự: {numbers}). Các nhãn đã biết: {known}. "
    "Hãy sửa lại, hoặc thêm câu có những nhãn này vào các hàng huấn luyện.",
    "tags_mixed": "một số nhãn đánh dấu thực thể ({marked}), còn một số khác không đọc được như vậy ({others}; {count} hàng, theo số thứ tự: {numbers}). Hãy sửa "
    "các nhãn ấy, hoặc, nếu mỗi nhãn tự nó có nghĩa, hãy dùng task.scheme=words.",
    "tags_too_few": "mọi từ trong {rows:,} hàng huấn luyện đều có nhãn '{tag}' nên không có gì để học. Hãy chọn data.label_column khác.",
    "tags_cut": "văn bản ở cột '{column}' được cắt thành từ tại khoảng trắng; dấu câu đi liền với từ của nó. Nếu muốn cắt cách khác, hãy đưa tệp có danh sách "
    "các từ",
    # điều được nói trước khi huấn luyện
    "tags_scheme": "nhãn đánh dấu thực thể theo {scheme}, {count} loại: {types}. Chúng được đọc như mặc định của seqeval: I hoặc E không nối tiếp gì thì "
    "mở đầu một thực thể",
    "tags_words": "nhãn không đánh dấu thực thể (không có B-, I-): {count} nhãn, chấm điểm theo từng từ: {examples}",
    "tags_invalid": "{count:,} nhãn trong {rows:,} trên {of_rows:,} hàng {split} trái với {scheme} (^ là đầu câu, $ là cuối câu): {faults}. I hoặc E không "
    "nối tiếp gì được tính là mở đầu một thực thể",
    "tags_windows": "{rows:,} trên {of_rows:,} hàng {split} dài hơn {max_length} token và được đọc bằng nhiều nhất {most} cửa sổ chồng lên nhau; mỗi từ được "
    "trả lời đúng một lần",
    # dòng lệnh
    "metric_entity_f1": "F1 của thực thể",
    "metric_token_accuracy": "độ chính xác theo từ",
    "baseline_commonest_tag": "luôn gán nhãn phổ biến nhất (O nếu nhãn đánh dấu thực thể)",
    "baseline_tag_of_each_word": "gán cho mỗi từ nhãn mà nó thường có nhất khi huấn luyện",
    "short_commonest_tag": "nhãn phổ biến",
    "short_tag_of_each_word": "nhãn của từng từ",
    # báo cáo
    "report_asked_token_classification": "Học cách gán cho mỗi từ trong câu một trong {labels} nhãn, từ {rows} câu của {data}.",
    "report_metric_entity_f1": "F1 của thực thể",
    "report_metric_entity_precision": "độ chuẩn xác của thực thể",
    "report_metric_entity_recall": "độ phủ của thực thể",
    "report_metric_token_accuracy": "độ chính xác theo từ",
    "report_about_entity_f1": "một thực thể đúng khi đúng loại và đúng cả hai đầu; tính chung mọi loại",
    "report_about_entity_precision": "tỉ lệ thực thể đúng trong số đã gán",
    "report_about_entity_recall": "tỉ lệ thực thể thật được tìm thấy",
    "report_about_token_accuracy": "tỉ lệ từ được gán đúng nhãn",
    "report_no_entity": "không có",
    "report_marked_true": "thật",
    "report_marked_said": "đã gán",
}
