"""Câu tiếng Việt về các bài toán viết văn bản từ văn bản."""

SENTENCES: dict[str, str] = {
    "fits_texts": "có văn bản nguồn '{source}' và văn bản đích '{target}', theo tên cột",
    "texts_pair": "{path}: bài toán văn bản sang văn bản chỉ có một nguồn nên data.pair_column '{column}' không có chỗ. Hãy đưa cả hai cột vào task.template, "
    "ví dụ task.template='{{source}} {{{column}}}'",
    "texts_unclear": "{path}: trong các cột {columns}, cột nào là nguồn, cột nào là đích? Hãy chỉ rõ bằng data.text_column (nguồn) và "
    "data.label_column (đích)",
    "data_target_kind": (
        "{path}: {count} trên {total} hàng chứa {value} thay vì văn bản cần viết ở cột '{column}' ({lines}). "
        "Hãy ghi một văn bản, hoặc một danh sách văn bản tốt như nhau, hoặc xóa các hàng này."
    ),
    "template_braces": "{option}: không đọc được '{template}' ({reason}). Hãy viết chỗ điền là {{source}} hoặc {{column}}, còn dấu ngoặc nhọn thì viết hai lần",
    "template_column": "{path}: task.template nhắc đến cột '{column}' nhưng không có cột này; {hint}",
    "template_cells": "mô hình này còn đọc {names} bên cạnh văn bản (task.template); hãy đưa các hàng vào bằng một tệp có những cột đó: "
    "fewtune predict RUN --data FILE",
    "target_cut": "{split}: {rows:,} trên {of_rows:,} văn bản đích dài hơn {max_length} token (dài nhất {longest:,}) nên bị cắt, mất {tokens_lost:,} token; "
    "mô hình sẽ học cách dừng ở đó. task.max_target_length cho phép dài hơn",
    "target_lost": "{split}: {rows:,} trên {of_rows:,} văn bản đích không viết được bằng bộ từ vựng của mô hình này: '{text}' thành '{written}'. "
    "Mô hình không thể học viết chúng; hãy chọn mô hình dành cho ngôn ngữ này (fewtune models --lang …)",
    "scored_texts": "chấm điểm bằng sacrebleu (BLEU {bleu}; chrF {chrf}; giá trị từ 0 đến 1, nơi khác ghi nhân 100) và rouge-score (F1, bản tham chiếu tốt nhất, "
    "từ của mọi bảng chữ cái, chữ thường, giữ dấu, không cắt gốc từ)",
    "report_asked_seq2seq": "Viết một văn bản từ mỗi {text}, học từ {rows} hàng huấn luyện của {data}.",
    "report_task_seq2seq": "văn bản sang văn bản",
    "metric_chrf": "chrF",
    "metric_bleu": "BLEU",
    "metric_rouge_1": "ROUGE-1",
    "metric_rouge_2": "ROUGE-2",
    "metric_rouge_l": "ROUGE-L",
    "metric_rouge_lsum": "ROUGE-Lsum",
    "metric_exact_match": "tỉ lệ đúng hoàn toàn",
    "baseline_copy": "chép lại nguồn",
    "baseline_lead_3": "chép lại ba câu đầu của nguồn",
    "short_copy": "chép lại",
    "short_lead_3": "ba câu đầu",
    "report_metric_chrf": "chrF",
    "report_metric_bleu": "BLEU",
    "report_metric_rouge_1": "ROUGE-1",
    "report_metric_rouge_2": "ROUGE-2",
    "report_metric_rouge_l": "ROUGE-L",
    "report_metric_rouge_lsum": "ROUGE-Lsum",
}
